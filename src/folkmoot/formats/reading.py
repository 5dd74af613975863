"""From a reply to the one value in it: candidates, whose words they are, and exactly one that counts.

Every format that judges goes through here. Its candidates are JSON objects with a certain key (`Reply.objects`) and
lines of a certain form (`Reply.lines`). `decide` takes the highest rank there is and demands that all candidates of
this rank say the same; otherwise the seat is asked again. Each search has a bound, so a hostile reply costs no time.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice
from typing import Generic, TypeVar

from folkmoot.errors import Unparseable
from folkmoot.formats.base import preview
from folkmoot.formats.marking import BARE, FENCED, QUOTED, UNSURE, Marked, Rank, check_size
from folkmoot.formats.relaxed import Twice, object_at
from folkmoot.types import JSON

__all__ = [
    "EDGE", "Found", "NoObject", "SearchedReply", "check_size", "decide", "is_placeholder", "is_template",
    "json_object", "lines_with_quotes", "list_field", "text_field", "without_quotes",
]  # fmt: skip

T = TypeVar("T")
S = TypeVar("S")

MAX_DEPTH = 10
MAX_BRACES = 2_000  # of one broken object
MAX_OBJECTS = 500  # JSON objects in one reply
MAX_FUTILE = 100  # braces that open nothing readable
MAX_LINES = 400  # lines of one form
EDGE = 30_000  # characters at either end of a reply in which lines are read; whoever judges says so there

_OPENS = re.compile(r"\{(?=\s*+(?:[\"'“”„‘«「＂`]|[A-Za-z_][\w-]{0,40}+\s{0,5}+[:：=]|//|/\*))")
_BRACE = re.compile(r"[{}]")
_WRAPPERS = frozenset(
    [
        "review",
        "result",
        "results",
        "evaluation",
        "output",
        "arguments",
        "parameters",
        "args",
        "params",
        "data",
        "json",
        "final",
        "verdict",
        "judgement",
        "judgment",
        "assessment",
        "response",
        "reply",
        "rating",
        "ruling",
        "input",
    ]
)


class NoObject(Unparseable):
    """A reply holds no JSON object of the kind that was looked for. It may say the same in another way."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A candidate: a value, or why it cannot be read, and whose words it is."""

    value: T | Unparseable
    rank: Rank
    start: int
    fenced: bool = False

    def read(self, how: Callable[[T], S]) -> "Found[S]":
        """The same candidate with its value read by `how`, which may raise Unparseable."""
        if isinstance(self.value, Unparseable):
            return Found(self.value, self.rank, self.start, self.fenced)
        try:
            value: S | Unparseable = how(self.value)
        except Unparseable as reason:
            value = reason
        return Found(value, self.rank, self.start, self.fenced)


class SearchedReply:
    """A reply that is searched for candidates. Raises Unparseable where it is too long to be a judgement."""

    def __init__(self, reply: str) -> None:
        self.marked = Marked(reply)
        self.text = self.marked.text

    @cached_property
    def _objects(self) -> list[tuple[JSON | None, int, int]]:
        """Every outermost JSON object with its place; None where it is none after all."""
        found: list[tuple[JSON | None, int, int]] = []
        at = futile = 0
        while opening := _OPENS.search(self.text, at):
            start = opening.start()
            value: JSON | None = None
            try:
                value, at = object_at(self.text, start)
            except ValueError:
                futile += 1
                at = self._broken_end(start)
            found.append((value, start, at))
            if len(found) > MAX_OBJECTS or futile > MAX_FUTILE:
                raise Unparseable("the reply has too many braces to be a judgement")
        return found

    @cached_property
    def _is_object(self) -> bool:
        """Whether a JSON object is all there is."""
        return len(self._objects) == 1 and self._objects[0][1:] == (0, len(self.text))

    def _broken_end(self, start: int) -> int:
        """Where what looks like an object ends: at its last brace, else with its paragraph."""
        depth = 0
        for brace in islice(_BRACE.finditer(self.text, start), MAX_BRACES):
            depth += 1 if brace[0] == "{" else -1
            if not depth:
                return brace.end()
        end = self.text.find("\n\n", start)
        return len(self.text) if end < 0 else end

    def objects(self, *keys: str) -> list[Found[JSON]]:
        """The JSON objects with one of `keys`, in order; what merely wraps such an object gives what it wraps."""
        wanted = _wanted(keys)
        found: list[Found[JSON]] = []
        for value, start, end in self._objects:
            if value is None:
                broken = self.text[start:end]
                if any(
                    re.search(rf"[\"'“{{,\s]{re.escape(key)}[\"'”]?\s*[:：=]", broken, re.IGNORECASE) for key in keys
                ):
                    why = Unparseable(f"the JSON object with {keys[0]!r} is broken")
                    found.append(Found(why, self.marked.rank(start, end), start, self._fenced(start)))
                continue
            for each in _with_key(value, wanted):
                rank = self.marked.rank(start, end)
                found.append(Found(_checked(each, wanted), rank, start, self._fenced(start)))
        return found

    def lines(
        self,
        pattern: re.Pattern[str],
        after: Callable[[re.Match[str]], str] | None = None,
        *,
        within: Rank = QUOTED,
        at: str | int = 0,
    ) -> list[Found[re.Match[str]]]:
        """The matches of `pattern`, which begins with a line, outside JSON objects.

        `after` gives what a match holds behind its value, where words may say whose it was. `at`: the group with which
        the statement begins; `within`: see Marked.rank.
        """
        found: list[Found[re.Match[str]]] = []
        if self._is_object:
            return found
        for match in islice(self._matches(pattern), MAX_LINES):
            start = match.start(at) + len(match[at]) - len(match[at].lstrip(" \t>*_#`~-+•|\n"))
            if any(begin < match.end() and start < end for _, begin, end in self._objects):
                continue
            quoted = self.marked.quote_is_open(match.start())
            rank = (
                QUOTED
                if quoted
                else self.marked.rank(start, match.end(), after(match) if after else _aside(match[0]), within=within)
            )
            found.append(Found(match, rank, match.start(), self._fenced(start)))
        return found

    def _matches(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        if len(self.text) <= 2 * EDGE:
            yield from pattern.finditer(self.text)
        else:
            yield from pattern.finditer(self.text, 0, EDGE)
            yield from pattern.finditer(self.text, len(self.text) - EDGE)

    def _fenced(self, at: int) -> bool:
        return any(each.start <= at < each.end for each in self.marked.fences)


def decide(found: Iterable[Found[T]], what: str, same: Callable[[T], object] = lambda value: value) -> T | None:
    """The one value that the seat states in its own name; None where it states none.

    Raises Unparseable for several that differ by `same`, and for one that cannot be read.
    """
    stated = [each for each in found if each.rank > QUOTED]
    if not stated:
        return None
    top = max(each.rank for each in stated)
    also = {BARE: FENCED, FENCED: UNSURE}.get(
        top, top
    )  # what only stands there does not outweigh what stands in a fence
    counted = [
        each for each in stated if each.rank == top or (each.rank == also and (also == FENCED or not each.fenced))
    ]
    readable = [each.value for each in counted if not isinstance(each.value, Unparseable)]
    reasons = [each.value for each in counted if isinstance(each.value, Unparseable)]
    if not readable:
        raise reasons[0]
    kinds = {_shown(same(value)) for value in readable}
    if len(kinds) > 1:
        raise Unparseable(f"there are different {what} in it: {preview(', '.join(sorted(kinds)), 200)}")
    if reasons:
        raise Unparseable(f"one of the {what} in it cannot be read: {reasons[0]}")
    return readable[0]


def _aside(line: str) -> str:
    """What is added to a line behind an arrow, a dash, a comma or a bracket, where words may say whose it was."""
    found = re.search(r"←|<-|[(,]|\s[–—-]+\s", line)
    return line[found.start() :] if found else ""


def _shown(value: object) -> str:
    parts = value if isinstance(value, tuple) else (value,)
    return " ".join(str(each) for each in parts if each is not None)


def json_object(reply: str, *keys: str) -> JSON:
    """The object with one of `keys` in which a seat states its own view.

    Raises NoObject where there is none, and Unparseable where there are several that differ.
    """
    found = decide(
        SearchedReply(reply).objects(*keys), "JSON objects", lambda each: [each.get(key) for key in map(_key, keys)]
    )
    if found is None:
        raise NoObject(f"there is no JSON object with {' or '.join(repr(key) for key in keys)}")
    return found


def _names_key(broken: str, key: str) -> bool:
    return re.search(rf"[\"'“{{,\s]{re.escape(key)}[\"'”]?\s*[:：=]", broken, re.IGNORECASE) is not None


@cache
def _wanted(keys: tuple[str, ...]) -> tuple[str, ...]:
    """`keys` as written and as `object_at` spells them."""
    return (*keys, *map(_key, keys))


def _key(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _with_key(value: JSON, keys: Sequence[str]) -> list[JSON]:
    """`value`, if it has one of `keys`, else the objects in it that do and that it was only written around."""
    if any(key in value for key in keys):
        return [value]
    found: list[JSON] = []
    for name, inner in value.items():
        if len(value) > 1 and name not in _WRAPPERS:
            continue
        if isinstance(inner, str) and inner.lstrip().startswith("{"):
            try:
                inner = object_at(inner.strip(), 0)[0]
            except ValueError:
                continue
        inside = inner if isinstance(inner, list) else [inner]
        found += [each for each in inside if isinstance(each, dict) and any(key in each for key in keys)]
    return found


def _checked(value: JSON, keys: Sequence[str]) -> JSON | Unparseable:
    if any(isinstance(value.get(key), Twice) for key in keys):
        return Unparseable(f"the JSON object has two values of {next(key for key in keys if key in value)!r}")
    if _deeper(value, MAX_DEPTH):
        return Unparseable(f"the JSON object is nested more than {MAX_DEPTH} levels deep")
    return value


# Fields


_PLACEHOLDER = re.compile(
    r"<[^<>]{0,300}>|[\[{](?:your|the|an?|insert|label|score|number|brief|short|reason|explanation|text|value|name"
    r"|letter|one|answer here)\b[^\[\]{}]{0,100}[\]}]|\.{2,}|…|_{2,}|-{2,}|\?+|[xn]/10|(?:a |the |your )?(?:number"
    r"|score|label|integer|float)"
    r"(?: (?:from|between) .{1,20})?|\d{1,2} ?(?:-|–|to) ?\d{1,2}|tbd|n/a|[xn]",
    re.IGNORECASE,
)


def is_placeholder(value: object) -> bool:
    """Whether a field holds what the instructions have in its place, and nothing of the seat's own.

    >>> [is_placeholder(each) for each in ("<number from 1 to 10>", "...", "1-10", "Answer A", 7)]
    [True, True, True, False, False]
    """
    return isinstance(value, str) and _PLACEHOLDER.fullmatch(value.strip(" \t\n\"'`*_")) is not None


def is_template(value: JSON | Unparseable, keys: Sequence[str]) -> bool:
    """Whether an object is the form of the instructions handed back: its first one of `keys` holds a placeholder."""
    if isinstance(value, Unparseable):
        return False
    given = next((value[key] for key in keys if key in value), None)
    return is_placeholder(given) or (isinstance(given, list) and bool(given) and all(map(is_placeholder, given)))


def text_field(value: JSON, key: str) -> str:
    """`value[key]` as text; empty when it is absent, is not text, or is a placeholder of the instructions."""
    found = value.get(key, "")
    if not isinstance(found, str) or (found.startswith("<") and is_placeholder(found)):
        return ""
    return found.strip()


def list_field(value: JSON, key: str) -> tuple[str, ...]:
    """`value[key]` as texts; a single text counts as a list of one. Placeholders are left out."""
    found = value.get(key, [])
    texts = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    told = (str(each).strip() for each in texts)
    return tuple(each for each in told if each and not (each.startswith("<") and is_placeholder(each)))


def without_quotes(reply: str) -> str:
    """`reply` without fenced blocks and lines that quote somebody. A fence that nothing closes hides nothing."""
    return "\n".join(line for line, quoted in lines_with_quotes(reply) if not quoted)


_FENCE = re.compile(r"[ \t>]*+(`{3,}|~{3,})")


def lines_with_quotes(reply: str) -> list[tuple[str, bool]]:
    """Each line of `reply`, and whether it is quoted: in a fence, which its own lines belong to, or behind a `>`."""
    lines = reply.splitlines()
    closing: dict[str, int] = {}  # fence -> the last line that can close one
    for number, line in enumerate(lines):
        if (mark := _FENCE.match(line)) and not line[mark.end() :].strip():
            closing[mark[1]] = number
    found: list[tuple[str, bool]] = []
    open_by = ""
    for number, line in enumerate(lines):
        mark = _FENCE.match(line)
        if open_by:
            if mark and mark[1] == open_by and not line[mark.end() :].strip():
                open_by = ""
            found.append((line, True))
        elif mark and closing.get(mark[1], -1) > number:
            open_by = mark[1]
            found.append((line, True))
        else:
            found.append((line, line.lstrip().startswith(">")))
    return found


def _deeper(value: object, levels: int) -> bool:
    """Whether objects and lists are nested more than `levels` deep."""
    if isinstance(value, dict):
        return levels == 0 or any(_deeper(each, levels - 1) for each in value.values())
    if isinstance(value, list):
        return levels == 0 or any(_deeper(each, levels - 1) for each in value)
    return False
