"""Runs as resources: a list, each run's result as JSON, and its page for people."""

import asyncio
import json
import re

from mcp import MCPError, types

from folkmoot.core import journal
from folkmoot.errors import FolkmootError, InputError
from folkmoot.execute import replay
from folkmoot.frontends.mcp.calls import find_run
from folkmoot.frontends.mcp.results import URI
from folkmoot.proof.export import write_record
from folkmoot.proof.receipt import receipt_of
from folkmoot.record.bundle import result_of
from folkmoot.record.index import Index
from folkmoot.record.index_rows import RunRow
from folkmoot.record.store import RunFolder
from folkmoot.record.writer_thread import flush
from folkmoot.render.as_json import result_json
from folkmoot.running.runs import Machine

LISTED = 50  # runs in the list
OFFERED = 10  # runs that are resources by themselves, for clients that let one pick

JSON_TYPE, MARKDOWN_TYPE = "application/json", "text/markdown"

TEMPLATES = (
    types.ResourceTemplate(
        uri_template=f"{URI}/{{id}}",
        name="run",
        description="A run's result with every answer, score, cost and failure, and what the panel was worth",
        mime_type=JSON_TYPE,
    ),
    types.ResourceTemplate(
        uri_template=f"{URI}/{{id}}/final.md",
        name="page",
        description="A run's result as a page to read: the answer, the votes, the dissent, the cost",
        mime_type=MARKDOWN_TYPE,
    ),
)

_RUN = re.compile(rf"{re.escape(URI)}/([^/]+)(/final\.md)?")


async def list_resources(machine: Machine) -> list[types.Resource]:
    found = [
        types.Resource(uri=URI, name="runs", description=f"The {LISTED} latest runs, newest first", mime_type=JSON_TYPE)
    ]
    for row in await asyncio.to_thread(_rows, machine, OFFERED):
        title = " ".join(row.title.split())[:80]
        found.append(
            types.Resource(
                uri=f"{URI}/{row.id}/final.md", name=row.id, title=f"{row.protocol}: {title}", mime_type=MARKDOWN_TYPE
            )
        )
    return found


async def read_resource(machine: Machine, uri: str) -> types.TextResourceContents:
    """Raises MCPError for what is none."""
    try:
        if uri == URI:
            rows = await asyncio.to_thread(_rows, machine, LISTED)
            listed = [row.model_dump(exclude={"folder", "journal_size", "journal_mtime"}) for row in rows]
            return _contents(uri, JSON_TYPE, _json(listed))
        if (match := _RUN.fullmatch(uri)) is None:
            raise MCPError(types.INVALID_PARAMS, f"there is no resource {uri}", {"uri": uri})
        folder = find_run(machine, match[1])
        if match[2]:
            return _contents(uri, MARKDOWN_TYPE, await _page(folder))
        result = result_of(folder) or await replay(folder.spec(), folder)
        receipt = await asyncio.to_thread(receipt_of, result)
        return _contents(uri, JSON_TYPE, _json(result_json(result, receipt)))
    except FolkmootError as error:
        raise MCPError(types.INVALID_PARAMS, str(error), {"uri": uri}) from None


async def _page(folder: RunFolder) -> str:
    """The page for people; made again from the record where there is none."""
    await asyncio.to_thread(flush)
    page = folder.path / "final.md"
    if not page.exists():
        if journal.held(folder.journal):
            raise InputError(f"{folder.id} is still running; its page is written when it ends")
        await write_record(folder, folder.spec())
    return page.read_text("utf-8")


def _rows(machine: Machine, limit: int) -> list[RunRow]:
    index = Index(machine.home)
    index.sync()
    return index.runs(limit)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _contents(uri: str, mime_type: str, text: str) -> types.TextResourceContents:
    return types.TextResourceContents(uri=uri, mime_type=mime_type, text=text)
