"""Scores: a number from 1 to 10 for somebody's answer, with the reasons for it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.errors import Unparseable
from folkmoot.formats.base import Format, preview
from folkmoot.formats.reading import NoObject, json_object, list_field, text_field
from folkmoot.types import JSON

LOWEST, HIGHEST = 1.0, 10.0

LONGEST = 300  # characters of a text about a score; a longer one is an essay

_PLAIN = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)
# not part of a longer number or word, not a percentage; a decimal comma is a decimal point
_NUMBER = r"(?<![\w.,%])(?<![\w.,%][+-])[+-]?\d+(?:[.,]\d+)?(?![\w%]|[.,]\d| %)"
_OUT_OF_TEN = re.compile(rf"({_NUMBER}) ?(?:/|(?:out )?of) ?10(?![\w.,%]*\d)", re.IGNORECASE)
_FRACTION = re.compile(r"(?:/|\bof) ?\d", re.IGNORECASE)
_SCALE = re.compile(
    r"\(?\b(?:on|from|using)? ?(?:an?|the)? ?(?:scale)? ?(?:of|from)? ?1 ?(?:-|–|to) ?10\b ?(?:scale)?\)?",
    re.IGNORECASE,
)
_BETWEEN = re.compile(rf"\bbetween {_NUMBER} and ({_NUMBER})", re.IGNORECASE)
_RANGE = re.compile(r"\d ?(?:-|–|to) ?\d", re.IGNORECASE)
_SCORE_LINE = re.compile(
    r"^[ \t>*_#`~-]*+(?:(?:overall|final|my)[ \t]++)?score[ \t*_`]*+(?:\([^)\n]*+\)[ \t*_`]*+)?"
    r"(?:[:=–—-]|is\b)(?P<rest>[^\n]+)$",
    re.IGNORECASE | re.MULTILINE,
)
_LABEL_LINE = re.compile(
    r"^[ \t>*_#-]*+(?P<label>answer[ \t]++[a-z]{1,3})[ \t*_]*+[:=–—-](?P<rest>[^\n]+)$", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Review:
    """What one seat says of another's answer."""

    score: float  # 1 to 10, as written
    overall_assessment: str = ""
    strengths: tuple[str, ...] = ()
    weaknesses: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    rationale: str = ""


class ReviewReply(BaseModel):
    """The reasons come first, so that the score follows from them."""

    model_config = ConfigDict(extra="forbid")

    strengths: list[str]
    weaknesses: list[str]
    suggestions: list[str]
    overall_assessment: str
    rationale: str
    score: float = Field(description="1 to 10")


class LabelledReview(ReviewReply):
    label: str


class ScoresReply(BaseModel):
    model_config = ConfigDict(extra="forbid")

    scores: list[LabelledReview]


def in_range(number: float) -> float:
    """`number`, if it is a score.

    Raises Unparseable outside 1 to 10: 0.6 and 10.4 are slips to ask about, not to round away.
    """
    if not LOWEST <= number <= HIGHEST:  # also no number at all: NaN
        raise Unparseable(f"the score {preview(str(number), 20)} is not between 1 and 10")
    return float(number)


def score_in_text(text: str) -> float:
    """The one score that `text`, which is about a score, states.

    >>> [score_in_text(t) for t in ("8", "8,5", "8.5 / 10", "on a 1-10 scale: 8", "9 - excellent", "between 7 and 8")]
    [8.0, 8.5, 8.5, 8.0, 9.0, 8.0]
    """
    if len(text) > LONGEST:
        raise Unparseable(f"{preview(text)!r} is too long for a score")
    # a minus as typographers write it is a minus; runs of blanks become one, which also keeps the patterns fast
    plain = " ".join(re.sub(r"[*_`\"]", " ", text.replace("−", "-")).split())
    if _PLAIN.fullmatch(text.strip()):
        return in_range(float(text))
    if explicit := set(_OUT_OF_TEN.findall(plain)):
        return in_range(_number(_only(explicit, text)))
    plain = _SCALE.sub(" ", plain)
    if _FRACTION.search(plain):
        raise Unparseable(f"{preview(text)!r} is no plain score out of 10")
    if bounds := _BETWEEN.search(plain):
        return in_range(_number(bounds[1]))
    if _RANGE.search(plain):
        raise Unparseable(f"{preview(text)!r} is a range, not one score")
    numbers = re.findall(_NUMBER, plain)
    if not numbers:
        raise Unparseable(f"there is no number in the score {preview(text)!r}")
    return in_range(_number(_only(set(numbers), text)))


def score_in_value(value: object) -> float:
    """The score in a JSON value: a number, a text about one, or an object with `score` or `value`."""
    if isinstance(value, bool) or value is None or isinstance(value, list):
        raise Unparseable("the score is not a number")
    if isinstance(value, int | float):
        return in_range(value)
    if isinstance(value, dict):
        for key in ("score", "value"):
            if key in value:
                return score_in_value(value[key])
        raise Unparseable("the score is an object without a score")
    return score_in_text(str(value))


def score_in_object(found: JSON) -> float:
    """The score of a JSON object, under `score` or `overall_score`."""
    for key in ("score", "overall_score"):
        if key in found:
            return score_in_value(found[key])
    raise Unparseable("there is no score")


def score_line(reply: str) -> float:
    """The score on the last line of `reply` that begins with the word score.

    >>> [score_line(t) for t in ("SCORE: 8", "**Score: 7.5**", "> score - 9/10", "Score (1-10): 8")]
    [8.0, 7.5, 9.0, 8.0]
    """
    lines = list(_SCORE_LINE.finditer(reply))
    if not lines:
        raise Unparseable('there is neither a JSON object with a "score" nor a line that begins with "Score:"')
    return score_in_text(lines[-1]["rest"].strip())


def read_review(reply: str) -> Review:
    """A review: a JSON object anywhere in the reply, else a line `Score: 8` with whatever stands around it."""
    try:
        found = json_object(reply, "score", "overall_score")
    except NoObject:
        return Review(score_line(reply), overall_assessment=reply.strip())
    return _review(found)


def _review(found: JSON) -> Review:
    return Review(
        score_in_object(found),
        overall_assessment=text_field(found, "overall_assessment") or text_field(found, "rationale"),
        strengths=list_field(found, "strengths"),
        weaknesses=list_field(found, "weaknesses"),
        suggestions=list_field(found, "suggestions"),
        rationale=text_field(found, "rationale"),
    )


def brief_review(review: Review) -> str:
    return f'{review.score:.1f} — "{preview(review.overall_assessment)}"'


REVIEW: Format[Review] = Format(
    "review",
    instructions="""\
Write the reasons first and let the score follow from them. Reply with this JSON object and nothing else:

```json
{
  "strengths": ["what is right and useful"],
  "weaknesses": ["what is wrong, missing or misleading"],
  "suggestions": ["what would mend it"],
  "overall_assessment": "one or two sentences on the whole",
  "rationale": "why exactly this score",
  "score": 7
}
```
`score` is a number from 1 to 10.""",
    parse=read_review,
    example='{"strengths": ["clear"], "weaknesses": [], "suggestions": [], "overall_assessment": "Correct and clear.", '
    '"rationale": "Nothing is missing.", "score": 8}',
    schema=ReviewReply,
    brief=brief_review,
)


def scores_for(labels: Sequence[str]) -> Format[dict[str, Review]]:
    """One reply that reviews every answer in `labels`, e.g. ("Answer A", "Answer C").

    A label that does not exist, twice the same, or one left out makes the reply unreadable as a whole.
    """
    shown = ", ".join(labels)
    return Format(
        "scores",
        instructions=f"""\
Review every answer on its own merits: {shown}. Write the reasons first and let each score follow from them.
Reply with this JSON object and nothing else, with one entry for each answer:

```json
{{"scores": [{{
  "strengths": ["what is right and useful"],
  "weaknesses": ["what is wrong, missing or misleading"],
  "suggestions": ["what would mend it"],
  "overall_assessment": "one or two sentences on the whole",
  "rationale": "why exactly this score",
  "score": 7,
  "label": "{labels[0]}"
}}]}}
```
`score` is a number from 1 to 10; no two answers need the same one.""",
        parse=lambda reply: read_scores(reply, labels),
        example='{"scores": ['
        + ", ".join(f'{{"label": "{label}", "overall_assessment": "Clear.", "score": 8}}' for label in labels)
        + "]}",
        schema=ScoresReply,
        brief=lambda reviews: ", ".join(f"{label} {review.score:.1f}" for label, review in reviews.items()),
    )


SCORES = scores_for(("Answer A", "Answer B"))


def read_scores(reply: str, labels: Sequence[str]) -> dict[str, Review]:
    """The review of each of `labels`, in their order.

    >>> {label: r.score for label, r in read_scores("Answer A: 8/10\\nanswer b - 6", ["Answer A", "Answer B"]).items()}
    {'Answer A': 8.0, 'Answer B': 6.0}
    """
    found: dict[str, Review] = {}
    for label, review in _labelled(reply, labels):
        known = next((each for each in labels if _same_label(each, label)), None)
        if known is None:
            raise Unparseable(f"there is no {label!r} to score, only {', '.join(labels)}")
        if known in found:
            raise Unparseable(f"{known} is scored twice")
        found[known] = review
    if missing := [label for label in labels if label not in found]:
        raise Unparseable(f"the score of {', '.join(missing)} is missing")
    return {label: found[label] for label in labels}


def _labelled(reply: str, labels: Sequence[str]) -> list[tuple[str, Review]]:
    """Every label in `reply` with its review, as often as it is there."""
    try:
        value = json_object(reply, "scores", *labels)
    except NoObject:
        return [(line["label"], Review(score_in_text(line["rest"]))) for line in _LABEL_LINE.finditer(reply)]
    entries = value.get("scores", value)
    if isinstance(entries, dict):
        return [
            (label, _review(each) if isinstance(each, dict) else Review(score_in_value(each)))
            for label, each in entries.items()
        ]
    if not isinstance(entries, list) or not all(isinstance(each, dict) and "label" in each for each in entries):
        raise Unparseable('every entry of "scores" needs a "label" and a "score"')
    return [(str(each["label"]), _review(each)) for each in entries]


def _same_label(known: str, written: str) -> bool:
    """Whether `written` means `known`: "answer b", "B" and "**Answer B**" mean "Answer B"."""
    wanted, bare = (re.sub(r"[^a-z0-9]", "", each.lower()) for each in (known, written))
    return bare in (wanted, wanted.removeprefix("answer"))


def _only(numbers: set[str], text: str) -> str:
    """The one of `numbers`. Raises Unparseable when there are several: which of them is meant is a guess."""
    if len(numbers) > 1:
        raise Unparseable(f"there are several numbers in the score {preview(text)!r}")
    return min(numbers)


def _number(text: str) -> float:
    return float(text.replace(",", "."))
