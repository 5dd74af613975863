"""`llm consortium`: llm-consortium's command of its early versions, which asks, and those that came later.

A question is asked by `run`, the default command: `llm consortium "..." -m a -m b`.
"""

import difflib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from folkmoot.errors import FolkmootError, InputError
from folkmoot.events import Listener
from folkmoot.frontends.cli.command_names import reserved_names
from folkmoot.frontends.cli.driver import Screen, carry_out, result_writer, this_machine
from folkmoot.frontends.llm_plugin.configs import PROTOCOL, as_config, config_text, find_saved, models_text, saved
from folkmoot.frontends.llm_plugin.flags import MEMBERS, RULES, options_given, system_given
from folkmoot.frontends.llm_plugin.names import Names
from folkmoot.machine.panels import make_panel
from folkmoot.python.consortia import documented
from folkmoot.render.wording import one_line
from folkmoot.running.planning import Asked, check_panel, plan
from folkmoot.running.runs import begin

DEFAULT = "run"
EXIT_INPUT = 4


class _Wrong(click.ClickException):
    """An input error of `llm consortium`, one line for each problem."""

    exit_code = EXIT_INPUT

    def show(self, file: IO[Any] | None = None) -> None:
        for problem in self.message.splitlines():
            click.echo(f"Error: {problem}", err=True)


class _WrongUsage(click.UsageError):
    """A command line that cannot be read."""

    exit_code = EXIT_INPUT


@contextmanager
def _told_in_lines() -> Iterator[None]:
    try:
        yield
    except (_WrongUsage, click.exceptions.NoArgsIsHelpError):
        raise
    except click.UsageError as error:
        raise _WrongUsage(error.format_message(), error.ctx) from error
    except InputError as error:
        raise _Wrong(str(error)) from error
    except FolkmootError as error:
        raise click.ClickException(str(error)) from error


class _Group(click.Group):
    """Commands. A first word that is no command begins a question, unless it looks misspelt."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with _told_in_lines():
            return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        word = args[0] if args else ""
        piped = not args and not sys.stdin.isatty()
        if piped or (args and word not in self.commands and word not in ctx.help_option_names):
            near = difflib.get_close_matches(word, self.commands, n=1, cutoff=0.75)
            if near and len(word.split()) == 1:
                raise click.UsageError(f"there is no command {word!r}; did you mean `llm consortium {near[0]}`?", ctx)
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with _told_in_lines():
            return super().invoke(ctx)


@click.group(PROTOCOL, cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def consortium() -> None:
    """Ask several models the same question; an arbiter makes one answer of theirs, in as many rounds as it takes."""


@consortium.command(DEFAULT)
@click.argument("prompt", required=False)
@MEMBERS
@RULES
@click.option("--system", help="System prompt for every member, or the path of a file that holds it.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the whole result there, as JSON."
)
@click.option("--stdin/--no-stdin", default=True, help="Add what is piped in after the prompt.  [default: stdin]")
@click.option("--raw", is_flag=True, help="Show on standard error what every member and the arbiter wrote.")
@click.pass_context
def _run(ctx: click.Context, /, prompt: str | None, output: Path | None, stdin: bool, raw: bool, **given: Any) -> None:
    """Ask a question. Without -m, the panel `default` is asked, or what is usable here."""
    machine = this_machine()
    names = Names(machine)
    text = "\n\n".join(part for part in (prompt, _piped() if stdin else "") if part and part.strip())
    if not text:
        raise click.UsageError("there is nothing to ask: give a prompt, or pipe it in")
    asked = Asked(
        text, protocol=PROTOCOL, title=prompt or text, models=names.written(given["model"], given["count"]),
        options=options_given(given, names.written), system=system_given(given["system"]),
        limits={name: given[name] for name in ("budget", "max_calls") if given[name] is not None},
    )  # fmt: skip
    listeners: list[Listener] = [] if output is None else [result_writer(output, documented)]
    job = plan(asked, machine, lambda note: click.echo(f"folkmoot: {note}", err=True))
    ctx.exit(carry_out(lambda watching: begin(job, machine, listeners=watching), machine, Screen(raw=raw), listeners))


@consortium.command("save")
@click.argument("name")
@MEMBERS
@RULES
@click.option("--system", help="System prompt for every member, or the path of a file that holds it.")
def _save(name: str, **given: Any) -> None:
    """Save members, arbiter and rules under a name: a panel, and a model of `llm`."""
    machine = this_machine()
    names = Names(machine)
    if not given["model"]:
        raise click.UsageError("say who is asked: -m MODEL, repeated for each")
    replaced = name in machine.panels
    panel = make_panel(
        {
            "protocol": PROTOCOL, "models": names.frozen(given["model"], given["count"]),
            "options": options_given(given, names.frozen), "system": system_given(given["system"]),
            "budget": given["budget"], "max_calls": given["max_calls"],
        },
        name,
    )  # fmt: skip
    names.check_free(name)
    check_panel(name, panel, machine, sorted(reserved_names()))
    path = machine.panels.save(name, panel)
    click.echo(f'{"replaced" if replaced else "saved"} {path}\nask it: llm -m {name} "..."', err=True)


@consortium.command("list")
@click.option("--json", "as_json", is_flag=True)
def _list(as_json: bool) -> None:
    """What was saved, the newest first."""
    machine = this_machine()
    found = [as_config(name, panel, machine) for name, panel in saved(machine).items()]
    if as_json:
        _echo_json(found)
    elif not found:
        click.echo("nothing is saved yet: llm consortium save NAME -m MODEL -m MODEL", err=True)
    for config in found if not as_json else ():
        click.echo(f"{config['name']:16} {models_text(config)}  arbiter {config['arbiter'] or 'the first'}")


def _info(name: str, as_json: bool) -> None:
    """One of what was saved."""
    machine = this_machine()
    config = as_config(name, find_saved(name, machine), machine)
    if as_json:
        _echo_json(config)
    else:
        click.echo(config_text(config))


for word in ("info", "show"):  # the same, by the names of two of its generations
    consortium.command(word)(click.argument("name")(click.option("--json", "as_json", is_flag=True)(_info)))


@consortium.command("remove")
@click.argument("name")
def _remove(name: str) -> None:
    """Delete what was saved. What it was asked stays on record."""
    machine = this_machine()
    find_saved(name, machine)
    machine.panels.remove(name)
    click.echo(f"removed {name}", err=True)


@consortium.command("strategies")
def _strategies() -> None:
    """What --strategy can be."""
    from folkmoot.counting.strategies import STRATEGIES

    for name, kind in STRATEGIES.items():
        click.echo(f"{name:12} {(kind.__doc__ or '').strip().splitlines()[0]}")


@consortium.command("runs")
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True)
@click.option("--since", metavar="YYYY-MM-DD")
@click.option("--json", "as_json", is_flag=True)
def _runs(limit: int, since: str | None, as_json: bool) -> None:
    """Runs on record, the newest first."""
    from folkmoot.frontends.llm_plugin.records import number, run_lines

    found = run_lines(this_machine(), limit, since)
    if as_json:
        _echo_json(found)
        return
    for run in found:
        rounds = f"{run['iteration_count']}/{run['max_iterations']}"
        rule = f"{run['strategy']}/{run['judging_method']}"
        prompt = one_line(run["user_prompt"], 77)
        click.echo(f"{run['id']}  {run['status']:16} {rule:18} {rounds:5} {number(run['final_confidence']):5} {prompt}")


@consortium.command("run-info")
@click.argument("run_id", default="last")
@click.option("--json-output", "--json", "as_json", is_flag=True)
def _run_info(run_id: str, as_json: bool) -> None:
    """What everybody wrote in a run, and what the arbiter decided. The beginning of its id will do."""
    from folkmoot.frontends.llm_plugin.records import record_text, run_record

    record = run_record(this_machine(), run_id)
    if as_json:
        _echo_json(record)
    else:
        click.echo(record_text(record))


@consortium.command("leaderboard")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Models to show.")
@click.option("--since", metavar="YYYY-MM-DD", help="Only runs since then.")
@click.option("-m", "--model", multiple=True, help="Only models with this in their name. Repeatable.")
@click.option("--json", "as_json", is_flag=True)
def _leaderboard(limit: int, since: str | None, model: Sequence[str], as_json: bool) -> None:
    """Models by how sure arbiters were of runs with them, and how often they were ranked first.

    An arbiter's confidence is its opinion of its own text: no measure of who is right.
    """
    from folkmoot.frontends.llm_plugin.records import board, number

    lines = board(this_machine(), limit, since, model)
    if as_json:
        _echo_json(lines)
        return
    click.echo(f"{'model':40} {'runs':>5} {'confidence':>11} {'first':>6}")
    for line in lines:
        shown = number(line["mean_confidence"]), number(line["win_rate"])
        click.echo(f"{line['model']:40} {line['runs']:5} {shown[0]:>11} {shown[1]:>6}")


def _piped() -> str:
    return "" if sys.stdin.isatty() else sys.stdin.read().strip()


def _echo_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
