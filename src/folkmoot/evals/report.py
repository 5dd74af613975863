"""What an evaluation found: one row for each condition, with intervals, as text, Markdown and JSON.

Nothing is dropped: an undecided run counts by its leading answer, one without any answer counts as wrong, and both are
counted in columns of their own.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from folkmoot.evals.harness import ConditionResult
from folkmoot.evals.statistics import Estimated, bootstrap, paired_difference, percentile, proportion
from folkmoot.types import JSON


@dataclass(frozen=True)
class ReportRow:
    """How one condition did on all questions."""

    condition: str
    questions: int  # entries: questions times epochs
    right: int
    accuracy: Estimated
    gain: Estimated | None  # accuracy over the baseline's, paired by question; None: it is the baseline
    calls: float  # a question
    tokens: float  # a question
    usd: float | None  # in all; None: a price is unknown
    usd_per_right: Estimated | None  # None where nothing was paid or a price is unknown; infinite: nothing was right
    calls_per_right: Estimated
    p50: float  # seconds
    p95: float
    undecided: int
    degraded: int
    unanswered: int
    ungraded: int  # answers that the model that grades did not grade; they count as not right
    judge_calls: int  # in all, of the grading


def rows_of(entries: Sequence[ConditionResult], baseline: str | None = None) -> list[ReportRow]:
    """One row for each condition, in the order of appearance; `baseline` is the first one if not named."""
    by_condition: dict[str, list[ConditionResult]] = {}
    for each in entries:
        by_condition.setdefault(each.condition, []).append(each)
    if not by_condition:
        return []
    base = by_condition[baseline or next(iter(by_condition))]
    return [_row(name, found, base) for name, found in by_condition.items()]


def _row(name: str, entries: Sequence[ConditionResult], base: Sequence[ConditionResult]) -> ReportRow:
    questions = [each.sample for each in entries]
    seconds = sorted(each.seconds for each in entries)
    prices = [each.usd for each in entries]
    usd = None if any(each is None for each in prices) else math.fsum(each or 0.0 for each in prices)
    return ReportRow(
        condition=name,
        questions=len(entries),
        right=sum(each.right for each in entries),
        accuracy=proportion([each.right for each in entries], questions),
        gain=None if entries is base else gain_of(entries, base),
        calls=sum(each.calls for each in entries) / len(entries),
        tokens=sum(each.tokens for each in entries) / len(entries),
        usd=usd,
        usd_per_right=_per_right(entries, [each or 0.0 for each in prices]) if usd else None,
        calls_per_right=_per_right(entries, [float(each.calls) for each in entries]),
        p50=percentile(seconds, 0.5),
        p95=percentile(seconds, 0.95),
        undecided=sum(not each.decided for each in entries),
        degraded=sum(each.degraded for each in entries),
        unanswered=sum(not each.answer for each in entries),
        ungraded=sum(not each.graded for each in entries),
        judge_calls=sum(each.judge_calls for each in entries),
    )


def gain_of(entries: Sequence[ConditionResult], base: Sequence[ConditionResult]) -> Estimated:
    """How much more often `entries` are right than `base`, on the questions and epochs that both have."""
    theirs = {(each.sample, each.epoch): each.right for each in base}
    both = [each for each in entries if (each.sample, each.epoch) in theirs]
    return paired_difference(
        [float(each.right) for each in both],
        [float(theirs[each.sample, each.epoch]) for each in both],
        [each.sample for each in both],
    )


def _per_right(entries: Sequence[ConditionResult], spent: Sequence[float]) -> Estimated:
    """Cost of one right answer: a ratio of sums, resampled by question."""
    sums: dict[str, list[float]] = {}
    for entry, cost in zip(entries, spent, strict=True):
        row = sums.setdefault(entry.sample, [0.0, 0.0])
        row[0] += cost
        row[1] += entry.right
    return bootstrap(list(sums.values()), lambda columns: columns[0] / columns[1], resamples=1000)


def by_category(entries: Sequence[ConditionResult]) -> Mapping[str, list[ReportRow]]:
    """The rows of each category alone, where the questions have categories."""
    names = dict.fromkeys(each.category for each in entries if each.category)
    return {name: rows_of([each for each in entries if each.category == name]) for name in names}


HEADER = (
    "condition", "right", "95 %", "vs baseline", "95 %", "calls", "tokens", "$", "$/right", "calls/right", "p50 s",
    "p95 s", "undecided", "degraded", "no answer", "ungraded", "judge calls",
)  # fmt: skip


def cells(row: ReportRow) -> list[str]:
    """A row as it is printed."""
    gain = row.gain
    return [
        row.condition,
        f"{row.right}/{row.questions} {row.accuracy.value:.1%}",
        f"{row.accuracy.interval.low:.1%} to {row.accuracy.interval.high:.1%}",
        "baseline" if gain is None else f"{100 * gain.value:+.1f}",
        "" if gain is None else f"{100 * gain.interval.low:+.1f} to {100 * gain.interval.high:+.1f}",
        f"{row.calls:.2f}",
        f"{row.tokens:.0f}",
        money(row.usd),
        "" if row.usd_per_right is None else money(row.usd_per_right.value),
        "never" if math.isinf(row.calls_per_right.value) else f"{row.calls_per_right.value:.2f}",
        f"{row.p50:.2f}",
        f"{row.p95:.2f}",
        str(row.undecided),
        str(row.degraded),
        str(row.unanswered),
        str(row.ungraded),
        str(row.judge_calls),
    ]


def money(usd: float | None) -> str:
    """
    >>> money(None), money(0.0), money(0.00123), money(12.5), money(float("inf"))
    ('?', '0', '0.0012', '12.50', 'never')
    """
    if usd is None:
        return "?"
    if math.isinf(usd):
        return "never"
    return "0" if usd == 0 else f"{usd:.2f}" if usd >= 1 else f"{usd:.4f}"


def table(rows: Iterable[ReportRow], *, markdown: bool = False) -> str:
    """The rows as an aligned table; columns that say nothing in any row are left out."""
    written = [list(HEADER), *(cells(row) for row in rows)]
    dull = ("", "0", "?") if any(row[HEADER.index("$")] != "?" for row in written[1:]) else ("",)
    kept = [
        column
        for column, name in enumerate(HEADER)
        if name not in ("$", "$/right", "no answer", "ungraded", "judge calls")
        or any(row[column] not in dull for row in written[1:])
    ]
    lines = [[row[column] for column in kept] for row in written]
    return grid(lines, markdown=markdown)


def grid(lines: Sequence[Sequence[str]], *, markdown: bool = False) -> str:
    """Lines of cells as a table; the first line is the header.

    >>> print(grid([["a", "b"], ["long", "1"]]))
    a     b
    long  1
    """
    if markdown:
        ruled = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
        return "\n".join("| " + " | ".join(each.replace("|", "\\|") for each in line) + " |" for line in ruled)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(each.ljust(width) for each, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def verdict(rows: Sequence[ReportRow]) -> str:
    """In words: which conditions are better or worse than the baseline, and which the questions cannot tell apart."""
    base = next((row for row in rows if row.gain is None), None)
    if base is None or len(rows) == 1:
        return ""
    told: dict[str, list[str]] = {}
    for row in rows:
        if row.gain is not None:
            better = "Better" if row.gain.value > 0 else "Worse"
            said = (
                f"{better} than {base.condition}" if row.gain.significant else f"Not told apart from {base.condition}"
            )
            told.setdefault(said, []).append(row.condition)
    return "\n".join(f"{said}, by {base.questions} answers: {', '.join(names)}" for said, names in told.items())


def graded_by(judge: str, entries: Sequence[ConditionResult]) -> str:
    """What grading by a model took: each grading once, also where several conditions share it."""
    once = {each.graded_in: each for each in entries if each.graded_in}.values()
    prices = [each.judge_usd for each in once]
    usd = None if any(price is None for price in prices) else math.fsum(price or 0.0 for price in prices)
    ungraded = sum(not each.graded for each in entries)
    return (
        f"Graded by {judge}: {sum(each.judge_calls for each in once)} calls, ${money(usd)}, not among the costs above; "
        f"{ungraded} of {len(entries)} answers ungraded, which count as not right"
    )


def row_json(row: ReportRow) -> JSON:
    """A row for programs; intervals as [low, high], what is infinite as null."""

    def plain(value: object) -> object:
        match value:
            case Estimated(at, interval):
                return {"value": plain(at), "interval": [plain(interval.low), plain(interval.high)]}
            case float() if not math.isfinite(value):
                return None
        return value

    return {name: plain(getattr(row, name)) for name in ReportRow.__dataclass_fields__}


def audit_lines(
    entries: Sequence[ConditionResult], questions: Mapping[str, str], accepted: Mapping[str, Sequence[str]]
) -> list[JSON]:
    """One object for each question and epoch, with what every condition answered and how that was graded."""
    found: dict[tuple[str, int], JSON] = {}
    for each in entries:
        line = found.setdefault(
            (each.sample, each.epoch),
            {
                "id": each.sample, "epoch": each.epoch, "question": questions[each.sample],
                "category": each.category, "accept": list(accepted[each.sample]), "conditions": {},
            },
        )  # fmt: skip
        line["conditions"][each.condition] = {
            key: value for key, value in asdict(each).items() if key not in ("sample", "epoch", "condition", "category")
        }
    return list(found.values())
