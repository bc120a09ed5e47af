"""The sources of the labelled answers, and how an answer is held against them."""

from __future__ import annotations

from graphs.grounding.claims import ClaimGate, Source, Sources
from server.demo.data import load_faqs

PAGES = Sources(
    (
        Source(
            "Standard shipping takes 5-7 business days, express 2-3. We ship Monday to Friday.",
            "How long does shipping take?",
        ),
        Source(
            "Standard shipping is $4.95 and free from $25. Express shipping is $9.95.",
            "What does shipping cost?",
        ),
        Source(
            "You can return unread books within 30 days after delivery. "
            "E-books and gift cards cannot be returned.",
            "What is your return policy?",
        ),
        Source(
            "We refund within 5 business days after your return has reached us, "
            "to the payment method you used.",
            "When do I get my refund?",
        ),
        Source(
            "We accept Visa, Mastercard, American Express and PayPal, and our own gift cards. "
            "We do not take cash or cheques.",
            "Which payment methods do you accept?",
        ),
        Source(
            "No, you can order as a guest with your e-mail address. An account lets you see your orders.",
            "Do I need an account to order?",
        ),
        Source(
            "From 10 copies of the same title you get 15 % off, from 50 copies 20 %.",
            "Do you offer a discount on bulk orders?",
        ),
        Source(
            "Gift cards are valid for 5 years from the day of purchase.", "How long is a gift card valid?"
        ),
        Source(
            "Our team answers Monday to Friday from 9:00 to 18:00, here in the chat. "
            "More stands at https://bookshop.example/help.",
            "When can I reach you?",
        ),
        Source(
            "Standard shipping goes to PO boxes, express shipping does not.", "Do you deliver to PO boxes?"
        ),
        Source(
            "Order 100234 is: shipped. It was placed on 2026-11-10. It was shipped on 2026-11-12. "
            "Expected delivery is 2026-11-20. The carrier is Parcel Post. It contains: 2 x Dune."
        ),
        Source(
            "1. Dune by Frank Herbert, $12.49, rated 4.5 of 5.\n"
            "2. Emma by Jane Austen, $8.99, rated 4.1 of 5."
        ),
        Source("You collect 1 point for each dollar. 1,000 points are worth $50 and expire after 24 months."),
        Source(
            "The confirmation comes within an hour. The link in it works for sixty minutes.", "No e-mail?"
        ),
        Source("Not yet. We sell printed books and e-books.", "Do you sell audiobooks?"),
    ),
    customer_text="Where is my order 100234? I paid 7777777 points, invoice W-55120.",
)


def _pages(*ids: str) -> Sources:
    """Some of the demo's help pages."""
    pages = {faq.id: Source(faq.answer, faq.question) for faq in load_faqs()}
    return Sources(tuple(pages[page] for page in ids))


GIFTS = _pages(
    "gift-wrapping",
    "gift-card-buy",
    "gift-card-use",
    "gift-card-valid",
    "returns-gift",
    "loyalty-points",
    "discount-student",
    "discount-code",
    "order-bulk",
    "newsletter",
)
OTHERS = _pages(
    "damaged-item",
    "payment-double",
    "out-of-stock",
    "ebook-download",
    "ebook-kindle",
    "account-password",
    "account-delete",
    "contact-hours",
    "shipping-not-home",
    "order-confirmation",
    "used-books",
    "order-school",
    "payment-charged",
    "signed-copies",
    "contact-store",
)


def claims_of(text: str, sources: Sources) -> list[str]:
    """The claims that stand in no source, of the first sentence that has any."""
    gate = ClaimGate(sources)
    gate.feed(text)
    gate.finish()
    return gate.rejected
