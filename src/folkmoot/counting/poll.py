"""A poll: what the seats of a panel said, counted. Pure, so that what a run decided can be computed again.

A ballot is named by its seat; `debate/s2` and `verdict/s3` are ballots that came later and count beside the first.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from folkmoot.counting import votes as voting
from folkmoot.counting.calibration import Calibration
from folkmoot.counting.earned import SeenAgreement
from folkmoot.counting.votes import Group
from folkmoot.errors import InputError
from folkmoot.formats.answer_keys import Key, may_mean
from folkmoot.formats.base import preview
from folkmoot.formats.keyed import Keyed
from folkmoot.types import JSON, Count

MOST_SHOWN = 5  # answers that a judge compares
SHOWN = 100  # characters of an answer on a count sheet


def seat_of(ballot: str) -> str:
    """Return the seat of a ballot: `s2` for the first answer, `debate/s2` for a later one."""
    return ballot.rpartition("/")[2]


def votes_of(answers: Mapping[str, Keyed], order: Sequence[str]) -> dict[str, str]:
    """The group of each seat that gave an answer. Whoever abstains is in none, and so counts for nobody."""
    return {seat: group for seat in order if seat in answers and (group := answers[seat].group) is not None}


def conclusion(ballot: str, answers: Mapping[str, Keyed]) -> str:
    """Return an answer's conclusion in its own words, or its beginning where it states none."""
    answer = answers[ballot]
    return preview(answer.said if answer.said is not None else answer.text, SHOWN)


def conclusions(answers: Mapping[str, Keyed]) -> dict[str, str]:
    """What every answer comes to that comes to something: an abstention is not in it."""
    return {ballot: conclusion(ballot, answers) for ballot, answer in answers.items() if not answer.abstains}


def keys_of(answers: Mapping[str, Keyed], votes: Mapping[str, str]) -> dict[str, Key | None]:
    """Group -> the key of its first answer; None for an answer that states no conclusion."""
    found: dict[str, Key | None] = {}
    for ballot, name in votes.items():
        found.setdefault(name, answers[ballot].key)
    return found


def open_groups(answers: Mapping[str, Keyed], votes: Mapping[str, str]) -> frozenset[str]:
    """The groups that may say the same as another one, although their keys differ."""
    keys = keys_of(answers, votes)
    return frozenset(
        name
        for name, key in keys.items()
        if any(may_mean(key, other) for rival, other in keys.items() if rival != name)
    )


@dataclass(frozen=True)
class PolledPanel:
    order: tuple[str, ...]  # by value, the best first
    weights: Mapping[str, float]
    agree: int | None  # None: only an unbeatable lead ends it
    waves: tuple[int, ...] = ()  # seats to ask at once, where a plan says so; empty: as `agree` says


def panel_of(
    models: Mapping[str, str],
    weights: Mapping[str, float],
    table: Calibration | None,
    agree: int | None,
    epsilon: float | None,
) -> PolledPanel:
    """The seats by value: by weight, then in the order of `models`, which maps them to their model ids.

    Weights that were given count before those of `table`. Raises InputError, before anything is spent, for what
    cannot be weighed or does not belong together.
    """
    if wrong := [models.get(seat, seat) for seat, weight in weights.items() if not 0 < weight < math.inf]:
        raise InputError(f"--weight: how many votes {wrong[0]} counts as must be more than 0")
    counts = dict(weights)
    seats = list(models)
    if table is not None:
        if sorted(models.values()) != sorted(table.panel):
            raise InputError(f"--calibration: the table is of another panel: {', '.join(table.panel)}")
        given = any(weights[seat] != 1 for seat in seats)
        if given and epsilon is not None:
            raise InputError("--epsilon holds for the weights of the calibration table; leave --weight out")
        seats.sort(key=lambda seat: table.panel.index(models[seat]))
        if not given:
            counts |= {seat: table.weights.get(models[seat], 1.0) for seat in seats}
        if epsilon is not None:
            agree = table.agree_for(epsilon)
    order = tuple(sorted(seats, key=lambda seat: -counts[seat]))
    return PolledPanel(order, counts, agree if agree is None else min(agree, len(seats)))


@dataclass
class Poll:
    """The answers and comparisons so far."""

    panel: PolledPanel
    answers: dict[str, Keyed] = field(default_factory=dict)
    verdict: tuple[str, str] | None = None  # (ballot, group)
    joined: list[list[str]] = field(default_factory=list)  # groups found to say the same
    compared: set[str] = field(default_factory=set)  # groups that were compared with each other
    agreement: Sequence[SeenAgreement] = ()  # what is known of answers with so many behind them
    source: str = ""  # where that is known from
    further: JSON = field(default_factory=dict)  # for the report
    compared_in: list[Count] = field(default_factory=list)  # the counts of `compared`

    @property
    def order(self) -> list[str]:
        return [
            *self.panel.order,
            *(each for each in self.answers if "/" in each),
            *([self.verdict[0]] if self.verdict else []),
        ]

    @property
    def votes(self) -> dict[str, str]:
        votes = votes_of(self.answers, self.order) | ({self.verdict[0]: self.verdict[1]} if self.verdict else {})
        return voting.joined(votes, self.joined)

    @property
    def measure(self) -> voting.Measure:
        return voting.by_weight({ballot: self.panel.weights.get(seat_of(ballot), 1.0) for ballot in self.order})

    @property
    def ranked(self) -> list[Group]:
        return voting.groups(self.votes, self.measure, self.order)

    @property
    def leader(self) -> str:
        """The ballot of the best seat in the leading group; the first answer where nobody concluded anything."""
        ranked = self.ranked
        return next((each for each in ranked[0].members if each in self.answers) if ranked else iter(self.answers))

    @property
    def decided(self) -> bool:
        """Whether one answer is strictly ahead and more than one seat stands behind it."""
        ranked = self.ranked
        return voting.leads(ranked) and len({seat_of(each) for each in ranked[0].members}) > 1

    def settled(self, waiting: Sequence[str]) -> bool:
        """Whether the answers of the seats in `waiting` can no longer change the decision."""
        loose = open_groups(
            self.answers, {ballot: name for ballot, name in self.votes.items() if ballot in self.answers}
        )
        return self.decided and voting.unbeatable(
            self.votes, waiting, self.measure, self.order, joinable=loose if waiting else frozenset(), strictly=True
        )


def choose_judge(
    ranked: Sequence[Group], seats: Sequence[str], outside: Sequence[str]
) -> tuple[str, tuple[str, ...]] | None:
    """Who judges, and the seats whose answers it is shown: one of each group, never its own.

    Somebody from outside; else the best seat whose answer is none of the two that lead; else the best one of these
    that others can stand for. None where nobody could judge without judging itself.

    >>> pair = [Group("7", ("s1",), (1.0,)), Group("8", ("s2",), (1.0,))]
    >>> choose_judge(pair, ["s1", "s2"], []), choose_judge(pair, ["s1", "s2"], ["s9"])
    (None, ('s9', ('s1', 's2')))
    >>> choose_judge([*pair, Group("9", ("s3",), (1.0,))], ["s1", "s2", "s3"], [])
    ('s3', ('s1', 's2'))
    """
    leading = [group.members for group in ranked[:2]]
    apart = [seat for group in ranked[2:] for seat in group.members if seat in seats]
    represented = [seat for members in leading for seat in members[1:] if seat in seats]
    able = [*outside, *sorted(apart, key=seats.index), *sorted(represented, key=seats.index)]
    if not able:
        return None
    judge = able[0]
    others = ([seat for seat in group.members if seat != judge] for group in ranked[:MOST_SHOWN])
    shown = tuple(members[0] for members in others if members)
    return (judge, shown) if len(shown) > 1 else None


def explained(ranked: Sequence[Group]) -> str:
    """The votes, the leading answer's first: "3 : 2 : 1 votes"."""
    if not ranked:
        return "no votes"
    sizes = [f"{group.size[0]:.3g}" for group in ranked]
    if len(sizes) == 1:
        seats = len({seat_of(each) for each in ranked[0].members})
        return "one seat answered" if seats == 1 else f"the {seats} seats that answered agree"
    return f"{' : '.join(sizes)} votes"
