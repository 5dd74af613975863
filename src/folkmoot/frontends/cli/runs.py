"""The commands on recorded runs: list, status, show, resume, fork, outcome, rm."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from folkmoot import events
from folkmoot.core import journal
from folkmoot.errors import InputError
from folkmoot.execute import replay
from folkmoot.frontends.cli.driver import Screen, carry_out, present, print_event, this_machine, use_colour
from folkmoot.frontends.cli.flags import VIEW_FLAGS
from folkmoot.record.marks import VERDICTS, Mark, mark_of
from folkmoot.record.store import RunFolder
from folkmoot.running.runs import Machine, go_on
from folkmoot.running.runs import fork as fork_run

RUN = click.Argument(["run"], default="last")
RECEIPT = click.Option(["--receipt"], is_flag=True, help="What the panel was worth.")
FORMAT = click.Option(["-o", "--output-format"], type=click.Choice(["text", "json"]), default="text", show_default=True)


def _list(limit: int, search: str | None, output_format: str) -> int:
    """The runs on record, newest first."""
    from folkmoot.record.index import Index
    from folkmoot.render.wording import one_line

    index = Index(this_machine().home)
    index.sync()
    rows = index.search(search, limit=limit) if search else index.runs(limit=limit)
    if output_format == "json":
        click.echo(json.dumps([row.model_dump() for row in rows], ensure_ascii=False, indent=2))
        return 0
    if not rows:
        click.echo('no runs yet; try: folkmoot converge "What is 17 * 23?" --models sim', err=True)
    for row in rows:
        cost = "?" if row.cost_usd is None else f"${row.cost_usd:.4f}" if row.cost_usd else "free"
        title = one_line(row.title, 60)
        click.echo(f"{row.id}  {row.protocol:10} {row.status:20} {row.total_calls:4} calls  {cost:9} {title}")
    return 0


def _status(run: str, output_format: str) -> int:
    """Show the state of a run: who has answered, who has not, and whether its process is alive."""
    from folkmoot.record.status import run_status, status_text

    status = run_status(this_machine().home.find(run))
    click.echo(status.model_dump_json(indent=2) if output_format == "json" else status_text(status))
    return 0


def _show(run: str, receipt: bool, **given: Any) -> int:
    """A run's answer and how it came about, computed again from its record.

    RUN@STEP shows one call, e.g. last@r1/evaluate/s1>s2: what the seat was sent, and what it wrote.
    """
    screen = Screen.of(given)
    name, call, step = run.partition("@")
    folder = this_machine().home.find(name)
    if call:
        return _show_call(folder, step, screen)
    listeners: list[events.Listener] = []
    if screen.format == "jsonl":
        listeners.append(print_event)
    elif screen.verbose:
        from folkmoot.render.plain import PlainView

        listeners.append(PlainView(sys.stderr, colour=use_colour(sys.stderr)))
    else:
        listeners.append(_say_notice)
    result = asyncio.run(replay(folder.spec(), folder, listeners=listeners))
    if receipt and screen.format == "text":
        from folkmoot.proof.receipt import receipt_of
        from folkmoot.render.receipt import receipt_text

        if (worth := receipt_of(result)) is not None:
            click.echo(receipt_text(worth, colour=use_colour(sys.stdout)))
        return result.exit_code
    code = present(result, screen)
    if screen.format == "text" and (mark := mark_of(folder)):
        click.echo(_marked(mark), err=True)
    return code


def _say_notice(event: events.Event) -> None:
    if isinstance(event, events.Notice):
        click.echo(f"folkmoot: {event.message}", err=True)


def _show_call(folder: RunFolder, step: str, screen: Screen) -> int:
    """Print what a seat was sent and what it wrote, verbatim, each under a heading."""
    from folkmoot.record.call_text import exchanges
    from folkmoot.render.wording import paint, visible

    found = exchanges(folder, step)
    if screen.format != "text":
        click.echo(json.dumps([each.model_dump() for each in found], ensure_ascii=False, indent=2))
        return 0
    colour = use_colour(sys.stdout)
    for each in found:
        came = "reply" if each.reply is not None else "no reply"
        turns = [*((turn.role, turn.text) for turn in each.sent), (came, each.reply or each.failure or "not yet")]
        for role, text in turns:
            click.echo(paint(f"── {each.step} · {role} ──", "strong", colour))
            click.echo((visible(text) if sys.stdout.isatty() else text) + "\n")
    return 0


def _resume(
    run: str, retry_failed: bool, rounds: int | None, budget: float | None, max_calls: int | None, **given: Any
) -> int:
    """Go on with a run. Nothing that is finished is paid again."""
    machine = this_machine()
    folder = machine.home.find(run)
    options = {"rounds": rounds} if rounds is not None else {}
    limits = {key: value for key, value in (("budget", budget), ("max_calls", max_calls)) if value is not None}
    if any(value <= 0 for value in limits.values()):
        raise InputError("--budget and --max-calls must be more than 0")
    return carry_out(
        lambda watching: go_on(
            folder, machine, retry_failed=retry_failed, options=options, limits=limits, listeners=watching
        ),
        machine,
        Screen.of(given),
    )


def _fork(run: str, changes: Sequence[str], late: str | None, **given: Any) -> int:
    """A new run from another's record: RUN@STEP keeps what came before that step."""
    machine = this_machine()
    name, _, step = run.partition("@")
    if late is not None:
        return _answer_late(machine, name, step, late, changes, Screen.of(given))
    pairs: dict[str, str] = {}
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise InputError(f"--set {change}: write KEY=VALUE")
        pairs[key.strip()] = value
    folder = fork_run(machine.home.find(name), machine, step=step or None, changes=pairs)
    return carry_out(lambda watching: go_on(folder, machine, listeners=watching), machine, Screen.of(given))


def _answer_late(machine: Machine, run: str, step: str, text: str, changes: Sequence[str], screen: Screen) -> int:
    """Fork a run as if a person's reply to `step` had come in time."""
    from folkmoot.machine.people import Nobody
    from folkmoot.running.late import late_reply

    if changes:
        raise InputError("--late answers what was asked, and --set asks something else: fork twice")
    folder = late_reply(machine.home.find(run), machine, step, sys.stdin.read() if text == "-" else text)
    reached = replace(machine, people=machine.people or Nobody())  # as a rule nobody is asked anything more
    return carry_out(lambda watching: go_on(folder, reached, listeners=watching), reached, screen)


def _outcome(run: str, verdict: str, answer: str | None, note: str | None) -> int:
    """Say whether a run's answer was right, wrong or partly right.

    The run's verdict stays as it is. `ask` and `folkmoot eval` learn from runs that were marked; with --answer also who
    else in the run was right. The last mark counts.
    """
    from folkmoot.running.marking import mark

    home = this_machine().home
    folder = home.find(run)
    click.echo(f"{folder.id}: {_marked(mark(folder, home, verdict, answer=answer, note=note))}", err=True)
    return 0


def _marked(mark: Mark) -> str:
    told = (f"the right answer is {mark.answer}" if mark.answer else None, mark.note)
    return "; ".join([f"marked {mark.verdict}", *(each for each in told if each)])


def _rm(runs: Sequence[str], yes: bool) -> int:
    """Delete runs from the record."""
    home = this_machine().home
    folders = list({folder.path: folder for folder in map(home.find, runs)}.values())
    if not all((folder.path / "run.json").exists() for folder in folders):
        raise InputError("this is no run's folder; nothing was deleted")
    if busy := [folder.id for folder in folders if journal.held(folder.journal)]:
        raise InputError(f"{', '.join(busy)}: a process is working on it; nothing was deleted")
    if not yes:
        click.confirm(f"Delete {', '.join(folder.id for folder in folders)}?", abort=True, err=True)
    for folder in folders:
        home.remove(folder)
        click.echo(f"deleted {folder.id}", err=True)
    _forget(folders)
    return 0


def _forget(folders: Sequence[RunFolder]) -> None:
    from folkmoot.record.index import Index

    if folders:
        Index(this_machine().home).sync()


_NEXT = (
    click.Option(["--retry-failed"], is_flag=True, help="Ask failed calls again."),
    click.Option(["--rounds", "--max-rounds"], type=int, help="The most rounds, counted from the first."),
    click.Option(["--budget"], type=float, metavar="USD", help="What the whole run may cost."),
    click.Option(["--max-calls"], type=int, metavar="N", help="How many calls the whole run may make."),
)

COMMANDS = {
    "list": click.Command(
        "list", callback=_list, help=_list.__doc__,
        params=[
            click.Option(["-n", "--limit"], type=int, default=20, show_default=True),
            click.Option(["--search"], metavar="WORDS", help="Only runs whose prompt or answer has these words."),
            FORMAT,
        ],
    ),
    "status": click.Command("status", params=[RUN, FORMAT], callback=_status, help=_status.__doc__),
    "show": click.Command("show", params=[RUN, RECEIPT, *VIEW_FLAGS], callback=_show, help=_show.__doc__),
    "resume": click.Command(
        "resume", callback=_resume, help=_resume.__doc__,
        params=[RUN, *_NEXT, *VIEW_FLAGS],
    ),
    "fork": click.Command(
        "fork", callback=_fork, help=_fork.__doc__,
        params=[
            click.Argument(["run"]),
            click.Option(
                ["--set", "changes"], multiple=True, metavar="KEY=VALUE",
                help="threshold=9, prompt=..., seed=7, limits.budget=1, seats.2.model=openai/gpt-5.4. Repeatable.",
            ),
            click.Option(
                ["--late"], metavar="TEXT",
                help="What a person answers to STEP after the deadline; all else stays as it was. `-` reads it.",
            ),
            *VIEW_FLAGS,
        ],
    ),
    "outcome": click.Command(
        "outcome", callback=_outcome, help=_outcome.__doc__,
        params=[
            click.Argument(["run"]),
            click.Argument(["verdict"], type=click.Choice(VERDICTS)),
            click.Option(["--answer"], metavar="TEXT", help="The right answer."),
            click.Option(["--note"], metavar="TEXT", help="How you know, for people."),
        ],
    ),
    "rm": click.Command(
        "rm", callback=_rm, help=_rm.__doc__,
        params=[
            click.Argument(["runs"], nargs=-1, required=True),
            click.Option(["-y", "--yes"], is_flag=True, help="Do not ask."),
        ],
    ),
}  # fmt: skip
