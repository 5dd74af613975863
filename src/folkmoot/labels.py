"""Anonymous labels, and the order in which a reader gets the answers.

One label per seat and run, the same for every reader, so that a critique may say "Answer B". The order differs per
reader: each answer stands first, second, ... for about as many readers, and one reader's order never changes.
"""

import random
from collections.abc import Sequence
from string import ascii_uppercase


def assign(seats: Sequence[str], rng: random.Random) -> dict[str, str]:
    """A label for each seat, drawn at random.

    >>> sorted(assign(["s1", "s2", "s3"], random.Random(1)).values())
    ['Answer A', 'Answer B', 'Answer C']
    """
    names = [f"Answer {_letters(position)}" for position in range(len(seats))]
    rng.shuffle(names)
    return dict(zip(seats, names, strict=True))


def reading_order(seats: Sequence[str], reader: str, rng: random.Random) -> list[str]:
    """`seats` as `reader` meets them. `rng` must be seeded alike for all readers of a run.

    A Latin square: every reader starts the same random circle of seats at another point.

    >>> [reading_order(["a", "b", "c"], reader, random.Random(4)) for reader in "abc"]
    [['c', 'b', 'a'], ['b', 'a', 'c'], ['a', 'c', 'b']]
    """
    circle = list(seats)
    rng.shuffle(circle)
    start = list(seats).index(reader) if reader in seats else 0
    return circle[start:] + circle[:start]


def _letters(position: int) -> str:
    """A, B, ..., Z, AA, AB, ...

    >>> _letters(0), _letters(25), _letters(26), _letters(52)
    ('A', 'Z', 'AA', 'BA')
    """
    letters = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        letters = ascii_uppercase[rest] + letters
    return letters
