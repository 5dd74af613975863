"""The command of a protocol: its flags come from its options, its help from its docstring."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from folkmoot.errors import InputError
from folkmoot.events import Event, Listener, RunFinished
from folkmoot.frontends.cli.driver import Screen, carry_out, this_machine
from folkmoot.frontends.cli.flags import RUN_FLAGS, VIEW_FLAGS, chosen_options, dress, option_flags, split
from folkmoot.intake import read_input
from folkmoot.limits import Limits
from folkmoot.protocols import Registered, check_options, duties, find_protocol
from folkmoot.runs import Machine, begin, price_of, with_tables
from folkmoot.seats import parse_models, weighted, with_duties
from folkmoot.store import Attached, RunSpec
from folkmoot.types import Attachment, Seat

TOOLS = ("web_fetch", "web_search", "file_read", "file_write", "shell")


class ProtocolCommand(click.Command):
    """A list of models may go on in the next word: `--models a/x, b/y`, as after a line break in a shell."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words: list[str] = []
        for word in args:
            listing = len(words) > 1 and words[-2] in ("-m", "--models")
            goes_on = words and words[-1].endswith(",") and (listing or words[-1].startswith("--models="))
            if goes_on and not word.startswith("-"):
                words[-1] += word
            else:
                words.append(word)
        return super().parse_args(ctx, words)


def protocol_command(name: str) -> click.Command:
    protocol = find_protocol(name)
    flags = [*RUN_FLAGS[:1], *option_flags(protocol.options), *RUN_FLAGS[1:], *VIEW_FLAGS]
    return ProtocolCommand(
        name, params=flags, callback=lambda **given: _run(protocol, given), help=f"{protocol.summary}.",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )  # fmt: skip


def _run(protocol: Registered, given: Mapping[str, Any]) -> int:
    screen = Screen.of(given)
    machine = this_machine()
    options = chosen_options(protocol.options, given)
    checked = check_options(protocol, options)
    named = {duty: _parse(written, machine) for duty, written in duties(checked).items()}
    seats = dress(weighted(with_duties(_seats(given, machine, screen), named), machine.config.weights), given)
    spec = RunSpec(
        protocol=protocol.name,
        options=options,
        prompt="",
        seats=seats,
        seed=given["seed"],
        limits=_limits(given),
        allow_tools=_tools(given["allow_tools"]),
        pass_env=split(given["pass_env"]),
        recordings=tuple(str(path.absolute()) for path in given["recordings"]),
    )
    if given["dry_run"]:
        return _dry_run(spec.model_copy(update={"prompt": _prompt_for_estimate(given)}), machine, screen)
    appended = protocol.reads_stdin if given["stdin"] is None else given["stdin"]
    asked = read_input(_with_piped(given["prompt"]) if appended else given["prompt"], given["files"], sys.stdin.buffer)
    spec = spec.model_copy(
        update={
            "prompt": asked.prompt,
            "title": asked.title,
            "attachments": tuple(
                Attached(name=each.name, media_type=each.media_type, sha256=each.sha256) for each in asked.attachments
            ),
        }
    )
    return _start(spec, machine, screen, asked.attachments, given["output_dir"], given["output"])


def _start(
    spec: RunSpec,
    machine: Machine,
    screen: Screen,
    attachments: tuple[Attachment, ...],
    output_dir: Path | None,
    output: Path | None,
) -> int:
    from folkmoot.export import RefineryExport
    from folkmoot.receipt import receipt_of
    from folkmoot.render.as_json import result_json

    listeners: list[Listener] = []
    if output_dir is not None:
        listeners.append(RefineryExport(output_dir, lambda result: result_json(result, receipt_of(result))))
    if output is not None:
        listeners.append(_writer(output))
    return carry_out(
        lambda watching: begin(spec, machine, attachments=attachments, listeners=watching), machine, screen, listeners
    )


def _with_piped(prompt: str | None) -> str | None:
    """The prompt with what is piped in after it; a terminal is not asked."""
    if prompt == "-" or sys.stdin.isatty():
        return prompt
    piped = sys.stdin.read().strip()
    return "\n\n".join(part for part in (prompt, piped) if part) or None


def _writer(path: Path) -> Listener:
    from folkmoot.render.as_json import result_json

    def write(event: Event) -> None:
        if isinstance(event, RunFinished):
            path.write_text(json.dumps(result_json(event.result), ensure_ascii=False, indent=2) + "\n", "utf-8")

    if not path.absolute().parent.is_dir():
        raise InputError(f"--output {path}: there is no folder {path.parent}")
    return write


def _seats(given: Mapping[str, Any], machine: Machine, screen: Screen) -> tuple[Seat, ...]:
    """The seats that were named; else the default panel; else up to three that are usable here."""
    if given["models"]:
        return _parse(given["models"], machine, _count(given))
    if "default" in machine.config.panels:
        return _parse(["default"], machine, _count(given))
    from folkmoot.discovery import look_around

    search = look_around(machine.environ)
    if not search.found:
        raise InputError(search.advice())
    chosen = search.panel()
    if not screen.quiet:
        for sighting in chosen:
            click.echo(f"folkmoot: asking {sighting.model} ({sighting.login}); --models names others", err=True)
    return parse_models(sighting.model for sighting in chosen)


def _parse(written: Sequence[str], machine: Machine, count: int = 1) -> tuple[Seat, ...]:
    return parse_models(written, panels=machine.config.models_of_panels, servers=machine.config.providers, count=count)


def _count(given: Mapping[str, Any]) -> int:
    count: int = given["count"]
    if not 1 <= count <= 1000:
        raise InputError("--count must be from 1 to 1000")
    return count


def _limits(given: Mapping[str, Any]) -> Limits:
    problems = [
        f"--{name.replace('_', '-')} must be more than 0"
        for name in ("timeout", "budget", "max_calls")
        if given[name] is not None and not given[name] > 0
    ]
    problems += [
        f"--{name.replace('_', '-')} cannot be negative"
        for name in ("idle_timeout", "max_concurrent", "retries")
        if not given[name] >= 0
    ]
    if problems:
        raise InputError(*problems)
    return Limits(
        timeout=given["timeout"],
        idle_timeout=given["idle_timeout"] or None,
        max_concurrent=given["max_concurrent"],
        budget=given["budget"],
        max_calls=given["max_calls"],
        retries=given["retries"],
    )


def _tools(written: tuple[str, ...]) -> tuple[str, ...]:
    tools = split(written)
    if unknown := [tool for tool in tools if tool not in TOOLS]:
        raise InputError(f"--allow-tools: {', '.join(unknown)}: there are {', '.join(TOOLS)}")
    return tools


def _prompt_for_estimate(given: Mapping[str, Any]) -> str:
    """The prompt as far as it is known without reading standard input or a file that may not exist."""
    typed = given["prompt"] or ""
    size = sum(path.stat().st_size for path in given["files"] if path.is_file())
    return ("" if typed == "-" else typed) + " " * size or " "


def _dry_run(spec: RunSpec, machine: Machine, screen: Screen) -> int:
    from folkmoot.estimate import estimate
    from folkmoot.render.as_json import dry_run_json, dry_run_text

    spec = with_tables(spec, machine.config)
    found = asyncio.run(estimate(spec, price_of(spec)))
    if screen.format == "text":
        click.echo(dry_run_text(found))
        if found.warning:
            click.echo(f"folkmoot: {found.warning}", err=True)
    else:
        click.echo(json.dumps(dry_run_json(found), indent=2))
    return 0
