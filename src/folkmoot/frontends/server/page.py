"""The page at / and its static files."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from folkmoot.frontends.server.refusals import Refusal
from folkmoot.frontends.server.service import Service

FOLDER = Path(__file__).parent / "web"

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
"""What is served; nothing else in the folder is."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


async def index(_: Service, __: Request) -> Response:
    return _file(FOLDER / "index.html")


async def static(_: Service, request: Request) -> Response:
    try:
        path = (FOLDER / request.path_params["path"]).resolve()
        known = path.is_relative_to(FOLDER.resolve()) and path.suffix in TYPES and path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        known = False
    if not known:
        raise Refusal(404, "there is no such file", kind="not_found_error")
    return _file(path)


def _file(path: Path) -> Response:
    # Looked at again each time, by its hash: a page never runs against another version's scripts.
    return FileResponse(path, headers={"content-type": TYPES[path.suffix], "cache-control": "no-cache"})
