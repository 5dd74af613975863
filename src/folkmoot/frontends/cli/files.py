"""The commands export and verify."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from folkmoot.errors import InputError
from folkmoot.frontends.cli.driver import this_machine
from folkmoot.record.store import RunFolder

if TYPE_CHECKING:
    from folkmoot.proof.verify import Verification

KINDS: Mapping[str, str] = {"html": ".html", "markdown": ".md", "json": ".json", "jsonl": ".jsonl"}


def _export(run: str, kind: str | None, output: Path | None) -> int:
    """A run as one file: a page that works offline and computes the verdict again, or Markdown, JSON, training data."""
    folder = this_machine().home.find(run)
    folder.spec()  # is one
    if not folder.journal.exists():
        raise InputError(f"{folder.id} has asked nobody yet, so there is nothing to export")
    kind = kind or _kind_of(output) or "html"
    text = asyncio.run(_written(folder, kind))
    if output is None and sys.stdout.isatty():
        output = Path(f"{folder.id}{KINDS[kind]}")
    if output is None or str(output) == "-":
        sys.stdout.buffer.write(text.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()
        return 0
    from folkmoot.record.files import write_file

    try:
        write_file(output, text)
    except OSError as error:
        raise InputError(f"{output} cannot be written: {error.strerror}") from None
    size = output.stat().st_size
    check = f"; anybody can check it: folkmoot verify {output}" if kind in ("html", "json") else ""
    click.echo(f"wrote {output}, {size // 1000 + 1} kB{check}", err=True)
    return 0


def _kind_of(output: Path | None) -> str | None:
    return next((kind for kind, ending in KINDS.items() if output is not None and output.suffix == ending), None)


async def _written(folder: RunFolder, kind: str) -> str:
    match kind:
        case "markdown":
            from folkmoot.proof.transcript import transcript

            return await transcript(folder)
        case "jsonl":
            from folkmoot.proof.training import training_lines

            return await training_lines(folder)
        case "json":
            from folkmoot.proof.export_file import mailed

            return json.dumps(await mailed(folder, packed=False), indent=1) + "\n"
        case _:
            from folkmoot.proof.export_file import mailed
            from folkmoot.render.html import page

            return page(await mailed(folder, packed=True))


def _verify(run: str, output_format: str) -> int:
    """Check that a run's verdict follows from its record; accepts an exported page or JSON file too. Asks no model."""
    from folkmoot.proof.verify import verify, verify_file
    from folkmoot.render.html import page

    file = Path(run)
    mailed = file.is_file() or file.suffix in (".html", ".json")
    found = asyncio.run(verify_file(file, page) if mailed else verify(this_machine().home.find(run)))
    if output_format == "json":
        click.echo(json.dumps(_as_json(found), ensure_ascii=False, indent=2))
    else:
        _tell(found)
    return found.exit_code


def _as_json(found: "Verification") -> dict[str, object]:
    settled = found.finished and found.recounted
    follows = None if not settled and not found.problems else not found.problems
    return {
        "run_id": found.run_id, "protocol": found.protocol, "follows": follows, "finished": found.finished,
        "verdict": found.verdict, "counted": found.counted, "problems": found.problems, "notes": found.notes,
    }  # fmt: skip


def _tell(found: "Verification") -> None:
    from folkmoot.render.wording import one_line

    lines = [f"{found.run_id}: {found.protocol}", *(f"  {each}" for each in found.counted)]
    lines += [f"  note: {each}" for each in found.notes]
    if found.verdict:
        lines.append(f"  recorded: {found.verdict}")
    for line in lines:
        click.echo(line[: len(line) - len(line.lstrip())] + one_line(line))
    if found.problems:
        for problem in found.problems:
            click.echo(f"  ✗ {one_line(problem, 500)}")
        click.echo("The verdict does not follow from the record.")
    elif found.finished and found.recounted:
        click.echo("✓ The verdict follows from the record.")
    else:
        click.echo("The run is unfinished, so there is no verdict yet; what is on record fits together.")


def _kind(name: str, help: str) -> click.Option:
    return click.Option([f"--{name}", "kind"], flag_value=name, default=None, help=help)


COMMANDS = {
    "export": click.Command(
        "export", callback=_export, help=_export.__doc__,
        params=[
            click.Argument(["run"], default="last"),
            _kind("html", "One offline page that scrubs through the run and computes its verdict; the default."),
            _kind("markdown", "One document: the answer, how it was decided, every reply."),
            _kind("json", "The whole record and what was read in it, as one JSON object."),
            _kind("jsonl", "Training data: a line for every reply, with what was asked and how it was scored."),
            click.Option(
                ["-o", "--output"], type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                help="Where to write; - for standard output. Otherwise a pipe, else RUN.html in the current folder.",
            ),
        ],
    ),
    "verify": click.Command(
        "verify", callback=_verify, help=_verify.__doc__,
        params=[
            click.Argument(["run"], metavar="[RUN|FILE]", default="last"),
            click.Option(
                ["-o", "--output-format"], type=click.Choice(["text", "json"]), default="text", show_default=True
            ),
        ],
    ),
}  # fmt: skip
