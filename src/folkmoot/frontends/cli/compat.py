"""`folkmoot compat NAME`: command lines of other systems, as they stand. Nothing is installed under their names."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from folkmoot.errors import InputError
from folkmoot.evals.conditions import SOLO, Condition, baseline_name
from folkmoot.evals.datasets import read_dataset
from folkmoot.evals.harness import ConditionResult, EvaluationPlan
from folkmoot.evals.report import ReportRow, grid, money, rows_of
from folkmoot.frontends.cli.evaluating import carry_out
from folkmoot.frontends.cli.flags import split

DEFAULT_TRIO = ("gpt4o", "claude", "deepseek")
ENSEMBLE = "ensemble"


def _ensemble_eval(
    limit: int | None,
    models: Sequence[str],
    dataset: str,
    baseline: str | None,
    delay: float,
    stall_timeout: float,
    log: Path | None,
    recordings: Sequence[Path],
) -> int:
    """Ensemble's evaluation: each model alone, a quick debate of all, and a strong baseline.

    Differences: it resumes, questions run side by side unless --delay is given, answers are graded by what they
    conclude, and intervals stand beside the scores. Without --dataset, the questions are our set `traps`.
    """
    seats = split(models) or DEFAULT_TRIO
    if len(seats) < 2:
        raise InputError("--models: a debate needs at least two models")
    alone = [Condition(name, SOLO, models=(name,)) for name in dict.fromkeys(seats)]
    debate = Condition(ENSEMBLE, "debate", {"quick": True, "stall_timeout": stall_timeout}, seats)
    strong = [Condition(baseline_name(baseline), SOLO, models=(baseline,))] if baseline else []
    planned = EvaluationPlan(
        dataset=read_dataset(dataset).first(limit),
        conditions=(*alone, debate, *strong),
        recordings=tuple(str(path.absolute()) for path in recordings),
        jobs=1 if delay else 8,
        pause=delay,
    )
    entries = carry_out(planned, quiet=False)
    if log is not None:
        log.write_text(
            "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in _log_lines(planned, entries)), "utf-8"
        )
    click.echo(_table(rows_of(entries, ENSEMBLE), list(seats), strong))
    click.echo(f"\n{_verdict(entries, list(dict.fromkeys(seats)), strong)}")
    return 0


def _table(rows: Sequence[ReportRow], seats: Sequence[str], strong: Sequence[Condition]) -> str:
    """Condition, Score, Accuracy, Cost, $/correct as Ensemble prints them, and the interval of the accuracy."""
    by_name = {row.condition: row for row in rows}
    lines = [["Condition", "Score", "Accuracy", "Cost", "$/correct", "95 %"]]
    for names in (list(dict.fromkeys(seats)), [each.name for each in strong], [ENSEMBLE]):
        if names:
            lines += [_line(by_name[name]) for name in names]
            lines.append(["-" * 9, *[""] * 5])
    return grid(lines[:-1])


def _line(row: ReportRow) -> list[str]:
    low, high = row.accuracy.interval
    per_right = money(row.usd_per_right.value) if row.usd_per_right is not None else money(row.usd)
    return [
        row.condition, f"{row.right}/{row.questions}", f"{row.accuracy.value:.1%}", f"${money(row.usd)}",
        f"${per_right}", f"{low:.1%} to {high:.1%}",
    ]  # fmt: skip


def _verdict(entries: Sequence[ConditionResult], seats: Sequence[str], strong: Sequence[Condition]) -> str:
    """Against the best single model and the baseline, with the interval of the difference; then the unclear debates."""
    rows = {row.condition: row for row in rows_of(entries)}
    best = max((rows[name] for name in seats), key=lambda row: row.right).condition
    said = [_against(entries, f"the best single model, {best}", best)]
    said += [f"HEADLINE: {_against(entries, each.name, each.name)}" for each in strong]
    debates = rows[ENSEMBLE]
    said.append(f"{debates.undecided} of {debates.questions} debates ended without a clean consensus")
    return "\n".join(said)


def _against(entries: Sequence[ConditionResult], told: str, name: str) -> str:
    row = next(row for row in rows_of(entries, name) if row.condition == ENSEMBLE)
    base = next(row for row in rows_of(entries, name) if row.condition == name)
    assert row.gain is not None
    low, high = row.gain.interval
    word = "tied with" if not row.gain.significant else "beat" if row.gain.value > 0 else "did NOT beat"
    times = f", at {row.usd / base.usd:.1f}x its cost" if row.usd and base.usd else ""
    return (
        f"the ensemble {word} {told}: {100 * row.gain.value:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]{times}"
    )


def _log_lines(planned: EvaluationPlan, entries: Sequence[ConditionResult]) -> list[dict[str, object]]:
    """Ensemble's log records: one for each question, with its keys."""
    found: list[dict[str, object]] = []
    for number, sample in enumerate(planned.dataset.samples, 1):
        of = {each.condition: each for each in entries if each.sample == sample.id}
        found.append(
            {
                "i": number, "question": sample.question, "category": sample.category,
                "accept": list(sample.expected.accept),
                "outcomes": {name: each.right for name, each in of.items()},
                "answers": {name: each.answer[:500] for name, each in of.items()},
                "costs": {name: None if each.usd is None else round(each.usd, 6) for name, each in of.items()},
                "ensemble_status": of[ENSEMBLE].status, "ensemble_reason": of[ENSEMBLE].explanation,
            }
        )  # fmt: skip
    return found


_FILE = click.Path(path_type=Path, dir_okay=False)

ENSEMBLE_EVAL = click.Command(
    "ensemble-eval", callback=_ensemble_eval, help=_ensemble_eval.__doc__,
    params=[
        click.Option(["--limit"], type=click.IntRange(1), help="Only the first so many questions."),
        click.Option(["--models"], multiple=True, metavar="LIST", help="Default: gpt4o,claude,deepseek."),
        click.Option(["--dataset"], default="traps", metavar="FILE", help='Lines {"question", "accept", "category"}.'),
        click.Option(["--baseline"], metavar="MODEL", help="A strong model, alone."),
        click.Option(["--delay"], type=click.FloatRange(0), default=0.0, help="Seconds between two questions."),
        click.Option(["--stall-timeout"], type=click.FloatRange(0, min_open=True), default=60.0, show_default=True,
                     help="Seconds without any finished call after which a debate ends."),
        click.Option(["--log"], type=_FILE, help="Write one JSON line for each question."),
        click.Option(["--recording", "recordings"], multiple=True, type=_FILE, help="For recorded seats."),
    ],
)  # fmt: skip

COMPAT = click.Group(
    "compat", {"ensemble-eval": ENSEMBLE_EVAL}, help="Take the command lines of other systems as they stand."
)

COMMANDS: dict[str, click.Command] = {"compat": COMPAT}
