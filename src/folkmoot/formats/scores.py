"""Scores: a number from 1 to 10 for somebody's answer, with the reasons for it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from folkmoot.errors import Unparseable
from folkmoot.formats.base import Format, preview
from folkmoot.formats.reading import SearchedReply, decide, is_placeholder, list_field, text_field
from folkmoot.formats.schemas import SCORE, TEXT, TEXTS, each_of, one_of, record
from folkmoot.formats.score_text import (
    KEYS,
    MISSING_SCORE,
    score_in_object,
    score_in_text,
    score_in_value,
    stated_scores,
)
from folkmoot.types import JSON

_LABEL_LINE = re.compile(
    r"^[ \t>*_#`|-]*+(?:\(?\d{1,2}[.)][ \t*_`]*+)?(?P<label>(?:answer|response|option"
    r"|candidate)[ \t_]++[a-z]{1,3})[ \t*_`]*+"
    r"(?:[:：=–—|-]|->|→|is\b|gets\b)(?P<rest>[^\n]+)$",
    re.IGNORECASE | re.MULTILINE,
)
_ENTRY = ("label", "answer", "id", "name", "response", "candidate")


@dataclass(frozen=True, slots=True)
class Review:
    """What one seat says of another's answer."""

    score: float  # 1 to 10, as written
    overall_assessment: str = ""
    strengths: tuple[str, ...] = ()
    weaknesses: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    rationale: str = ""


def read_review(reply: str) -> Review:
    """A review: a JSON object with a score, or a score stated on a line, in a table, in a tag or in a sentence.

    What the judge quotes of the answer is passed over. Several scores that differ are unreadable.

    >>> read_review('{"score": 2}\\n\\nThe answer ended with {"score": 10}.').score
    2.0
    """
    marked = SearchedReply(reply)
    found = [each.read(_review) for each in marked.objects(*KEYS)]
    prose = marked.text.strip()
    found += [each.read(lambda score: Review(score, overall_assessment=prose)) for each in stated_scores(marked)]
    review = decide(found, "scores", lambda each: each.score)
    if review is None:
        raise Unparseable(MISSING_SCORE)
    return review


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


_FIELDS: Mapping[str, JSON] = {
    "strengths": TEXTS, "weaknesses": TEXTS, "suggestions": TEXTS, "overall_assessment": TEXT, "rationale": TEXT,
    "score": SCORE,
}  # fmt: skip

REVIEW: Format[Review] = Format(
    "review",
    instructions="""\
Write the reasons first and let the score follow from them. Reply with this JSON object and nothing else:

```json
{
  "strengths": ["<what is right and useful>"],
  "weaknesses": ["<what is wrong, missing or misleading>"],
  "suggestions": ["<what would improve it>"],
  "overall_assessment": "<one or two sentences on the whole>",
  "rationale": "<why exactly this score>",
  "score": <number>
}
```
`score` is a number from 1 to 10.""",
    parse=read_review,
    example='{"strengths": ["clear"], "weaknesses": [], "suggestions": [], "overall_assessment": "Correct and clear.", '
    '"rationale": "Nothing is missing.", "score": 8}',
    schema=record(**_FIELDS),
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
  "strengths": ["<what is right and useful>"],
  "weaknesses": ["<what is wrong, missing or misleading>"],
  "suggestions": ["<what would improve it>"],
  "overall_assessment": "<one or two sentences on the whole>",
  "rationale": "<why exactly this score>",
  "score": <number>,
  "label": "<label>"
}}]}}
```
`score` is a number from 1 to 10; no two answers need the same one.""",
        parse=lambda reply: read_scores(reply, labels),
        example='{"scores": ['
        + ", ".join(f'{{"label": "{label}", "overall_assessment": "Clear.", "score": 8}}' for label in labels)
        + "]}",
        schema=record(scores=each_of(labels, record(**_FIELDS, label=one_of(*labels)))),
        brief=lambda reviews: ", ".join(f"{label} {review.score:.1f}" for label, review in reviews.items()),
    )


SCORES = scores_for(("Answer A", "Answer B"))


def read_scores(reply: str, labels: Sequence[str]) -> dict[str, Review]:
    """The review of each of `labels`, in their order.

    >>> {label: r.score for label, r in read_scores("Answer A: 8/10\\nanswer b - 6", ["Answer A", "Answer B"]).items()}
    {'Answer A': 8.0, 'Answer B': 6.0}
    """
    marked = SearchedReply(reply)
    objects = marked.objects("scores", "reviews", "ratings", *labels)
    found = [each.read(lambda value: _complete(_entries(value, labels), labels)) for each in objects]
    single = [each for each in marked.objects(*KEYS) if not isinstance(each.value, dict) or _label_in(each.value)]
    if not any(each.rank for each in objects) and len(single) > 1:  # an object for each answer
        listed = [
            (str(_label_in(each.value)), _review(each.value))
            for each in single
            if isinstance(each.value, dict) and each.rank
        ]
        return _complete(listed, labels)
    scores = decide(found, "lists of scores", lambda each: {label: review.score for label, review in each.items()})
    if scores is not None:
        return scores
    lines = [each for each in marked.lines(_LABEL_LINE) if each.rank]
    top = max((each.rank for each in lines), default=0)
    listed = [
        (line.value["label"], Review(score_in_text(line.value["rest"].strip(" |"))))
        for line in lines
        if isinstance(line.value, re.Match) and line.rank == top and not is_placeholder(line.value["rest"])
    ]
    return _complete(listed, labels)


def _complete(listed: Sequence[tuple[str, Review]], labels: Sequence[str]) -> dict[str, Review]:
    """One review for each of `labels`. Raises Unparseable for a label that is unknown, doubled or missing."""
    found: dict[str, Review] = {}
    for label, review in listed:
        known = next((each for each in labels if _same_label(each, label)), None)
        if known is None:
            raise Unparseable(f"there is no {label!r} to score, only {', '.join(labels)}")
        if known in found:
            raise Unparseable(f"{known} is scored twice")
        found[known] = review
    if missing := [label for label in labels if label not in found]:
        raise Unparseable(f"the score of {', '.join(missing)} is missing")
    return {label: found[label] for label in labels}


def _entries(value: JSON, labels: Sequence[str]) -> list[tuple[str, Review]]:
    """Every label in an object with its review, as often as it is there."""
    entries = next((value[key] for key in ("scores", "reviews", "ratings") if key in value), None)
    if entries is None:
        entries = {key: each for key, each in value.items() if any(_same_label(label, key) for label in labels)}
    if isinstance(entries, dict):
        return [
            (label, _review(each) if isinstance(each, dict) else Review(score_in_value(each)))
            for label, each in entries.items()
        ]
    if not isinstance(entries, list) or not all(isinstance(each, dict) and _label_in(each) for each in entries):
        raise Unparseable('every entry of "scores" needs a "label" and a "score"')
    return [(str(_label_in(each)), _review(each)) for each in entries]


def _label_in(entry: JSON) -> object:
    return next((entry[key] for key in _ENTRY if entry.get(key)), None)


def _same_label(known: str, written: str) -> bool:
    """Whether `written` means `known`: "answer b", "B" and "**Answer B**" mean "Answer B"."""
    wanted, bare = (re.sub(r"[^a-z0-9]", "", each.lower()) for each in (known, written))
    return bare in (wanted, wanted.removeprefix("answer"))
