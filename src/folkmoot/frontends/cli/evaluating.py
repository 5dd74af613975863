"""`folkmoot eval run` and `eval compare`: ways of asking, compared on a set of questions."""

import asyncio
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from folkmoot.errors import InputError
from folkmoot.evals.harness import ConditionResult, EvaluationPlan, EvaluationProgress, evaluate
from folkmoot.evals.report import ReportRow
from folkmoot.frontends.cli.driver import this_machine
from folkmoot.frontends.cli.flags import split


def _run(dataset: str, **given: Any) -> int:
    """Compare ways of asking on a set of questions, with intervals.

    DATASET is a file (JSON lines, CSV, Inspect samples, a recording) or a set that ships: traps, steps. A call that is
    finished is on record and never paid again: the same command, started once more, goes on where it was.
    """
    from folkmoot.evals.report import audit_lines, by_category, graded_by, row_json, rows_of, table, verdict
    from folkmoot.record.files import write_file

    planned = plan_of(dataset, given)
    entries = carry_out(planned, quiet=given["quiet"])
    rows = rows_of(entries)
    if given["log"] is not None:
        questions = {each.id: each.question for each in planned.dataset.samples}
        accepted = {each.id: each.expected.accept for each in planned.dataset.samples}
        lines = audit_lines(entries, questions, accepted)
        write_file(given["log"].absolute(), "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in lines))
    _draw(given["picture"], rows, entries)
    if given["output_format"] == "json":
        about = {"name": planned.dataset.name, "version": planned.dataset.version, "epochs": planned.epochs}
        found = {"dataset": about, "conditions": [row_json(row) for row in rows]}
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return 0
    markdown = given["output_format"] == "markdown"
    click.echo(table(rows, markdown=markdown))
    if given["by_category"]:
        for category, found_rows in by_category(entries).items():
            click.echo(f"\n{category}\n\n{table(found_rows, markdown=markdown)}")
    if said := verdict(rows):
        click.echo(f"\n{said}")
    if planned.judge is not None:
        click.echo(f"\n{graded_by(planned.judge, entries)}")
    if given["plot"]:
        from folkmoot.evals.pictures import in_terminal

        click.echo(f"\n{in_terminal(rows, width=min(120, shutil.get_terminal_size().columns))}")
    return 0


def _draw(pictures: Sequence[str], rows: Sequence[ReportRow], entries: Sequence[ConditionResult]) -> None:
    """Write the pictures that --picture names: KIND=FILE, or FILE for accuracy against cost."""
    if pictures:
        from folkmoot.evals.pictures import draw, save

        for written in pictures:
            kind, equals, file = written.partition("=")
            save(draw(kind if equals else "cost", rows, entries), Path(file if equals else written))


def plan_of(dataset: str, given: dict[str, Any]) -> EvaluationPlan:
    """What the flags ask for. Raises InputError."""
    from folkmoot.evals.conditions import parse_conditions
    from folkmoot.evals.datasets import read_dataset

    found = read_dataset(dataset)
    kind, _, judge = (given["grader"] or "").partition(":")
    if kind == "model":
        judge = judge or given["baseline"]
        if not judge:
            raise InputError("--grader model: name the model that grades, --grader model:MODEL, or a --baseline")
    elif given["grader"] is not None:
        found = found.graded_by(given["grader"])
    models: Sequence[str] = split(given["models"])
    if not models and found.recordings:
        models = recorded_panel(found.recordings)
    if not models:
        raise InputError("--models names nobody to ask")
    return EvaluationPlan(
        dataset=found.first(given["limit"]),
        conditions=parse_conditions(given["conditions"], models, given["baseline"]),
        epochs=given["epochs"],
        limits={name: given[name] for name in ("timeout", "max_calls") if given[name] is not None},
        recordings=tuple(str(path.absolute()) for path in given["recordings"]),
        jobs=given["jobs"],
        retry_failed=given["retry_failed"],
        budget=given["budget"],
        judge=judge if kind == "model" else None,
    )


def recorded_panel(recordings: Sequence[str], most: int = 6) -> list[str]:
    """The first models of a recording, as seats."""
    from folkmoot.providers.recorded import Recordings

    return [f"recorded/{model}" for model in Recordings(tuple(map(Path, recordings))).models[:most]]


def carry_out(planned: EvaluationPlan, *, quiet: bool) -> list[ConditionResult]:
    """Evaluate with a line of progress on standard error."""
    shown = _Line(quiet)
    try:
        return asyncio.run(evaluate(planned, this_machine(), shown.update))
    except KeyboardInterrupt:
        shown.end()
        click.echo("folkmoot: stopped; the same command goes on from here", err=True)
        raise
    finally:
        shown.end()


class _Line:
    """Progress in one line that is written over, or, where standard error is a file, in a line now and then."""

    def __init__(self, quiet: bool) -> None:
        self.quiet, self.terminal = quiet, sys.stderr.isatty()
        self.last = 0.0
        self.open = False

    def update(self, _entry: ConditionResult, progress: EvaluationProgress) -> None:
        passed = progress.seconds
        if self.quiet or (passed - self.last < (0.1 if self.terminal else 10) and progress.done < progress.total):
            return
        self.last = passed
        text = told(progress)
        click.echo(f"\r\x1b[2K{text}" if self.terminal else text, err=True, nl=not self.terminal)
        self.open = self.terminal

    def end(self) -> None:
        if self.open:
            click.echo(err=True)
        self.open = False


def told(progress: EvaluationProgress) -> str:
    """
    >>> told(EvaluationProgress(100, done=50, known=10, usd=0.5, began=0.0, now=lambda: 20.0))
    '50/100 runs, 10 from the record, 2.0/s, $0.50, 25 s left'
    """
    parts = [f"{progress.done}/{progress.total} runs"]
    if progress.known:
        parts.append(f"{progress.known} from the record")
    if progress.rate:
        parts.append(f"{progress.rate:.1f}/s")
    if progress.usd:
        parts.append(f"${progress.usd:.2f}")
    if (left := progress.seconds_left) is not None and progress.done < progress.total:
        parts.append(f"{left:.0f} s left" if left < 120 else f"{left / 60:.0f} min left")
    return ", ".join(parts)


def _compare(dataset: str, first: str, second: str, judge: str, blind: bool, **given: Any) -> int:
    """Let a judge compare two ways of asking, blindly, in both orders.

    FIRST and SECOND are conditions, as for `eval run`. The judge sees two answers without names, and each pair twice.
    """
    from folkmoot.evals.compare import compare

    if not blind:
        raise InputError("a comparison that shows who wrote what says little; --blind is the only kind there is")
    planned = plan_of(dataset, {**given, "conditions": (first, second), "grader": None, "baseline": None})
    if len(planned.conditions) != 2:
        raise InputError("name two different conditions that are one way of asking each, such as vote and solo:MODEL")
    entries = carry_out(planned, quiet=given["quiet"])
    found = asyncio.run(compare(planned, this_machine(), entries, *planned.conditions, judge))
    click.echo(found.text())
    return 0


_FILE = click.Path(path_type=Path, dir_okay=False)

PLAN_FLAGS: list[click.Parameter] = [
    click.Argument(["dataset"]),
    click.Option(["-m", "--models"], multiple=True, metavar="LIST", help="The panel; a recording names its own."),
    click.Option(
        ["-c", "--conditions"], multiple=True, metavar="LIST",
        help="Ways of asking: seats, solo:MODEL, self-consistency:MODEL, best-of:MODEL, any protocol with options "
        "(converge:threshold=9), refinery, ensemble, council-rule, consortium-rule. Default: seats,vote,ask.",
    ),
    click.Option(["--baseline"], metavar="MODEL", help="A strong model, alone, against which the others are compared."),
    click.Option(["--epochs"], type=click.IntRange(1, 1000), default=1, show_default=True, help="Times each is asked."),
    click.Option(["--limit"], type=click.IntRange(1), help="Only the first so many questions."),
    click.Option(["--grader"], metavar="NAME", help="Grade all answers by this one; model:MODEL asks a model."),
    click.Option(["--recording", "recordings"], multiple=True, type=_FILE, help="Where recorded seats find answers."),
    click.Option(["-j", "--jobs"], type=click.IntRange(1, 256), default=8, show_default=True, help="Runs at once."),
    click.Option(["--budget"], type=click.FloatRange(0, min_open=True), help="USD that this command may spend."),
    click.Option(["--timeout"], type=click.FloatRange(0, min_open=True), help="Seconds for one call."),
    click.Option(["--max-calls"], type=click.IntRange(1), help="Calls that one run may make."),
    click.Option(["--retry-failed"], is_flag=True, help="Ask failed calls again; finished ones are kept."),
    click.Option(["-q", "--quiet"], is_flag=True, help="No progress."),
]  # fmt: skip

RUN = click.Command(
    "run", callback=_run, help=_run.__doc__,
    params=[
        *PLAN_FLAGS,
        click.Option(["--log"], type=_FILE, help="Write one JSON line for each question: answers, grades, cost."),
        click.Option(
            ["--picture", "picture"], multiple=True, metavar="[KIND=]FILE",
            help="Draw to a .png or .svg file: cost (accuracy against cost), agreement or errors. Repeatable.",
        ),
        click.Option(["--plot"], is_flag=True, help="Draw accuracy against cost here in the terminal."),
        click.Option(["--by-category"], is_flag=True, help="A table for each category too."),
        click.Option(
            ["-o", "--output-format"], type=click.Choice(["text", "markdown", "json"]), default="text",
            show_default=True,
        ),
    ],
)  # fmt: skip

COMPARE = click.Command(
    "compare", callback=_compare, help=_compare.__doc__,
    params=[
        PLAN_FLAGS[0],
        click.Argument(["first"]),
        click.Argument(["second"]),
        click.Option(["--judge"], required=True, metavar="MODEL", help="Who compares; best none of those compared."),
        click.Option(["--blind/--open"], default=True, hidden=True),
        *(each for each in PLAN_FLAGS[1:] if each.name not in ("conditions", "grader", "baseline")),
    ],
)  # fmt: skip
