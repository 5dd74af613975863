"""Personas: how well a simulated seat answers, and what changes its mind."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qsl

from folkmoot.errors import InputError

MAX_DELAY = 600.0


@dataclass(frozen=True, slots=True)
class Persona:
    """The parameters of a simulated seat. All but `delay` and `patience` are probabilities."""

    skill: float = 0.75  # of being right on its own
    gain: float = 0.5  # of turning right when wrong and shown the right answer, in each round
    loss: float = 0.0  # of turning wrong when right and shown a wrong answer, in each round
    conformity: float = 0.0  # of adopting what most of the shown answers say, when nothing else moved it
    patience: int = 0  # rounds during which nothing moves it
    fail: float = 0.0  # of a call that ends in an error
    delay: float = 0.3  # seconds, the median of one reply


PERSONAS = {
    "careful": Persona(skill=1.0, gain=0.9, delay=0.5),
    "hasty": Persona(skill=0.7, gain=1.0, delay=0.15),
    "contrarian": Persona(skill=0.75, gain=1.0, patience=2, delay=0.35),
    "follower": Persona(skill=0.8, gain=0.0, conformity=1.0, delay=0.25),
    # how panels herd, as measured for debates among language models: gain and loss per round
    "learner": Persona(skill=0.65, gain=0.3, loss=0.05),
    "slow-learner": Persona(skill=0.65, gain=0.15, loss=0.08),
    "waverer": Persona(skill=0.65, gain=0.15, loss=0.15),
    "misled": Persona(skill=0.65, gain=0.1, loss=0.2),
    "conformist": Persona(skill=0.65, gain=0.0, conformity=1.0),
}
"""The seats of documentation and demo, then five whose panels get better, worse or only more alike with rounds."""


@dataclass(frozen=True, slots=True)
class Character:
    """Who a model id such as `careful?skill=0.9` names."""

    name: str
    persona: Persona
    scripted: bool  # whether the traps' script holds for it: a given skill decides instead


def read_character(model: str, table: Mapping[str, object]) -> Character:
    """The character of `model`; what its id says holds before `table`, and that before the persona's own parameters.

    Raises InputError for a parameter that does not exist or is out of range.
    """
    name, _, query = model.partition("?")
    if not name.strip():
        raise InputError("a simulated seat needs a name, e.g. sim/careful")
    try:
        given = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError:
        raise InputError(f"sim/{model}: write parameters as NAME=VALUE&NAME=VALUE after the question mark") from None
    changes: dict[str, object] = {**table, **given}
    persona = change_persona(PERSONAS.get(name) or _unlisted(name), changes, f"sim/{model}")
    return Character(name, persona, "skill" not in changes)


def change_persona(persona: Persona, changes: Mapping[str, object], where: str) -> Persona:
    """`persona` with some parameters changed. `where` opens the message of InputError."""
    known = tuple(field.name for field in fields(Persona))
    if unknown := [name for name in changes if name not in known]:
        raise InputError(f"{where}: there is no parameter {unknown[0]!r}; there are {', '.join(known)}")
    numbers: dict[str, Any] = {name: _number(name, value, where) for name, value in changes.items()}
    return replace(persona, **numbers)


def _number(name: str, value: object, where: str) -> float:
    highest = {"delay": MAX_DELAY, "patience": 100}.get(name, 1.0)
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError
        number = int(value) if name == "patience" else float(value)
    except ValueError:
        raise InputError(f"{where}: {name} is {value!r}, not a number") from None
    if not 0 <= number <= highest:  # also refuses nan
        raise InputError(f"{where}: {name} is {number:g}, not between 0 and {highest:g}")
    return number


def _unlisted(name: str) -> Persona:
    """Parameters that the name alone decides, so that any name is somebody."""
    draw = random.Random(f"persona {name}")
    return Persona(
        skill=round(draw.uniform(0.5, 0.95), 2),
        gain=round(draw.uniform(0.3, 0.9), 2),
        loss=round(draw.uniform(0.0, 0.1), 2),
        conformity=round(draw.uniform(0.0, 0.4), 2),
        delay=round(draw.uniform(0.15, 0.6), 2),
    )
