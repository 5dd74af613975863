"""Reading the name of a step, `converge/r2/evaluate/s2>s1+repair`, where only the name is left."""

import re
from typing import NamedTuple

_STEP = re.compile(r"(?P<scope>(?:.*/)?)r(?P<round>\d+)/(?P<phase>[^/]+)/(?P<key>[^/+]+)(?P<repair>\+repair)?")


class Step(NamedTuple):
    scope: str  # of a protocol inside a protocol, e.g. "converge/"
    round: int
    phase: str
    key: tuple[str, ...]  # (seat,) or (judge, author); the seat that is asked stands first
    repair: bool


def read_step(name: str) -> Step:
    """What a step's name says; one in another form is a phase of round 0.

    >>> read_step("converge/r2/evaluate/s2>s1+repair")
    Step(scope='converge/', round=2, phase='evaluate', key=('s2', 's1'), repair=True)
    """
    if found := _STEP.fullmatch(name):
        return Step(
            found["scope"], int(found["round"]), found["phase"], tuple(found["key"].split(">")), bool(found["repair"])
        )
    return Step("", 0, name, (), False)


def seat_order(key: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """Sorts keys as their seats sit.

    >>> sorted([("s10",), ("s2", "s1"), ("s2",)], key=seat_order)
    [('s2',), ('s2', 's1'), ('s10',)]
    """
    return tuple((int(seat[1:]) if seat[1:].isdigit() else 0, seat) for seat in key)
