"""Which parts of a reply are the seat's own words, and which are quoted, fenced or mentioned.

A place in a reply has one of five ranks. Only what the seat says in its own name decides anything; what it quotes
never does, because quoting an answer would otherwise hand the judge's pen to whoever wrote that answer.
"""

import re
from functools import cached_property
from typing import Literal

from folkmoot.errors import Unparseable
from folkmoot.formats.attribution import LONGEST, ends_a_sentence, introduces, is_command, refers_back
from folkmoot.formats.regions import FENCE, Region, fences_in, quotations_in
from folkmoot.formats.regions import within as within_of
from folkmoot.formats.speech import speech_in

Rank = Literal[0, 1, 2, 3, 4]
QUOTED: Rank = 0  # somebody else's words, or a mention in the middle of a sentence: never read
UNSURE: Rank = 1  # introduced by words that neither list of attribution.py knows, or in tags that nobody knows
FENCED: Rank = 2  # in a fence that nothing introduces, or after a sentence about somebody's words
BARE: Rank = 3  # standing on its own, without an introduction
OWN: Rank = 4  # introduced as the seat's own

MAX_BYTES = 1_000_000
LONGEST_WRAPPED = 100_000  # characters of a reply in which wrappers are looked for
WINDOW = 2_000  # characters before a place in which an open quotation is looked for

_WHOLE_TAGS = re.compile(
    r"<(?P<name>answer|output|response|reply|result|final|verdict_json|json|review|judge?ment|evaluation|pre|code"
    r"|blockquote|q|p|div"
    r"|body|html|tool_call|function_call|message|text|[a-z_]{1,20}-[0-9a-f]{16})(?:\s[^<>\n]{0,200})?>",
    re.IGNORECASE,
)
_MARKUP = re.compile(
    r"</?[A-Za-z][^<>\n]{0,100}>|[*_`#>|~•\[\]{}()]+|(?:^|(?<=\s))\(?\d{1,2}[.)](?=\s|$)|(?:^|(?<=\s))[-+–—](?=\s|$)"
)
_CODE = frozenset(("", "json", "json5", "jsonc", "js", "javascript", "python", "py", "yaml", "yml"))
_CLOSES = re.compile(r"(?:[}\]][*_~\s]*|```|~~~|</[^<>]{1,60}>\s*)$|^\s*(?:#\+|\\end\{)")
_LIST_ITEM = re.compile(r"(?:[-*•+–]|\(?\d{1,2}[.)])\s")
_LABEL = re.compile(r"\s*(?:answer|response|participant|proposal|candidate|option)?\s*[A-Z]{1,2}\s*", re.IGNORECASE)
_PAIRS: dict[str, tuple[str, ...]] = {
    "“": ("”",), "«": ("»",), "「": ("」",), "『": ("』",), "《": ("》",), "‹": ("›",), "„": ("“", "”"),
}  # fmt: skip


def check_size(reply: str) -> None:
    """Raises Unparseable for a reply longer than anybody needs to say what they think."""
    if len(reply) > MAX_BYTES or len(reply.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise Unparseable(f"the reply is longer than {MAX_BYTES:,} bytes")


class Marked:
    """A reply with its fences and quotations marked. What wraps the whole reply is taken off first."""

    def __init__(self, reply: str) -> None:
        check_size(reply)
        self.text = unwrapped(speech_in(reply).said)

    @cached_property
    def fences(self) -> list[Region]:
        return fences_in(self.text)

    @cached_property
    def _quotations(self) -> tuple[list[Region], list[Region]]:
        return quotations_in(self.text)

    def rank(self, start: int, end: int, after: str | None = None, *, within: Rank = QUOTED) -> Rank:
        """Whose words stand from `start` to `end`.

        `after`: what follows them, where the span covers it already. `within`: the rank of words in the middle of a
        line, behind others that neither end a sentence nor say whose words follow.
        """
        if start == 0 and end == len(self.text) and after is None:
            return OWN
        quoting, unknown = self._quotations
        if within_of(quoting, start):
            return QUOTED
        fence = within_of(self.fences, start)
        low, high = (fence.inner, fence.inner_end) if fence else (0, len(self.text))
        line = _line_start(self.text, start, low)
        before = self.text[line:start]
        rest = self.text[end : min(high, end + LONGEST)].partition("\n")[0] if after is None else after
        if before.lstrip().startswith(">") or self._is_quoted(start, end, low, line):
            return QUOTED
        if refers_back(rest):
            return QUOTED
        ranks: list[Rank] = [UNSURE] if within_of(unknown, start) or (fence and fence.name not in _CODE) else []
        ranks += [self._introduced(fence.start, 0, fenced=True)] if fence else []
        plain = _MARKUP.sub(" ", before).strip()
        if re.search(r"[^\W\d_]", plain):
            if within == OWN:  # I say so, whatever the clause before is about
                plain = re.split(r"[,;.!?–—]\s*(?=$)|[,;.!?–—](?=[^,;.!?–—]*$)", plain)[-1]
            whose = "peer" if is_command(before) else introduces(plain) if plain.strip() else "own"
            if whose == "peer":
                return QUOTED
            ranks.append(OWN if whose == "own" else BARE if ends_a_sentence(plain) else within)
        else:
            if not rest.strip(" \t*_`|.,;\"'") and refers_back(self._next_line(end, fence)):
                return QUOTED
            indented = not fence and (before.startswith(("    ", "\t")) and not before.strip())
            inside = fence is None or bool(self.text[low:line].strip()[-1:])
            ranks += [self._introduced(line, low)] if inside else []
            ranks += [UNSURE] if indented and self._stands_apart(line) else []
        return min(ranks, default=BARE)

    def _introduced(self, at: int, low: int, *, fenced: bool = False) -> Rank:
        """The rank of what begins at `at` by the lines before it."""
        alone: Rank = FENCED if fenced else BARE
        before = self.text[max(low, at - WINDOW) : at]
        said = before.rstrip()
        if not said:
            return alone
        block = re.split(r"\n[ \t]*\n|(?:^|\n)[ \t>]*(?:```|~~~)[^\n]*(?:\n|$)", said[-WINDOW:])[-1]
        if not block.strip():
            return alone
        first, last = block.strip("\n").partition("\n")[0], block.rpartition("\n")[2]
        if first is not last and first.rstrip(" *_`").endswith((":", "：")) and introduces(first) == "peer":
            gap = before[len(said) :].count("\n") > 1
            if not gap:
                return QUOTED
        if (
            last.rstrip().endswith(("}", "]", "```", "~~~"))
            or last.lstrip().startswith("|")
            or last.lstrip().startswith(">")
        ):
            return alone
        plain = _MARKUP.sub(" ", last).strip()
        if not re.search(r"[^\W\d_]", plain):
            return alone
        whose = introduces(plain)
        named, colon, value = plain.partition(":")
        if (
            colon
            and value.strip()
            and not (whose == "peer" and introduces(named) == "peer" and not _LABEL.fullmatch(named))
        ):
            return alone  # a field with its value
        if ends_a_sentence(plain):
            return FENCED if whose == "peer" else alone
        if whose == "own":
            return OWN
        announces = plain.endswith((":", "：", "-", "–", "—", "→")) or last.lstrip().startswith("#")
        return QUOTED if whose == "peer" else UNSURE if announces else alone

    def _next_line(self, end: int, fence: Region | None) -> str:
        at = fence.end if fence and not self.text[end : fence.inner_end].strip(" \t\n`~") else end
        line = self.text[at : at + 2 * LONGEST].lstrip().partition("\n")[0]
        return "" if _LIST_ITEM.match(line) else line

    def _stands_apart(self, line: int) -> bool:
        """Whether other lines of the reply are not indented, so that indenting may mean quoting."""
        return bool(re.search(r"^\S", self.text[max(0, line - WINDOW) : line + WINDOW], re.MULTILINE))

    def _is_quoted(self, start: int, end: int, low: int, line: int) -> bool:
        """Whether a quotation or a span of code is open at `start`."""
        before, after = self.text[line:start], self.text[end : end + LONGEST].partition("\n")[0]
        if before.count("`") % 2 == 1 and "`" in after:
            return True
        if (before.count("~~") % 2 == 1 and "~~" in after) or re.search(
            r"\\(?:verb|texttt|lstinline)\W[^|}]*$", before
        ):
            return True
        opened = before.rstrip()[-1:]
        if opened and opened in "'‘\"" and after.lstrip()[:1] in ("'", "’", '"'):
            return True
        if before.count('"') % 2 == 1:
            return True
        block = re.split(r"\n[ \t]*\n", self.text[max(low, start - WINDOW) : start])[-1]
        if not any(mark in block for mark in "“«「『《‹„»"):
            return False
        follows = self.text[end : end + WINDOW]
        for opening, closings in _PAIRS.items():
            closed = max(map(block.rfind, closings))
            if block.rfind(opening) > closed and any(each in follows for each in closings):
                return True
        return "»" in block and "«" not in block and "«" in follows

    def quote_is_open(self, start: int) -> bool:
        """Whether a straight quotation mark that was opened earlier in the paragraph is still open at `start`."""
        block = re.split(r"\n[ \t]*\n", self.text[max(0, start - WINDOW) : start])[-1]
        return block.rpartition("}")[2].count('"') % 2 == 1


def unwrapped(reply: str) -> str:
    """`reply` without what wraps all of it: a fence, a quotation, a tag of the model's own, a JSON text."""
    text = reply.strip()
    for _ in range(4 if len(text) <= LONGEST_WRAPPED else 0):
        inner = _inner(text)
        if inner is None or not inner.strip():
            break
        text = inner.strip("\n") if inner.strip() else text
        text = text.strip() if not text.startswith((" ", "\t")) else text.rstrip()
    return text


def _inner(text: str) -> str | None:
    if text.startswith(("```", "~~~")) and (found := FENCE.match(text)) and text.endswith(found["mark"]):
        inside = text[found.end() : -len(found["mark"])]
        if f"\n{found['mark']}" not in inside.rstrip("\n") and text[: -len(found["mark"])].rstrip(" \t").endswith("\n"):
            return inside
    if text.startswith(">") and (
        text.count("\n>") == text.count("\n") or not re.search(r"^[ \t]*[^>\s]", text, re.MULTILINE)
    ):
        return re.sub(r"^[ \t]*>[ \t]?", "", text, flags=re.MULTILINE)
    if text.startswith("<") and (tag := _WHOLE_TAGS.match(text)):
        closing = f"</{tag['name']}>"
        if text.lower().endswith(closing.lower()) and text.lower().count(closing.lower()) == 1:
            return text[tag.end() : -len(closing)]
    if (
        len(text) > 2
        and text[0] + text[-1] in ("“”", "«»", "``", '""', "''")
        and not set(text[1:-1]) & set(text[0] + text[-1])
    ):
        return text[1:-1]
    if text[:1] == text[-1:] == '"' and '\\"' in text and not re.search(r'(?<!\\)"', text[1:-1]):
        return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), text[1:-1])
    return None


def _line_start(text: str, at: int, low: int) -> int:
    """Where the line of `at` begins, or the window before `at` does."""
    window = max(low, at - LONGEST)
    return max(text.rfind("\n", window, at) + 1, window)
