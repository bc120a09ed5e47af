"""Auth: accounts with a password register, sign in, stay signed in, and out; for anybody without a token."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, Field
from starlette.responses import Response

from desk.errors import InvalidInput
from server.auth import CSRF_COOKIE, SESSION_COOKIE
from server.deps import CurrentCaller, CurrentDesk, Desk, guarded_address, limited_address
from server.identity.accounts import SignedIn, address
from server.identity.sign_ins import SESSION_SECONDS
from server.openapi import answers
from server.routes.chat import json_response, person
from server.routes.login import set_session
from server.schemas import Body
from server.shapes.accounts import IssuersOut, SentOut, SessionOut, TokensOut

router = APIRouter(prefix="/api/v1/auth", tags=["auth"])

_Limited, _Guarded = Depends(limited_address), Depends(guarded_address)


def _is_address(text: str) -> str:
    try:
        return address(text)
    except InvalidInput as error:
        raise ValueError(error.detail) from None


def _is_text(text: str) -> str:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("must be text")
    return text


Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Email = Annotated[str, Field(max_length=320), AfterValidator(_is_address)]
# Longer than a password may be, so that the sentence about passwords is the one that is said.
Password = Annotated[str, Field(min_length=1, max_length=400), AfterValidator(_is_text)]
Code = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_is_text)]
RefreshToken = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_is_text)]


class RegisterBody(Body):
    """Who wants an account where."""

    tenant: Slug
    email: Email
    password: Password = Field(repr=False)


class LoginBody(Body):
    """Who signs in; a `session` is a cookie for pages of the service instead of tokens."""

    tenant: Slug
    email: Email
    password: Password = Field(repr=False)
    session: bool = False


class VerifyBody(LoginBody):
    """The code of a registration, with its password again."""

    code: Code = Field(repr=False)


class RefreshBody(Body):
    """A refresh token."""

    refresh_token: RefreshToken = Field(repr=False)


class LogoutBody(Body):
    """The refresh token whose login ends; without one only the cookies go."""

    refresh_token: RefreshToken | None = Field(None, repr=False)


class ResetBody(Body):
    """Who forgot a password."""

    tenant: Slug
    email: Email


class ConfirmBody(ResetBody):
    """The code from the mail, and the new password."""

    code: Code = Field(repr=False)
    password: Password = Field(repr=False)


@router.post(
    "/register",
    summary="Make an account, where the tenant lets people do so",
    status_code=202,
    responses=answers(SentOut, status=202),
    dependencies=[_Guarded],
)
async def register(body: RegisterBody, desk: CurrentDesk) -> Response:
    """A code goes to the address; the answer is the same for one that has an account."""
    await desk.reception.accounts.register(body.tenant, body.email, body.password)
    return json_response({"state": "sent"}, 202)


@router.post(
    "/verify",
    summary="Confirm a registration by its code",
    responses=answers(TokensOut | SessionOut),
    dependencies=[_Guarded],
)
async def verify(body: VerifyBody, request: Request, desk: CurrentDesk) -> Response:
    """Tokens, or with `session` the cookie."""
    who = await desk.reception.accounts.verify(body.tenant, body.email, body.password, body.code)
    return await _let_in(desk, request, who, session=body.session)


@router.post(
    "/login",
    summary="Sign in by password",
    responses=answers(TokensOut | SessionOut),
    dependencies=[_Guarded],
)
async def login(body: LoginBody, request: Request, desk: CurrentDesk) -> Response:
    """Tokens, or with `session` the cookie; whatever is wrong, the answer is the same."""
    who = await desk.reception.accounts.login(body.tenant, body.email, body.password)
    return await _let_in(desk, request, who, session=body.session)


@router.post(
    "/refresh",
    summary="New tokens for a refresh token",
    responses=answers(TokensOut),
    dependencies=[_Limited],
)
async def refresh(body: RefreshBody, desk: CurrentDesk) -> Response:
    """Each refresh token is good once; one that comes twice ends the whole login."""
    return json_response(await desk.reception.sign_ins.refresh(body.refresh_token))


@router.post("/logout", summary="End this login", status_code=204, responses=answers())
async def logout(body: LogoutBody, request: Request, desk: CurrentDesk) -> Response:
    """End the refresh token's login and take the session cookie away."""
    if body.refresh_token is not None:
        await limited_address(request)
        await desk.reception.sign_ins.logout(body.refresh_token)
    return _without_cookies()


def _without_cookies() -> Response:
    response = Response(status_code=204)
    for cookie in (SESSION_COOKIE, CSRF_COOKIE):
        response.delete_cookie(cookie, samesite="strict")
    return response


@router.post("/logout-everywhere", summary="End every login of mine", status_code=204, responses=answers())
async def logout_everywhere(desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """All tokens and sessions that were signed for the caller until now count no longer."""
    await desk.reception.sign_ins.everywhere(person(caller))
    return _without_cookies()


@router.post(
    "/reset",
    summary="Ask for a new password",
    status_code=202,
    responses=answers(SentOut, status=202),
    dependencies=[_Guarded],
)
async def reset(body: ResetBody, desk: CurrentDesk) -> Response:
    """A code goes to the address, if it has an account; the answer is the same if not."""
    await desk.reception.accounts.reset(body.tenant, body.email)
    return json_response({"state": "sent"}, 202)


@router.post(
    "/reset/confirm",
    summary="Choose a new password by a code",
    status_code=204,
    responses=answers(),
    dependencies=[_Guarded],
)
async def confirm(body: ConfirmBody, desk: CurrentDesk) -> Response:
    """The new password counts, and every login of before ends."""
    await desk.reception.accounts.confirm(body.tenant, body.email, body.code, body.password)
    return Response(status_code=204)


@router.get("/issuers", summary="Where else one can sign in", responses=answers(IssuersOut))
async def issuers(desk: CurrentDesk) -> Response:
    """The identity providers that the sign-in page offers, by name and label."""
    return json_response({"issuers": desk.reception.oidc.offered()})


async def _let_in(desk: Desk, request: Request, who: SignedIn, *, session: bool) -> Response:
    if not session:
        return json_response(await desk.reception.sign_ins.tokens(who))
    response = json_response({"expires_in": SESSION_SECONDS})
    set_session(response, request, desk.reception.sign_ins.session(who), SESSION_SECONDS)
    return response
