"""Closing rules: when a converge is over. A rule sees numbers only, so that anyone can apply it to the record again.

A rule of your own is registered by its name, which is what a run's record holds; an unregistered one could be
neither resumed nor verified.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from folkmoot.errors import InputError


@dataclass(frozen=True)
class RoundScores:
    """What a closing rule may look at after a round."""

    round: int
    scores: Mapping[str, float]  # mean score per seat, of those somebody scored
    leader: str | None
    streak: int  # for how many rounds that seat has led


@dataclass(frozen=True)
class Decision:
    met: bool
    explanation: str  # the rule applied to these numbers, e.g. "9.0/8.0, stable 2/2"


class ClosingRule(Protocol):
    @property
    def name(self) -> str: ...

    def check(self, round: RoundScores) -> Decision: ...


@dataclass(frozen=True)
class VoteThreshold:
    """After refinery: the best mean reaches `threshold` and the same seat has led for `stability_rounds` rounds."""

    threshold: float = 8.0
    stability_rounds: int = 2
    name: str = "vote-threshold"

    def check(self, round: RoundScores) -> Decision:
        """
        >>> VoteThreshold(8.0, 2).check(RoundScores(2, {"s1": 9.0}, "s1", 2))
        Decision(met=True, explanation='9.0 ≥ 8.0, stable 2/2')
        """
        if round.leader is None:
            return Decision(False, "nobody has a score")
        best = round.scores[round.leader]
        met = best >= self.threshold and round.streak >= self.stability_rounds
        sign = " ≥ " if met else "/"
        return Decision(met, f"{best:.1f}{sign}{self.threshold:.1f}, stable {round.streak}/{self.stability_rounds}")


MakeRule = Callable[[float, int], ClosingRule]
_RULES: dict[str, MakeRule] = {"vote-threshold": VoteThreshold}


def register_closing(name: str, make: MakeRule) -> None:
    """Make a rule known: `make(threshold, stability_rounds)` builds it, here and whenever a run is replayed."""
    _RULES[name] = make


def closing_rule(name: str, threshold: float, stability_rounds: int) -> ClosingRule:
    """The rule a record names. Raises InputError when nobody registered it in this process."""
    if name not in _RULES:
        raise InputError(
            f"no closing rule is registered as {name!r} (known: {', '.join(_RULES)}); "
            "folkmoot.register_closing(name, make) registers one"
        )
    return _RULES[name](threshold, stability_rounds)
