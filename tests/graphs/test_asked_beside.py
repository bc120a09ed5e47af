"""What is asked about an order beside its state, a message for the team, a country, a book there is not."""

from __future__ import annotations

import pytest

from desk.tooling import Passage, Product, Reason
from graphs.nodes.recommend_products import _listed
from graphs.nodes.retrieve_faqs import _introduced
from graphs.services import Services
from tests.graphs.conversing import Customer

CANCELLING = "An order can be changed or cancelled as long as its status is processing."


@pytest.mark.parametrize(
    ("message", "intent", "says"),
    [
        ("cancel order 100251", "change_or_cancel_order", (CANCELLING, "Order 100251 is: processing")),
        ("my book came damaged, order 100234", "damaged_item", ("send a photo", "Order 100234 is: shipped")),
        ("where is my refund for order 100198", "refund_status", ("5 business days", "100198 is: delivered")),
        ("100198 says delivered, I never got it", "missing_parcel", ("search for it", "100198 is: deliv")),
        ("where is order 100234", "order_status", ("Order 100234 is: shipped",)),
    ],
)
async def test_what_is_asked_about_an_order_is_answered_before_its_state(
    ada: Customer, message: str, intent: str, says: tuple[str, ...]
) -> None:
    (reply,) = await ada.talk(message)
    assert (reply["route"], reply["intent"]) == ("order", intent)
    places = [reply["text"].find(one) for one in says]
    assert sorted(places) == places
    assert places[0] == 0 or intent in {"damaged_item", "refund_status", "missing_parcel"}
    assert -1 not in places


async def test_of_somebody_elses_order_only_the_rule_is_told(ada: Customer) -> None:
    (reply,) = await ada.talk("cancel order 100235")
    assert reply["text"].startswith(CANCELLING)
    assert "could not find order 100235" in reply["text"]
    assert "is: processing" not in reply["text"]


async def test_thanks_beside_a_number_are_no_question(ada: Customer) -> None:
    (reply,) = await ada.talk("thanks! order 100234")
    assert reply["text"].startswith("Order 100234 is")


async def test_a_message_for_the_team_is_asked_for_and_then_offered(ada: Customer) -> None:
    asked, offered, done = await ada.talk(
        "please leave a message for your team", "my parcel smells of smoke", "yes"
    )
    assert not asked["actions"]
    assert "What shall I tell them?" in asked["text"]
    assert offered["actions"][0]["arguments"] == {"text": "my parcel smells of smoke"}
    assert "left your message" in done["text"]


async def test_who_says_no_or_asks_something_instead_leaves_no_message(ada: Customer) -> None:
    *_, after = await ada.talk("leave a message for your team", "no")
    assert (after["route"], after["actions"]) == ("canned", [])
    *_, after = await ada.talk("leave a message for your team", "how long does shipping take?")
    assert (after["intent"], after["actions"]) == ("shipping", [])


async def test_what_is_told_at_once_needs_no_asking(ada: Customer) -> None:
    (offered,) = await ada.talk("open a ticket, my parcel smells of smoke")
    assert offered["actions"]


async def test_after_a_refused_action_the_rest_is_answered(ada: Customer) -> None:
    (reply,) = await ada.talk("I want to return order 100198 and how long does shipping take?")
    assert "can no longer be returned" in reply["text"]
    assert "5-7 business days" in reply["text"]
    (reply,) = await ada.talk("I want to return order 100234 and how long does shipping take?")
    assert reply["actions"]
    assert "please ask me again" in reply["text"]


@pytest.mark.parametrize(
    ("message", "begins"),
    [
        ("how long does shipping take to Canada", "Yes, we ship to Canada"),
        ("what does shipping to Germany cost", "Yes, we ship to Canada"),
        ("combien coûte la livraison en Suisse ?", "Je n'ai cette réponse qu'en anglais :"),
    ],
)
async def test_a_country_that_the_reply_leaves_out_is_looked_up(
    ada: Customer, message: str, begins: str
) -> None:
    (reply,) = await ada.talk(message)
    assert reply["route"] == "faq"
    assert reply["text"].startswith(begins)
    assert "10-14 business days" in reply["text"]
    assert [one["source_id"] for one in reply["citations"]] == ["shipping-international"]


async def test_where_nothing_is_known_of_a_country_the_reply_is_given(ada: Customer) -> None:
    told = await ada.say("what are your opening hours in Japan")
    assert told.reply["reply"]["route"] == "canned"
    assert told.nodes[-2:] == ["retrieve_faqs", "canned_reply"]


async def test_in_a_message_with_several_wishes_a_country_is_looked_up_too(ada: Customer) -> None:
    (reply,) = await ada.talk("do you wrap gifts? how long does shipping take to Canada?")
    assert "$3.50" in reply["text"]
    assert "10-14 business days" in reply["text"]
    (reply,) = await ada.talk("do you wrap gifts? which cards do you take in Japan?")
    assert "$3.50" in reply["text"]
    assert "Mastercard" in reply["text"]


@pytest.mark.parametrize("message", ["do you have harry potter?", "anything by stephen king?"])
async def test_a_book_that_there_is_not_is_said_to_be_none(ada: Customer, message: str) -> None:
    (reply,) = await ada.talk(message)
    assert reply["text"].startswith("I did not find that in our shop.\nYou might like these:\n- ")


@pytest.mark.parametrize("message", ["are you a bot?", "help", "was kannst du", "que peux-tu faire"])
async def test_it_says_that_it_is_no_person(bookshop: Services, ada: Customer, message: str) -> None:
    (reply,) = await ada.talk(message)
    assert reply["intent"] == "about_assistant"
    assert reply["suggestions"]
    assert bookshop.engine.model is None


@pytest.mark.parametrize(("language", "in_stock"), [("en", "is in stock"), ("de", "ist auf Lager")])
def test_what_nobody_wrote_is_shown_without_an_author(language: str, in_stock: str) -> None:
    trowel = Product("T-1", "Steel trowel", (), ("tools",), "$12.00", 4.5, 3, "For planting.")
    asked = Product("T-1", "Steel trowel", (), (), "$12.00", 4.5, 3, "", (Reason("title", "Steel trowel"),))
    assert _listed([trowel], language)[1] == "- Steel trowel, $12.00"
    assert _listed([asked], language) == [f"Steel trowel {in_stock}, $12.00."]


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("Standard shipping takes five business days, express takes two.", "Diese Antwort habe ich nur auf"),
        ("Der Standardversand dauert fünf Werktage, der Expressversand zwei.", "Der Standardversand"),
    ],
)
def test_only_what_reads_like_another_language_is_said_to_be_in_it(text: str, begins: str) -> None:
    loaded_without_a_language = Passage("shipping", "faq", 1, "Versand", text, "en", 0.9)
    assert _introduced(loaded_without_a_language, "de").startswith(begins)


async def test_a_few_words_that_were_taken_for_another_language_are_answered_in_their_own(
    ada: Customer,
) -> None:
    (answer,) = await ada.talk("posso ler e-books num Kindle?")
    assert answer["text"].startswith("Sim, se não tiverem proteção")


@pytest.mark.parametrize("message", ["my card was charged twice", "you took my money two times"])
async def test_a_second_charge_is_told_apart_from_when_a_card_is_charged(ada: Customer, message: str) -> None:
    (answer,) = await ada.talk(message)
    assert [source["source_id"] for source in answer["citations"]] == ["payment-double"]
