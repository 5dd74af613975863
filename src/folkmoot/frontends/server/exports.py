"""A run as one file to mail."""

import json

from starlette.requests import Request
from starlette.responses import Response

from folkmoot.errors import InputError
from folkmoot.frontends.server.service import Service

TYPES = {"html": ("text/html", "html"), "markdown": ("text/markdown", "md"), "json": ("application/json", "json")}


async def export_run(service: Service, request: Request) -> Response:
    """HTML, Markdown or JSON, as `folkmoot export` writes it."""
    folder = service.folder(request.path_params["id"])
    kind = request.query_params.get("format", "html")
    if kind not in TYPES:
        raise InputError(f"format must be one of {', '.join(TYPES)}, and is {kind!r}")
    if not folder.journal.exists():
        raise InputError(f"{folder.id} has asked nobody yet, so there is nothing to export")
    if kind == "markdown":
        from folkmoot.proof.transcript import transcript

        text = await transcript(folder)
    else:
        from folkmoot.proof.export_file import mailed

        found = await mailed(folder, packed=kind == "html")
        if kind == "html":
            from folkmoot.render.html import page

            text = page(found)
        else:
            text = json.dumps(found, indent=1) + "\n"
    media_type, ending = TYPES[kind]
    name = folder.id.encode("ascii", "replace").decode().replace("?", "-")
    # Saved, never shown: the page has scripts of its own, which this server's policy refuses.
    headers = {"content-disposition": f'attachment; filename="{name}.{ending}"'}
    return Response(text.encode("utf-8", "replace"), media_type=media_type, headers=headers)
