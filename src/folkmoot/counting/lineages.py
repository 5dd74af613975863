"""The counting of a brainstorm: lines of answers, their scores, and the panel that is chosen. All pure.

The words and keys are those of refinery, https://github.com/Lightless-Labs/refinery.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from folkmoot.counting import diversity
from folkmoot.counting.diversity import Idea
from folkmoot.errors import CallFailed
from folkmoot.formats.ratings import Rating
from folkmoot.types import JSON

PREVIEW = 2000  # characters kept of a reply that could not be read


class Lineage(NamedTuple):
    """One seat's line of answers to one way of putting the question."""

    seat: str
    variant: str = ""  # original, variant-2, ...; empty when the question is put in one way only

    @property
    def key(self) -> str | tuple[str, ...]:
        return (self.seat, self.variant) if self.variant else self.seat

    def judged_by(self, judge: str) -> tuple[str, ...]:
        return (judge, self.seat, self.variant) if self.variant else (judge, self.seat)

    def called(self, model_id: str) -> str:
        """What reports call it.

        >>> Lineage("s1", "variant-2").called("pi/zai/glm-5"), Lineage("s1").called("sim/bold")
        ('pi/zai_glm-5+variant-2', 'sim/bold')
        """
        provider, _, model = model_id.partition("/")
        return f"{provider}/{model.replace('/', '_')}+{self.variant}" if self.variant else model_id


@dataclass(frozen=True)
class BrainstormRound:
    """The answers and scores of one round."""

    answers: dict[Lineage, str] = field(default_factory=dict)
    ratings: dict[Lineage, dict[str, Rating]] = field(default_factory=dict)  # whose -> judge -> what it gave

    def in_order(self, lineages: Iterable[Lineage], judges: Sequence[str]) -> "BrainstormRound":
        """Sort by seat, so that arrival order does not matter."""
        there = [lineage for lineage in lineages if lineage in self.answers]
        given = {lineage: self.ratings.get(lineage, {}) for lineage in there}
        return BrainstormRound(
            {lineage: self.answers[lineage] for lineage in there},
            {lineage: {judge: each[judge] for judge in judges if judge in each} for lineage, each in given.items()},
        )

    def mean(self, lineage: Lineage) -> float | None:
        """None: nobody scored it."""
        given = [rating.score for rating in self.ratings.get(lineage, {}).values()]
        return diversity.mean(given) if given else None

    def means(self) -> dict[Lineage, float]:
        return {lineage: mean for lineage in self.answers if (mean := self.mean(lineage)) is not None}

    def ideas(self) -> dict[Lineage, Idea]:
        return {
            lineage: Idea("", text, tuple(rating.score for rating in self.ratings.get(lineage, {}).values()))
            for lineage, text in self.answers.items()
        }


def due(answers: Iterable[Lineage], new: Lineage) -> list[tuple[str, Lineage]]:
    """Who may judge what, now that `new` has answered too: nobody judges themselves, nor before they have answered.

    >>> due([Lineage("s1")], Lineage("s2"))
    [('s1', Lineage(seat='s2', variant='')), ('s2', Lineage(seat='s1', variant=''))]
    >>> due([Lineage("s1"), Lineage("s2", "original")], Lineage("s2", "variant-1"))
    [('s1', Lineage(seat='s2', variant='variant-1'))]
    """
    there = list(answers)
    owners = dict.fromkeys(lineage.seat for lineage in there)
    return [(judge, new) for judge in owners if judge != new.seat] + [
        (new.seat, lineage) for lineage in there if new.seat not in owners
    ]


def selection_strategy(floor: float) -> str:
    """
    >>> selection_strategy(7.0), selection_strategy(7.5), selection_strategy(0)
    ('controversy_floor_7', 'controversy_floor_7.5', 'controversy')
    """
    return f"controversy_floor_{floor:g}" if floor > 0 else "controversy"


def evaluation_status(turn: BrainstormRound, panel: Iterable[Idea], failures: Sequence[JSON], seats: int) -> str:
    """How far the panel of a round was judged. `failures` are those of all rounds.

    >>> alone = BrainstormRound({Lineage("s1"): "An answer."})
    >>> evaluation_status(alone, [], [], 1), evaluation_status(alone, [], [{"phase": "propose"}], 3)
    ('skipped_single_model', 'skipped_insufficient_models')
    >>> two = BrainstormRound({Lineage("s1"): "An answer.", Lineage("s2"): "Another."})
    >>> evaluation_status(two, [Idea("1", scores=(8,))], [{"phase": "propose"}], 3)
    'peer_evaluated'
    >>> evaluation_status(two, [Idea("1")], [], 2), evaluation_status(two, [], [{"phase": "evaluate"}], 2)
    ('partial', 'partial')
    """
    if len({lineage.seat for lineage in turn.answers}) < 2:
        return "skipped_single_model" if seats == 1 and not failures else "skipped_insufficient_models"
    if any(not idea.scores for idea in panel) or any(each["phase"] == "evaluate" for each in failures):
        return "partial"
    return "peer_evaluated"


def chosen(turn: BrainstormRound, size: int, floor: float) -> list[tuple[Lineage, Idea]]:
    """The panel of a round, in its order; ties go to the earlier seat."""
    lineages, ideas = [*turn.ideas()], [*turn.ideas().values()]
    numbered = [replace(idea, name=str(number)) for number, idea in enumerate(ideas)]
    return [(lineages[int(idea.name)], idea) for idea in diversity.panel(numbered, size, floor)]


def panel_text(panel: Sequence[tuple[str, Idea]]) -> str:
    """The panel to read: every answer verbatim, under a line that says whose it is and how it was received."""
    return "\n\n".join(
        f"── {number}. {name} ({_received(idea)}) ──\n{idea.text}" for number, (name, idea) in enumerate(panel, 1)
    )


def _received(idea: Idea) -> str:
    if not idea.scores:
        return "not evaluated"
    return f"mean {idea.mean:.1f}, stddev {idea.stddev:.2f}, controversy {idea.controversy:.2f}"


def member_json(name: str, idea: Idea, ratings: Mapping[str, Rating]) -> JSON:
    """One of the panel; `ratings` are by the model id of the judge."""
    judged = bool(idea.scores)
    return {
        "model_id": name,
        "answer": idea.text,
        "evaluated": judged,
        "mean_score": idea.mean if judged else None,
        "stddev": idea.stddev if judged else None,
        "controversy_score": idea.controversy if judged else None,
        "per_evaluator_scores": [{"evaluator": judge, "score": rating.score} for judge, rating in ratings.items()],
    }


def failure_json(failure: CallFailed, phase: str, round: int, model_id: str, target: str | None = None) -> JSON:
    """A call without a usable reply; `target` is the lineage that was to be judged."""
    told: JSON = {"round": round, "phase": phase, "model_id": model_id}
    if target is not None:
        told["target_model_id"] = target
    told |= {"kind": failure.kind, "message": str(failure)}
    return told if failure.reply is None else {**told, "response_preview": failure.reply[:PREVIEW]}
