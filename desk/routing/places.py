"""Tells which countries a text names, in seven languages, and whether an answer speaks of one of them."""

from __future__ import annotations

import re
from typing import Final

from desk.routing.person import plain

# What is missing here is answered as if no country were named. Names as `plain` spells them.
_NAMES: Final = """
ae: united arab emirates, emirates, vereinigte arabische emirate, emirats arabes unis, emiratos arabes unidos
ar: argentina, argentinien, argentine, argentinie
at: austria, oesterreich, autriche, oostenrijk
au: australia, australien, australie
be: belgium, belgien, belgique, belgica, belgio, belgie
bg: bulgaria, bulgarien, bulgarie
br: brazil, brasilien, bresil, brasil, brasile, brazilie
ca: canada, kanada
ch: switzerland, schweiz, suisse, suiza, svizzera, zwitserland, suica
cl: chile, chili, cile
cn: china, chine, cina
co: colombia, kolumbien, colombie
cy: cyprus, zypern, chypre, chipre, cipro
cz: czech republic, czechia, tschechien, tchequie, chequia, cechia, tsjechie
de: germany, deutschland, allemagne, alemania, germania, duitsland, alemanha
dk: denmark, daenemark, danemark, dinamarca, danimarca, denemarken
ee: estonia, estland, estonie
eg: egypt, aegypten, egypte, egipto, egitto
es: spain, spanien, espagne, espana, spagna, spanje, espanha
fi: finland, finnland, finlande, finlandia
fr: france, frankreich, francia, frankrijk, franca
gb: united kingdom, uk, great britain, britain, england, scotland, wales, grossbritannien, schottland
gb: royaume uni, angleterre, reino unido, inglaterra, regno unito, inghilterra, verenigd koninkrijk, engeland
gr: greece, griechenland, grece, grecia, griekenland
hk: hong kong, hongkong
hr: croatia, kroatien, croatie, croacia, croazia, kroatie
hu: hungary, ungarn, hongrie, hungria, ungheria, hongarije
id: indonesia, indonesien, indonesie
ie: ireland, irland, irlande, irlanda, ierland
il: israel, israele
in: india, indien, inde
is: iceland, islande, islandia, islanda, ijsland
it: italy, italien, italie, italia
jp: japan, japon, giappone, japao
kr: south korea, korea, suedkorea, coree, corea, zuid korea
lt: lithuania, litauen, lituanie, lituania, litouwen
lu: luxembourg, luxemburg, luxemburgo, lussemburgo
lv: latvia, lettland, lettonie, letonia, lettonia, letland
ma: morocco, marokko, maroc, marruecos, marocco, marrocos
mt: malta, malte
mx: mexico, mexiko, mexique, messico
my: malaysia, malaisie, malasia, maleisie
nl: netherlands, holland, niederlande, niederlanden, pays bas, paises bajos, paesi bassi, nederland
nl: paises baixos
no: norway, norwegen, norvege, noruega, norvegia, noorwegen
nz: new zealand, neuseeland, nouvelle zelande, nueva zelanda, nuova zelanda, nieuw zeeland, nova zelandia
pe: peru, perou
ph: philippines, philippinen, filipinas, filippine, filipijnen
pl: poland, polen, pologne, polonia
pt: portugal, portogallo
ro: romania, rumaenien, roumanie, rumania, roemenie
rs: serbia, serbien, serbie
ru: russia, russland, russie, rusia, rusland
sa: saudi arabia, saudi arabien, arabie saoudite, arabia saudita, saoedi arabie
se: sweden, schweden, suede, suecia, svezia, zweden
sg: singapore, singapur, singapour
si: slovenia, slowenien, slovenie, eslovenia
sk: slovakia, slowakei, slovaquie, eslovaquia, slovacchia, slowakije
th: thailand, thailande, tailandia
tr: turkey, tuerkei, turquie, turquia, turchia, turkije
tw: taiwan
ua: ukraine, ucrania, ucraina, oekraine
us: united states, usa, the us, the states, vereinigte staaten, vereinigten staaten, etats unis
us: estados unidos, stati uniti, verenigde staten
vn: vietnam
za: south africa, suedafrika, afrique du sud, sudafrica, zuid afrika, africa do sul
eu: european union, the eu, europe, europaeische union, europaeischen union, europa, union europeenne
eu: union europea, unione europea, europese unie, uniao europeia
abroad: abroad, overseas, worldwide, international, internationally, other countries, another country, foreign
abroad: ausland, weltweit, etranger, extranjero, estero, buitenland, estrangeiro, internacional
abroad: internazionale
"""
_IN_THE_UNION: Final = frozenset(
    (
        *("at", "be", "bg", "cy", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr", "hr", "hu", "ie", "it"),
        *("lt", "lu", "lv", "mt", "nl", "pl", "pt", "ro", "se", "si", "sk"),
    )
)


def _by_name() -> dict[str, str]:
    lines = (line.split(":") for line in _NAMES.strip().splitlines())
    return {name.strip(): place for place, names in lines for name in names.split(",")}


_PLACES: Final = _by_name()
_ENGLISH: Final = {place: name for name, place in reversed(_PLACES.items())}
_AT_HOME: Final = re.compile(
    r"\b(?:within|inside|domestic|innerhalb|a l interieur|dentro|all interno|binnen)\b"
)
# Nearly every message names none, and is told by this alone.
_FIRST_WORDS: Final = frozenset(name.split()[0] for name in _PLACES)
_NAMED: Final = re.compile(rf"\b(?:{'|'.join(sorted(_PLACES, key=len, reverse=True))})\b")


def places_in(text: str) -> frozenset[str]:
    """The countries that a text names, by their ISO 3166 codes; `eu` and `abroad` stand for more than one."""
    said = plain(text)
    if _FIRST_WORDS.isdisjoint(said.split()):
        return frozenset()
    return frozenset(_PLACES[name] for name in _NAMED.findall(said))


def places_asked(text: str) -> frozenset[str]:
    """Those that a customer asks about; who asks what holds within a country means what holds at home."""
    return frozenset() if _AT_HOME.search(plain(text)) else places_in(text)


def name_of(place: str) -> str:
    """The English name of one of `places_in`."""
    return _ENGLISH[place]


def speaks_of_places(answer: str, places: frozenset[str]) -> bool:
    """Whether an answer speaks of one of these places, or of all that are abroad."""
    told = places_in(answer)
    return "abroad" in told or bool(told & places) or ("eu" in told and bool(places & _IN_THE_UNION))
