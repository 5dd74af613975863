"""Reliability: whether answers are right as often as their agreement says, on questions it was not learnt from."""

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import fmean

from folkmoot.counting.evidence import Evidence, Question, by_accuracy, plain_vote
from folkmoot.errors import InputError
from folkmoot.evals.statistics import bootstrap, wilson
from folkmoot.types import Record

FEWEST = 50  # questions of one size in one half; smaller ones are shown but not counted in the error
SMOOTH = 20  # questions that the smooth curve over all sizes counts as, beside those of a size itself


class Size(Record):
    """The questions on which the leading answer of the panel had so many behind it."""

    agree: int
    of: int
    questions: int
    claimed: float  # mean of what the other half said
    right: float  # what it was
    low: float
    high: float


class Reliability(Record):
    source: str
    questions: int
    sizes: tuple[Size, ...]
    error: float  # expected calibration error over the sizes with enough questions
    chance: float  # what it would be on average if every claim were exact: so few questions cannot show less
    low: float
    high: float


def reliability(evidence: Evidence, panel: Sequence[str] = (), *, seed: int = 0) -> Reliability:
    """Learn from one half how often each size of agreement is right, and compare with the other half, both ways.

    The panel votes in full, each model's first sample counting once. Raises InputError for fewer than two models, or
    too few questions.
    """
    members = list(panel) or list(evidence.models)
    seen = evidence.among(members)
    count = len(seen.questions)
    if len(members) < 2 or count < 2 * FEWEST:
        raise InputError(f"{count} questions were answered by all of {', '.join(members)}; {2 * FEWEST} are needed")
    order = by_accuracy(seen)
    cases = [_case(question, order) for question in seen.questions]
    numbers = list(range(count))
    random.Random(seed).shuffle(numbers)
    claimed = [0.0] * count
    half = [0] * count
    for number, (learnt, unseen) in enumerate(((numbers[::2], numbers[1::2]), (numbers[1::2], numbers[::2]))):
        known: dict[int, list[bool]] = {}
        for at in learnt:
            known.setdefault(cases[at][0], []).append(cases[at][1])
        curve = _curve([cases[at] for at in learnt])
        for at in unseen:
            size = cases[at][0]
            rights = known.get(size, [])
            half[at] = number
            claimed[at] = (sum(rights) + SMOOTH * curve(size)) / (len(rights) + SMOOTH)
    sizes = tuple(
        _size(size, len(members), cases, claimed) for size in sorted({size for size, _ in cases}, reverse=True)
    )
    often = Counter((half[at], cases[at][0]) for at in numbers)
    counted = [at for at in numbers if often[half[at], cases[at][0]] >= FEWEST]
    error = _error([((half[at], cases[at][0]), claimed[at] - cases[at][1]) for at in counted])
    chance = _chance([((half[at], cases[at][0]), claimed[at]) for at in counted])
    return Reliability(
        source=evidence.source, questions=count, sizes=sizes, error=error[0], chance=chance, low=error[1], high=error[2]
    )


def _curve(cases: Sequence[tuple[int, bool]]) -> Callable[[int], float]:
    """A logistic curve of being right over the size of agreement, fitted by Newton's method, slightly held back."""
    slope, base = 0.0, 0.0
    middle = fmean(size for size, _ in cases)
    for _ in range(25):
        g0 = g1 = 0.0
        h00, h01, h11 = 0.1, 0.0, 0.1
        for size, right in cases:
            x = size - middle
            p = 1 / (1 + math.exp(-max(-30.0, min(30.0, base + slope * x))))
            g0, g1 = g0 + right - p, g1 + (right - p) * x
            spread = p * (1 - p)
            h00, h01, h11 = h00 + spread, h01 + spread * x, h11 + spread * x * x
        g0, g1 = g0 - 0.1 * base, g1 - 0.1 * slope
        det = h00 * h11 - h01 * h01
        base, slope = base + (h11 * g0 - h01 * g1) / det, slope + (h00 * g1 - h01 * g0) / det
    return lambda size: 1 / (1 + math.exp(-max(-30.0, min(30.0, base + slope * (size - middle)))))


def _chance(claims: Sequence[tuple[tuple[int, int], float]], draws: int = 200) -> float:
    """The mean error of claims that are exact, by drawing who is right from the claims themselves."""
    draw = random.Random(1)
    total = 0.0
    for _ in range(draws if claims else 0):
        gaps: dict[tuple[int, int], float] = {}
        for size, claim in claims:
            gaps[size] = gaps.get(size, 0.0) + claim - (draw.random() < claim)
        total += sum(map(abs, gaps.values())) / len(claims)
    return total / draws


def _case(question: Question, order: Sequence[str]) -> tuple[int, bool]:
    """How many stand behind the leading answer, and whether it is right."""
    leading = plain_vote(question, order)
    behind = sum(question[model][0].group == leading.group for model in order) if leading.group is not None else 1
    return behind, leading.right


def _size(size: int, of: int, cases: Sequence[tuple[int, bool]], claimed: Sequence[float]) -> Size:
    here = [at for at, (each, _) in enumerate(cases) if each == size]
    right = sum(cases[at][1] for at in here)
    found = wilson(right, len(here))
    return Size(
        agree=size, of=of, questions=len(here), claimed=fmean(claimed[at] for at in here), right=right / len(here),
        low=found.low, high=found.high,
    )  # fmt: skip


def _error(gaps: Sequence[tuple[tuple[int, int], float]]) -> tuple[float, float, float]:
    """The mean over halves and sizes of |claimed - right|, weighted by their questions, with a bootstrap interval.

    Each half by itself: over both together the gaps would cancel each other.
    """
    if not gaps:
        return 0.0, 0.0, 1.0
    sizes = sorted({size for size, _ in gaps})
    rows = [(*(gap if size == each else 0.0 for each in sizes), 1.0) for size, gap in gaps]
    found = bootstrap(rows, lambda sums: sum(map(abs, sums[:-1])) / sums[-1], resamples=1000)
    return found.value, min(found.value, found.interval.low), found.interval.high


def reliability_text(found: Reliability, width: int = 40) -> str:
    """The reliability diagram in letters: a bar for what was right, a mark where the claim is."""
    lines = [
        f"{found.questions} questions ({found.source}); claims learnt on one half, measured on the other",
        f"expected calibration error {100 * found.error:.1f} points [{100 * found.low:.1f}, {100 * found.high:.1f}]; "
        f"exact claims would show {100 * found.chance:.1f} by chance",
        "",
    ]
    for each in found.sizes:
        bar = ["█" if at < round(each.right * width) else "·" for at in range(width + 1)]
        bar[round(each.claimed * width)] = "|"
        few = "" if each.questions >= FEWEST else "  (few)"
        lines.append(
            f"  {each.agree} of {each.of}  {''.join(bar)}  right {100 * each.right:5.1f} % "
            f"[{100 * each.low:.0f}, {100 * each.high:.0f}], claimed {100 * each.claimed:5.1f} %, "
            f"n {each.questions}{few}"
        )
    return "\n".join([*lines, "", "  █ right, | claimed"]) + "\n"


def reliability_svg(found: Reliability) -> str:
    """The reliability diagram: claimed against right, with intervals; the area of a dot is its number of questions."""
    side, edge = 360, 50

    def x(share: float) -> float:
        return edge + share * side

    def y(share: float) -> float:
        return edge + (1 - share) * side

    most = max(each.questions for each in found.sizes)
    marks = [
        f'<line x1="{x(0)}" y1="{y(0)}" x2="{x(1)}" y2="{y(1)}" stroke="#999" stroke-dasharray="4 4"/>',
        f'<rect x="{edge}" y="{edge}" width="{side}" height="{side}" fill="none" stroke="#333"/>',
    ]
    for tick in (0, 0.25, 0.5, 0.75, 1):
        marks.append(f'<text x="{x(tick)}" y="{edge + side + 18}" text-anchor="middle">{tick:g}</text>')
        marks.append(f'<text x="{edge - 8}" y="{y(tick) + 4}" text-anchor="end">{tick:g}</text>')
    for each in found.sizes:
        radius = 3 + 9 * (each.questions / most) ** 0.5
        cx = x(each.claimed)
        marks.append(
            f'<line x1="{cx:.1f}" y1="{y(each.low):.1f}" x2="{cx:.1f}" y2="{y(each.high):.1f}" stroke="#06c"/>'
            f'<circle cx="{cx:.1f}" cy="{y(each.right):.1f}" r="{radius:.1f}" fill="#06c" fill-opacity="0.6">'
            f"<title>{each.agree} of {each.of}: right {each.right:.3f}, claimed {each.claimed:.3f}, "
            f"{each.questions} questions</title></circle>"
            f'<text x="{cx + radius + 3:.1f}" y="{y(each.right) + 4:.1f}">{each.agree}/{each.of}</text>'
        )
    middle = edge + side / 2
    marks.append(f'<text x="{middle}" y="{edge + side + 38}" text-anchor="middle">claimed</text>')
    marks.append(f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">right</text>')
    title = f"Expected calibration error {100 * found.error:.1f} points, {found.questions} questions"
    marks.append(f'<text x="{middle}" y="30" text-anchor="middle">{title}</text>')
    total = side + 2 * edge
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="{total}" viewBox="0 0 {total} {total}" '
        f'font-family="sans-serif" font-size="12">{"".join(marks)}</svg>\n'
    )
