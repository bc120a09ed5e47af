"""A small library's help desk in our own words: what visitors ask, and what is none of its business."""

from __future__ import annotations

from desk.routing.router import Example

PHRASES = {
    "renew": (
        "can I keep my book for longer",
        "renew my loan please",
        "I need two more weeks with this novel",
        "extend the due date",
        "how do I renew a book",
        "prolong my borrowed items",
        "may I have the book for another month",
        "renewal of a loan",
        "give me more time for my books",
        "I have not finished reading, can I extend",
        "please extend all my loans",
        "is it possible to renew online",
    ),
    "opening": (
        "when do you open",
        "what are the opening hours",
        "are you open on Sundays",
        "until when is the library open today",
        "closing time on friday",
        "is the reading room open at night",
        "library hours",
        "do you open on public holidays",
        "what time do you close",
        "are you closed at easter",
        "how early can I come in",
        "opening times of the children's section",
    ),
    "fine": (
        "why do I have to pay a fine",
        "how much is the late fee",
        "I want to pay my overdue charge",
        "I got a fine for a late book",
        "what does it cost to return a book late",
        "pay fees online",
        "my account shows a charge of three euros",
        "can you waive my fine",
        "overdue fee per day",
        "the penalty on my card is wrong",
        "how do I settle my fines",
        "do children pay late fees",
    ),
    "card": (
        "I lost my library card",
        "how do I get a membership",
        "sign up for a card",
        "my card does not work any more",
        "replace a stolen card",
        "become a member",
        "what does a library card cost",
        "can my child have a card",
        "my membership has expired",
        "register as a new reader",
        "I need a new card",
        "where is the number on my card",
    ),
    "print": (
        "can I print here",
        "where is the copy machine",
        "how much is a colour copy",
        "the printer is out of paper",
        "scan a document",
        "print from my phone",
        "do you have a scanner",
        "printing costs",
        "make copies of my papers",
        "is there a photocopier",
        "how do I print a pdf",
        "black and white printing price",
    ),
}

UNRELATED = (
    "asdkjh qwe",
    "what is the capital of France",
    "my cat is ill",
    "lkjh wpoq zzxv",
    "write a poem about the sea",
    "12345",
    "who won the football match",
    "the weather is lovely in Oslo",
)

EXAMPLES = tuple(Example(text, intent) for intent, texts in PHRASES.items() for text in texts)
