"""The one error tree: each error knows its HTTP status, a sentence safe to show, whether to retry.

DeskError                     500
├── Unauthenticated           401  no identity, or one that does not hold
├── Forbidden                 403  a known caller without the scope, or the wrong tenant header
│   └── Suspended             403  the caller's tenant is suspended
├── NotFound                  404  unknown, or not yours: the same answer
├── Conflict                  409  busy now; try again
│   └── Erased                409  the person was erased a moment ago; what comes next begins anew
├── Cancelled                 499  its customer stopped the turn; what was said is kept
├── PayloadTooLarge           413  a body or message over its limit
├── InvalidInput              422  malformed, and the sentence says what to change
│   └── KeyReused             422  an Idempotency-Key that came with another body before
├── RateLimited               429  too many requests; carries retry_after
│   └── Overloaded            429  this process has more to do than it can
├── Unavailable               503  a store or service that this needs is away; carries retry_after
│   ├── Draining              503  this process is stopping; another one answers
│   ├── ModelUnavailable      503  no model answered in time
│   ├── ToolUnavailable       503  a tool's service did not answer in time
│   │   └── ToolUnreachable   503  it could not be connected to, so nothing was asked of it
│   └── MailUnavailable       503  a message could not be handed over
├── EgressBlocked             500  personal data stood in an outgoing request; it was not sent
├── Fenced                    500  another process owns the turn now; this one must not commit
└── Misconfigured             500  a setting or data directory is wrong; the message says what to do

`detail` is shown to clients. The exception's message is for logs and never holds message text.
"""

from __future__ import annotations

from typing import ClassVar


class DeskError(Exception):
    """Something went wrong in Deskgraph."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    retryable: ClassVar[bool] = False
    detail: str = "Something went wrong on our side."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or self.detail)
        if detail is not None:
            self.detail = detail


class Unauthenticated(DeskError):
    """No identity was given, or it does not hold."""

    status = 401
    title = "Not authenticated"
    detail = "A valid access token, API key or session is needed."


class Forbidden(DeskError):
    """The caller is known but lacks the scope, or named another tenant."""

    status = 403
    title = "Forbidden"
    detail = "Your role does not allow this."


class Suspended(Forbidden):
    """The caller's tenant is suspended; only the people who run the desk can do anything about it."""

    title = "Suspended"
    detail = "This tenant is suspended; the operator of this desk can resume it."


class NotFound(DeskError):
    """The object does not exist or is not the caller's; both look the same."""

    status = 404
    title = "Not found"
    detail = "There is no such object."


class Conflict(DeskError):
    """The object is busy; the same request may succeed later."""

    status = 409
    title = "Busy"
    retryable = True
    detail = "This is busy with another request; try again in a moment."


class Erased(Conflict):
    """The person was erased while the request was on its way; nothing of it was kept."""

    title = "Erased"
    detail = "What was kept of you was erased a moment ago; send it again to begin anew."


class Cancelled(DeskError):
    """The customer stopped the turn, or sent another message that interrupts it."""

    status = 499
    title = "Cancelled"
    detail = "This turn was cancelled; what had been said by then is kept."


class PayloadTooLarge(DeskError):
    """The body or the message is over its limit."""

    status = 413
    title = "Too large"
    detail = "The request is too large."


class InvalidInput(DeskError):
    """The request is malformed; `detail` says what to change."""

    status = 422
    title = "Invalid input"
    detail = "The request is not valid."


class KeyReused(InvalidInput):
    """An Idempotency-Key was sent again with a different body."""

    detail = "This Idempotency-Key was used with another body; use a new key for a new message."


class RateLimited(DeskError):
    """Too many requests; `retry_after` is in whole seconds."""

    status = 429
    title = "Too many requests"
    retryable = True
    detail = "Too many requests; slow down."

    def __init__(self, retry_after: int, detail: str | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Overloaded(RateLimited):
    """This process has more to do than it can; another one, or this one in a second, may take the turn."""

    detail = "We are very busy; please send this again in a moment."

    def __init__(self) -> None:
        super().__init__(retry_after=1)


class Unavailable(DeskError):
    """A store or service that this needs is away; `retry_after` is in whole seconds."""

    status = 503
    retry_after: ClassVar[int] = 5
    title = "Temporarily unavailable"
    retryable = True
    detail = "A service that this needs is away; try again shortly."


class Draining(Unavailable):
    """This process is stopping and takes no new turns."""

    retry_after = 2
    detail = "This server is restarting; send the message again in a moment."


class ModelUnavailable(Unavailable):
    """No configured model answered within the time budget."""

    detail = "No language model answered in time."


class ToolUnavailable(Unavailable):
    """A tool's service did not answer in time; `detail` is fit for a customer."""

    detail = "That service is not answering right now."


class ToolUnreachable(ToolUnavailable):
    """A tool's service could not be connected to, or may not be: nothing was asked of it."""


class MailUnavailable(Unavailable):
    """A mail could not be handed over; a note says why, without an address."""

    detail = "Mail cannot be sent right now."


class EgressBlocked(DeskError):
    """Personal data stood in a request to an external model; nothing was sent."""

    detail = "The message could not be handled safely."


class Fenced(DeskError):
    """Another process took over this turn; nothing of ours may be committed."""

    detail = "This turn is being handled elsewhere."


class Misconfigured(DeskError):
    """A setting, port or data directory is wrong; the message says what to do about it."""

    title = "Misconfigured"
