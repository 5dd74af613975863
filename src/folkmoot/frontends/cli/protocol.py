"""The command of a protocol: its flags come from its options, its help from its docstring."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from folkmoot.errors import InputError
from folkmoot.events import Listener
from folkmoot.execute import Job
from folkmoot.frontends.cli.driver import Screen, carry_out, result_writer, this_machine
from folkmoot.frontends.cli.flags import (
    RUN_FLAGS,
    VIEW_FLAGS,
    chosen_options,
    dress,
    option_flags,
    seats_of_each,
    split,
)
from folkmoot.protocols import Registered, find_protocol
from folkmoot.running.intake import read_input
from folkmoot.running.planning import Asked, plan
from folkmoot.running.runs import Machine, begin, price_of

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


def protocol_command(name: str, panel: str | None = None) -> click.Command:
    """The command of a protocol; with a `panel`, that of the panel, whose flags are its protocol's."""
    protocol = find_protocol(name)
    flags = [*RUN_FLAGS[:1], *option_flags(protocol.options), *RUN_FLAGS[1:], *VIEW_FLAGS]
    return ProtocolCommand(
        panel or name, params=flags, callback=lambda **given: _run(protocol, panel, given),
        help=f"Ask the panel {panel}, by {name}." if panel else f"{protocol.summary}.",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )  # fmt: skip


def _run(protocol: Registered, panel: str | None, given: Mapping[str, Any]) -> int:
    screen = Screen.of(given)
    machine = this_machine()
    asked = Asked(
        prompt="",
        panel=panel,
        protocol=protocol.name,
        models=given["models"],
        count=seats_of_each(given),
        options=chosen_options(protocol.options, given),
        limits=_limits(given),
        seed=given["seed"],
        allow_tools=_tools(given["allow_tools"]),
        pass_env=split(given["pass_env"]),
        recordings=[str(path.absolute()) for path in given["recordings"]],
        dress=lambda seats: dress(seats, given),
    )
    tell = (lambda _: None) if screen.quiet else lambda note: click.echo(f"folkmoot: {note}", err=True)
    if given["dry_run"]:
        return _dry_run(plan(replace(asked, prompt=_prompt_for_estimate(given)), machine, tell), screen)
    appended = protocol.reads_stdin if given["stdin"] is None else given["stdin"]
    read = read_input(_with_piped(given["prompt"]) if appended else given["prompt"], given["files"], sys.stdin.buffer)
    asked = replace(asked, prompt=read.prompt, title=read.title, attachments=read.attachments)
    return _start(plan(asked, machine, tell), machine, screen, given["output_dir"], given["output"])


def _start(job: Job, machine: Machine, screen: Screen, output_dir: Path | None, output: Path | None) -> int:
    from folkmoot.proof.export import RefineryExport
    from folkmoot.proof.receipt import receipt_of
    from folkmoot.render.as_json import result_json

    listeners: list[Listener] = []
    if output_dir is not None:
        listeners.append(RefineryExport(output_dir, lambda result: result_json(result, receipt_of(result))))
    if output is not None:
        listeners.append(result_writer(output, result_json))
    return carry_out(lambda watching: begin(job, machine, listeners=watching), machine, screen, listeners)


def _with_piped(prompt: str | None) -> str | None:
    """The prompt with what is piped in after it; a terminal is not asked."""
    if prompt == "-" or sys.stdin.isatty():
        return prompt
    piped = sys.stdin.read().strip()
    return "\n\n".join(part for part in (prompt, piped) if part) or None


def _limits(given: Mapping[str, Any]) -> dict[str, Any]:
    """The limits that were given; the others are the panel's, or the defaults."""
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
    named = {name: given[name] for name in ("timeout", "budget", "max_calls") if given[name] is not None}
    return named | {name: given[name] for name in ("idle_timeout", "max_concurrent", "retries")}


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


def _dry_run(job: Job, screen: Screen) -> int:
    from folkmoot.render.as_json import dry_run_json, dry_run_text
    from folkmoot.running.estimate import estimate

    found = asyncio.run(estimate(job, price_of(job.spec)))
    if screen.format == "text":
        click.echo(dry_run_text(found))
        if found.warning:
            click.echo(f"folkmoot: {found.warning}", err=True)
    else:
        click.echo(json.dumps(dry_run_json(found), indent=2))
    return 0
