"""The commands on this machine: models, doctor, completion."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from folkmoot.frontends.cli.completion import SHELLS, script
from folkmoot.frontends.cli.driver import Interrupted, run_until_signal, this_machine, use_colour
from folkmoot.frontends.cli.flags import split
from folkmoot.render.wording import Style, counted, duration, money, one_line, paint
from folkmoot.running.runs import Machine

if TYPE_CHECKING:
    from folkmoot.checkup.doctor import Check, Ready

FORMAT = click.Option(["-o", "--output-format"], type=click.Choice(["text", "json"]), default="text", show_default=True)
MOST_SHOWN = 12  # models of one provider
MOST_FOUND = 200  # models that --search prints


def _models(search: str | None, output_format: str) -> int:
    """List the models that can be asked here, who pays for them, and why others cannot be asked."""
    from folkmoot.checkup.model_list import line_up

    machine = this_machine()
    found = line_up(machine, search)
    if output_format == "json":
        click.echo(found.model_dump_json(indent=2))
        return 0
    colour = use_colour(sys.stdout)
    if found.offers:
        click.echo(paint("Usable here", "strong", colour))
    for offer in found.offers:
        click.echo(f"  {paint(one_line(offer.provider), 'good', colour)} · {one_line(offer.login)}")
        shown = offer.models[: MOST_FOUND if search else MOST_SHOWN]
        _table(
            (f"    {one_line(each.model)}", _price(each.input_usd, each.output_usd, offer.billing)) for each in shown
        )
        if more := _more(offer.form, len(offer.models) - len(shown), bool(shown), offer.known, offer.provider):
            click.echo(paint(f"    {more}", "faint", colour))
        if offer.hint:
            click.echo(paint(f"    {offer.hint}", "faint", colour))
        if offer.remark:
            click.echo(f"    {paint('!', 'warning', colour)} {offer.remark}")
    if found.panels:
        click.echo(paint("\nPanels", "strong", colour))
    _table((f"  {each.name}", one_line(each.description, 100)) for each in found.panels)
    if found.gaps:
        click.echo(paint("\nNot usable", "strong", colour))
    _table((f"  {one_line(each.provider)}", f"{each.why} → {each.mend}") for each in found.gaps)
    if search and not (found.offers or found.panels or found.gaps):
        click.echo(f"folkmoot: nothing here has {search!r} in its name", err=True)
    return 0


def _table(rows: Iterable[tuple[str, str]]) -> None:
    lines = list(rows)
    width = max((len(name) for name, _ in lines), default=0)
    for name, said in lines:
        click.echo(f"{name:<{width}}  {said}".rstrip())


def _price(input_usd: float | None, output_usd: float | None, billing: str) -> str:
    if billing == "free":
        return "free"
    if input_usd is None or output_usd is None:
        return "price unknown" if billing == "metered" else "covered by your subscription"
    listed = f"${input_usd:,.2f} in, ${output_usd:,.2f} out per million tokens"
    return f"covered by your subscription, list {listed}" if billing == "subscription" else listed


def _more(form: str, hidden: int, any_shown: bool, known: int, provider: str) -> str:
    """How other models of a provider are written, and found."""
    if hidden > 0:
        return f"and {hidden} more: folkmoot models --search {provider}/"
    others = f"{'any other: ' if any_shown else ''}{form}" if form else ""
    return f"{others}; {known} with a known price: folkmoot models --search {provider}/" if known else others


def _doctor(models: Sequence[str], ask: bool, mend: bool, timeout: float, output_format: str) -> int:
    """Try each seat once with a tiny question, and say what is wrong with it and how to mend it."""
    from folkmoot.checkup.advice import mend_folders
    from folkmoot.checkup.doctor import examine, prepare

    machine = this_machine()
    if mend:
        return _mend(mend_folders(machine, Path.cwd()), output_format)
    if not timeout > 0:
        raise click.BadParameter("must be more than 0", param_hint="--timeout")
    ready = prepare(split(models), machine, timeout)
    text, colour = output_format == "text", use_colour(sys.stdout)
    if text:
        _introduce(machine)
        click.echo(_plan(ready, ask), err=True)

    def report(check: Check) -> None:
        if text:
            click.echo("\n".join(_lines(check, colour)))

    try:
        checks = run_until_signal(examine(ready, machine, ask=ask, report=report), machine)
    except Interrupted as interrupted:
        click.echo(f"folkmoot: {interrupted}", err=True)
        return interrupted.code
    broken = sum(check.works is False for check in checks)
    if text:
        whole = f"{broken} of {counted(len(checks), 'seat')} cannot be used" if broken else "Nothing is wrong"
        click.echo(whole if ask or broken else f"{whole}, as far as can be seen without asking", err=True)
    else:
        status = "failed" if broken else "ok"
        seats = [check.model_dump(mode="json") for check in checks]
        click.echo(json.dumps({"status": status, "asked": ask, "seats": seats}, ensure_ascii=False, indent=2))
    return 1 if broken else 0


def _introduce(machine: Machine) -> None:
    """Print the versions and paths that a bug report needs."""
    import platform

    from folkmoot._version import __version__
    from folkmoot.machine.config import config_path

    config = config_path(machine.environ)
    there = "" if config.exists() else " (not there)"
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    click.echo(f"folkmoot {__version__}, {system}; runs in {machine.home.runs}; {config}{there}", err=True)


def _plan(ready: Ready, ask: bool) -> str:
    from folkmoot.checkup.doctor import QUESTION

    asked = ready.askable
    if not ask or not asked:
        return f"Looking at {counted(len(ready.spec.seats), 'seat')} without asking"
    usd, unknown = ready.likely_usd()
    cost = f"at most about {money(usd)}" if usd else "nothing"
    if unknown:
        known = f"{cost} and " if usd else ""
        cost = f"{known}what {counted(len(unknown), 'seat')} without a known price cost{'s' * (len(unknown) == 1)}"
    return f'Asking {counted(len(asked), "seat")} once: "{QUESTION}" This costs {cost}; --no-ask only looks.'


def _lines(check: Check, colour: bool) -> list[str]:
    marks: dict[bool | None, tuple[str, Style]] = {True: ("✓", "good"), False: ("✗", "bad"), None: ("·", "faint")}
    mark, style = marks[check.works]
    facts = [one_line(check.model), one_line(check.login) or "no log-in was found"]
    if check.works:
        answered = check.answered_by if check.mismatch else None
        facts += [f"answered by {one_line(answered)}"] if answered else []
        facts += [duration(check.seconds or 0.0), _cost(check)]
    lines = [f"{paint(mark, style, colour)} {' · '.join(facts)}"]
    if check.program:
        lines.append(f"    {check.program}{f' {check.version}' if check.version else ''}")
    if check.mismatch:
        lines.append(f"    {paint('!', 'warning', colour)} another model answered than was asked for")
    lines += [f"    {paint('!', 'warning', colour)} {one_line(remark)}" for remark in check.remarks]
    if check.problem:
        kind = "" if check.kind == "setup" else f"{check.kind}: "
        lines.append(f"    {kind}{one_line(check.problem)}")
    if check.mend:
        lines.append(f"    → {one_line(check.mend)}")
    return lines


def _cost(check: Check) -> str:
    if check.billing == "subscription":
        listed = f", list {money(check.list_usd)}" if check.list_usd is not None else ""
        return f"covered by your subscription{listed}"
    if check.billing == "free":
        return "free"
    return "price unknown" if check.cost_usd is None else money(check.cost_usd)


def _mend(done: Sequence[str], output_format: str) -> int:
    if output_format == "json":
        click.echo(json.dumps({"status": "ok", "mended": list(done)}, ensure_ascii=False, indent=2))
    else:
        for line in done or ["there is nothing to mend"]:
            click.echo(line)
    return 0


def _completion(shell: str) -> int:
    """Print what makes your shell complete commands, flags, runs, models and panels."""
    click.echo(script(shell), nl=False)
    return 0


COMMANDS: Mapping[str, click.Command] = {
    "models": click.Command(
        "models", callback=_models, help=_models.__doc__,
        params=[
            click.Option(["--search"], metavar="WORD", help="Only names with this in them; also from the price table."),
            FORMAT,
        ],
    ),
    "doctor": click.Command(
        "doctor", callback=_doctor, help=_doctor.__doc__,
        params=[
            click.Option(
                ["-m", "--models"], multiple=True, metavar="LIST",
                help="Seats to try; without it the default panel, else all that is found here.",
            ),
            click.Option(["--ask/--no-ask"], default=True, help="Whether to ask, or only to look."),
            click.Option(
                ["--mend"], is_flag=True, help="Put Folkmoot's own folders in order, and say what was done; ask nobody."
            ),
            click.Option(
                ["--timeout"], type=float, default=60.0, show_default=True, metavar="SECONDS", help="For one answer."
            ),
            FORMAT,
        ],
    ),
    "completion": click.Command(
        "completion", callback=_completion, help=_completion.__doc__,
        params=[click.Argument(["shell"], type=click.Choice(SHELLS))],
    ),
}  # fmt: skip
