"""How good, how disputed and how different the answers of a panel are: pure functions from scores and texts.

After refinery, https://github.com/Lightless-Labs/refinery: its selectors, its metrics, its stop words and the order of
its blind review packs, so that figures from both can be compared.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

FLOOR = 7.0  # the mean that `controversy_floor_7` asks for

_STOP_WORDS = """
about after also and are been before being but can could for from had has have into just may might more most not
only onto ours over should than that the their them then there these they this those under very was were what when
where which while will with would your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

META = (
    "round 1", "previous proposal", "previous answer", "my previous", "prior answer", "score of", "based on my",
    "feedback suggests",
)  # fmt: skip
"""What an answer says that talks of the proceedings instead of the question."""

_WORD = re.compile(r"[\w']+")  # \w: letters, digits and the underscore


@dataclass(frozen=True)
class Idea:
    """One answer and what its peers gave it."""

    name: str
    text: str = ""
    scores: tuple[float, ...] = ()

    @property
    def mean(self) -> float:
        return mean(self.scores)

    @property
    def stddev(self) -> float:
        return deviation(self.scores)

    @property
    def controversy(self) -> float:
        return controversy(self.scores)


def mean(scores: Sequence[float]) -> float:
    """The arithmetic mean; 0 of nothing."""
    return math.fsum(scores) / len(scores) if scores else 0.0


def deviation(scores: Sequence[float]) -> float:
    """The population standard deviation; 0 of fewer than two.

    >>> round(deviation([3, 5, 9, 10]), 4), deviation([4, 6, 8, 10]) == 5**0.5, deviation([8])
    (2.8614, True, 0.0)
    """
    if len(scores) < 2:
        return 0.0
    middle = mean(scores)
    return math.sqrt(math.fsum((score - middle) * (score - middle) for score in scores) / len(scores))


def controversy(scores: Sequence[float]) -> float:
    """Mean times standard deviation: high for what some find excellent and others do not.

    >>> controversy([3, 9]), controversy([7, 9]), controversy([7, 3]), round(controversy([3, 5, 9, 10]), 2)
    (18.0, 8.0, 10.0, 19.31)
    """
    return mean(scores) * deviation(scores)


def panel(ideas: Sequence[Idea], size: int, floor: float = 0.0) -> list[Idea]:
    """The `size` most controversial ideas, the higher mean first among equals, then the earlier one.

    With a floor, those whose mean reaches it come first; the others fill up what is left. Ideas nobody scored are last.

    >>> three = [Idea("a", scores=(3, 9)), Idea("b", scores=(7, 9)), Idea("c", scores=(7, 3))]
    >>> [idea.name for idea in panel(three, 3)], [idea.name for idea in panel(three, 2, 7.0)]
    (['a', 'c', 'b'], ['b', 'a'])
    """
    ranked = sorted(ideas, key=lambda idea: (not idea.scores, -idea.controversy, -idea.mean))
    return sorted(ranked, key=lambda idea: floor > 0 and not (idea.scores and idea.mean >= floor))[:size]


def _by_mean(ideas: Sequence[Idea], size: int) -> list[Idea]:
    return sorted(ideas, key=lambda idea: (-idea.mean, -idea.controversy))[:size]


def _by_deviation(ideas: Sequence[Idea], size: int) -> list[Idea]:
    return sorted(ideas, key=lambda idea: (-idea.stddev, -idea.mean))[:size]


def _by_difference(ideas: Sequence[Idea], size: int) -> list[Idea]:
    """The best first; then, again and again, the one that is good and unlike those already chosen.

    >>> chosen = _by_difference([
    ...     Idea("1", "alpha beta gamma", (9.0,)), Idea("2", "alpha beta gamma delta", (8.0,)),
    ...     Idea("3", "orange banana pear", (7.5,)),
    ... ], 2)
    >>> [idea.name for idea in chosen]
    ['1', '3']
    """
    left = sorted(ideas, key=lambda idea: -idea.mean)
    chosen: list[Idea] = []
    while left and len(chosen) < size:
        # the first of the best: `left` is in order of the mean, then of the name
        best = max(left, key=lambda idea: idea.mean / 10 * (1 - _nearest(idea, chosen)))
        left.remove(best)
        chosen.append(best)
    return chosen


def _nearest(idea: Idea, others: Sequence[Idea]) -> float:
    return max((similarity(idea.text, other.text) for other in others), default=0.0)


SELECTORS: dict[str, Callable[[Sequence[Idea], int], list[Idea]]] = {
    "mean": _by_mean,
    "stddev": _by_deviation,
    "controversy": panel,
    "controversy_floor_7": lambda ideas, size: panel(ideas, size, FLOOR),
    "quality_x_lexdiv": _by_difference,
}


def select(selector: str, ideas: Sequence[Idea], size: int) -> list[Idea]:
    """The panel of `size` that one of SELECTORS takes; the last tie goes to the name that sorts first."""
    return SELECTORS[selector](sorted(ideas, key=lambda idea: idea.name), size)


def words(text: str) -> frozenset[str]:
    """The words of a text that say something: three bytes or more, no stop words, in small letters.

    >>> sorted(words("Don't WALK to the car_wash: go by car, 42 of 100!"))
    ['100', 'car', 'car_wash', "don't", 'walk']
    """
    found = (word.lower() for word in _WORD.findall(text))
    return frozenset(word for word in found if len(word.encode()) >= 3 and word not in STOP_WORDS)


def similarity(one: str, other: str) -> float:
    """The share of the words of either text that both have (Jaccard); 0 if one has none.

    >>> similarity("alpha beta gamma", "alpha beta delta")
    0.5
    """
    first, second = words(one), words(other)
    return len(first & second) / len(first | second) if first and second else 0.0


@dataclass(frozen=True)
class Metrics:
    """What can be said of a panel without asking anybody."""

    panel_mean_quality: float
    panel_min_quality: float
    panel_disagreement: float  # mean of the standard deviations
    lexical_overlap: float  # mean similarity of two answers
    meta_preamble_rate: float  # share of answers that talk of rounds, scores or feedback


def metrics(ideas: Sequence[Idea]) -> Metrics:
    """
    >>> metrics([Idea("a", "walk there", (7, 9)), Idea("b", "Given my previous answer: walk there", (6, 6))])
    Metrics(panel_mean_quality=7.0, panel_min_quality=6.0, panel_disagreement=0.5, lexical_overlap=0.25, \
meta_preamble_rate=0.5)
    """
    pairs = [(one, other) for at, one in enumerate(ideas) for other in ideas[at + 1 :]]
    return Metrics(
        panel_mean_quality=mean([idea.mean for idea in ideas]),
        panel_min_quality=min((idea.mean for idea in ideas), default=0.0),
        panel_disagreement=mean([idea.stddev for idea in ideas]),
        lexical_overlap=mean([similarity(one.text, other.text) for one, other in pairs]),
        meta_preamble_rate=mean([float(speaks_of_itself(idea.text)) for idea in ideas]),
    )


def speaks_of_itself(text: str) -> bool:
    """Whether an answer talks of the proceedings, anywhere in it."""
    lowered = text.lower()
    return any(phrase in lowered for phrase in META)


def fnv_1a(text: str) -> int:
    """The 64-bit FNV-1a hash of a text: an order that looks random and is the same everywhere.

    >>> hex(fnv_1a("")), hex(fnv_1a("a"))
    ('0xcbf29ce484222325', '0xaf63dc4c8601ec8c')
    """
    value = 0xCBF29CE484222325
    for byte in text.encode("utf-8", "surrogatepass"):
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def blind_order(prompt_id: str, strategies: Sequence[str]) -> list[int]:
    """The positions of `strategies` in the order in which a blind review shows their panels.

    >>> names = ["blind", "full-visibility", "own-reviews", "score-only"]
    >>> [names[at] for at in blind_order("prod", names)]
    ['own-reviews', 'blind', 'full-visibility', 'score-only']
    """
    return sorted(range(len(strategies)), key=lambda at: fnv_1a(f"{prompt_id}|{strategies[at]}"))
