"""Names the language of a message; a message too short to tell keeps the conversation's language."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from functools import lru_cache
from mmap import ACCESS_READ, mmap
from tempfile import TemporaryFile
from typing import Any, Final

DEFAULT: Final = "en"
# Words only: tokens, numbers and addresses of the web have no language.
_NO_LANGUAGE = re.compile(r"\[[A-Z_]{2,20}_\d{1,6}\]|\S*[\d@#/]\S*")
_LETTERS_NEEDED = 12
_LETTERS_NEEDED_DENSE = 4  # scripts that write a syllable or word in one sign
_DENSE = re.compile(r"[\u0E00-\u0E7F\u3040-\u30FF\u3400-\u9FFF\uAC00-\uD7AF]")
_LONGEST_READ = 400  # characters; more text costs time and does not change the answer
_SURE = 0.7
# Words by which people open or end a talk; too short for the model, and each at home in one language alone.
_MARKS: Final = {
    "de": "hallo guten moin servus danke bitte tschüss grüß",
    "fr": "bonjour salut bonsoir merci coucou",
    "es": "hola buenos buenas gracias",
    "it": "ciao buongiorno buonasera salve grazie",
    "nl": "hoi goedemorgen goedendag goedemiddag goedenavond bedankt dankjewel",
    "pt": "olá bom boa obrigado obrigada",
    "en": "hi hello hey thanks thank good morning evening",
}
# Frequent words that only one of these languages has; they back the model where it is not sure.
_WORDS: Final = {
    "de": "ich wir ist sind nicht und wie wo wann mein meine mit für auf bei der habe haben kann möchte",
    "fr": "je est où quand mon ma une avez avec pour vous votre puis pas sont quel quelle combien",
    "es": "dónde donde mi mis el los las qué cuándo cuánto quiero puedo pedido tiene tienen hay del yo",
    "it": "dov il gli mio mia sono vorrei voglio ordine avete quando perché della posso potete ho che",
    "nl": "waar het een mijn wij ik niet hoe wanneer kan jullie heeft hebben bestelling wil voor",
    "pt": "onde minha meu não você quero posso uma encomenda quando tem têm são gostaria os",
    "en": "where the my is are how what when do does can you have i",
}
_LANGUAGE_OF: Final = {word: language for language, words in _MARKS.items() for word in words.split()}
_KNOWN: Final = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_SURE_TO_SWITCH = 0.8


def detect_language(
    text: str, *, previous: str | None, supported: Sequence[str], default: str = DEFAULT
) -> str:
    """The ISO 639-1 code of `text`, one of `supported`; `previous`, else `default`, when it cannot be told.

    A very short message keeps the language of the talk before it; the first one is told by its greeting.

    The first call for a set of languages reads the model (about 0.3 s): make it in a thread or at start.
    """
    kept = previous if previous in supported else None
    settled = kept or (default if default in supported else DEFAULT)
    words = " ".join(_NO_LANGUAGE.sub(" ", text[:_LONGEST_READ]).split())
    letters = sum(char.isalpha() for char in words)
    needed = _LETTERS_NEEDED_DENSE if _DENSE.search(words) else _LETTERS_NEEDED
    if letters < needed or len(supported) < 2:
        return kept or _by_marks(words, supported) or settled
    language, sureness = _identifier(tuple(sorted(set(supported)))).classify(words)
    switches = previous is not None and language != previous
    if sureness >= (_SURE_TO_SWITCH if switches else _SURE) or _backed(words, str(language), supported):
        return str(language)
    return settled


def _by_marks(words: str, supported: Sequence[str]) -> str | None:
    """The one language whose opening words stand in a short message; None when there is none or several."""
    found = {_LANGUAGE_OF[word] for word in re.findall(r"\w+", words.lower()) if word in _LANGUAGE_OF}
    return found.pop() if len(found) == 1 and found <= set(supported) else None


def _backed(words: str, language: str, supported: Sequence[str]) -> bool:
    """Whether more words of that language stand in a message than of any other."""
    said = set(re.findall(r"\w+", words.lower()))
    found = {one: len(said & _KNOWN[one]) for one in supported if one in _KNOWN}
    return found.get(language, 0) > max((count for one, count in found.items() if one != language), default=0)


@lru_cache(maxsize=8)
def _identifier(languages: tuple[str, ...]) -> Any:
    """The model, with the weights of the languages asked for alone: those of all others are 28 MB more.

    Its 40 MB of moves from letter to letter stay in a file: few of them are ever made.
    """
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages([language for language in languages if language in model.labels])
    moves, output = _mapped(model.tk_nextmove), array("i", model.tk_output)
    return LanguageIdentifier(
        *(model.nb_ptc, model.nb_pc, model.nb_classes, moves, output),
        norm_probs=True,
        tk_row=model.tk_row,
    )


def _mapped(numbers: array[int]) -> Sequence[int]:
    """The same numbers (32 bits, no sign), of which only what is read takes memory.

    They come back as they are where no file may be made.
    """
    try:
        with TemporaryFile() as file:
            numbers.tofile(file)
            file.flush()
            pages = mmap(file.fileno(), 0, access=ACCESS_READ)
    except OSError:
        return numbers
    return memoryview(pages).cast("I")
