"""Ranking: all the answers that were shown, the best first, each in a place of its own.

A ranking is whole or it is none: a tie, a label left out, written twice or never shown makes the reply unreadable, so
that it is asked for again instead of being completed by us.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from folkmoot.errors import Unparseable
from folkmoot.formats.base import Format, preview
from folkmoot.formats.marking import OWN, UNSURE
from folkmoot.formats.reading import EDGE, Found, SearchedReply, decide, is_template, text_field, without_quotes
from folkmoot.formats.schemas import TEXT, order_of, record
from folkmoot.types import JSON

KEYS = ("ranking", "final_ranking", "rankings", "order", "ranked", "ranking_order")
MOST = 8  # headings of one kind, the last ones, that are looked under
BELOW = 4_000  # characters below a heading in which its list is looked for

_NOUN = r"(?i:answer|response|option|proposal|candidate)"
_LABEL = rf"(?:{_NOUN}[ _-]?\s?[A-Za-z]{{1,3}}|[A-Z]{{1,3}})(?![\w'])"
# at the start of a line a letter alone may be an article or a pronoun, unless nothing but punctuation follows
_FIRST = rf"(?P<label>{_NOUN}[ _-]?\s?[A-Za-z]{{1,3}}(?![\w'])|[A-Z]{{1,3}}(?=\s*(?:[^\w\s']|$))|[B-HJ-Z](?=\s))"
_PLACE = r"(?:(?i:rank|place|position)\s*)?#?(?P<place>\d{1,3})(?:st|nd|rd|th)?(?:\s+(?i:place|rank))?\s*[.):–—-]?\s+"
_ABOVE = r"(?:->|=>|→|≻|»|›|>{1,3}(?!=))"
_CHAIN = re.compile(rf"(?<!\w){_LABEL}(?:\s*(?:{_ABOVE}|<{{1,3}}|=|≈|~|>=|≥)\s*{_LABEL})+")
_LEVEL = re.compile(r"(?<!-)(?<!>)=(?!>)|>=|≈|~|≥")
_ITEM = re.compile(rf"(?P<bullet>[-•+]\s+)?(?:{_PLACE})?{_FIRST}(?P<rest>.*)")
_PLACE_AFTER = re.compile(
    r"\s*(?:[:=–—-]|is)\s*(?:rank\s*)?#?(\d{1,3})(?:st|nd|rd|th)?\s*(?:place)?\s*(?:[.;,]?\s*|: [^\d\s].*)",
    re.IGNORECASE,
)
_SHARED = re.compile(rf"[\s(]*(?:=|≈|~|(?i:tie|tied|equal)\b|(?:,|/|&|\+|and\b|or\b)\s*{_LABEL})")
_HEADING = re.compile(
    r"^[ \t>*_#`-]*+(?:(?:my|the|here is|here's)\s+)*(?:final\s+"
    r"|overall\s+)*ranking\b[^:\n]{0,60}(?P<rest>:[^\n]*)?$",
    re.IGNORECASE | re.MULTILINE,
)
_ANNOUNCED = re.compile(  # Based on accuracy, I rank them as follows:
    r"^[^:\n]{0,80}?(?P<word>(?:\b(?:my|the|final|overall)\s+){0,4}\brank(?:ing|ed|s)?\b)[^:\n]{0,60}(?P<rest>:[^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_MARKED_LABEL = rf"[*_`\"\[(]{{0,4}}+(?<!\w){_LABEL}[*_`\"\])]{{0,4}}+"
_CHAINED = re.compile(
    r"(?<!\w)(?:(?i:(?:(?:my|the|final|overall)\s+){0,4}ranking)[ \t*_`]*[:：=]?[ \t*_`]*)?"
    rf"{_MARKED_LABEL}(?:\s*(?:{_ABOVE}|<{{1,3}}|=|≈|~|>=|≥)\s*{_MARKED_LABEL})+"
)
_WORST_FIRST = re.compile(
    r"\b(?:worst|weakest|lowest|poorest)\b[^:\n]{0,10}?(?:\bto\b|\bfirst\b|->|→)|\bascending\b", re.IGNORECASE
)
_WHOLE_LINE = re.compile(r"^(?P<rest>[^\n]{1,300})$", re.MULTILINE)
_TABLE = re.compile(
    r"^[ \t>]*+\|[^\n]{0,200}?\b(?:rank(?:ing)?|place|position|rang|platz|puesto|место|排名|順位)\b[^\n]{0,200}+$",
    re.IGNORECASE | re.MULTILINE,
)
_TAG = re.compile(
    r"^[^\n]{0,300}?<(?:final_)?ranking>(?P<rest>(?:[^<]|<(?!/)){1,2000}+)</(?:final_)?ranking>",
    re.IGNORECASE | re.MULTILINE,
)
_THEN = re.compile(
    r"[,;\n/]|\bthen\b|\bfollowed by\b|\b(?:and )?(?:finally|lastly|last)\b|\band\b|🥇|🥈|🥉|、|，|；", re.IGNORECASE
)
_SAYS_ORDER = re.compile(r"\bthen\b|\bfollowed by\b|🥇|\b(?:best|worst)\b", re.IGNORECASE)
_ORDINAL = re.compile(
    r"\b(?:the )?(?:first|second|third|fourth|fifth|sixth|best|worst|weakest|strongest|place|rank)\b(?: (?:is"
    r"|place))?[:=]?|\([^()]{0,30}\)|\b\d{1,2}(?:st|nd|rd|th)\b[:=]?",
    re.IGNORECASE,
)
_NAMES_A_PLACE = re.compile(r"🥇|🥈|🥉|\d(?:st|nd|rd|th)\b|\b(?:rank|place|platz)\b", re.IGNORECASE)
_MEDALS = str.maketrans({"🥇": " 1. ", "🥈": " 2. ", "🥉": " 3. "})
_NUMBERED = re.compile(r"^\s*(?:and\s+)?(?:\d{1,3}\s*[.):]\s*)?")
_MARKUP = re.compile(r"[*_#`\[\]\"“”$]|\\(?:boxed|text|textbf)\{|(?<=[A-Za-z])\}")


class _Entry(NamedTuple):
    """A line or a part of a ranking, as it was written."""

    label: object
    place: int | None = None
    tied: bool = False
    named: bool = False  # whether its place is named as a place: 1st, rank 1, a medal


@dataclass(frozen=True, slots=True)
class Ranking:
    """One seat's order of the others' answers."""

    order: tuple[str, ...]  # labels, the best first
    comparison: str = ""  # the reasons it gives


def read_ranking(reply: str, labels: Sequence[str], left_out: Sequence[str] = ()) -> Ranking:
    """The one order of all `labels` that `reply` states; labels that were `left_out` since are passed over.

    Read are JSON with a "ranking", the list or line under the last heading "(Final) ranking", and a line such as
    `B > A > C`.

    >>> read_ranking("FINAL RANKING:\\n1. Answer C\\n2. Answer A", ["Answer A", "Answer C"]).order
    ('Answer C', 'Answer A')
    >>> read_ranking("Close, but B > C > A.", ["Answer A", "Answer B"], left_out=["Answer C"]).order
    ('Answer B', 'Answer A')
    """
    marked = SearchedReply(reply)
    reader = _Reader([*labels, *left_out])

    def complete(order: Sequence[str], said: str) -> Ranking:
        if missing := [label for label in labels if label not in order]:
            raise Unparseable(f"{', '.join(missing)} has no place in the ranking")
        return Ranking(tuple(label for label in order if label in labels), said)

    objects = [each for each in marked.objects(*KEYS) if not is_template(each.value, KEYS)]
    found = [
        each.read(lambda value: complete(reader.in_json(value), text_field(value, "comparison"))) for each in objects
    ]
    said = _before_heading(marked.text)
    found += [each.read(lambda order: complete(reader.placed(order), said)) for each in _orders(marked)]
    if any(not isinstance(each.value, Unparseable) and each.rank for each in found):  # a part of an order is none
        found = [
            each for each in found if not isinstance(each.value, Unparseable) or "has no place" not in str(each.value)
        ]
    ranking = decide(found, "rankings", lambda each: " > ".join(each.order))
    if ranking is None:
        raise Unparseable('there is neither JSON with a "ranking" nor a list under "FINAL RANKING:"')
    return ranking


def _orders(marked: SearchedReply) -> list[Found[list[_Entry]]]:
    """Every order that `marked` states outside JSON: under headings, in tags and tables, else in single lines.

    A final ranking makes the other headings drafts. Without a heading a list is no ranking, because answers are also
    discussed one after the other, unless it names places or gives medals.
    """
    headings: list[Found[list[_Entry]]] = []
    final: list[Found[list[_Entry]]] = []
    announced = marked.lines(_ANNOUNCED, at="word", within=UNSURE)
    plain = marked.lines(_HEADING)
    seen = {each.start for each in plain}
    further = [each for each in announced if each.start not in seen]
    for heading in (*plain[-MOST:], *further[-MOST:], *marked.lines(_TABLE)[-MOST:], *marked.lines(_TAG)):
        match = heading.value
        if isinstance(match, Unparseable):
            continue
        rest = (match.groupdict().get("rest") or "").lstrip(": ")
        below = "" if match.re is _TAG else marked.text[match.end() : match.end() + BELOW]
        if order := _under(f"{rest}\n{below}"):
            if _WORST_FIRST.search(match[0]):
                raise Unparseable("the ranking begins with the worst; list the best first")
            each: Found[list[_Entry]] = Found(order, heading.rank, heading.start, heading.fenced)
            headings.append(each)
            if re.search(r"\bfinal\b", match[0], re.IGNORECASE):
                final.append(each)
    if any(each.rank for each in headings):
        return final if any(each.rank for each in final) else headings
    lines: list[Found[list[_Entry]]] = [
        Found(order, line.rank, line.start, line.fenced)
        for line in marked.lines(_CHAINED, within=UNSURE)
        if isinstance(line.value, re.Match)
        for order in _chains(line.value[0])
    ]
    for line in marked.lines(_WHOLE_LINE):
        if isinstance(line.value, Unparseable):
            continue
        text = line.value["rest"]
        says_order = _SAYS_ORDER.search(text) or text.strip() == marked.text.strip()
        if says_order and (order := _separated(text)):
            lines.append(Found(order, line.rank, line.start, line.fenced))
    sizes = [(len(each.value), each) for each in lines if not isinstance(each.value, Unparseable)]
    longest = max((size for size, each in sizes if each.rank), default=0)
    named = (order for order in _lists(without_quotes(marked.text[-2 * BELOW :])) if len(order) > 1)
    medals = [Found(order, OWN, 0) for order in named if all(each.named for each in order)]
    return [*(each for size, each in sizes if size == longest), *medals]


class _Reader:
    """Reads orders of known labels."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._known = {_letters(label): label for label in labels}

    def in_json(self, found: JSON) -> list[str]:
        value = next(found[key] for key in KEYS if key in found)
        if isinstance(value, str):
            return self.placed(next(_chains(value), []) or _separated(value) or [_Entry(value)])
        if isinstance(value, dict):
            by_place = all(str(key).strip().isdigit() for key in value)
            pairs = [(label, key) if by_place else (key, label) for key, label in value.items()]
            return self.placed([_Entry(label, _place(place)) for label, place in pairs])
        if not isinstance(value, list):
            raise Unparseable('"ranking" is not a list of labels')
        return self.placed([_entry(each) for each in value])

    def placed(self, entries: Sequence[_Entry]) -> list[str]:
        """Labels in the order written, or by their places where these are written."""
        labels = [self._label(each.label) for each in entries]
        if any(each.tied for each in entries):
            raise Unparseable("the ranking has a tie; every answer needs a place of its own")
        if twice := [label for label in labels if labels.count(label) > 1]:
            raise Unparseable(f"{twice[0]} stands in the ranking twice")
        places = [each.place for each in entries if each.place is not None]
        if not places:
            return labels
        if sorted(places) != list(range(1, len(entries) + 1)):
            taken = ", ".join(map(str, places))
            raise Unparseable(f"the places are {taken}; each from 1 to {len(entries)} must be taken once")
        return [label for _, label in sorted(zip(places, labels, strict=True))]

    def _label(self, written: object) -> str:
        letters = _letters(str(written))
        if letters not in self._known:
            shown = preview(str(written).strip(), 30)
            raise Unparseable(f"there is no {shown!r} to rank, only {', '.join(self._known.values())}")
        return self._known[letters]


def _under(text: str) -> list[_Entry]:
    """The order on the first line that says anything, else the list that begins there."""
    line = next((each for each in text.splitlines() if _clean(each)), "")
    return next(_chains(line), []) or _separated(line) or next(_lists(text), [])


def _chains(text: str) -> Iterator[list[_Entry]]:
    """Each `B > A > C`; `C < A < B` says the same."""
    for line in text.splitlines():
        for chain in _CHAIN.finditer(_clean(line)):
            if "<" in chain[0] and re.search(_ABOVE, chain[0]):
                raise Unparseable(f"{preview(chain[0])!r} points both ways")
            tied = _LEVEL.search(chain[0]) is not None
            order = [_Entry(each, None, tied) for each in re.findall(rf"(?<!\w){_LABEL}", chain[0])]
            yield order[::-1] if "<" in chain[0] else order


def _separated(line: str) -> list[_Entry]:
    """The labels of a line that holds nothing else: `B, A`, `1. B; 2. A`, `B, then A`, `Best: B, followed by A`."""
    parts = [
        _ORDINAL.sub(" ", _NUMBERED.sub("", each)).strip(" .:=-–") for each in _THEN.split(_clean(line, medals=False))
    ]
    labels = [each for each in parts if each]
    whole = len(labels) > 1 and all(re.fullmatch(_LABEL, each) for each in labels)
    return [_Entry(each) for each in labels] if whole else []


def _lists(text: str) -> Iterator[list[_Entry]]:
    """Each list of labels, one to a line, with or without a reason behind it or indented below it.

    Lines of other text end it, unless the next item has the next number.
    """
    entries: list[_Entry] = []
    apart = False
    for line in text.splitlines():
        item = _item(line)
        if item is None:
            apart = apart or bool(_clean(line) and not line[0].isspace())
            continue
        last = entries[-1].place if entries else None
        follows = last is not None and item.place == last + 1
        if entries and apart and not follows:
            yield entries
            entries = []
        entries.append(item)
        apart = False
    if entries:
        yield entries


def _item(line: str) -> _Entry | None:
    found = _ITEM.fullmatch(_clean(line))
    if found is None:
        return None
    after = _PLACE_AFTER.fullmatch(found["rest"])
    marked = found["bullet"] or found["place"] or after
    if not marked and found["rest"].strip() and found["rest"].lstrip()[0] not in "(:–—-.,=~≈":
        return None  # a sentence about an answer
    place = found["place"] or (after[1] if after else None)
    named = (
        bool(place)
        and re.search(r"🥇|🥈|🥉|\d(?:st|nd|rd|th)\b|\b(?:rank|place|platz)\b", line, re.IGNORECASE) is not None
    )
    return _Entry(
        found["label"], int(place) if place else None, not after and bool(_SHARED.match(found["rest"])), named
    )


def _entry(value: object) -> _Entry:
    """An element of a JSON list: a label, or an object with one."""
    if isinstance(value, dict):
        label = next((value[key] for key in ("label", "answer", "response", "id", "name") if key in value), None)
        place = next((value[key] for key in ("rank", "place", "position") if key in value), None)
        return _Entry(label, None if place is None else _place(place))
    if isinstance(value, list):
        return _Entry(value[0] if value else None, None, True)
    return _Entry(_NUMBERED.sub("", str(value)))


def _letters(label: str) -> str:
    """What tells one label from another: "**Answer b**", "Response B" and "B" are one.

    >>> _letters("**Answer b**"), _letters("Response B."), _letters("AA"), _letters("A and B")
    ('B', 'B', 'AA', 'AANDB')
    """
    bare = re.sub(rf"^[^\w]*{_NOUN}(?![a-z])", "", label)
    return re.sub(r"[^A-Za-z0-9]", "", bare).upper()


def _place(value: object) -> int:
    found = re.fullmatch(r"\s*#?(\d{1,3})(?:\.0|st|nd|rd|th)?\s*", str(value))
    if found is None or isinstance(value, bool):
        raise Unparseable(f"{preview(str(value), 20)!r} is no place in a ranking")
    return int(found[1])


def _clean(line: str, *, medals: bool = True) -> str:
    """A line without markup and without the signs of a quotation; the cells of a table between colons."""
    line = re.sub(r"^\s*(?:>\s*)+", "", line)
    if line.lstrip().startswith("|"):
        line = " : ".join(each.strip() for each in line.strip().strip("|").split("|"))
    line = line.replace("|", " ")
    return " ".join(_MARKUP.sub(" ", line.translate(_MEDALS) if medals else line).split()).strip()


def _before_heading(reply: str) -> str:
    headings = list(_HEADING.finditer(reply, max(0, len(reply) - EDGE)))
    return reply[: headings[-1].start()].strip() if headings else reply.strip()


def ranking_for(labels: Sequence[str], left_out: Sequence[str] = ()) -> Format[Ranking]:
    """A ranking of `labels`, e.g. ("Answer A", "Answer C")."""
    listed = ", ".join(f'"{label}"' for label in labels)
    return Format(
        "ranking",
        instructions=f"""\
Compare the answers first and let the order follow from that. Reply with this JSON object and nothing else:

```json
{{"comparison": "<what is right and what is wrong in each, by its label>", "ranking": ["<best label>", "<next label>"]}}
```
`ranking` holds the labels, the best first: every one of {", ".join(sorted(labels))} once. Two answers never share a \
place: where they seem equal, find what sets one above the other.""",
        parse=lambda reply: read_ranking(reply, labels, left_out),
        example=f'{{"comparison": "The first is right and complete.", "ranking": [{listed}]}}',
        schema=record(comparison=TEXT, ranking=order_of(labels)),
        brief=lambda ranking: " > ".join(ranking.order),
    )


RANKING = ranking_for(("Answer A", "Answer B"))
