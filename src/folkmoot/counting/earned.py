"""Confidence that was earned: how often an answer with such an agreement behind it was right before. Pure.

What a model says of its own confidence has no part in it.
"""

import math
from collections.abc import Sequence

from folkmoot.types import JSON, Record

FEWEST = 30  # questions; with fewer there is a word instead of a number


class SeenAgreement(Record):
    """What is known of answers that so many of those heard stood behind."""

    leading: int  # answers that say what the leading one says
    heard: int  # answers
    questions: float  # on which it came to that; not a whole number where samples were drawn
    right: float  # share of these


def interval(share: float, count: float, z: float = 1.96) -> tuple[float, float]:
    """Wilson's 95 % interval of a share.

    >>> [round(each, 3) for each in interval(0.9, 100)]
    [0.826, 0.945]
    """
    scale = 1 + z * z / count
    middle = (share + z * z / (2 * count)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def earned(rows: Sequence[SeenAgreement], leading: int, heard: int, source: str) -> JSON:
    """How sure one may be of a leading answer: a number with its interval, sample size and source, or a word.

    >>> earned([SeenAgreement(leading=2, heard=2, questions=400, right=0.95)], 2, 2, "marked runs")["right"]
    0.95
    >>> earned([], 2, 3, "")["word"]
    'most agree'
    """
    said = {"leading": leading, "heard": heard}
    known = next((each for each in rows if (each.leading, each.heard) == (leading, heard)), None)
    if known is None or known.questions < FEWEST:
        return {**said, "word": _word(leading, heard)}
    low, high = interval(known.right, known.questions)
    return {
        **said, "right": round(known.right, 4), "low": round(low, 4), "high": round(high, 4),
        "questions": round(known.questions), "source": source,
    }  # fmt: skip


def _word(leading: int, heard: int) -> str:
    """
    >>> _word(3, 3), _word(2, 3), _word(2, 4), _word(1, 2), _word(1, 1)
    ('all agree', 'most agree', 'half agree', 'nobody agrees', 'nobody else was asked')
    """
    if heard < 2:
        return "nobody else was asked"
    if leading < 2:
        return "nobody agrees"
    if leading == heard:
        return "all agree"
    return "most agree" if 2 * leading > heard else "half agree" if 2 * leading == heard else "a few agree"


def earned_text(confidence: JSON) -> str:
    """The same for people.

    >>> earned_text({"leading": 2, "heard": 2, "word": "all agree"})
    '2 of 2 agree; how often that is right is not known'
    """
    leading, heard = confidence["leading"], confidence["heard"]
    counted = (
        f"{leading} of {heard} agree" if leading > 1 else "one answer" if heard == 1 else f"{heard} answers differ"
    )
    if "right" not in confidence:
        return f"{counted}; how often that is right is not known"
    return (
        f"{counted}; such answers were right in {100 * confidence['right']:.0f} % "
        f"[{100 * confidence['low']:.0f}, {100 * confidence['high']:.0f}] of {confidence['questions']} cases "
        f"({confidence['source']})"
    )
