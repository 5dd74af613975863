"""Ratings: a score from 1 to 10 that follows from four dimensions, for ideas and for merged answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from folkmoot.errors import Unparseable
from folkmoot.formats.base import Format, preview
from folkmoot.formats.reading import SearchedReply, decide, text_field
from folkmoot.formats.schemas import SCORE, TEXT, record
from folkmoot.formats.score_text import (
    KEYS,
    MISSING_SCORE,
    score_in_object,
    score_in_value,
    stated_scores,
)
from folkmoot.types import JSON


@dataclass(frozen=True, slots=True)
class Rating:
    """What one seat gives another's answer."""

    score: float  # 1 to 10, as written
    rationale: str = ""
    dimensions: Mapping[str, float] = field(default_factory=dict)  # those that could be read


IDEA = ("originality", "insight", "depth", "feasibility")
MERGE = ("integration", "coherence", "completeness", "fidelity")


def read_rating(reply: str, dimensions: tuple[str, ...]) -> Rating:
    """The rating in a JSON object, else the score that is stated on a line, in a table or in a sentence.

    An object without an overall score gives the mean of its dimensions, if it has them all.

    >>> read_rating('Bold. {"score": "8/10", "rationale": "new"}', ("insight",))
    Rating(score=8.0, rationale='new', dimensions={})
    >>> read_rating('{"insight": 6, "depth": 9}', ("insight", "depth")).score
    7.5
    """
    marked = SearchedReply(reply)
    found = [each.read(lambda value: _rating(value, dimensions)) for each in marked.objects(*KEYS, *dimensions)]
    prose = marked.text.strip()
    found += [each.read(lambda score: Rating(score, prose)) for each in stated_scores(marked)]
    rating = decide(found, "scores", lambda each: each.score)
    if rating is None:
        raise Unparseable(MISSING_SCORE)
    return rating


def _rating(found: JSON, dimensions: tuple[str, ...]) -> Rating:
    given = _dimensions(found, dimensions)
    if any(key in found for key in KEYS):
        score = score_in_object(found)
    elif missing := [name for name in dimensions if name not in given]:
        raise Unparseable(f"there is no score, and {', '.join(missing)} cannot be read")
    else:
        score = sum(given.values()) / len(given)
    return Rating(score, text_field(found, "rationale"), given)


def _dimensions(found: JSON, names: tuple[str, ...]) -> dict[str, float]:
    given: dict[str, float] = {}
    for name in names:
        try:
            given[name] = score_in_value(found.get(name))
        except Unparseable:
            continue
    return given


def brief_rating(rating: Rating) -> str:
    return f'{rating.score:.1f} — "{preview(rating.rationale)}"'


IDEA_RATING: Format[Rating] = Format(
    "idea-rating",
    instructions="""\
Write the reasons first and let the score follow from them. Reply with this JSON object and nothing else:

```json
{
  "originality": <number>,
  "insight": <number>,
  "depth": <number>,
  "feasibility": <number>,
  "rationale": "<what is new in it, what it sees, and where it fails>",
  "score": <number>
}
```
Each number is from 1 to 10. `originality`: far from what anybody would say first. `insight`: sees something that is \
true and easily missed. `depth`: thought through to its consequences. `feasibility`: could be done or defended. \
`score`: the whole.""",
    parse=lambda reply: read_rating(reply, IDEA),
    example='{"originality": 8, "insight": 8, "depth": 7, "feasibility": 7, "rationale": "Not the first thing one '
    'thinks of.", "score": 8}',
    schema=record(**dict.fromkeys(IDEA, SCORE), rationale=TEXT, score=SCORE),
    brief=brief_rating,
)

MERGE_RATING: Format[Rating] = Format(
    "merge-rating",
    instructions="""\
Write the reasons first and let the score follow from them. Reply with this JSON object and nothing else:

```json
{
  "integration": <number>,
  "coherence": <number>,
  "completeness": <number>,
  "fidelity": <number>,
  "rationale": "<what of the answers is kept, lost or twisted>",
  "score": <number>
}
```
Each number is from 1 to 10. `integration`: one answer made of several, not a list of them. `coherence`: reads as if \
written at one go, without contradiction. `completeness`: nothing that matters in the answers is lost. `fidelity`: \
says nothing that they do not support. `score`: the whole, as an answer to the question.""",
    parse=lambda reply: read_rating(reply, MERGE),
    example='{"integration": 8, "coherence": 8, "completeness": 8, "fidelity": 9, "rationale": "Everything that '
    'matters is there.", "score": 8}',
    schema=record(**dict.fromkeys(MERGE, SCORE), rationale=TEXT, score=SCORE),
    brief=brief_rating,
)
