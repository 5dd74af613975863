"""Regions of a reply: fences, and what stands between tags that quote or that might."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import islice

from folkmoot.errors import Unparseable

MOST_MARKS = 2_000  # fences or tags of one kind; a reply with more is no judgement

FENCE = re.compile(r"^(?P<before>[ \t>]*+)(?P<mark>`{3,}|~{3,})(?P<info>[^\n]*)$", re.MULTILINE)
_TAG = re.compile(r"<(?P<close>/?)(?P<name>[a-zA-Z][\w:-]{0,60})(?:\s[^<>\n]{0,200})?>")
_COMMENT = re.compile(r"<!--")
_ENVIRONMENT = re.compile(  # LaTeX, BBCode, org-mode
    r"\\(?P<latex>begin|end)\{(?P<latex_name>quot(?:e|ation)|verbatim|lstlisting|verse|displayquote)\}"
    r"|\[(?P<bb>/?)(?P<bb_name>quote|code|cite|spoiler)[^\]\n]{0,100}\]"
    r"|^[ \t]*#\+(?P<org>begin|end)_(?P<org_name>quote|example|src|verse)\b",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTES = re.compile(
    r"blockquote|pre|code|q|cite|details|quot(?:e|ed|ation)|excerpt|submission|documents?|user(?:_\w+)?|source|del"
    r"|s|strike"
    r"|injected|planted|candidate(?:_\w+)?|participant|peer(?:_\w+)?|\w*answers?|(?:original|candidate|model"
    r"|peer)_\w+|text"
    r"|script|style|samp|kbd|input|prompt|evidence|context|reference|passage|snippet|claim|(?:tool"
    r"|function)_(?:results?|response)s?"
    r"|untrusted\w*|[a-z_]{1,20}-[0-9a-f]{16}",
    re.IGNORECASE,
)
_TRANSPARENT = re.compile(
    r"p|div|span|b|i|u|em|strong|small|big|font|center|h[1-6]|ul|ol|li|dl|dt|dd|table|thead|tbody|tr|td|th|section"
    r"|article|main"
    r"|body|html|head|header|footer|mark|br|hr|img|a|sup|sub|output|response|reply|results?|final(?:_\w+)?|reviews?"
    r"|judge?ments?"
    r"|evaluation|assessment|verdict|scores?|rating|ranking|rank|vote|ballot|pick|synthesis(?:_output)?|confidence"
    r"|analysis|dissent"
    r"|refinement_areas?|area|needs_iteration|response_id|decision|json|tool_calls?|function_calls?|function|invoke"
    r"|parameter"
    r"|arguments|my_\w+|own_\w+|summary|reason(?:ing)?|rationale|comparison|label|explanation|conclusion|critique"
    r"|feedback|solution",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Region:
    start: int
    end: int
    inner: int  # where its content begins
    inner_end: int
    name: str = ""  # of a fence: what stands behind its opening mark


def fences_in(text: str) -> list[Region]:
    """Closed fences, in order. A fence that nothing closes hides nothing."""
    fenced = "```" in text or "~~~" in text
    marks = few(FENCE, text, "fences") if fenced else []
    closing: dict[str, int] = {}
    for at, mark in enumerate(marks):
        if not mark["info"].strip():
            closing[mark["mark"]] = at
    found: list[Region] = []
    opened: re.Match[str] | None = None
    for at, mark in enumerate(marks):
        if opened is None:
            opened = mark if closing.get(mark["mark"], -1) > at else None
        elif mark["mark"] == opened["mark"] and not mark["info"].strip():
            inner = opened.end() + 1
            name = opened["info"].strip().lower()
            found.append(Region(opened.start(), mark.end(), inner, max(mark.start() - 1, inner - 1), name))
            opened = None
    return found


def quotations_in(text: str) -> tuple[list[Region], list[Region]]:
    """What stands between tags that quote, and between tags that nobody knows. Each outermost, in order."""
    quoting: list[Region] = []
    unknown: list[Region] = []
    if "<" in text:
        opened: dict[str, list[re.Match[str]]] = {}
        for tag in few(_TAG, text, "tags"):
            name = tag["name"].lower()
            if not tag["close"]:
                opened.setdefault(name, []).append(tag)
            elif opened.get(name):
                begins = opened[name].pop()
                region = Region(begins.start(), tag.end(), begins.end(), tag.start(), name)
                if _QUOTES.fullmatch(name):
                    quoting.append(region)
                elif not _TRANSPARENT.fullmatch(name):
                    unknown.append(region)
        for comment in few(_COMMENT, text, "comments"):
            end = text.find("-->", comment.end())
            if end >= 0:
                quoting.append(Region(comment.start(), end + 3, comment.end(), end))
    if any(mark in text for mark in ("\\begin{", "[/", "#+")):
        quoting += _environments(text)
    return outermost(quoting), outermost(unknown)


def _environments(text: str) -> list[Region]:
    found: list[Region] = []
    opened: dict[str, re.Match[str]] = {}
    for mark in few(_ENVIRONMENT, text, "quotations"):
        name = (mark["latex_name"] or mark["bb_name"] or mark["org_name"]).lower()
        closes = "end" in ((mark["latex"] or "").lower(), (mark["org"] or "").lower()) or mark["bb"] == "/"
        if not closes:
            opened.setdefault(name, mark)
        elif begins := opened.pop(name, None):
            found.append(Region(begins.start(), mark.end(), begins.end(), mark.start(), name))
    return found


def few(pattern: re.Pattern[str], text: str, what: str) -> list[re.Match[str]]:
    """The matches of `pattern`. Raises Unparseable for more than a judgement can have."""
    found = list(islice(pattern.finditer(text), MOST_MARKS + 1))
    if len(found) > MOST_MARKS:
        raise Unparseable(f"the reply has more than {MOST_MARKS:,} {what}")
    return found


def outermost(regions: list[Region]) -> list[Region]:
    """`regions` in order, without those inside others."""
    kept: list[Region] = []
    for each in sorted(regions, key=lambda region: (region.start, -region.end)):
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


def within(regions: list[Region], at: int) -> Region | None:
    """The one of `regions`, which do not overlap, that holds `at`."""
    if not regions:
        return None
    place = bisect_right(regions, at, key=lambda region: region.start) - 1
    return regions[place] if place >= 0 and at < regions[place].end else None
