"""What a question asks for: code or prose, which letters, which unit, which variable. It decides what may be left out.

Every rule here is for one purpose: an answer key leaves something out only where the question has already said it. In
doubt a property stays off, and the key keeps what stands there.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from folkmoot.formats.spelling import plain
from folkmoot.formats.unit_asked import currency_asked, shared_units, unit_asked
from folkmoot.formats.units import singular

MAX_QUESTION = 20_000  # characters of a question that are looked at, half of them from its end

_CODE = re.compile(
    r"```|`[^`\n]+`|\[PYTHON\]|^[ \t]*(?:def|class|import|from|function|const|let|var|return|SELECT|#include|\$ )\b"
    r"|\b(?:print|console\.log|printf|echo|lambda)\b ?\(|\w\(\)|==|=>|->|!=|&&|\|\||::"
    r"|\b(?i:python|javascript|typescript|java|rust|golang|sql|bash|shell|regex|regexp|regular expression|json|yaml"
    r"|html|css|linux|unix|git)\b",
    re.MULTILINE,
)
_LETTERS = re.compile(
    r"\b(?i:code|commands?|command[- ]line|syntax|identifier|variable name|keyword arguments?|file ?names?|file path"
    r"|folder|directory|password|url|e-?mail|hash|checksum|glob|wildcard|brackets?|parenthes[ie]s|characters?"
    r"|punctuation|delimiters?|operators?|symbols?|tokens?|compiler|interpreter|naming|case[- ]sensitive|upper ?case"
    r"|lower ?case|capital letters?|capitali[sz]\w*|spell(?:ed|ing)?|anagram|unscramble|reversed?|encode|decode|cipher"
    r"|dyck|chemical formula|serial number|licen[cs]e plate)\b"
)
_FORMULA = re.compile(r"\$[^$\n]{1,200}\$|\\\(|\\\[|\\frac|\\sqrt")
_OUTPUT = re.compile(
    r"\[PYTHON\]|\bassert\b[^\n]{0,400}?=="
    r"|\b(?i:(?:what|which)\b[^.?\n]{0,80}\b(?:prints?|printed|outputs?|returns?|returned|evaluates?|displays?|logs?)"
    r"|output of|result of (?:running|executing|evaluating)|predict the output|return value|(?:in|on) reverse"
    r"|reverse the)\b"
)
_DECIMALS = re.compile(
    r"\b(?i:versions?|releases?|sections?|chapters?|clauses?|paragraphs?|edition|zip ?codes?|postcodes?|postal codes?"
    r"|phone|telephone|serial|account numbers?|pin code|isbn|ip address\w*|python|node|ubuntu|significant figures?)\b"
)
_FRACTIONS = re.compile(
    r"\b(?i:dates?|birthdays?|birthdate|deadlines?|what day|which day|when (?:was|were|is|did|does|will)"
    r"|time signatures?|aspect ratio|blood pressure|final score|score of the)\b"
)
_PERCENT = re.compile(
    r"\b(?:what|which|how many|as an?|by what|in|find the|give the|the|a) (?:\w+ ){0,2}?(?:percent(?:age)?\b"
    r"|per cent\b|%)"
    r"|\b(?:pass|success|failure|interest|approval|graduation|survival|error|unemployment|growth|tax|discount) rate\b"
    r"|\bpercentage (?:of|points?|increase|decrease|change|did|does|is|are)\b"
    r"|\bpercent (?:of|is|are|did|does|do|more|less)\b"
)
_OPTION = re.compile(
    r"(?:(?<=[\s\[,;:?.])|^)[(\[]?([A-Za-z]|\d{1,2})(?:[).\]:](?=\s|\S)|[ \t]{0,3}[-–—]\s)[ \t]*+", re.MULTILINE
)
_EITHER = re.compile(
    r"(?<![\w'-])((?:[^\W\d_][\w'-]*, ){0,6})([^\W\d_][\w'-]*)(?: than [\w'-]+)?,?"
    r" (?:or|oder|ou|o|или|eller) (?:an? |the )?"
    r"([^\W\d_][\w'-]*)"
)
_NUMERALS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_BASE = re.compile(rf"\b(?:in|to|as an?|in the) base[- ]\$?(?:(\w)\b|({'|'.join(_NUMERALS)})\b)", re.IGNORECASE)
_PLACE = re.compile(r"\b(?:what|which) (?:place|position|rank|floor|grade|row|term|day|month|century)\b")
_VARIABLE = re.compile(r"(?<![\w\\'’])([A-Za-z](?:_\{?\w{1,3}\}?)?)(?![\w'’])")
_ASKED_FOR = re.compile(
    r"\b(?i:solve for|solve|find|values? of|what (?:is|are)|what's|determine|compute|calculate|evaluate|equals?"
    r"|for which|all(?: real| integer| possible)*|is) (?:the )?(?:values? of )?(?:all |real |integer )*"
    r"[$\\(]*([^\s$?.,]{1,30}(?: = [^\s$?.,]{1,30})?)"
)


@dataclass(frozen=True)
class AskedFor:
    """What one question fixes."""

    code: bool = False  # capitals, blanks and punctuation are part of the answer
    output: bool = False  # the answer is a value or a text to the letter; another one is another answer
    decimals: bool = False  # 3.10 is not 3.1: versions, sections, codes
    fractions: bool = False  # 10/12 is not 5/6: dates, scores
    percent: bool = False
    options: dict[str, str] = field(default_factory=dict)  # letter or number -> what it stands for
    offered: frozenset[str] = frozenset()  # words that the question sets against each other
    units: tuple[str, ...] = ()  # the words of the one unit that is asked for
    money: str = "dollar"  # the currency that may be left out
    base: str = ""  # the base in which a number is asked for
    place: bool = False  # 6th is 6
    per: frozenset[str] = frozenset()  # units that it asks for one of: `per hour`
    variables: frozenset[str] = frozenset()  # what stands left of `=` and says nothing new


@lru_cache(maxsize=64)
def asked_for(question: str) -> AskedFor:
    """What `question` fixes.

    >>> asked_for("How many minutes is 2 hours?").units, asked_for("Is it 2 hours or 2 minutes?").units
    (('minute',), ())
    >>> asked_for("Which? A) x B) y").options, asked_for("Solve for x: x + y = 5").variables
    ({'A': 'x', 'B': 'y'}, frozenset({'x'}))
    """
    if len(question) > MAX_QUESTION:
        question = question[: MAX_QUESTION // 2] + "\n" + question[-MAX_QUESTION // 2 :]
    text = plain(question)[: 2 * MAX_QUESTION]
    flat = " ".join(text.split())
    small = flat.casefold()
    output = _OUTPUT.search(text) is not None
    offered = _offered(small)
    units = unit_asked(small, offered)
    base = _BASE.search(flat)
    return AskedFor(
        code=output or (not _FORMULA.search(text) and (_CODE.search(text) or _LETTERS.search(text)) is not None),
        output=output,
        decimals=output or _DECIMALS.search(text) is not None,
        fractions=output or _FRACTIONS.search(text) is not None,
        percent=_PERCENT.search(small) is not None,
        options=_options(text),
        offered=offered,
        units=units,
        money=currency_asked(small, units),
        per=shared_units(small) - {units[0] if units else ""},
        variables=_variables(flat),
        base=(base[1] or str(_NUMERALS.index(base[2].casefold()))) if base else "",
        place=_PLACE.search(small) is not None,
    )


def _offered(small: str) -> frozenset[str]:
    """The words that stand beside an `or`: older or younger, hours, minutes or days."""
    found = (
        word for before, one, other in _EITHER.findall(small) for word in (*before.split(", "), one, other) if word
    )
    return frozenset(singular(word) for word in found)


def _options(text: str) -> dict[str, str]:
    """The choices by letter, or by number, if there are at least two of them, one after the other from the first."""
    for first in ("A", "a", "1"):
        found: list[tuple[str, int, int]] = []
        for each in _OPTION.finditer(text):
            if each[1] == first and len(found) < 2:
                found = [(first, each.start(), each.end())]
            elif found and each[1] == _next(found[-1][0]):
                found.append((each[1], each.start(), each.end()))
        if len(found) > 1:
            ends = [start for _, start, _ in found[1:]] + [len(text)]
            said = [text[begin:end].strip(" \t\n,;([-*") for (_, _, begin), end in zip(found, ends, strict=True)]
            said[-1] = said[-1].partition("\n\n")[0].strip()
            return {label.upper(): each for (label, _, _), each in zip(found, said, strict=True)}
    return {}


def _next(label: str) -> str:
    return str(int(label) + 1) if label.isdigit() else chr(ord(label) + 1)


def _variables(text: str) -> frozenset[str]:
    """What may be left out left of `=`: what the question asks for, if that is one thing."""
    sides = [re.sub(r"[\s$\\]|left|right", "", found[1]).strip("().:;") for found in _ASKED_FOR.finditer(text)]
    asked = {
        side.partition("=")[0]
        for side in sides
        if re.fullmatch(r"[A-Za-z](?:_\{?\w+\}?)?(?:\(.{1,8}\)?)?(?:=.*)?", side)
    }
    asked -= {"a", "A", "I"}
    if len(asked) == 1:
        return frozenset(each + ")" if "(" in each and not each.endswith(")") else each for each in asked)
    named = {each for each in _VARIABLE.findall(text) if each not in ("a", "A", "I", "s", "t")}
    return frozenset(named) if len(named) == 1 and not asked else frozenset()
