"""Answer keys: the form in which short answers are compared, so that 1,000 and $1000.00 are one answer.

Equal keys are one conclusion, and nobody else is asked: so a key never says more than what stands there. Where two
spellings might mean different things (30 minutes, 30 hours) they get two keys; a further call may still join them.
"""

import ast
import re
import unicodedata
import warnings
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

MAX_WORDS = 200  # letters of an answer in words; what is longer is prose and has no key
MAX_NUMBER = 400  # letters of a number
MAX_LITERAL = 2000
MAX_POWER = 200  # digits

Kind = Literal["number", "choice", "literal", "text"]


@dataclass(frozen=True, slots=True)
class Key:
    """What an answer comes to. Two answers with the same `text` say the same."""

    text: str
    kind: Kind

    @property
    def open(self) -> bool:
        """Whether these are words, so that another key may still mean the same."""
        return self.kind == "text"


def key_of(answer: str, question: str = "") -> Key | None:
    """The key of a short answer, e.g. of what stands after `ANSWER:`; None for prose, and for no answer at all.

    A unit is left out where `question` names it, and kept where it does not: `30 minutes` is 30 only if minutes were
    asked for. A currency is always left out.

    >>> [key_of(each).text for each in ("$1,000.00", "10^3", "\\\\frac{3}{4}", "**(b)**", "[1,2 ]", "The Moon.")]
    ['1000', '1000', '3/4', 'B', '[1, 2]', 'moon']
    >>> key_of("30 min", "How many minutes?").text, key_of("30 min").text, key_of("I don't know")
    ('30', '30 minute', None)
    """
    plain = _unwrapped(answer)
    if not plain or _bare(plain) in _NO_ANSWER:
        return None
    return (
        (_literal(plain) if len(plain) <= MAX_LITERAL else None)
        or (_number(plain, question) if len(plain) <= MAX_NUMBER else None)
        or _choice(plain)
        or _yes_or_no(plain)
        or _words(plain)
    )


def may_mean(key: Key | None, other: Key | None) -> bool:
    """Whether two different keys may still mean the same, so that asking a model is worth a call.

    Words may mean any words, and a choice. A number only means words that have it in them, and nothing but itself
    otherwise. An answer without a key may mean anything.

    >>> keys = [key_of(each) for each in ("30", "30 minutes", "half an hour", "31")]
    >>> [may_mean(keys[0], each) for each in keys[1:]], may_mean(keys[1], keys[2])
    ([True, False, False], True)
    """
    if key is None or other is None:
        return True
    if not key.open and not other.open:
        return False
    if "number" in (key.kind, other.kind):
        number, words = (key, other) if key.kind == "number" else (other, key)
        return re.search(rf"(?<![\w./]){re.escape(number.text)}(?![\w/]|\.\d)", words.text) is not None
    return True


# Wrappings: markup, LaTeX, letters that look alike

_ALIKE = str.maketrans(
    {
        "−": "-", "–": "-", "‐": "-", "‑": "-", "×": "*", "·": "*", "⋅": "*", "÷": "/", "⁄": "/", "∕": "/",
        "’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u200b": "",
        "½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3", "⅔": " 2/3", "⅛": " 1/8", "²": "^2", "³": "^3", "π": "pi",
    }
)  # fmt: skip

_LATEX = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (r"\\[dt]frac(?![a-z])", r"\\frac"),
        (r"\\frac\s*\{\s*(-?[\w.]+)\s*\}\s*\{\s*([\w.]+)\s*\}", r" \1/\2"),
        (r"\\frac\s*(\d)\s*(\d)", r" \1/\2"),
        (r"\{,\}", ","),
        (r"(?<=\d)\\[,!;:](?=\d{3})", ","),
        (r"\\(?:left|right|displaystyle|bigl?|bigr|quad|qquad)(?![a-z])|\\[,!;: ]|~", " "),
        (r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|operatorname)\s*\{([^{}]*)\}", r"\1"),
        (r"\^\s*\{?\s*\\circ\s*\}?|\\degree(?![a-z])", "°"),
        (r"\\(?:cdot|times)(?![a-z])", "*"),
        (r"\\([%$&#_{}])", r"\1"),
        (r"\\pi(?![a-z])", "pi"),
        (r"√\s*\(|\\sqrt\s*\(|√\s*\{", "sqrt("),
        (r"\\sqrt\s*\{([^{}]*)\}|√\s*(\w+)|\\sqrt\s*(\w)", r"sqrt(\1\2\3)"),
    )
)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{(.*)\}", re.DOTALL)
_PAIRS = (("\\(", "\\)"), ("\\[", "\\]"), *((each, each) for each in ("$$", "```", "**", "__", "`", "*")))
_FORMULA = re.compile(r"(?<![\\$])\$(?!\d[\d,.]*\s+[a-z]*\s*\$)([^$]+)\$", re.DOTALL)


def _unwrapped(answer: str) -> str:
    """`answer` without markup around it, with LaTeX and look-alike letters in plain spelling."""
    text = unicodedata.normalize("NFC", answer[: MAX_LITERAL + 100]).translate(_ALIKE).strip()
    before = ""
    while text != before:
        before = text
        text = text.strip().removesuffix(".").rstrip() if not text.endswith("..") else text.strip()
        if boxed := _BOXED.fullmatch(text):
            text = boxed[1]
        if (formula := _FORMULA.fullmatch(text)) and formula[1].strip():
            text = formula[1]
        for opening, closing in _PAIRS:
            inner = text[len(opening) : -len(closing)]
            if len(text) > len(opening + closing) and text.startswith(opening) and text.endswith(closing) and (
                opening not in inner
            ):  # fmt: skip
                text = inner
    if "\\" in text or "√" in text or "{,}" in text:
        for pattern, by in _LATEX:
            text = pattern.sub(by, text)
    if (text.startswith('"') and text.endswith('"')) and len(text) > 2 and '"' not in text[1:-1]:
        text = text[1:-1]
    return text.strip()


# Numbers

_PLAIN = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?:[ ]\d{3})+(?!\d)|\d+)(?:\.\d*)?|\.\d+"
_ABOUT = re.compile(r"^(?:(?:about|approximately|approx\.?|around|roughly|nearly|exactly)\s+|[≈~=]\s*)+", re.IGNORECASE)
_NAMED = re.compile(r"^[A-Za-z](?:_\{?\w{1,3}\}?)?(?:\([a-z\d]{1,3}\))?\s*(?:=|≈)\s*(?=[^=]+$)")
_VALUE = re.compile(
    rf"""(?P<sign>[-+]?\s?)(?P<money>[$€£¥]?\s?)(?P<inner>[-+]?)
    (?: (?P<whole>\d+)\s+(?P<above>\d+)\s?/\s?(?P<below>\d+)
      | (?P<base>\d+(?:\.\d+)?)\s?\^\s?\{{?(?P<power>-?\d+)\}}?
      | (?P<first>{_PLAIN})(?:[eE](?P<e>[-+]?\d+)|\s?\*\s?10\s?\^\s?\{{?(?P<ten>[-+]?\d+)\}}?)
      | (?P<over>{_PLAIN})\s?/\s?(?P<under>{_PLAIN})
      | (?P<plain>{_PLAIN})
    )(?P<rest>.*)""",
    re.VERBOSE | re.DOTALL,
)
_UNIT = re.compile(r"[a-z°$€£¥]+(?:(?:\s+|\s?[/-]\s?)[a-z°]+){0,5}")

_TIMES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_CURRENCIES = {"$", "€", "£", "¥", "dollar", "usd", "euro", "eur"}
_SHORT = {
    "mm": "millimeter", "cm": "centimeter", "m": "meter", "km": "kilometer", "ft": "foot", "feet": "foot",
    "mg": "milligram", "g": "gram", "kg": "kilogram", "lb": "pound", "lbs": "pound", "oz": "ounce", "ml": "milliliter",
    "l": "liter", "litre": "liter", "s": "second", "sec": "second", "min": "minute", "h": "hour", "hr": "hour",
    "hrs": "hour", "mph": "mile per hour", "deg": "degree", "°": "degree", "people": "person", "metre": "meter",
}  # fmt: skip
_GLUE = {"per", "of", "a", "an", "the", "each", "every", "in"}
_NO_UNIT = frozenset(  # what turns a number round, or makes another one of it
    re.findall(
        r"\w+",
        """am pm bc ad bce ce profit loss gain more less fewer up down left right north south east west before after ago
        early earlier late later increase decrease higher lower positive negative squared cubed dozen percent or to not
        pi sqrt sin cos tan log ln mod factorial""",
    )
)
_WORDS = re.findall(r"\w+", "zero one two three four five six seven eight nine ten eleven twelve")


def _number(text: str, question: str) -> Key | None:
    text = _NAMED.sub("", _ABOUT.sub("", text), count=1)
    if (word := text.casefold()) in _WORDS:
        return Key(str(_WORDS.index(word)), "number")
    found = _VALUE.fullmatch(_ABOUT.sub("", text).strip())
    if found is None or (found["sign"].strip() and found["inner"]):
        return None
    try:
        value = _value(found)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    if "-" in (found["sign"].strip(), found["inner"]):
        value = -value
    return _with_unit(value, found["rest"], question)


def _value(found: re.Match[str]) -> Fraction:
    """The number without its sign. Raises ValueError or OverflowError for what is none, or too large."""
    if found["whole"]:
        if int(found["above"]) >= int(found["below"]):
            raise ValueError("two numbers, not a mixed one")
        return int(found["whole"]) + Fraction(int(found["above"]), int(found["below"]))
    if found["power"]:
        base, power = Fraction(found["base"]), int(found["power"])
        if abs(power) * len(found["base"]) > MAX_POWER:
            raise OverflowError("too large to write out")
        return Fraction(base**power)
    if found["first"]:
        tens = int(found["e"] or found["ten"])
        if abs(tens) > MAX_POWER:
            raise OverflowError("too large to write out")
        return _decimal(found["first"]) * Fraction(10) ** tens
    if found["over"]:
        return _decimal(found["over"]) / _decimal(found["under"])
    return _decimal(found["plain"])


def _decimal(text: str) -> Fraction:
    return Fraction(text.replace(",", "").replace(" ", "").rstrip(".") or "x")


def _with_unit(value: Fraction, rest: str, question: str) -> Key | None:
    """The key of a number and what stands after it: nothing, per cent, a unit."""
    joined = bool(rest) and not rest[0].isspace()
    rest = rest.strip().rstrip(".").strip()
    if rest in ("%", "percent", "per cent"):
        asked = {"percent", "percentage", "%"} & _named_in(question)
        return Key(str(value if asked else value / 100), "number")
    first, _, further = rest.lower().partition(" ")
    if first in _TIMES and not joined:
        value, rest = value * _TIMES[first], further.strip()
    if not rest:
        return Key(str(value), "number")
    if not _UNIT.fullmatch(rest.lower()):
        return None
    words = [word for word in re.split(r"[\s/-]+", rest.lower()) if word not in _GLUE]
    if any(word in _NO_UNIT or (len(word) == 1 and word not in _SHORT and word not in _CURRENCIES) for word in words):
        return None
    if joined and any(len(word) == 1 and word.isalpha() and word not in _named_in(question) for word in words):
        return None  # 4m may be an amount or a product
    if not words or all(_is_asked(word, question) for word in words):
        return Key(str(value), "number")
    return Key(f"{value} {' '.join(_singular(word) for word in words)}", "text")


def _is_asked(word: str, question: str) -> bool:
    """Whether the question fixes this unit. A single letter may be a variable there, so its full name is needed."""
    full = _singular(word)
    return full in _CURRENCIES or all(each in _GLUE or each in _named_in(question) for each in full.split())


@lru_cache(maxsize=16)
def _named_in(question: str) -> frozenset[str]:
    """The words of a question, in the singular and in full."""
    words = re.findall(r"[a-z]{2,}|[%°$€£¥]", question.lower())
    return frozenset(each for word in set(words) for each in _singular(word).split())


def _singular(word: str) -> str:
    """A word as units are compared.

    >>> [_singular(each) for each in ("minutes", "inches", "km", "gallons", "glass", "mph")]
    ['minute', 'inch', 'kilometer', 'gallon', 'glass', 'mile per hour']
    """
    if word in _SHORT:
        return _SHORT[word]
    if word.endswith(("ches", "shes", "xes", "sses")):
        word = word[:-2]
    elif len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 2 and word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    return _SHORT.get(word, word)


# Choices, literals, words

_CHOICE = re.compile(
    r"(?:(?:option|choice|answer)\s+)?\(?(?P<letter>[A-Za-z])[.):]?|"
    r"(?:option\s+|choice\s+)?(?:\((?P<in>[A-Ja-j])\)|(?P<before>[A-Ja-j])(?:\)|:\s))\s*(?P<said>[^\n]*)",
    re.IGNORECASE,
)
_FURTHER_CHOICE = re.compile(r"(?<!\w)\(?[A-Ja-j]\)")
_NO_ANSWER = frozenset(
    {
        "", "n/a", "na", "null", "unknown", "none given", "no answer", "i don't know", "i do not know", "not sure",
        "unsure", "tbd", "?", "your answer", "the answer", "answer", "...", "___", "…", "here",
    }
)  # fmt: skip


def _choice(text: str) -> Key | None:
    """A letter, alone or before what it stands for; two of them are no choice."""
    found = _CHOICE.fullmatch(text)
    if found is None or (found["said"] and _FURTHER_CHOICE.search(found["said"])):
        return None
    return Key((found["letter"] or found["in"] or found["before"]).upper(), "choice")


def _yes_or_no(text: str) -> Key | None:
    return Key(word, "choice") if (word := _bare(text)) in ("yes", "no", "true", "false") else None


def _literal(text: str) -> Key | None:
    """A Python value: a list, tuple, dict, set, or text in single quotes, which keeps its case."""
    if text[0] + text[-1] not in ("[]", "()", "{}", "''") or len(text) < 2 or "\\" in text:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(text)
        written = _written(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return Key(written, "literal") if isinstance(value, list | tuple | dict | set | str) else None


def _written(value: object) -> str:
    """A value as text, whatever the order in which a set or dict names its members."""
    if isinstance(value, dict):
        return "{" + ", ".join(sorted(f"{_written(key)}: {_written(each)}" for key, each in value.items())) + "}"
    if isinstance(value, set):
        return "{" + ", ".join(sorted(map(_written, value))) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_written, value)) + ("," if len(value) == 1 else "") + ")"
    return repr(value)


_FORMULA_LETTERS = re.compile(r"(?:[\d\s+\-*/^=(){}\[\]<>.,!|_]|sqrt|pi|sin|cos|tan|log|ln|[a-zA-Z](?![a-zA-Z]))+")


def _words(text: str) -> Key | None:
    """A few words or a formula, without regard to case, spacing and what surrounds them."""
    if "\n" in text or len(text) > MAX_WORDS:
        return None
    if _FORMULA_LETTERS.fullmatch(text) and re.search(r"[\d+*/^=()]", text):
        tight = re.sub(r"(?<=\d)\s*\*\s*(?=[a-zA-Z(])", "", re.sub(r",\s+|,(?=-)", ";", text))
        return Key(re.sub(r"\s+(?!(?<=\w\s)\w)", "", " ".join(tight.split())), "text")
    plain = re.sub(r"^(?:the|an?)\s+(?=\S)", "", _bare(text))
    return Key(plain, "text") if re.search(r"\w", plain) else None


def _bare(text: str) -> str:
    """Words without markup, case, and punctuation around them."""
    return " ".join(re.sub(r"[*`\"]", "", text).casefold().split()).strip(" .!,;:<>[]_'")
