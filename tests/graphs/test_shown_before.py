"""A few words point at what was shown: the books, or the order, and never at something else."""

from __future__ import annotations

import pytest

from tests.graphs.conversing import Customer


@pytest.mark.parametrize("message", ["what's in it?", "who's the carrier?", "is it late?"])
async def test_it_is_the_order_that_was_shown(ada: Customer, message: str) -> None:
    _, after = await ada.talk("where is order 100234", message)
    assert after["intent"] == "order_status"
    assert "100234" in after["text"]
    (alone,) = await ada.talk(message)
    assert alone["route"] == "fallback"


@pytest.mark.parametrize(
    ("first", "message"),
    [
        *(("order 100234", then) for then in ("when does it arrive", "has it been shipped yet?")),
        *(("order 100234", then) for then in ("when will I get it?", "why is it not here yet")),
        ("wo ist meine Bestellung 100234", "wann kommt es an?"),
        ("où est ma commande 100234", "quand arrive-t-elle ?"),
    ],
)
async def test_when_it_comes_is_told_of_the_order_that_was_shown(
    ada: Customer, first: str, message: str
) -> None:
    _, after = await ada.talk(first, message)
    assert after["intent"] == "order_status"
    assert "2026-11-20" in after["text"]


async def test_what_asks_for_something_of_its_own_is_told_that_and_how_far_the_order_is(
    ada: Customer,
) -> None:
    _, returned, cancelled = await ada.talk(
        "where is order 100234", "can I return it?", "can I still cancel it"
    )
    assert returned["intent"] == "returns"
    assert "30 days" in returned["text"]
    assert "100234" in returned["text"]
    assert cancelled["intent"] == "change_or_cancel_order"


async def test_another_subject_in_between_ends_the_order(ada: Customer) -> None:
    answer = (await ada.talk("where is order 100234", "do you sell gift cards", "can I return it?"))[-1]
    assert answer["intent"] == "returns"
    assert "100234" not in answer["text"]


@pytest.mark.parametrize("message", ["how much is it?", "is it in stock?"])
async def test_it_is_the_book_that_was_shown(ada: Customer, message: str) -> None:
    _, after = await ada.talk("do you have Dune", message)
    assert after["text"] == "Dune by Frank Herbert is in stock, $14.99."


async def test_one_of_a_list_is_meant_by_its_place_and_then_by_it(ada: Customer) -> None:
    listed, second, stock, first, last = await ada.talk(
        *("anything by Ursula K. Le Guin", "the second one, please", "is it in stock?"),
        *("how much is the first one", "what is the last one about?"),
    )
    titles = [line.removeprefix("- ").partition(" by ")[0] for line in listed["text"].splitlines()[1:]]
    assert [answer["text"].partition(" by ")[0] for answer in (second, stock, first, last)] == [
        *(titles[1], titles[1], titles[0], titles[2])
    ]
    assert len(last["text"]) > len(first["text"])


async def test_they_are_all_that_were_shown(ada: Customer) -> None:
    listed, stock = await ada.talk("recommend a mystery", "are they in stock?")
    assert len(stock["text"].splitlines()) == len(listed["text"].splitlines()) - 1 == 3


async def test_cheaper_ones_are_of_the_same_kind_and_what_was_shown_is_not_shown_as_others(
    ada: Customer,
) -> None:
    first, cheaper, others = await ada.talk("recommend me a mystery", "cheaper", "something else")
    assert cheaper["text"].splitlines()[1].endswith("$7.99 (mystery)")
    shown = {line for answer in (cheaper, others) for line in answer["text"].splitlines()[1:]}
    assert len(shown) == 6
    assert all(line.endswith("(mystery)") for line in shown)
    assert first["route"] == others["route"] == "product"


async def test_what_it_is_about_is_told_of_what_was_shown_and_only_when_it_is_asked(ada: Customer) -> None:
    about, author = (await ada.talk("do you have Dune", "what's it about?", "who wrote it"))[1:]
    assert about["text"].startswith("Dune by Frank Herbert is in stock, $14.99. A noble heir")
    assert author["text"] == "Dune by Frank Herbert is in stock, $14.99."
    (german,) = await ada.talk("worum geht es in Dune?")
    assert "A noble heir" in german["text"]
    several = (await ada.talk("anything by Ursula K. Le Guin", "what are they about?"))[1]
    assert "A physicist leaves his anarchist moon" in several["text"]


async def test_what_somebody_likes_narrows_what_was_shown(ada: Customer) -> None:
    _, after = await ada.talk("can you recommend a book for a child", "she likes dragons")
    assert after["route"] == "product"
    assert "The Hobbit" in after["text"]


async def test_what_is_refused_is_shown_no_more(ada: Customer) -> None:
    _, after = await ada.talk("recommend me a book", "not science fiction, please")
    assert after["route"] == "product"
    for title in ("Dune", "Fahrenheit 451", "Never Let Me Go", "The Dispossessed"):
        assert title not in after["text"]
    assert after["text"].count("\n- ") == 3


async def test_a_misspelled_genre_is_found(ada: Customer) -> None:
    (reply,) = await ada.talk("recomend me a thriler")
    assert all(line.endswith("(thriller)") for line in reply["text"].splitlines()[1:])


async def test_more_of_them_are_others(ada: Customer) -> None:
    first, more = await ada.talk("recommend me a thriller", "more")
    assert more["route"] == "product"
    assert not set(first["text"].splitlines()[1:]) & set(more["text"].splitlines()[1:])


async def test_what_it_costs_belongs_to_the_book_in_the_same_message(ada: Customer) -> None:
    (reply,) = await ada.talk("is The Hobbit in stock, and what does it cost?")
    assert reply["text"] == "The Hobbit by J. R. R. Tolkien is in stock, $11.99."
    (reply,) = await ada.talk("How long does shipping take and what does it cost?")
    assert "5-7 business days" in reply["text"]
    assert "$4.95" in reply["text"]


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("how many pages does Dune have", "I am sorry, I know no more about it."),
        ("is there a sequel to Dune?", "I am sorry, I know no more about it."),
        ("is Dune a hardcover or a paperback", "I am sorry, I know no more about it."),
        ("Wie viele Seiten hat Dune?", "Mehr weiß ich darüber leider nicht."),
    ],
)
async def test_what_the_catalogue_does_not_say_is_said_to_be_unknown(
    ada: Customer, message: str, says: str
) -> None:
    (answer,) = await ada.talk(message)
    first, last = answer["text"].splitlines()
    assert first.startswith("Dune ")
    assert "A noble heir" in first
    assert last == says
    assert answer["suggestions"]


@pytest.mark.parametrize(
    "message", ["who wrote Emma", "when was Emma published?", "do you have the new Stephen King"]
)
async def test_a_book_or_an_author_that_the_shop_has_not_is_said_to_be_none_of_its(
    ada: Customer, message: str
) -> None:
    (answer,) = await ada.talk(message)
    assert answer["text"].startswith("I did not find that in our shop.")


@pytest.mark.parametrize(
    "message",
    ["who wrote Dune", "I'd like to order Dune please", "do you have the latest Agatha Christie"],
)
async def test_one_that_it_has_is_shown_and_nothing_is_said_to_be_unknown(
    ada: Customer, message: str
) -> None:
    (answer,) = await ada.talk(message)
    assert answer["route"] == "product"
    assert "not find" not in answer["text"]
    assert "no more" not in answer["text"]


async def test_who_wants_to_order_is_told_how(ada: Customer) -> None:
    _, after, german = await ada.talk(
        "do you have Dune", "add it to my cart", "Wie kann ich ein Buch bestellen?"
    )
    assert after["intent"] == german["intent"] == "how_to_order"
