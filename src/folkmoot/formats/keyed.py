"""Keyed answers: any text, with what it comes to on its last line, so that answers can be compared without a model."""

import re
from dataclasses import dataclass

from folkmoot.errors import Unparseable
from folkmoot.formats.answer_keys import Key, key_of
from folkmoot.formats.base import Format, preview
from folkmoot.formats.reading import without_quotes

_LINE = re.compile(
    r"^[\s>*_#`~-]*(?:(?:so|thus|therefore|hence),?\s+)?(?:my\s+|the\s+)?(?:final\s+|correct\s+)?answer"
    r"[\s*_`]*(?::|=(?!=))(?P<said>[^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_FIELD = re.compile(
    r'"(?:final[_ ]?)?answer"\s*:\s*'
    r'(?:"(?P<text>(?:[^"\\]|\\.)*+)"|(?P<value>-?[\d.][\w.,+-]*|\[[^\[\]{}]*\]|true|false))',
    re.IGNORECASE | re.DOTALL,
)
_ESCAPED = re.compile(r'\\(u[0-9a-fA-F]{4}|["\\/])')
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_SENTENCE = re.compile(r"\b(?:final |correct )?answer is:?\s*(?P<said>[^\n]{1,80}?)(?:\.(?=\s|$)|\n|$)", re.IGNORECASE)
_TAIL = 20_000  # letters from the end in which an answer is looked for; conclusions come last


@dataclass(frozen=True, slots=True)
class Keyed:
    """An answer as it was written, and what it says it comes to."""

    text: str
    said: str | None  # the short answer, in its own words; None: it states none
    key: Key | None


def stated(reply: str) -> str | None:
    """The short answer that `reply` states, as written: the last one, wherever it stands.

    Read are a line `ANSWER: ...` (the next line, where nothing follows), `"answer": ...` in JSON, a LaTeX box, and
    `the answer is ...` before a number or a choice. The last number of a text is not an answer.

    >>> stated("17 * 23 is 391.\\n\\n**Answer:** 391"), stated('{"reasoning": "...", "answer": "$391"}')
    ('391', '$391')
    >>> stated("So it is $\\\\boxed{\\\\frac{1}{2}}$."), stated("It may be 391.")
    ('\\\\frac{1}{2}', None)
    """
    tail = reply[-_TAIL:]
    found = [*_fields(tail), *_lines(tail)]
    if not found and not (found := _boxes(tail)) and not (found := _lines(without_quotes(tail))):
        found = _sentences(tail)
    return max(found)[1] if found else None


def _fields(text: str) -> list[tuple[int, str]]:
    """Where and what: the texts of "answer" in JSON, whole or broken. `\\frac` is LaTeX there, not a form feed."""
    return [
        (each.start(), _ESCAPED.sub(_letter, each["text"]) if each["text"] is not None else each["value"])
        for each in _FIELD.finditer(text)
        if each["text"] is None or each["text"].strip()
    ]


def _letter(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code[1:], 16)) if code[0] == "u" and len(code) == 5 else code


def _lines(text: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for each in _LINE.finditer(text):
        said = _unpaired(each["said"].strip())
        if not said:
            said = next((line.strip() for line in text[each.end() :].splitlines() if line.strip("`*_# $\\[]")), "")
        if said:
            found.append((each.start(), said))
    return found


def _unpaired(said: str) -> str:
    """`said` without the half of a mark whose other half stands outside: `**Answer:** 42` leaves `** 42`."""
    for mark in ("**", "__", "`", "*", "_"):
        if said.count(mark) % 2:
            said = said[len(mark) :].lstrip() if said.startswith(mark) else said.removesuffix(mark).rstrip()
    return said


def _boxes(text: str) -> list[tuple[int, str]]:
    """What stands in LaTeX boxes, with braces in pairs."""
    found: list[tuple[int, str]] = []
    for each in _BOX.finditer(text):
        depth, at = 1, each.end()
        while at < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        if not depth and at - each.end() < 400:
            found.append((each.start(), text[each.end() : at - 1]))
    return found


def _sentences(text: str) -> list[tuple[int, str]]:
    found = [(each.start(), each["said"]) for each in _SENTENCE.finditer(text)]
    return [(at, said) for at, said in found if (key := key_of(said)) is not None and not key.open]


def read_keyed(reply: str, question: str = "") -> Keyed:
    """An answer with its key. An answer that states none is an answer all the same; only an empty reply is not."""
    text = reply.strip()
    if not text:
        raise Unparseable("the reply is empty")
    said = stated(text)
    return Keyed(text, said, key_of(said, question) if said is not None else None)


def brief_keyed(answer: Keyed) -> str:
    return f'{preview(answer.said)} — "{preview(answer.text)}"' if answer.said else f'"{preview(answer.text)}"'


def keyed_for(question: str) -> Format[Keyed]:
    """An answer to `question`: units that it names are left out of the key."""
    return Format(
        "keyed",
        instructions="""\
Write the whole answer first. Then, on a last line of its own, say what it comes to, like this:

ANSWER: 42

After `ANSWER:` stands nothing but the shortest complete form of your conclusion: the number (with its unit only if \
the question leaves the unit open), the letter of the choice, the value as code, the name, or yes or no. Where the \
question calls for a longer text, put its main point there in a few words.""",
        parse=lambda reply: read_keyed(reply, question),
        example="Six times seven is forty-two.\n\nANSWER: 42",
        brief=brief_keyed,
    )


KEYED = keyed_for("")
