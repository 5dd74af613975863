"""SOURCES: what a web search found, as seats are shown it and cite it, and which citations lead nowhere."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from folkmoot.errors import Unparseable
from folkmoot.formats.base import Format
from folkmoot.formats.reading import json_object, text_field
from folkmoot.prompting import block

MOST_SOURCES = 6
LONGEST = 500  # characters of a source's text

# [2], [1, 3] and [1-3]; not an index such as items[2], not a link such as [2](...), not a checkbox
_CITED = re.compile(r"(?<![\w\])`])\[(?P<numbers>\d{1,3}(?:[ ,;–-]+\d{1,3})*)\](?![(\[:])")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Source:
    title: str
    url: str
    text: str  # what of it bears on the question


def read_sources(reply: str) -> tuple[Source, ...]:
    """The sources in a JSON object; what has no address is none. A search may find nothing.

    >>> read_sources('{"sources": [{"title": "Leap year", "url": "https://a.example/leap", "text": "Every fourth."}]}')
    (Source(title='Leap year', url='https://a.example/leap', text='Every fourth.'),)
    """
    listed = json_object(reply, "sources")["sources"]
    if not isinstance(listed, list):
        raise Unparseable('"sources" is not a list')
    found = (each for each in listed if isinstance(each, dict) and text_field(each, "url"))
    return tuple(
        Source(text_field(each, "title"), text_field(each, "url"), text_field(each, "text")[:LONGEST]) for each in found
    )[:MOST_SOURCES]


def write_sources(sources: Iterable[Source]) -> str:
    """The reply that stands for `sources`."""
    return json.dumps({"sources": [asdict(each) for each in sources]}, ensure_ascii=False)


def source_blocks(sources: Sequence[Source]) -> tuple[str, ...]:
    """The sources as they stand in a prompt, numbered from 1."""
    return tuple(
        block("source", each.text, number=str(number), title=each.title, url=each.url)
        for number, each in enumerate(sources, 1)
    )


def unresolved(text: str, sources: int) -> list[str]:
    """The citations in `text` that name no source, of `sources` that were shown; code is passed over.

    >>> unresolved("Every fourth year [1], but not 1900 [7]; see [2-4].", 2), unresolved("rows[7] and `[9]`", 2)
    (['[7]', '[2-4]'], [])
    """
    cited = _CITED.finditer(_CODE.sub("", text))
    wrong = [each[0] for each in cited if any(not 1 <= int(n) <= sources for n in re.findall(r"\d+", each["numbers"]))]
    return list(dict.fromkeys(wrong))


SOURCES: Format[tuple[Source, ...]] = Format(
    "sources",
    instructions="",  # what a search is sent is the query itself
    parse=read_sources,
    example='{"sources": [{"title": "A page", "url": "https://page.example/", "text": "What it says."}]}',
    brief=lambda sources: f"{len(sources)} source{'' if len(sources) == 1 else 's'}",
)
