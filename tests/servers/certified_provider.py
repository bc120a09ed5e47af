"""A certified OpenID provider that is not ours, `oidc-provider` on Node.js, in a process beside the tests."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import secrets
import shutil
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

FOLDER = Path(__file__).parent / "oidc"
API = "urn:deskgraph"
SECRET = "a client's secret: of the tests"
# Where the provider sends people back to; nobody listens there.
REDIRECT_URI = "http://127.0.0.1:1/login/callback"
_READY_SECONDS = 20.0
_HOPS = 8


@dataclass(frozen=True, slots=True)
class CertifiedProvider:
    """Its address, which is its issuer, too."""

    url: str

    async def let_in(self, address: str) -> str:
        """Follow a browser's way through the provider; where it leads back to."""
        async with httpx.AsyncClient(base_url=self.url) as browser:
            for _ in range(_HOPS):
                response = await browser.get(address)
                assert response.status_code in {302, 303}, response.text
                address = response.headers["location"]
                if address.startswith(REDIRECT_URI):
                    return address
        raise AssertionError(f"The provider goes round in circles: {address}")

    async def robots_token(self, client_id: str = "robot", resource: str = API) -> str:
        """An access token of a program."""
        asked = {"grant_type": "client_credentials", "scope": "desk", "resource": resource}
        return str((await self._tokens(asked, auth=(client_id, SECRET)))["access_token"])

    async def persons_tokens(self, **asked: str) -> dict[str, Any]:
        """What the person's phone gets: an access token and an ID token."""
        proof = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(proof.encode()).digest()).rstrip(b"=").decode()
        query = {
            "client_id": "phone",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "redirect_uri": REDIRECT_URI,
            "response_type": "code",
            "scope": "openid email desk",
            **asked,
        }
        back = await self.let_in(f"{self.url}/auth?{httpx.QueryParams(query)}")
        code = parse_qs(urlsplit(back).query)["code"][0]
        exchanged = {
            "client_id": "phone",
            "code": code,
            "code_verifier": proof,
            "grant_type": "authorization_code",
            "redirect_uri": REDIRECT_URI,
        }
        return await self._tokens(exchanged)

    async def _tokens(self, form: Mapping[str, str], auth: tuple[str, str] | None = None) -> dict[str, Any]:
        async with httpx.AsyncClient(auth=auth) as client:
            response = await client.post(f"{self.url}/token", data=form)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found


@asynccontextmanager
async def certified_provider(person: Mapping[str, Any]) -> AsyncIterator[CertifiedProvider]:
    """A provider that lets `person` in, whose entries are the claims of the tokens."""
    node = shutil.which("node")
    assert node, "Node.js is not installed; on Debian: apt-get install nodejs npm"
    assert (FOLDER / "node_modules").is_dir(), "make extras installs the provider"
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "CLIENT_SECRET": SECRET,
        "ISSUER": url,
        "PATH": os.environ["PATH"],
        "PERSON": json.dumps(person),
        "PORT": str(port),
        "REDIRECT_URI": REDIRECT_URI,
    }
    process = await asyncio.create_subprocess_exec(
        node, FOLDER / "provider.mjs", env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await _ready(url, process)
        yield CertifiedProvider(url)
    finally:
        process.kill()
        await process.wait()


async def _ready(url: str, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(_READY_SECONDS), httpx.AsyncClient() as client:
        while True:
            assert process.returncode is None, f"The provider ended with {process.returncode}."
            try:
                await client.get(f"{url}/.well-known/openid-configuration")
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port
