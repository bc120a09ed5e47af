"""The stock graph behind LangServe, as a server of its own: no identity, no limits, no tenants.

`python -m bench.peers.stock_langserve --port N --database-url URL --nodes 4`, then `--answer TEXT` for a last
node that says this, or `--model-url URL` for one that asks a model.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from langgraph.graph import StateGraph
from langserve import add_routes
from starlette.requests import Request

from bench.peers.chain import stock_chain, stock_model_chain
from bench.peers.stock_graph import open_saver

PATH = "/support"


def create_app(database_url: str, chain: StateGraph[Any, Any, Any, Any]) -> FastAPI:
    """The application; LangServe drops a client's thread id from the config, so it comes in a header."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_saver(database_url) as saver:
            graph = chain.compile(checkpointer=saver)
            add_routes(app, graph, path=PATH, per_req_config_modifier=_name_thread)
            yield

    return FastAPI(lifespan=lifespan)


def _name_thread(config: dict[str, Any], request: Request) -> dict[str, Any]:
    configurable = {**config.get("configurable", {}), "thread_id": request.headers["x-thread-id"]}
    return {**config, "configurable": configurable}


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--nodes", type=int, required=True)
    last = parser.add_mutually_exclusive_group(required=True)
    last.add_argument("--answer")
    last.add_argument("--model-url")
    given = parser.parse_args()
    if given.model_url:
        chain = stock_model_chain(given.nodes, given.model_url)
    else:
        chain = stock_chain(given.nodes, given.answer)
    app = create_app(given.database_url, chain)
    uvicorn.run(app, host="127.0.0.1", port=given.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
