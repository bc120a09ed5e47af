"""An identity provider's sign-in: the authorization code flow with PKCE, as strict as RFC 9700 asks."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

SECRET = "a client's secret: of the tests"


class SignInPage:
    """Lets everybody in at once; `told` is what the ID token says beside what the flow asks for.

    `served_at` is where the application really is behind its public address, as no proxy stands in between.
    """

    def __init__(self, id_token: Callable[..., str]) -> None:
        self._id_token = id_token
        self._codes: dict[str, dict[str, str]] = {}
        self.told: dict[str, Any] = {}
        self.answer: Callable[[str], Response] | None = None
        self.served_at: str | None = None
        self.exchanged = 0

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        well = asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
        if not (
            well and len(asked["state"]) >= 32 and len(asked["nonce"]) >= 32 and "openid" in asked["scope"]
        ):
            return Response(status_code=400)
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"]}
        home = self.served_at or "{0.scheme}://{0.netloc}".format(urlsplit(asked["redirect_uri"]))
        return RedirectResponse(f"{home}{urlsplit(asked['redirect_uri']).path}?{urlencode(back)}", 302)

    async def token(self, request: Request) -> Response:
        """An ID token for a code that is used once, by the client that has its proof."""
        self.exchanged += 1
        sent = dict(parse_qsl((await request.body()).decode()))
        began = self._codes.pop(sent.get("code", ""), None)
        if began is None or sent["grant_type"] != "authorization_code":
            return JSONResponse({"error": "invalid_grant"}, 400)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(sent["code_verifier"].encode()).digest())
        if challenge.rstrip(b"=").decode() != began["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        if sent["redirect_uri"] != began["redirect_uri"] or not _is_client(request):
            return JSONResponse({"error": "invalid_client"}, 401)
        id_token = self._id_token(**{"nonce": began["nonce"], "azp": "console", **self.told})
        if self.answer is not None:
            return self.answer(id_token)
        return JSONResponse({"access_token": "unused", "token_type": "Bearer", "id_token": id_token})


def _is_client(request: Request) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme != "Basic":
        return False
    name, _, secret = base64.b64decode(given).decode().partition(":")
    return dict(parse_qsl(f"name={name}&secret={secret}")) == {"name": "console", "secret": SECRET}
