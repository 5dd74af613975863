"""A consortium's strategies: whose answers reach the arbiter, who stays for the next round, who plays which role.

After llm-consortium, https://github.com/irthomasthomas/llm-consortium. Pure: what a strategy does follows from the
answers, and its parameters are checked before anything is asked.
"""

import difflib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from folkmoot.counting.clusters import Vector, centroid, cosine_distance, dbscan
from folkmoot.formats.answer_keys import key_of
from folkmoot.formats.conclusions import stated
from folkmoot.types import JSON


@dataclass(frozen=True)
class Selection:
    """The seats whose answers the arbiter sees, and why."""

    seats: tuple[str, ...]  # empty: nothing is agreed on, so there is nothing to arbitrate
    notes: Mapping[str, JSON] = field(default_factory=dict)  # what the result says of single answers
    why: str = ""
    groups: tuple[tuple[str, ...], ...] = ()  # answers that are alike, where the strategy looks for them


class Strategy(BaseModel):
    """All answers reach the arbiter, and all seats stay."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    judging: ClassVar[str | None] = None  # the one judging method that it works with
    needs_vectors: ClassVar[bool] = False

    def stances(self, seats: Sequence[str], rng: random.Random) -> dict[str, str]:
        """What is added to the system prompt of some seats, for the whole run."""
        return {}

    def select(
        self, answers: Mapping[str, str], weights: Mapping[str, float], vectors: Mapping[str, Vector]
    ) -> Selection:
        """`weights` holds every seat that was asked, also those without an answer: they count in a majority."""
        return Selection(tuple(answers))

    def leaving(self, ranked: Sequence[str], active: Sequence[str], round: int) -> tuple[str, ...]:
        """The seats that are not asked again after `round`. `ranked` is the arbiter's order, the best first."""
        return ()

    def unfinished(self, active: Sequence[str]) -> bool:
        """Whether further rounds are needed for the strategy's own sake."""
        return False


class Voting(Strategy):
    """The arbiter sees only the largest group of answers that say the same."""

    similarity_threshold: float = Field(0.8, ge=0, le=1)  # share of words in common, in order
    answer_length: int = Field(2000, ge=10)  # characters of an answer that are compared
    require_majority: bool = False
    fallback_to_all: bool = True

    def select(
        self, answers: Mapping[str, str], weights: Mapping[str, float], vectors: Mapping[str, Vector]
    ) -> Selection:
        groups = self.groups(answers)
        sizes = [sum(weights[seat] for seat in group) for group in groups]
        best = max(range(len(groups)), key=lambda at: (sizes[at], -at))  # a tie goes to the earlier seat's group
        top, total = groups[best], sum(weights.values())
        agreed = sizes[best] > total / 2 if self.require_majority else len(top) > 1 or len(answers) == 1
        why = f"{sizes[best]:g} of {total:g} votes say the same"
        notes = {
            seat: {"voting_group_size": len(group), "voting_selected": agreed and group is top}
            for group in groups
            for seat in group
        }
        if not agreed and self.fallback_to_all:
            return Selection(tuple(answers), notes, f"{why}, so all are heard", tuple(groups))
        return Selection(top if agreed else (), notes, why, tuple(groups))

    def groups(self, answers: Mapping[str, str]) -> list[tuple[str, ...]]:
        """Each answer joins the first group whose first member it is like."""
        found: list[list[str]] = []
        for seat, answer in answers.items():
            for group in found:
                if alike(answers[group[0]], answer, self.similarity_threshold, self.answer_length):
                    group.append(seat)
                    break
            else:
                found.append([seat])
        return [tuple(group) for group in found]


class Elimination(Strategy):
    """After each round the lowest-ranked seats leave."""

    judging: ClassVar[str | None] = "rank"

    eliminate_count: int = Field(1, ge=0)
    eliminate_fraction: float = Field(0.0, ge=0, lt=1)
    keep_minimum: int = Field(2, ge=1)
    elimination_delay: int = Field(1, ge=1)  # the first round after which anybody leaves

    def leaving(self, ranked: Sequence[str], active: Sequence[str], round: int) -> tuple[str, ...]:
        """
        >>> Elimination(eliminate_fraction=0.5).leaving(["a", "b", "c", "d", "e"], ["a", "b", "c", "d", "e"], 1)
        ('d', 'e')
        """
        if round < self.elimination_delay:
            return ()
        wanted = max(self.eliminate_count, int(len(active) * self.eliminate_fraction))
        count = min(wanted, max(0, len(active) - self.keep_minimum), len(ranked))
        return tuple(ranked[len(ranked) - count :])

    def unfinished(self, active: Sequence[str]) -> bool:
        return len(active) > self.keep_minimum and (self.eliminate_count > 0 or self.eliminate_fraction > 0)


ROLES = {
    "Generator": "Find the strongest answer you can, including one that nobody would think of first.",
    "Devil's Advocate": "Distrust the obvious answer: look for what speaks against it before you accept it.",
    "Fact Checker": "Claim nothing that you could not prove: check every fact, number and step.",
}
TRAITS = (
    "skepticism", "creativity", "defensiveness", "precision", "candor", "lateral thinking", "pessimism", "optimism",
)  # fmt: skip


class Role(Strategy):
    """Seats answer in roles, in the order of both; those beyond the list get a drawn temperament, or none."""

    roles: tuple[str, ...] = tuple(ROLES)
    use_dynamic_personalities: bool = True

    @field_validator("roles", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    def stances(self, seats: Sequence[str], rng: random.Random) -> dict[str, str]:
        named = [f"{name}. {ROLES[name]}" if name in ROLES else name for name in self.roles]
        found = {seat: f"Your role among the members: {role}" for seat, role in zip(seats, named, strict=False)}
        if self.use_dynamic_personalities:
            for seat in seats[len(named) :]:
                drawn = ", ".join(f"{trait} {rng.randint(1, 20)}" for trait in TRAITS)
                found[seat] = f"Your temperament among the members, each trait from 1 to 20: {drawn}."
        return found


class Semantic(Strategy):
    """The arbiter sees only the largest cluster of answers that mean nearly the same."""

    needs_vectors: ClassVar[bool] = True

    clustering_algorithm: Literal["dbscan"] = "dbscan"
    eps: float = Field(0.5, gt=0, le=2)  # cosine distance of neighbours
    min_samples: int = Field(2, ge=1)  # answers, itself among them, that make one a core

    def select(
        self, answers: Mapping[str, str], weights: Mapping[str, float], vectors: Mapping[str, Vector]
    ) -> Selection:
        clusters = dbscan(vectors, self.eps, self.min_samples)
        if not clusters:
            return Selection(tuple(answers), {}, "no answers lie close together, so all are heard")
        top = max(clusters, key=lambda cluster: sum(weights[seat] for seat in cluster))  # the earlier one of equals
        middle = centroid([vectors[seat] for seat in top])
        cluster_of = {seat: number for number, cluster in enumerate(clusters) for seat in cluster}
        notes = {
            seat: {
                "cluster_id": cluster_of.get(seat),  # None: it belongs to none
                "distance_to_centroid": round(cosine_distance(vector, middle) / 2, 6),
            }
            for seat, vector in vectors.items()
        }
        return Selection(
            tuple(seat for seat in answers if seat in top),
            notes,
            f"{len(top)} of {len(answers)} answers lie together",
            tuple(clusters),
        )


STRATEGIES: Mapping[str, type[Strategy]] = {
    "default": Strategy, "voting": Voting, "elimination": Elimination, "role": Role, "semantic": Semantic,
}  # fmt: skip


def strategy_of(name: str, written: Sequence[str], given: Mapping[str, object] | None = None) -> Strategy:
    """The strategy `name` with parameters as they are written: `KEY=VALUE`; a repeated key makes a list.

    Raises ValueError that says which parameters there are, or what is wrong with one.

    >>> strategy_of("voting", ["require_majority=false", "answer_length=500"])
    Voting(similarity_threshold=0.8, answer_length=500, require_majority=False, fallback_to_all=True)
    >>> strategy_of("role", ["roles=Optimist", "roles=Pessimist"]).roles
    ('Optimist', 'Pessimist')
    """
    lists: dict[str, list[str]] = {}
    for each in written:
        key, equals, value = each.partition("=")
        lists.setdefault(key.strip().replace("-", "_"), []).append(value if equals else "true")
    found: dict[str, object] = {key: values if len(values) > 1 else values[0] for key, values in lists.items()}
    try:
        return STRATEGIES[name].model_validate(found | dict(given or {}))
    except ValidationError as error:
        known = ", ".join(STRATEGIES[name].model_fields) or "none"
        problems = (
            f"{'.'.join(map(str, each['loc']))}: "
            + (f"there is no such parameter; {name} has: {known}" if each["type"] == "extra_forbidden" else each["msg"])
            for each in error.errors()
        )
        raise ValueError(f"strategy {name}: " + "; ".join(problems)) from None


EMBEDDED_BY = {
    "openai": "openai/text-embedding-3-small",
    "chutes": "chutes/Qwen/Qwen3-Embedding-8B",
    "sentence-transformers": "llm/sentence-transformers/all-MiniLM-L6-v2",
    "words": "words",
}
"""The model that a backend takes where none is named."""


def embedding_model(backend: str | None, model: str | None) -> str | None:
    """The seat, `embed/...`, that a backend and a model name; None when neither is given.

    sentence-transformers are the models that the plugin `llm-sentence-transformers` adds to `llm`. Raises ValueError
    for a folder.

    >>> embedding_model("openai", None), embedding_model(None, "words"), embedding_model("openai", "big")
    ('embed/openai/text-embedding-3-small', 'embed/words', 'embed/openai/big')
    """
    if model is not None and model.startswith("embed/"):
        return model
    if (model or "").startswith(("/", ".", "~")):
        raise ValueError(
            f"embedding_model {model}: models in folders are not read; serve it with an OpenAI-compatible server, "
            "or register it with llm (llm-sentence-transformers) and write llm/<id>"
        )
    if model and backend == "sentence-transformers":
        return f"embed/llm/{backend}/{model.removeprefix('llm/').removeprefix(f'{backend}/')}"
    if model and backend in ("openai", "chutes"):
        return f"embed/{backend}/{model.removeprefix(f'{backend}/')}"
    named = model or EMBEDDED_BY.get(backend or "")
    return f"embed/{named}" if named else None


# Likeness of answers

_WORD = re.compile(r"(?<![\w.])-?\d+(?:[.,]\d+)*|[^\W_]+(?:'[^\W_]+)?")
_OPENER = re.compile(
    r"(?:(?:sure|certainly|of course|okay|ok|well|so|great question|i think|i believe|in short|the answer is|"
    r"here is|here's|it is|it's|that|that is)\s+){1,3}"
)
_POLAR = frozenset(
    ("yes", "no", "not", "never", "none", "nothing", "neither", "nor", "cannot", "without", "true", "false")
)


@lru_cache(maxsize=256)
def _plain(answer: str, length: int) -> tuple[str, ...]:
    """The words and numbers of an answer, without how it opens."""
    words = " ".join(_WORD.findall(answer[: 4 * length].casefold().replace("’", "'").replace("−", "-")))
    return tuple((_OPENER.sub("", words, count=1) if _OPENER.match(words) else words)[:length].split())


def _polar(words: Sequence[str]) -> set[str]:
    """Words that negate a sentence."""
    return {"not" if word.endswith("n't") else word for word in words if word in _POLAR or word.endswith("n't")}


def _numbers(words: Sequence[str]) -> set[str]:
    return {key.text for word in words if word.lstrip("-")[:1].isdigit() and (key := key_of(word))}


def alike(one: str, other: str, threshold: float, length: int = 2000) -> bool:
    """Return whether two answers say the same, judged by their wording.

    Where both state what they come to, that decides. Otherwise they must have the same numbers, the same yes, no and
    not, and at least a share of `threshold` of their words in common, in order.

    >>> alike("The answer is 42.", "The answer is 43.", 0.5), alike("-5", "5", 0.5), alike("3.14", "314", 0.5)
    (False, False, False)
    >>> alike("I think the answer is yes", "I think the answer is no", 0.5), alike("Sure! It's Paris.", "Paris", 0.8)
    (False, True)
    """
    keys = [key_of(stated(each) or each) for each in (one, other)]
    if keys[0] is not None and keys[0] == keys[1]:
        return True
    if all(key is not None and not key.open for key in keys):
        return False
    said, heard = _plain(one, length), _plain(other, length)
    if _numbers(said) != _numbers(heard) or _polar(said) != _polar(heard):
        return False
    return difflib.SequenceMatcher(None, said, heard, autojunk=False).ratio() >= threshold
