"""The rulings of a consortium's arbiter: which one is best, and whether it is good enough."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from folkmoot.counting.strategies import Selection
from folkmoot.formats.arbiter import Ruling
from folkmoot.formats.confidence import Confident
from folkmoot.types import JSON, Count

MET = {"default": "confident", "rank": "ranked", "pick-one": "picked"}
"""The status of a run whose rule is met, by its judging method."""


@dataclass
class ConsortiumRound:
    """One round: who was asked, who answered what, whose answers the arbiter saw, and what it said."""

    asked: tuple[str, ...]
    answers: Mapping[str, Confident]
    selection: Selection
    geometric_confidence: float | None = None  # None: nothing was embedded
    arbiter: str | None = None
    ruling: Ruling | None = None  # None: no arbiter gave one
    ranked: tuple[str, ...] = ()  # seats, the best first
    eliminated: tuple[str, ...] = ()
    unread: str | None = None  # what an arbiter wrote, where that could not be read
    counts: list[Count] = field(default_factory=list)

    @property
    def answer(self) -> str | None:
        """The synthesis; the best answer verbatim where the arbiter ranked or picked."""
        if self.ruling is None:
            return None
        return self.ruling.synthesis or self.answers[self.ranked[0]].text

    @property
    def winner(self) -> str | None:
        """The seat that wrote the answer."""
        return self.arbiter if self.ruling is None or self.ruling.synthesis else self.ranked[0]


@dataclass(frozen=True)
class Rule:
    """The rule that ends a consortium."""

    judging_method: str
    threshold: float  # of the arbiter's confidence, 0 to 1; without meaning where it ranks or picks
    min_iterations: int

    def ready(self, ruling: Ruling) -> bool:
        """Whether this ruling would do, were there rounds enough.

        >>> Rule("default", 0.8, 1).ready(Ruling("391", 0.8)), Rule("default", 0.8, 1).ready(Ruling("391", 0.79))
        (True, False)
        """
        if self.judging_method != "default":
            return True
        return (ruling.confidence or 0.0) >= self.threshold and ruling.needs_iteration is not True

    def best(self, turns: Sequence[ConsortiumRound]) -> int | None:
        """Return the turn whose ruling counts: the most confident good one, else of all; the later of equals.

        A ranking and a pick name no confidence, so the last one counts.
        """
        ruled = [(at, turn.ruling) for at, turn in enumerate(turns) if turn.ruling is not None]
        if not ruled:
            return None
        return max(ruled, key=lambda each: (self.ready(each[1]), each[1].confidence or 0.0, each[0]))[0]

    def decide(self, turns: Sequence[ConsortiumRound]) -> tuple[bool, str, str]:
        """Whether the run is over, its status, and the rule applied to these rulings in words."""
        at = self.best(turns)
        ruling = turns[at].ruling if at is not None else None
        if at is None or ruling is None:
            return False, "no_ruling", "the arbiter has not ruled yet"
        met = self.ready(ruling) and len(turns) >= self.min_iterations
        if self.judging_method != "default":
            said = "the best by the arbiter's ranking" if self.judging_method == "rank" else "picked by the arbiter"
            return met, MET[self.judging_method] if met else "max_rounds_exceeded", said
        confidence = ruling.confidence or 0.0
        reached = confidence >= self.threshold
        against = f"{'≥' if reached else '<'} {self.threshold:.2f} in round {at + 1}"
        said = f"the arbiter's own confidence {confidence:.2f} {against}"
        if ruling.needs_iteration:
            said += ", but the arbiter asks for another round"
        return met, MET["default"] if met else "max_rounds_exceeded" if reached else "below_threshold", said


def details(
    turns: Sequence[ConsortiumRound],
    best: ConsortiumRound,
    ids: Mapping[str, str],
    labels: Mapping[str, str],
    **metadata: JSON | str,
) -> JSON:
    """What a result says beside the answer, under llm-consortium's keys."""
    return {
        "synthesis": _told(best, ids),
        "iterations": [_iteration(number, turn, ids, labels) for number, turn in enumerate(turns, 1)],
        "metadata": {
            "iteration_count": len(turns),
            "models_used": [ids[seat] for seat in labels],
            "arbiter": ids.get(best.arbiter or ""),
            **metadata,
        },
    }


def _told(turn: ConsortiumRound, ids: Mapping[str, str]) -> JSON | None:
    """A turn's ruling under llm-consortium's keys; None where there is none."""
    if turn.ruling is None:
        return None
    ruling = turn.ruling
    return {
        "synthesis": turn.answer,
        "confidence": ruling.confidence,
        "analysis": ruling.analysis,
        "dissent": ruling.dissent,
        "needs_iteration": ruling.needs_iteration,
        "refinement_areas": list(ruling.refinement_areas),
        "ranking": [ids[seat] for seat in turn.ranked],
        "chosen_response_id": ids[turn.ranked[0]] if turn.ranked else None,
        "geometric_confidence": turn.geometric_confidence,
        "raw_arbiter_response": ruling.raw or None,
    }


def _iteration(number: int, turn: ConsortiumRound, ids: Mapping[str, str], labels: Mapping[str, str]) -> JSON:
    """A round under llm-consortium's keys. Its label is what the arbiter calls an answer."""
    return {
        "iteration": number,
        "selected_models": [ids[seat] for seat in turn.asked],
        "model_responses": [
            {
                "model_id": ids[seat],
                "label": labels[seat],
                "response": answer.text,
                "confidence": answer.confidence,
                "heard": seat in turn.selection.seats,
                **turn.selection.notes.get(seat, {}),
            }
            for seat, answer in turn.answers.items()
        ],
        "selection": turn.selection.why,
        "synthesis": _told(turn, ids),
        "arbiter": ids.get(turn.arbiter or ""),
        "unread_arbiter_response": turn.unread,
        "eliminated": [ids[seat] for seat in turn.eliminated],
    }
