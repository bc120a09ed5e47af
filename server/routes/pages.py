"""Pages: the demo shop, the widget, the playground, and the files they are made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, RedirectResponse, Response

from graphs.support import build_support_graph
from server.deps import CurrentCaller, CurrentDesk
from server.routes.chat import json_response
from web import FILES

router = APIRouter(include_in_schema=False)

_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8"}


@router.get("/")
async def root() -> Response:
    """The front page is the demo shop."""
    return RedirectResponse("/demo", 307)


@router.get("/playground/graph.json")
async def graph_json(desk: CurrentDesk, _caller: CurrentCaller) -> Response:
    """Nodes and edges of the support graph, for drawing; and LangServe's own playground, if there is one."""
    drawn = build_support_graph().compile().get_graph()
    nodes = [node for node in drawn.nodes if not node.startswith("__")]
    edges = [[edge.source, edge.target] for edge in drawn.edges]
    langserve = "/langserve/support/playground/" if desk.services.engine.settings.langserve else None
    return json_response({"nodes": nodes, "edges": edges, "langserve": langserve})


def _page(path: str, file: Path) -> Callable[[], Awaitable[Response]]:
    headers = {"cache-control": "no-cache"}
    if path.startswith("/widget"):
        headers["access-control-allow-origin"] = "*"  # a shop's own page includes it

    async def page() -> Response:
        return FileResponse(file, media_type=_TYPES[file.suffix], headers=headers)

    return page


for _path, _file in FILES.items():
    router.add_api_route(_path, _page(_path, _file), methods=["GET"])
