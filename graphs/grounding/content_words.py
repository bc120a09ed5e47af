"""The words of a sentence that carry its subject, cut to stems so that their forms meet."""

from __future__ import annotations

import re
from typing import Final

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_ENDINGS = re.compile(r"(?:['’]s|ings?|ed|ies|es|s|ly|y|e)$")
_STEM = 5

_STOP: Final = frozenset(
    word
    for line in """
a about above after all also although always an and any are around as at back be because been before being
below between both but by can come comes could day did do does done down during each either else every few
for from get gets getting given go goes got had has have having he here him his how however i if in into is
it its itself just kindly let made make makes many may me might more most much must my need needs next now
of off on once one only or other our ours out over own per please put ready same see she should since so
some soon still such sure take taken takes than thank thanks that the their them then there these they this
those through to too took under until up upon us usual usually very via want was way we well were what when
where whether which while who whole whom whose why will with within would yes yet you your yours no not
never none cannot nothing neither nor without unfortunately sorry currently directly least maximum minimum
total fully completely available possible happy glad hello hi welcome apply applies cost costs price prices
priced aber alle als am auch auf aus bei beim bis das dass dem den der des die dies diese dieser dieses
durch ein eine einem einen einer er es für haben hat ich ihr ihre ihren im innerhalb ist können kann man mit
nach oder sein sich sie sind über um und uns unser unsere vom von vor wenn werden wir wird zu zum zur nicht
kein keine au aux avec ce ces dans de du elle en est et il la le les leur nous ou par pas pour que qui sa
ses son sont sur un une vos votre vous al como con del el ella esta este las lo los más para pero por puede
se si sin su sus una uno usted y che da dal dei della di è gli ha ma nel non più sono aan bij dat een het
niet op te van voor wij zijn ao com dos em não nos o os uma
""".splitlines()
    for word in line.split()
)

# Words that customers and shops use for the same thing.
_SAME: Final[dict[str, str]] = {
    same: name
    for name, words in {
        "deliv": "arriv",
        "ship": "dispa sent send",
        "pay": "paid charg",
        "buy": "purch bough",
        "retur": "giveb",
        "refun": "reimb repai",
        "prohi": "forbi",
        "accep": "suppo",
    }.items()
    for same in words.split()
}


def content_words(text: str) -> frozenset[str]:
    """The stems of the words that say what a sentence is about."""
    return frozenset(_stem(word) for word in map(str.casefold, _WORD.findall(text)) if word not in _STOP)


def _stem(word: str) -> str:
    joined = re.sub(r"['’]s$", "", word).replace("-", "")
    cut = _ENDINGS.sub("", joined) if len(joined) > 3 else joined
    cut = cut.removesuffix("e") if len(cut) > 2 else cut
    if len(cut) > 3 and cut[-1] == cut[-2]:
        cut = cut[:-1]
    stem = cut[:_STEM]
    return _SAME.get(stem, stem)
