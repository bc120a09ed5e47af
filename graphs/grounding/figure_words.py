"""The words of figures in the languages we answer in: numbers, months, weekdays, units, currencies."""

from __future__ import annotations

from typing import Final

_EN_SMALL = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
_EN_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
# Words that mean something else in another of our languages ("once", "due", "elf", "cent") are left out.
_OTHERS = {
    2: "zwei deux dos twee dois duas",
    3: "drei trois tres tre drie três",
    4: "vier quatre cuatro quattro quatro",
    5: "fünf cinq cinco cinque vijf",
    6: "sechs seis zes",
    7: "sieben siete sette zeven sete",
    8: "acht huit ocho otto oito",
    9: "neun nueve nove negen",
    10: "zehn dix diez dieci tien dez",
    12: "zwölf douze doce dodici twaalf",
    14: "vierzehn quatorze catorce quattordici veertien catorze",
    15: "fünfzehn quinze quindici vijftien",
    20: "zwanzig vingt veinte venti twintig vinte",
    30: "dreißig dreissig trente treinta trenta dertig trinta",
    13: "dreizehn treize trece tredici dertien treze",
    40: "vierzig quarante cuarenta quaranta veertig quarenta",
    50: "fünfzig cinquante cincuenta cinquanta vijftig cinquenta",
    60: "sechzig soixante sesenta sessanta zestig sessenta",
    70: "siebzig septante setenta settanta zeventig",
    80: "achtzig ochenta ottanta tachtig oitenta",
    90: "neunzig nonante noventa novanta negentig",
    100: "hundert cien cento honderd cem",
}
NUMBERS: Final[dict[str, int]] = {
    **{word: value for value, word in enumerate(_EN_SMALL.split(), 2)},
    **{word: value * 10 for value, word in enumerate(_EN_TENS.split(), 2)},
    **{word: value for value, words in _OTHERS.items() for word in words.split()},
    "dozen": 12,
}
SCALES: Final = {"hundred": 100, "thousand": 1000, "million": 1_000_000}

_EN_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth"
    " fifteenth sixteenth seventeenth eighteenth nineteenth"
)
ORDINALS: Final[dict[str, int]] = {
    **{word: value for value, word in enumerate(_EN_ORDINALS.split(), 1)},
    "twentieth": 20,
    **{f"twenty-{word}": 20 + value for value, word in enumerate(_EN_ORDINALS.split()[:9], 1)},
    "thirtieth": 30,
    "thirty-first": 31,
}

_MONTHS = (
    "january januar janvier enero gennaio januari janeiro jan",
    "february februar février fevrier febrero febbraio februari fevereiro feb",
    "march märz mars marzo maart março mar",
    "april avril abril aprile apr",
    "may mai mayo maggio mei maio",
    "june juni juin junio giugno junho jun",
    "july juli juillet julio luglio julho jul",
    "august août aout agosto augustus aug",
    "september septembre septiembre settembre setembro sept sep",
    "october oktober octobre octubre ottobre outubro oct okt",
    "november novembre noviembre novembro nov",
    "december dezember décembre decembre diciembre dicembre dezembro dec dez",
)
MONTHS: Final[dict[str, int]] = {
    word: number for number, words in enumerate(_MONTHS, 1) for word in words.split()
}
# These are other words too ("may", "march"), or short: a month only beside a day or a year.
UNSURE_MONTHS: Final = frozenset(
    word for word in MONTHS if len(word) < 5 or word in ("march", "mars", "marzo", "maart", "março")
) - {"juni", "juli", "juin"}

_WEEKDAYS = (
    "monday montag lundi lunes lunedì maandag segunda-feira",
    "tuesday dienstag mardi martes martedì dinsdag terça-feira",
    "wednesday mittwoch mercredi miércoles mercoledì woensdag quarta-feira",
    "thursday donnerstag jeudi jueves giovedì donderdag quinta-feira",
    "friday freitag vendredi viernes venerdì vrijdag sexta-feira",
    "saturday samstag samedi sábado sabato zaterdag",
    "sunday sonntag dimanche domingo domenica zondag",
)
WEEKDAYS: Final[dict[str, int]] = {
    word: number for number, words in enumerate(_WEEKDAYS) for word in words.split()
}

_DAYS = ("giorni", "giorno", "dagen", "dag")
_WEEKS = ("settimana", "weken")
_MONTH_LENGTHS = ("maanden", "maand", "mês")
_YEARS = ("anno", "jaar", "anos", "ano")
# A working day is not a day: seven of the one last longer than seven of the other.
UNITS: Final[dict[str, tuple[str, ...]]] = {
    "second": ("seconds", "second", "secs", "sec", "sekunden", "sekunde", "secondes", "seconde", "segundos"),
    "minute": ("minutes", "minute", "mins", "min", "minuten", "minutos", "minuti", "minuut"),
    "hour": (
        "hours",
        "hour",
        "hrs",
        "hr",
        "h",
        "stunden",
        "stunde",
        "heures",
        "heure",
        "horas",
        "ore",
        "uur",
    ),
    "working day": (
        *(f"{kind}{gap}{day}" for kind in ("business", "working") for gap in " -" for day in ("days", "day")),
        *("workdays", "workday", "werktagen", "werktage", "werktag", "arbeitstagen", "arbeitstage"),
        *("jours ouvrés", "jours ouvrables", "días laborables", "días hábiles", "giorni lavorativi"),
        *("werkdagen", "werkdag", "dias úteis"),
    ),
    "day": (
        "days",
        "day",
        "tagen",
        "tage",
        "tag",
        "tägig",
        "jours",
        "jour",
        "días",
        "día",
        "dias",
        "dia",
        *_DAYS,
    ),
    "week": (
        "weeks",
        "week",
        "wochen",
        "woche",
        "semaines",
        "semaine",
        "semanas",
        "semana",
        "settimane",
        *_WEEKS,
    ),
    "month": (
        "months",
        "month",
        "monaten",
        "monate",
        "monat",
        "mois",
        "meses",
        "mes",
        "mesi",
        "mese",
        *_MONTH_LENGTHS,
    ),
    "year": (
        "years",
        "year",
        "jahren",
        "jahre",
        "jahr",
        "ans",
        "an",
        "années",
        "años",
        "año",
        "anni",
        *_YEARS,
    ),
    "percent": ("percent", "per cent", "prozent", "pour cent", "por ciento", "per cento", "por cento", "%"),
}
DURATIONS: Final = frozenset(UNITS) - {"percent"}

CURRENCIES: Final[dict[str, tuple[str, ...]]] = {
    "usd": ("us$", "$", "usd", "us dollars", "dollars", "dollar", "dólares", "dollari"),
    "eur": ("€", "eur", "euros", "euro"),
    "gbp": ("£", "gbp", "pounds", "pound", "pfund"),
    "chf": ("chf", "francs", "franken"),
    "jpy": ("¥", "jpy", "yen"),
    "cad": ("c$", "cad"),
    "aud": ("a$", "aud"),
}

STATED: Final[dict[str, tuple[str, ...]]] = {
    "half": ("half", "halb", "moitié", "mitad", "metà", "helft", "metade"),
    "today": ("today", "tonight", "heute", "aujourd'hui", "hoy", "oggi", "vandaag", "hoje"),
    "tomorrow": ("tomorrow", "demain", "mañana", "domani", "amanhã"),
    "yesterday": ("yesterday", "gestern", "hier soir", "ayer", "ieri", "gisteren", "ontem"),
}
