"""Pictures of an evaluation: to PNG or SVG by matplotlib, and in a terminal by plotext (both in the extra `eval`).

Four of them: accuracy against cost with intervals, how often two conditions answer alike, how their errors are
correlated, and how a panel's votes stood over its rounds.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from folkmoot.errors import InputError
from folkmoot.evals.harness import ConditionResult
from folkmoot.evals.report import ReportRow
from folkmoot.evals.statistics import phi
from folkmoot.formats.answer_keys import key_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("cost", "agreement", "errors")
"""Pictures that are made of entries."""


def _need(library: str) -> None:
    if find_spec(library) is None:
        raise InputError(f"pictures need {library}: pip install 'folkmoot[eval]'")


def cost_measure(rows: Sequence[ReportRow]) -> tuple[str, list[float]]:
    """What stands for the price of a question, and its value for each row: dollars where all are known, else tokens."""
    if all(row.usd for row in rows):
        return "USD for a question", [(row.usd or 0.0) / row.questions for row in rows]
    if all(row.tokens for row in rows):
        return "tokens for a question", [row.tokens for row in rows]
    return "calls for a question", [row.calls for row in rows]


def accuracy_against_cost(rows: Sequence[ReportRow]) -> "Figure":
    """One point for each condition, with its interval."""
    figure, axes = _canvas()
    label, costs = cost_measure(rows)
    for row, cost in zip(rows, costs, strict=True):
        low, high = row.accuracy.interval
        value = row.accuracy.value
        axes.errorbar(cost, value, yerr=[[value - low], [high - value]], fmt="o", capsize=3)
        axes.annotate(short(row.condition), (cost, value), textcoords="offset points", xytext=(6, 4), fontsize=8)
    axes.set_xscale("log")
    axes.set_xlabel(label)
    axes.set_ylabel("right, with 95 % interval")
    axes.grid(alpha=0.3)
    return figure


def agreement(entries: Sequence[ConditionResult]) -> tuple[list[str], list[list[float | None]]]:
    """How often two conditions came to the same answer, by its key, over the questions that both answered."""
    keys = {
        name: {place: key.text for place, each in found.items() if each.said and (key := key_of(each.said)) is not None}
        for name, found in _by_condition(entries).items()
    }

    def share(one: Mapping[tuple[str, int], str], other: Mapping[tuple[str, int], str]) -> float | None:
        both = one.keys() & other.keys()
        return sum(one[place] == other[place] for place in both) / len(both) if both else None

    return list(keys), [[share(one, other) for other in keys.values()] for one in keys.values()]


def error_correlation(entries: Sequence[ConditionResult]) -> tuple[list[str], list[list[float | None]]]:
    """The phi coefficient of two conditions' errors; None where one of them is always, or never, right."""
    found = _by_condition(entries)

    def of(
        one: Mapping[tuple[str, int], ConditionResult], other: Mapping[tuple[str, int], ConditionResult]
    ) -> float | None:
        both = sorted(one.keys() & other.keys())
        return phi([not one[place].right for place in both], [not other[place].right for place in both])

    return list(found), [[of(one, other) for other in found.values()] for one in found.values()]


def heat_map(names: Sequence[str], table: Sequence[Sequence[float | None]], title: str) -> "Figure":
    """A square table of shares or correlations, with its numbers in it."""
    figure, axes = _canvas(max(4.0, 0.7 * len(names) + 2))
    values = [[float("nan") if each is None else each for each in row] for row in table]
    picture = axes.imshow(values, vmin=0, vmax=1, cmap="viridis")
    for y, row in enumerate(table):
        for x, each in enumerate(row):
            if each is not None:
                axes.text(x, y, f"{each:.2f}", ha="center", va="center", color="w" if each < 0.6 else "k", fontsize=7)
    axes.set_xticks(range(len(names)), [short(name) for name in names], rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(names)), [short(name) for name in names], fontsize=8)
    axes.set_title(title)
    figure.colorbar(picture)
    return figure


def votes_over_rounds(scores: Sequence[Mapping[str, float]], names: Mapping[str, str]) -> "Figure":
    """A run's table of scores or votes, one line for each seat, over its rounds. `names` are what seats are called."""
    figure, axes = _canvas()
    for seat in dict.fromkeys(seat for table in scores for seat in table):
        rounds = [number for number, table in enumerate(scores, 1) if seat in table]
        axes.plot(rounds, [scores[number - 1][seat] for number in rounds], marker="o", label=names.get(seat, seat))
    axes.set_xticks(range(1, len(scores) + 1))
    axes.set_xlabel("round")
    axes.set_ylabel("score")
    axes.legend(fontsize=8)
    return figure


def save(figure: "Figure", path: Path) -> None:
    """Write a picture in the format that the file's name says. Raises InputError for one that matplotlib cannot."""
    kinds = figure.canvas.get_supported_filetypes()
    if path.suffix.lstrip(".").lower() not in kinds:
        raise InputError(f"{path}: a picture is a .png, .svg or .pdf file")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight", dpi=150)


def draw(kind: str, rows: Sequence[ReportRow], entries: Sequence[ConditionResult]) -> "Figure":
    """The picture of this name. Raises InputError for another name, or without matplotlib."""
    match kind:
        case "cost":
            return accuracy_against_cost(rows)
        case "agreement":
            return heat_map(*agreement(entries), "share of questions with the same answer")
        case "errors":
            return heat_map(*error_correlation(entries), "correlation of errors")
    raise InputError(f"there is no picture {kind!r}; there are {', '.join(KINDS)}")


def in_terminal(rows: Sequence[ReportRow], width: int = 100, height: int = 24) -> str:
    """Accuracy against cost as text. Raises InputError without plotext."""
    _need("plotext")
    import plotext

    label, costs = cost_measure(rows)
    plotext.clear_figure()
    plotext.plotsize(width, height)
    plotext.theme("clear")
    plotext.xscale("log")
    for row, cost in zip(rows, costs, strict=True):
        plotext.scatter([cost], [100 * row.accuracy.value], label=short(row.condition))
        plotext.plot([cost, cost], [100 * each for each in row.accuracy.interval])
    plotext.xlabel(label)
    plotext.ylabel("% right")
    return str(plotext.build())


def short(condition: str) -> str:
    """A condition's name without the path of its model.

    >>> short("solo:recorded/gpt-4o-2024-08-06"), short("vote:early=off")
    ('gpt-4o-2024-08-06', 'vote:early=off')
    """
    head, _, model = condition.partition(":")
    return model.rpartition("/")[2] if head == "solo" else condition


def _by_condition(entries: Sequence[ConditionResult]) -> dict[str, dict[tuple[str, int], ConditionResult]]:
    found: dict[str, dict[tuple[str, int], ConditionResult]] = {}
    for each in entries:
        found.setdefault(each.condition, {})[each.sample, each.epoch] = each
    return found


def _canvas(side: float = 5.0) -> tuple["Figure", "Axes"]:
    _need("matplotlib")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(7.0, side), side))
    return figure, figure.add_subplot()
