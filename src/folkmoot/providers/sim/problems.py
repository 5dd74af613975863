"""What a simulation knows of a question: a sum it can compute, a trap from a script, or nothing.

A conclusion is a short text, such as `391` or `Drive`, that stands for what an answer comes to.
"""

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from importlib import resources
from typing import Protocol

from folkmoot.providers.sim.arithmetic import Sum, find_sum, numbers, written
from folkmoot.providers.sim.personas import Character

MAX_QUESTION = 1000  # letters; what is longer is neither a sum nor a trap


class Problem(Protocol):
    """A question as the simulation understands it."""

    @property
    def label(self) -> str:
        """What a completion must be labelled as: simulated or scripted."""
        ...

    @property
    def right(self) -> str | None:
        """The right conclusion; None if the simulation cannot know."""
        ...

    def first(self, who: Character, draw: random.Random) -> str:
        """What `who` concludes alone."""
        ...

    def read(self, text: str) -> str | None:
        """What `text` concludes, or None."""
        ...

    def mentioned(self, text: str) -> str | None:
        """The right conclusion if `text` has it anywhere, else what it concludes."""
        ...

    def tell(self, conclusion: str, who: Character, before: str | None) -> str:
        """An answer that concludes so; `before` is what `who` said earlier, if that was something else."""
        ...

    def why(self, conclusion: str) -> str:
        """One sentence for it."""
        ...


@lru_cache(maxsize=64)
def understand(question: str) -> Problem:
    """The problem that `question` is."""
    if len(question) > MAX_QUESTION:
        return Unknown()
    plain = _plain(question)
    for trap in load_traps():
        if all(any(_has(plain, words) for words in choice) for choice in trap.asks):
            return trap
    found = find_sum(question)
    return Unknown() if found is None else Calculation(found)


@dataclass(frozen=True)
class Calculation:
    """A sum. A seat that gets it wrong makes a slip of the kind people make."""

    sum: Sum
    label: str = "simulated"

    @property
    def right(self) -> str:
        return "undefined" if self.sum.value is None else written(self.sum.value)

    def first(self, who: Character, draw: random.Random) -> str:
        if draw.random() < who.persona.skill or self.sum.value is None:
            return self.right
        # half of the slips are the one that everybody makes
        choice = random.Random(f"slip {self.sum.text}") if draw.random() < 0.5 else draw
        size = max(Fraction(1), abs(self.sum.value))
        steps = [step for step in (1, 2, 10, 100) if step <= size]
        return written(self.sum.value + choice.choice(steps) * choice.choice((1, -1)))

    def read(self, text: str) -> str | None:
        if re.search(r"\b(?:undefined|not defined)\b", text, re.IGNORECASE):
            return "undefined"
        found = numbers(text)
        return written(found[-1]) if found else None

    def mentioned(self, text: str) -> str | None:
        if self.sum.value is not None and self.sum.value in numbers(text):
            return self.right
        return self.read(text)

    def tell(self, conclusion: str, who: Character, before: str | None) -> str:
        if before is not None:
            return f"I made a slip before. It is {conclusion}{_about(conclusion)}"
        if who.name == "careful":
            return (
                f"{self.why(conclusion)} I worked it out term by term. "
                f"Then I did it once more as a check, and the result is the same: {conclusion}{_about(conclusion)}"
            )
        opening = {"hasty": "Quick: ", "contrarian": "Whatever others say: ", "follower": "I believe it is "}
        return f"{opening.get(who.name, '')}{conclusion}{_about(conclusion)}"

    def why(self, conclusion: str) -> str:
        if conclusion == "undefined":
            return "Division by zero is undefined."
        return f"{self.sum.text} = {conclusion}."


@dataclass(frozen=True)
class Trap:
    """A well-known question with an answer that comes to mind first and is wrong."""

    asks: tuple[tuple[str, ...], ...]  # one of each must stand in the question
    right: str
    wrong: str
    reasons: Mapping[str, str]  # conclusion -> one sentence
    marks: Mapping[str, tuple[str, ...]]  # conclusion -> words that give it away
    script: Mapping[str, tuple[str, str]]  # persona -> its first conclusion and answer
    label: str = "scripted"

    def first(self, who: Character, draw: random.Random) -> str:
        if who.scripted and who.name in self.script:
            return self.script[who.name][0]
        return self.right if draw.random() < who.persona.skill else self.wrong

    def read(self, text: str) -> str | None:
        # the first mark counts: answers say what they come to before they say why
        found = self._found(text)
        return min(found, key=lambda conclusion: found[conclusion]) if found else None

    def mentioned(self, text: str) -> str | None:
        return self.right if self.right in self._found(text) else self.read(text)

    def tell(self, conclusion: str, who: Character, before: str | None) -> str:
        first, text = self.script.get(who.name, ("", ""))
        if before is not None:
            return f"{conclusion}, after all. {self.why(conclusion)}"
        return text if first == conclusion else f"{conclusion}. {self.why(conclusion)}"

    def why(self, conclusion: str) -> str:
        return self.reasons[conclusion]

    def _found(self, text: str) -> dict[str, int]:
        """Where each conclusion first shows in `text`."""
        plain = f" {_plain(text)} "
        places = {
            conclusion: [at for mark in marks if (at := plain.find(f" {mark} ")) >= 0]
            for conclusion, marks in self.marks.items()
        }
        return {conclusion: min(at) for conclusion, at in places.items() if at}


_PLACEHOLDERS = {"careful": "amber", "hasty": "cobalt", "contrarian": "crimson", "follower": "ivory"}
_FURTHER_PLACEHOLDERS = ("jade", "lilac", "ochre", "saffron", "teal", "umber")
_PLACEHOLDER = re.compile(r"^Placeholder answer: (\w+)\.$", re.MULTILINE)


@dataclass(frozen=True)
class Unknown:
    """A question that only a real model could answer. The simulation says so and names a colour in its place."""

    label: str = "simulated"
    right: None = None

    def first(self, who: Character, draw: random.Random) -> str:
        drawn = random.Random(f"placeholder {who.name}").choice(_FURTHER_PLACEHOLDERS)
        return _PLACEHOLDERS.get(who.name, drawn)

    def read(self, text: str) -> str | None:
        found = _PLACEHOLDER.search(text)
        return found[1] if found else None

    def mentioned(self, text: str) -> str | None:
        return self.read(text)

    def tell(self, conclusion: str, who: Character, before: str | None) -> str:
        return (
            f"This is a simulated seat (sim/{who.name}). It knows arithmetic and a few trick questions, so it cannot "
            f"answer this one; a real model could.\n\nPlaceholder answer: {conclusion}."
        )

    def why(self, conclusion: str) -> str:
        return "A simulated seat knows no answer to this question and only compares placeholders."


@lru_cache(maxsize=1)
def load_traps() -> tuple[Trap, ...]:
    """The traps of `traps.json`."""
    listed = json.loads(resources.files(__package__).joinpath("traps.json").read_text(encoding="utf-8"))
    return tuple(_read_trap(each) for each in listed)


def _read_trap(entry: dict[str, dict[str, list[str]]]) -> Trap:
    sides = {name: entry[name] for name in ("right", "wrong")}
    says = {name: str(side["says"]) for name, side in sides.items()}
    return Trap(
        asks=tuple(tuple(choice) for choice in entry["asks"]),
        right=says["right"],
        wrong=says["wrong"],
        reasons={says[name]: str(side["why"]) for name, side in sides.items()},
        marks={says[name]: tuple(side["marks"]) for name, side in sides.items()},
        script={who: (says[side], text) for who, (side, text) in entry["personas"].items()},
    )


def _plain(text: str) -> str:
    """Lower-case words and numbers with single spaces between them; decimal points stay."""
    return " ".join(re.findall(r"\d+\.\d+|\d+(?=[a-z])|\w+", text.lower()))


def _has(plain: str, words: str) -> bool:
    return f" {words} " in f" {plain} "


def _about(conclusion: str) -> str:
    """What ends a sentence with a result: for a fraction, what it is about in decimals."""
    if "/" not in conclusion or len(conclusion) > 30:
        return "."
    return f", about {float(Fraction(conclusion)):.6g} and exactly {conclusion}."
