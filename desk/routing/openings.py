"""How a wish begins and what is only courtesy, in seven languages, as `plain` spells it: without accents."""

from __future__ import annotations

import re
from typing import Final

from desk.routing.person import plain
from desk.routing.phrases import phrases, read_as

# What is missing here loses a cut, it makes no wrong one.
_ASKS: Final = phrases(
    """
    what, whats, how, when, where, wheres, which, who, whose, why, can, could, do, does, did, is, are,
    was, will, would, may, should, tell, show, recommend, suggest, find, give, send, please, cancel,
    track, return, start, open, change, help, let, any, need, want, i want, i need, i would, i d, i
    forgot, i lost, i m, wie, wann, wo, wer, warum, wieso, kann, koennen, koennt, koennten, darf, gibt,
    ist, sind, habt, haben, bietet, bieten, nehmen, nehmt, empfiehl, bitte, muss, ich will, ich moechte,
    ich brauche, ich haette, ich suche, ich habe, quel, quels, quelle, quelles, comment, combien, quand,
    ou est, ou sont, ou puis, qui, pourquoi, est ce, puis je, peut on, pouvez, pourriez, avez, acceptez,
    livrez, vendez, emballez, je veux, je voudrais, je cherche, je souhaite, je peux, j ai, dites, j
    aimerais, y a, faut il, faites, que, cual, cuales, como, cuanto, cuanta, cuantos, cuando, donde,
    quien, por que, puedo, puede, pueden, podria, podrian, tienen, hay, aceptan, envian, venden,
    envuelven, quiero, quisiera, necesito, busco, hacen, he olvidado, che, qual, quale, quali, come,
    quanto, quanti, quanta, quando, dove, dov e, chi, perche, posso, potete, puo, avete, accettate,
    spedite, vendete, vorrei, voglio, ho bisogno, ho dimenticato, cerco, c e, fate, mi consigli, mi
    consigliate, wat, hoe, hoelang, hoeveel, wanneer, waar, welk, welke, waarom, kan, kunnen, kunt, mag,
    hebben, heeft, accepteren, verkopen, verzenden, raad, beveel, ik wil, ik zoek, ik heb, ik ben, zijn,
    o que, quais, quantos, quantas, onde, quem, podem, pode, tem, ha, aceitam, enviam, vendem, quero,
    queria, gostava, preciso, procuro, fazem, esqueci
    """
)
_STEMS: Final = tuple(
    phrases(
        "welche, akzeptier, empfehl, zeig, liefer, verschick, verpack, verkauf,"
        "stornier, recommand, conseill, recomiend, consigli, raccomand, recomend"
    )
)
_COURTESY: Final = phrases(
    """
    hi, hello, hey, hi there, hello there, hey there, good morning, good afternoon, good evening,
    thanks, thank you, thanks a lot, many thanks, thx, please, cheers, ok, okay, great, thanks in
    advance, thank you very much, have a nice day, bye, best regards, hallo, guten tag, guten morgen,
    guten abend, moin, danke, vielen dank, bitte, servus, danke im voraus, mfg, bonjour, bonsoir, salut,
    merci, merci beaucoup, s il vous plait, hola, buenos dias, buenas tardes, buenas, gracias, muchas
    gracias, por favor, ciao, buongiorno, buonasera, salve, grazie, grazie mille, per favore, hoi,
    goedemorgen, goedemiddag, goedendag, bedankt, dank u wel, alvast bedankt, ola, bom dia, boa tarde,
    obrigado, obrigada, muito obrigado, muito obrigada
    """
)
# The words around a name, a telephone number or an address with which people say who they are.
_INTRODUCES: Final = phrases(
    """
    my, name, s, is, i, am, m, im, this, it, here, call, me, phone, telephone, tel, mobile, cell, number,
    no, nr, email, e, mail, address, postcode, zip, code, post, and, at, on, or, you, can, reach, contact,
    customer, live, in, hi, hello, hey, dear, team, ich, bin, heisse, mein, meine, ist, hier, telefon,
    telefonnummer, handy, nummer, und, adresse, plz, unter, hallo, guten, tag, je, appelle, suis, mon, ma,
    nom, est, ici, numero, et, c, bonjour, llamo, soy, mi, nombre, es, telefono, correo, y, hola, chiamo,
    sono, il, mio, nome, ciao, buongiorno, ik, ben, heet, mijn, naam, telefoonnummer, en, chamo, sou, o,
    meu, telefone, ola
    """
)
_PSEUDONYM: Final = re.compile(r"\[[A-Z_]{2,20}_\d{1,6}\]")
_LINKS: Final = phrases("and, und, et, y, e, en, so, very, much, again")


def asks(text: str) -> bool:
    """Whether a text begins as a request or a question does."""
    words = plain(text).split()
    if not words:
        return False
    return words[0] in _ASKS or " ".join(words[:2]) in _ASKS or words[0].startswith(_STEMS)


def is_courtesy(text: str) -> bool:
    """Whether a text only greets, thanks or takes leave, and so wishes for nothing."""
    return read_as(plain(text).split(), _COURTESY, _LINKS) is not None


def holds_value(text: str) -> bool:
    """Whether a pseudonym of a personal value stands in a text."""
    return bool(_PSEUDONYM.search(text))


def is_introduction(text: str) -> bool:
    """Whether a text, with pseudonyms, only says who somebody is or how to reach them."""
    rest, values = _PSEUDONYM.subn(" ", text)
    return values > 0 and all(word in _INTRODUCES for word in plain(rest).split())
