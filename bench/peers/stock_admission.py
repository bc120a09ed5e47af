"""Identity and limits as tutorials have them: PyJWT for each request, a moving window in Redis a limit.

`python -m bench.peers.stock_admission --port N --redis-url URL --keys PEM --issuer NAME --audience NAME
--limited TENANT --limit COUNT`. People of that tenant have COUNT requests a minute, others have no end.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import jwt
import uvicorn
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fastapi import Depends, FastAPI, HTTPException, Request
from redis.asyncio import Redis

MANY = 1_000_000_000
# The `limits` library counts a moving window so: the hit that a full window would push out must have left it.
_ENTER = """
local oldest = redis.call('LINDEX', KEYS[1], ARGV[2] - 1)
if oldest and tonumber(oldest) > ARGV[1] - ARGV[3] then return 0 end
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


def create_app(given: argparse.Namespace) -> FastAPI:
    """The application: `/open` for everybody, `/guarded` for who has a token and is within the limits."""
    app = FastAPI()
    redis = Redis.from_url(given.redis_url)
    enter = redis.register_script(_ENTER)
    key: Any = load_pem_private_key(Path(given.keys).read_bytes(), None)
    public = key.public_key()

    async def admit(request: Request) -> None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            claims: dict[str, Any] = jwt.decode(
                token, public, ["EdDSA"], issuer=given.issuer, audience=given.audience
            )
        except jwt.InvalidTokenError:
            raise HTTPException(401) from None
        client = request.client.host if request.client else ""
        of_caller = given.limit if claims["tenant"] == given.limited else MANY
        whose = {f"{claims['tenant']}:{claims['sub']}": of_caller, client: MANY, claims["tenant"]: MANY}
        for name, limit in whose.items():
            for seconds in (60, 3600):
                allowed = limit if seconds == 60 else MANY
                if not await enter([f"stock:{name}:{seconds}"], [time.time(), allowed, seconds]):
                    raise HTTPException(429)
        request.state.claims = claims

    @app.get("/open")
    async def say_open() -> dict[str, Any]:
        return {"status": "ok"}

    @app.get("/guarded", dependencies=[Depends(admit)])
    async def say_guarded(request: Request) -> dict[str, Any]:
        return {name: request.state.claims[name] for name in ("tenant", "role", "email")}

    return app


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    for name in ("--redis-url", "--keys", "--issuer", "--audience", "--limited"):
        parser.add_argument(name, required=True)
    parser.add_argument("--limit", type=int, required=True)
    given = parser.parse_args()
    uvicorn.run(create_app(given), host="127.0.0.1", port=given.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
