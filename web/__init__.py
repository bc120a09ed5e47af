"""What a browser runs: widget, demo shop, playground, review, admin, console and sign-in; no build."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ASSETS: Final = Path(__file__).parent

FILES: Final[dict[str, Path]] = {
    "/widget.js": ASSETS / "widget" / "widget.js",
    **{
        f"/widget/{file.name}": file
        for file in sorted((ASSETS / "widget").glob("*.js"))
        if file.stem != "widget"
    },
    "/demo": ASSETS / "demo" / "index.html",
    **{f"/demo/{file.name}": file for file in sorted((ASSETS / "demo").glob("*.[cj]s*"))},
    "/playground": ASSETS / "playground" / "index.html",
    **{f"/playground/{file.name}": file for file in sorted((ASSETS / "playground").glob("*.[cj]s*"))},
    "/review": ASSETS / "review" / "index.html",
    **{f"/review/{file.name}": file for file in sorted((ASSETS / "review").glob("*.[cj]s*"))},
    "/admin": ASSETS / "admin" / "index.html",
    **{f"/admin/{file.name}": file for file in sorted((ASSETS / "admin").glob("*.[cj]s*"))},
    "/console": ASSETS / "console" / "index.html",
    **{f"/console/{file.name}": file for file in sorted((ASSETS / "console").glob("*.[cj]s*"))},
    "/signin": ASSETS / "signin" / "index.html",
    **{f"/signin/{file.name}": file for file in sorted((ASSETS / "signin").glob("*.[cj]s*"))},
}
"""Every public path and the file that answers it; there is nothing else to serve."""
