"""`folkmoot eval ceiling` and `eval value`: what marked answers say of a panel."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from folkmoot.counting.evidence import Evidence
from folkmoot.errors import InputError
from folkmoot.frontends.cli.driver import this_machine
from folkmoot.frontends.cli.flags import split

SOURCES = click.Argument(["sources"], nargs=-1, metavar="[FILE]...")
MODELS = click.Option(["-m", "--models"], multiple=True, metavar="LIST", help="The panel; by default every model.")
FORMAT = click.Option(["-o", "--output-format"], type=click.Choice(["text", "json"]), default="text", show_default=True)


def evidence_of(sources: Sequence[str], models: Sequence[str]) -> tuple[Evidence, list[str]]:
    """What is known, and the panel that `models` means.

    The evidence comes from files of marked answers; from asking `models` the questions of a set; without `sources` from
    the marked runs. Raises InputError for a set of questions without anybody to ask.
    """
    from folkmoot.evals.marked import is_marked, read_marked

    panel = list(split(models))
    if not sources:
        return asyncio.run(_on_record()), panel
    paths = [Path(source) for source in sources]
    if all(path.is_file() and is_marked(path) for path in paths):
        return read_marked(paths), panel
    if len(sources) > 1:
        raise InputError("several files must all hold answers; questions alone are asked one set at a time")
    if not panel:
        raise InputError(f"{sources[0]} holds questions and no answers; name who is to be asked with --models")
    return _asked(sources[0], panel)


async def _on_record() -> Evidence:
    """What the marked runs say; and keep it where `ask` finds it."""
    from folkmoot.evals.on_record import all_marked, evidence_from
    from folkmoot.running.marking import keep_marked

    home = this_machine().home
    runs = await all_marked(home)
    found = evidence_from(runs)
    keep_marked(home, runs)
    return found


def _asked(name: str, written: Sequence[str]) -> tuple[Evidence, list[str]]:
    """Ask every model alone; what was asked before is not asked again."""
    from folkmoot.evals.conditions import parse_conditions
    from folkmoot.evals.datasets import read_dataset
    from folkmoot.evals.harness import EvaluationPlan
    from folkmoot.evals.marked import from_entries
    from folkmoot.frontends.cli.evaluating import carry_out
    from folkmoot.machine.seats import parse_models

    machine = this_machine()
    seats = parse_models(written, panels=machine.panels, servers=machine.config.providers)
    models = list(dict.fromkeys(seat.model for seat in seats))
    dataset = read_dataset(name)
    entries = carry_out(
        EvaluationPlan(dataset, parse_conditions([f"solo:{model}" for model in models], models)), quiet=False
    )
    return from_entries(entries, {each.id: each.question for each in dataset.samples}, dataset.name), models


def _ceiling(
    sources: Sequence[str], models: Sequence[str], next_questions: int | None, least: float, output_format: str
) -> int:
    """How much a panel of these models could gain, before one is built.

    FILE is a recording with marks, or a set of questions that --models are asked first, each alone; without one, the
    runs that `folkmoot outcome` marked are read.
    """
    from folkmoot.evals.ceiling import ceiling
    from folkmoot.evals.ceiling_report import ceiling_text

    evidence, panel = evidence_of(sources, models)
    found = ceiling(evidence, panel, next_questions=next_questions, least=least / 100)
    click.echo(found.model_dump_json(indent=2) if output_format == "json" else ceiling_text(found), nl=False)
    return 0


def _value(sources: Sequence[str], models: Sequence[str], output: Path | None, output_format: str) -> int:
    """What each model and each pair is worth, and whom `ask` would ask first.

    FILE is a recording with marks, or a set of questions that --models are asked first, each alone; without one, the
    runs that `folkmoot outcome` marked are read once more, and `ask` goes by them from then on.
    """
    from folkmoot.counting.value import learn, plan_for, write_values
    from folkmoot.evals.value_report import value_text

    evidence, panel = evidence_of(sources, models)
    table = learn(evidence)
    members = [(f"s{number}", model) for number, model in enumerate(panel or evidence.models, 1)]
    planned = plan_for(table, members, {})
    if output is not None:
        write_values(output, table)
    shown = (planned or table).model_dump_json(indent=2, exclude={"answers"}) + "\n"
    click.echo(shown if output_format == "json" else value_text(table, planned), nl=False)
    return 0


VALUE = click.Command(
    "value", callback=_value, help=_value.__doc__,
    params=[
        SOURCES,
        MODELS,
        click.Option(
            ["--output"], type=click.Path(path_type=Path), help="Write the table there, for `ask --value FILE`."
        ),
        FORMAT,
    ],
)  # fmt: skip


def draw_reliability(sources: Sequence[str], models: Sequence[str], diagram: Path | None) -> int:
    """The reliability diagram of a panel, in letters, and as SVG where a file is named."""
    from folkmoot.evals.reliability import reliability, reliability_svg, reliability_text
    from folkmoot.record.files import write_file

    known, panel = evidence_of(sources, models)
    found = reliability(known, panel)
    click.echo(reliability_text(found), nl=False)
    if diagram is not None:
        write_file(diagram.absolute(), reliability_svg(found))
    return 0


def _rules(sources: Sequence[str], output_format: str) -> int:
    """Which rule of counting judges finds the right answer most often: the mean, the median, tops, Borda.

    FILE holds judged answers that are marked: lines {"scores": {judge: {author: number}}, "correct": {author: 0 or 1}}.
    Without one, the marked runs of converge and council are read.
    """
    from folkmoot.evals.judged import compare_rules, from_runs, read_judged, rules_text
    from folkmoot.evals.on_record import all_marked

    judged = read_judged(map(Path, sources)) if sources else from_runs(asyncio.run(all_marked(this_machine().home)))
    found = compare_rules(judged)
    click.echo(found.model_dump_json(indent=2) + "\n" if output_format == "json" else rules_text(found), nl=False)
    return 0


RULES = click.Command("rules", callback=_rules, help=_rules.__doc__, params=[SOURCES, FORMAT])

CEILING = click.Command(
    "ceiling", callback=_ceiling, help=_ceiling.__doc__,
    params=[
        SOURCES,
        MODELS,
        click.Option(
            ["--next", "next_questions"], type=click.IntRange(1), metavar="N",
            help="Predict so many further questions; by default as many as are known.",
        ),
        click.Option(
            ["--least"], type=click.FloatRange(0, 100), default=1.0, show_default=True, metavar="POINTS",
            help="The gain below which a panel is not worth building.",
        ),
        FORMAT,
    ],
)  # fmt: skip
