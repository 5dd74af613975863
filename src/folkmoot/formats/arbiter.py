"""What an arbiter writes: a synthesis with its confidence, a ranking, or a pick.

After llm-consortium, https://github.com/irthomasthomas/llm-consortium, whose tags are read as well as JSON.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from folkmoot.errors import Unparseable
from folkmoot.formats.base import Format, preview
from folkmoot.formats.confidence import confidence_in_value
from folkmoot.formats.marking import Marked
from folkmoot.formats.ranking import ranking_for, read_ranking
from folkmoot.formats.reading import (
    NoObject,
    SearchedReply,
    check_size,
    decide,
    is_placeholder,
    is_template,
    list_field,
    text_field,
)
from folkmoot.formats.same import find_label
from folkmoot.formats.schemas import FLAG, SHARE, TEXT, TEXTS, one_of, order_of, record
from folkmoot.formats.tags import tagged_fields
from folkmoot.types import JSON


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the arbiter says of one round's answers."""

    synthesis: str | None = None  # None: it was asked to rank or to pick
    confidence: float | None = None  # 0 to 1; None: it was not asked
    analysis: str = ""
    dissent: str = ""
    refinement_areas: tuple[str, ...] = ()
    needs_iteration: bool | None = None  # None: it does not say
    ranking: tuple[str, ...] = ()  # labels, the best first; a pick alone; empty: none that could be read
    raw: str = ""  # all that it wrote


def read_ruling(reply: str, labels: Sequence[str]) -> Ruling:
    """A ruling in a JSON object, else in tags `<synthesis>`, `<confidence>` and so on, in the arbiter's own name.

    Synthesis and confidence must be there. A ranking that cannot be read is left out: it decides nothing here.

    >>> ruling = read_ruling("<synthesis>391</synthesis><confidence>85%</confidence>", ["Answer A"])
    >>> ruling.synthesis, ruling.confidence, ruling.needs_iteration
    ('391', 0.85, None)
    """
    found = _fields(reply, "synthesis", same=("synthesis", "confidence"))
    synthesis = text_field(found, "synthesis")
    if not synthesis or is_placeholder(synthesis):
        raise Unparseable('there is no "synthesis" with a text')
    if "confidence" not in found:
        raise Unparseable('there is no "confidence"')
    return Ruling(
        synthesis,
        confidence_in_value(found["confidence"]),
        text_field(found, "analysis"),
        text_field(found, "dissent"),
        areas_in(found.get("refinement_areas")),
        _flag(found.get("needs_iteration")),
        _order_or_none(found.get("ranking"), labels),
    )


def read_order(reply: str, labels: Sequence[str]) -> Ruling:
    """A ranking of all `labels`, as `formats.ranking` reads it, or in tags `<rank position="1">`.

    >>> read_order("RANKING: B > Answer A", ["Answer A", "Answer B"]).ranking
    ('Answer B', 'Answer A')
    """
    check_size(reply)
    if (
        "<rank" in reply.lower()
        and (tagged := tagged_fields(Marked(reply)).get("ranking"))
        and not isinstance(tagged, str)
    ):
        return Ruling(ranking=_order(tagged, labels))
    found = read_ranking(reply, labels)
    return Ruling(analysis=found.comparison, ranking=found.order)


def read_pick(reply: str, labels: Sequence[str]) -> Ruling:
    """The one answer that is picked: in JSON, in a tag, or on a line `PICK: Answer B`.

    >>> read_pick("Both are clear.\\n**Pick:** answer b", ["Answer A", "Answer B"]).ranking
    ('Answer B',)
    """
    marked = SearchedReply(reply)

    def in_object(value: JSON) -> Ruling:
        picked = next(value[key] for key in PICKS if key in value)
        return Ruling(analysis=text_field(value, "analysis"), ranking=(find_label(str(picked), labels),))

    found = [each.read(in_object) for each in marked.objects(*PICKS) if not is_template(each.value, PICKS)]
    found += [
        line.read(lambda each: Ruling(ranking=(find_label(each["rest"], labels),)))
        for line in marked.lines(_PICK_LINE)
        if isinstance(line.value, re.Match) and not is_placeholder(line.value["rest"])
    ]
    ruling = decide(found, "picks", lambda each: each.ranking)
    if ruling is None:
        tagged = tagged_fields(marked.marked)
        picked = tagged.get("pick", tagged.get("response_id"))
        if picked is None:
            raise NoObject('there is neither a JSON object with a "pick" nor a line "PICK: ..."')
        ruling = Ruling(analysis=text_field(tagged, "analysis"), ranking=(find_label(str(picked), labels),))
    return ruling


PICKS = ("pick", "response_id", "best", "choice")

_PICK_LINE = re.compile(
    r"^[ \t>*_#`~|-]*+(?:(?:my|the|final|own)[ \t]+)*+(?:pick|choice)[ \t*_`]*+(?:[:：=|]|->|→|is\b)(?P<rest>[^\n]+)$",
    re.IGNORECASE | re.MULTILINE,
)
_NOTHING = {"", "none", "n/a", "na", "nothing", "null", "-", "no", "none needed"}
_TRUE, _FALSE = {"true", "yes", "y"}, {"false", "no", "n"}


def _order(value: object, labels: Sequence[str]) -> tuple[str, ...]:
    return read_ranking(json.dumps({"ranking": value}), labels).order


def _order_or_none(value: object, labels: Sequence[str]) -> tuple[str, ...]:
    try:
        return _order(value, labels)
    except Unparseable:
        return ()


def areas_in(value: object) -> tuple[str, ...]:
    """Refinement areas, written as a list, as bullets, as numbered lines, or as "None".

    >>> areas_in("1. Cite sources\\n2. Say when"), areas_in("None."), areas_in(["be brief"])
    (('Cite sources', 'Say when'), (), ('be brief',))
    """
    lines = value.splitlines() if isinstance(value, str) else list_field({"areas": value}, "areas")
    bare = (re.sub(r"^\s*(?:\d+[.)]|[-*•])\s+", "", line).strip() for line in lines)
    return tuple(line for line in bare if line.lower().strip(" .") not in _NOTHING)


def _flag(value: object) -> bool | None:
    """Whether another round is wanted. Raises Unparseable for what is neither yes nor no."""
    if value is None or isinstance(value, bool):
        return value
    word = re.sub(r"[^a-z]", "", str(value).lower())
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    if not str(value).strip():
        return None
    raise Unparseable(f"{preview(str(value))!r} does not say whether another round is needed: write true or false")


def _fields(reply: str, *needed: str, same: Sequence[str]) -> JSON:
    """The fields of a JSON object with one of `needed`, else of tags. Raises NoObject when there is neither."""
    marked = SearchedReply(reply)
    objects = [
        each
        for each in marked.objects(*needed)
        if not (isinstance(each.value, dict) and is_placeholder(each.value[needed[0]]))
    ]
    found = decide(objects, "objects", lambda value: tuple(str(value.get(key)) for key in same))
    if found is not None:
        return found
    tagged = tagged_fields(marked.marked)
    if not any(name in tagged for name in needed):
        raise NoObject(f"there is neither a JSON object with {needed[0]!r} nor a tag <{needed[0]}>")
    return tagged


# Formats


def ruling_for(labels: Sequence[str]) -> Format[Ruling]:
    """A synthesis of the answers in `labels`, with all that the arbiter says of it."""
    return Format(
        "ruling",
        instructions=f"""\
Write the reasons first and let the rest follow from them. Reply with this JSON object and nothing else:

```json
{{
  "analysis": "<what each answer alone sees; where they agree and disagree; which is right, and how you know>",
  "dissent": "<what is worth knowing of the views that you do not follow; empty if there are none>",
  "ranking": ["<best label>", "<next label>"],
  "synthesis": "<the answer to the question, complete and ready for the person who asked>",
  "refinement_areas": ["<what another round should look into>"],
  "needs_iteration": <true or false>,
  "confidence": <number from 0 to 1>
}}
```
`ranking` holds each of {", ".join(labels)} once, the best first. `needs_iteration` says whether another round would \
change the answer. `confidence` is how sure you are that your synthesis is right, from 0 to 1.""",
        parse=_with(read_ruling, labels),
        example=f'{{"analysis": "They agree.", "dissent": "", "ranking": [{_quoted(labels)}], "synthesis": '
        '"An answer.", "refinement_areas": [], "needs_iteration": false, "confidence": 0.9}',
        schema=record(
            analysis=TEXT,
            dissent=TEXT,
            ranking=order_of(labels),
            synthesis=TEXT,
            refinement_areas=TEXTS,
            needs_iteration=FLAG,
            confidence=SHARE,
        ),
        brief=lambda ruling: (
            f'the arbiter\'s own confidence {ruling.confidence:.2f} — "{preview(ruling.synthesis or "")}"'
        ),
    )


def order_for(labels: Sequence[str]) -> Format[Ruling]:
    """A ranking of the answers in `labels`, and nothing else: much cheaper than a synthesis."""
    plain = ranking_for(labels)
    return Format(
        plain.name, plain.instructions, _with(read_order, labels), plain.example, plain.schema,
        brief=lambda ruling: " > ".join(ruling.ranking),
    )  # fmt: skip


def pick_for(labels: Sequence[str]) -> Format[Ruling]:
    """The best of the answers in `labels`."""
    return Format(
        "pick",
        instructions=f"""\
Reply with this JSON object and nothing else:

```json
{{"analysis": "<in a few sentences: what decides between them>", "pick": "<label>"}}
```
`pick` is exactly one of {", ".join(labels)}.""",
        parse=_with(read_pick, labels),
        example=f'{{"analysis": "It is right.", "pick": "{labels[0]}"}}',
        schema=record(analysis=TEXT, pick=one_of(*labels)),
        brief=lambda ruling: ruling.ranking[0],
    )


JUDGEMENTS: Mapping[str, Callable[[Sequence[str]], Format[Ruling]]] = {
    "default": ruling_for,
    "rank": order_for,
    "pick-one": pick_for,
}


def _with(read: Callable[[str, Sequence[str]], Ruling], labels: Sequence[str]) -> Callable[[str], Ruling]:
    return lambda reply: replace(read(reply, labels), raw=reply)


def _quoted(labels: Sequence[str]) -> str:
    return ", ".join(f'"{label}"' for label in labels)
