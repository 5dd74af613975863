"""Stances: roles of seats. Named ones for `--role SEAT=skeptic`, and presets that give every seat one."""

from collections.abc import Sequence
from typing import Literal

Roles = Literal["none", "diverse", "redteam"]

STANCES = {
    "skeptic": "Skeptic. Test every claim to the breaking point: look for hidden assumptions, edge cases, risks and "
    "ways in which this fails.",
    "advocate": "Advocate. Make the strongest honest case for the most promising answer, and show how it would work.",
    "pragmatist": "Pragmatist. Prefer what is simple, reliable and cheap to live with over what is clever.",
    "neutral": "Neutral. Weigh all sides alike and commit to none before the evidence does.",
}

_CYCLE = ("skeptic", "advocate", "pragmatist")


def told(role: str) -> str:
    """What a seat is told about its role: a stance by its name, or any text.

    >>> told("a security auditor"), told("Neutral").partition(".")[0]
    ('Your role in this panel: a security auditor', 'Your role in this panel: Neutral')
    """
    return f"Your role in this panel: {STANCES.get(role.strip().lower(), role)}"


def preset(roles: Roles, seats: Sequence[str]) -> dict[str, str]:
    """The stance of each seat, by name.

    >>> preset("diverse", ["s1", "s2", "s3", "s4"])
    {'s1': 'skeptic', 's2': 'advocate', 's3': 'pragmatist', 's4': 'skeptic'}
    >>> preset("redteam", ["s1", "s2", "s3"])
    {'s1': 'advocate', 's2': 'skeptic', 's3': 'skeptic'}
    """
    if roles == "none":
        return {}
    if roles == "redteam":
        return {seat: "skeptic" if at else "advocate" for at, seat in enumerate(seats)}
    return {seat: _CYCLE[at % len(_CYCLE)] for at, seat in enumerate(seats)}
