"""Fields between tags, as llm-consortium's arbiters write them: `<synthesis>`, `<confidence>`, `<rank>`."""

import re
from itertools import islice, pairwise

from folkmoot.errors import Unparseable
from folkmoot.formats.marking import QUOTED, Marked
from folkmoot.types import JSON

MOST_TAGS = 2_000  # of all names together; a reply with more is no ruling

NAMES = (
    "analysis",
    "dissent",
    "ranking",
    "synthesis",
    "refinement_areas",
    "needs_iteration",
    "confidence",
    "pick",
    "response_id",
)
_TAG = re.compile(rf"<(?P<close>/?)(?P<name>{'|'.join(NAMES)})>", re.IGNORECASE)
_AREA = re.compile(
    r"<(?:refinement_)?area>([^<]{0,2000}+(?:<(?!/?(?:refinement_)?area>)[^<]{0,2000}+){0,50}+)</(?:refinement_)?area>",
    re.I,
)
_RANK = re.compile(
    r"<rank(?:\s+position\s*=\s*[\"']?(?P<place>\d{1,6})[\"']?)?\s*>(?P<label>[^<]{0,200}+)</rank>", re.IGNORECASE
)


def tagged_fields(marked: Marked) -> JSON:
    """What stands in tags in the arbiter's own words. The synthesis goes first, because it may be about tags.

    A field that is there twice, outside quotations and with different texts, makes the reply unreadable.
    """
    tags = list(islice(_TAG.finditer(marked.text), MOST_TAGS + 1))
    if len(tags) > MOST_TAGS:
        raise Unparseable(f"the reply has more than {MOST_TAGS:,} tags")
    tags = [tag for tag in tags if marked.rank(tag.start(), tag.end(), "") != QUOTED or tag["close"]]
    found: JSON = {}
    synthesis = _outermost([tag for tag in tags if tag["name"].lower() == "synthesis"], marked.text)
    if synthesis is not None:
        start, end = synthesis
        found["synthesis"] = marked.text[start:end].strip()
        inner = [tag for tag in tags if start <= tag.start() < end]
        tags = [tag for tag in tags if tag not in inner]
    for name in NAMES:
        if name != "synthesis":
            texts = _pairs([tag for tag in tags if tag["name"].lower() == name], marked.text)
            if len(set(texts)) > 1:
                raise Unparseable(f"there are different texts in the tags <{name}>")
            if texts:
                found[name] = texts[0]
    if areas := _AREA.findall(found.get("refinement_areas", "")):
        found["refinement_areas"] = areas
    if ranks := list(_RANK.finditer(found.get("ranking", ""))):
        found["ranking"] = [
            {"label": rank["label"]} | ({"position": int(rank["place"])} if rank["place"] else {}) for rank in ranks
        ]
    return found


def _pairs(tags: list[re.Match[str]], text: str) -> list[str]:
    """What stands between each closing tag and the opening one right before it."""
    return [
        text[before.end() : tag.start()].strip()
        for before, tag in pairwise(tags)
        if tag["close"] and not before["close"]
    ]


def _outermost(tags: list[re.Match[str]], text: str) -> tuple[int, int] | None:
    """Where the content of the one outermost pair of `tags` lies; such a pair may hold tags of its own name.

    Raises Unparseable where several pairs stand side by side with different texts.
    """
    opening = [tag for tag in tags if not tag["close"]]
    closing = [tag for tag in tags if tag["close"]]
    if not opening or not closing or closing[-1].start() < opening[0].end():
        return None
    if len(opening) != len(closing):  # one of them is mentioned, not used
        return opening[0].end(), closing[-1].start()
    pairs: list[tuple[int, int]] = []
    depth = began = 0
    for tag in tags:
        if not tag["close"]:
            began = began if depth else tag.end()
            depth += 1
        elif depth:
            depth -= 1
            if not depth:
                pairs.append((began, tag.start()))
    if not pairs:
        return None
    if len({text[start:end].strip() for start, end in pairs}) > 1:
        raise Unparseable("there are different texts in the tags <synthesis>")
    return pairs[-1]
