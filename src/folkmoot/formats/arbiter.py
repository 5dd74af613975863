"""What an arbiter writes: a synthesis with its confidence, a ranking, or a pick.

After llm-consortium, https://github.com/irthomasthomas/llm-consortium, whose tags are read as well as JSON.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.errors import Unparseable
from folkmoot.formats.base import Format, preview
from folkmoot.formats.confidence import confidence_in_value
from folkmoot.formats.ranking import ranking_for, read_ranking
from folkmoot.formats.reading import NoObject, check_size, json_object, list_field, text_field, without_quotes
from folkmoot.formats.same import find_label
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


class RulingReply(BaseModel):
    """The reasons come first, so that what follows from them stands last."""

    model_config = ConfigDict(extra="forbid")

    analysis: str
    dissent: str
    ranking: list[str]
    synthesis: str
    refinement_areas: list[str]
    needs_iteration: bool
    confidence: float = Field(description="0 to 1")


class PickReply(BaseModel):
    model_config = ConfigDict(extra="forbid")

    analysis: str
    pick: str


def read_ruling(reply: str, labels: Sequence[str]) -> Ruling:
    """A ruling in a JSON object anywhere in the reply, else in tags `<synthesis>`, `<confidence>` and so on.

    Synthesis and confidence must be there. A ranking that cannot be read is left out: it decides nothing here.

    >>> ruling = read_ruling("<synthesis>391</synthesis><confidence>85%</confidence>", ["Answer A"])
    >>> ruling.synthesis, ruling.confidence, ruling.needs_iteration
    ('391', 0.85, None)
    """
    found = _fields(reply, "synthesis")
    synthesis = text_field(found, "synthesis")
    if not synthesis:
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
    if "<rank" in reply.lower() and (tagged := _tagged(reply).get("ranking")):
        return Ruling(ranking=_order(tagged, labels))
    found = read_ranking(reply, labels)
    return Ruling(analysis=found.comparison, ranking=found.order)


def read_pick(reply: str, labels: Sequence[str]) -> Ruling:
    """The one answer that is picked: in JSON, in a tag, or on the last line `PICK: Answer B`.

    >>> read_pick("Both are clear.\\n**Pick:** answer b", ["Answer A", "Answer B"]).ranking
    ('Answer B',)
    """
    try:
        found = _fields(reply, "pick", "response_id")
    except NoObject:
        lines = list(_PICK_LINE.finditer(without_quotes(reply)))
        if not lines:
            raise
        found = {"pick": lines[-1]["rest"]}
    picked = found.get("pick", found.get("response_id"))
    return Ruling(analysis=text_field(found, "analysis"), ranking=(find_label(str(picked), labels),))


_PICK_LINE = re.compile(
    r"^[ \t>*_#`~-]*+(?:final[ \t]+)?pick[ \t*_`]*[:=](?P<rest>[^\n]+)$", re.IGNORECASE | re.MULTILINE
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


# Tags

_TAGS = (*RulingReply.model_fields, "pick", "response_id")
_OPENING = re.compile(rf"<(think|thinking|synthesis_output|{'|'.join(_TAGS)})>", re.IGNORECASE)
_AREA = re.compile(
    r"<(?:refinement_)?area>((?:[^<]|<(?!/?(?:refinement_)?area>))*)</(?:refinement_)?area>", re.IGNORECASE
)
_RANK = re.compile(
    r"<rank(?:\s+position\s*=\s*[\"']?(?P<place>\d{1,6})[\"']?)?\s*>(?P<label>[^<]*)</rank>", re.IGNORECASE
)


def _fields(reply: str, *needed: str) -> JSON:
    """The fields of a JSON object with one of `needed`, else of tags. Raises NoObject when there is neither."""
    try:
        return json_object(reply, *needed)
    except NoObject:
        found = _tagged(reply)
        if not any(name in found for name in needed):
            raise
        return found


def _tagged(reply: str) -> JSON:
    """What stands in tags. What a model thinks aloud before them is not what it says."""
    synthesis, text = _cut_out(_after_thinking(reply), "synthesis")  # first: it may be about tags
    found: JSON = {} if synthesis is None else {"synthesis": synthesis}
    for name in _TAGS:
        if name != "synthesis" and (inner := _last_pair(text, name)) is not None:
            found[name] = inner
    if areas := _AREA.findall(found.get("refinement_areas", "")):
        found["refinement_areas"] = areas
    if ranks := list(_RANK.finditer(found.get("ranking", ""))):
        found["ranking"] = [
            {"label": rank["label"]} | ({"position": int(rank["place"])} if rank["place"] else {}) for rank in ranks
        ]
    return found


def _after_thinking(text: str) -> str:
    at = 0
    while (first := _OPENING.search(text, at)) and first[1].lower() in ("think", "thinking"):
        closing = re.compile(f"</{first[1]}>", re.IGNORECASE).search(text, first.end())
        if closing is None:
            raise Unparseable(f"<{first[1]}> is never closed, so nothing after it can be told from thinking")
        at = closing.end()
    return text[at:]


def _last_pair(text: str, name: str) -> str | None:
    """What stands between the last closing tag and the opening one before it."""
    tags = list(re.finditer(f"<(/?){name}>", text, re.IGNORECASE))
    for before, tag in zip(reversed(tags[:-1]), reversed(tags), strict=False):
        if tag[1] and not before[1]:
            return text[before.end() : tag.start()].strip()
    return None


def _cut_out(text: str, name: str) -> tuple[str | None, str]:
    """What stands in the last outermost pair of tags `name`, which may hold such tags itself; and the rest."""
    tags = list(re.finditer(f"<(/?){name}>", text, re.IGNORECASE))
    opening = [tag for tag in tags if not tag[1]]
    closing = [tag for tag in tags if tag[1]]
    if not opening or not closing or closing[-1].start() < opening[0].end():
        return None, text
    start, end = opening[0], closing[-1]
    if len(opening) == len(closing):  # else one of them is mentioned, not used
        depth, began = 0, start
        for tag in tags:
            if not tag[1]:
                began = began if depth else tag
                depth += 1
            elif depth:
                depth -= 1
                start, end = (start, end) if depth else (began, tag)
    return text[start.end() : end.start()].strip(), text[: start.start()] + text[end.end() :]


# Formats


def ruling_for(labels: Sequence[str]) -> Format[Ruling]:
    """A synthesis of the answers in `labels`, with all that the arbiter says of it."""
    return Format(
        "ruling",
        instructions=f"""\
Write the reasons first and let the rest follow from them. Reply with this JSON object and nothing else:

```json
{{
  "analysis": "what each answer alone sees; where they agree and disagree; which is right, and how you know",
  "dissent": "what is worth knowing of the views that you do not follow; empty if there are none",
  "ranking": [{_quoted(labels)}],
  "synthesis": "the answer to the question, complete and ready for the person who asked",
  "refinement_areas": ["what another round should look into"],
  "needs_iteration": false,
  "confidence": 0.7
}}
```
`ranking` holds each of {", ".join(labels)} once, the best first. `needs_iteration` says whether another round would \
change the answer. `confidence` is how sure you are that your synthesis is right, from 0 to 1.""",
        parse=_with(read_ruling, labels),
        example=f'{{"analysis": "They agree.", "dissent": "", "ranking": [{_quoted(labels)}], "synthesis": '
        '"An answer.", "refinement_areas": [], "needs_iteration": false, "confidence": 0.9}',
        schema=RulingReply,
        brief=lambda ruling: f'confidence {ruling.confidence:.2f} — "{preview(ruling.synthesis or "")}"',
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
{{"analysis": "in a few sentences: what decides between them", "pick": "{labels[0]}"}}
```
`pick` is exactly one of {", ".join(labels)}.""",
        parse=_with(read_pick, labels),
        example=f'{{"analysis": "It is right.", "pick": "{labels[0]}"}}',
        schema=PickReply,
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
