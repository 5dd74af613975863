"""Graders for short answers: exact text, numbers, choices, code literals, patterns, and one that picks among them.

Each of them grades what the reply says in the end, and only where that is one answer: "3 or 4" is neither 3 nor 4, and
"not 5, it is 10" is 10.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from fractions import Fraction

from folkmoot.evals.grading.base import Expected, Grade, conclusion, negated
from folkmoot.formats.answer_keys import Key, key_of
from folkmoot.formats.literals import NO_LITERAL, evaluated

NOTHING = Grade(False, None, "the reply states no answer")


def _on_conclusion(reply: str, right: Callable[[str, bool], bool]) -> Grade:
    """Grade the reply's conclusion with `right(said, marked)`."""
    found = conclusion(reply)
    return NOTHING if found is None else Grade(right(*found), found[0])


def exact(reply: str, expected: Expected) -> Grade:
    """The same characters as an accepted answer, but for case, white space, Markdown marks and a full stop."""
    accepted = {_plain(each) for each in expected.accept}
    return _on_conclusion(reply, lambda said, _: _plain(said) in accepted)


def _plain(text: str) -> str:
    """
    >>> _plain(" **New   York**. ")
    'new york'
    """
    bare = unicodedata.normalize("NFC", text).strip().strip("*`_\"'").strip()
    return " ".join(bare.casefold().split()).removesuffix(".").strip("*`_ ")


def pattern(reply: str, expected: Expected) -> Grade:
    """The whole conclusion matches an accepted regular expression, without regard to case."""
    return _on_conclusion(
        reply,
        lambda said, _: any(
            re.fullmatch(each, text, re.IGNORECASE) for each in expected.accept for text in (said, _plain(said))
        ),
    )


def numeric(reply: str, expected: Expected) -> Grade:
    """One number, equal to an accepted one: 10,080 is 10080, 1.500 is 1.5, 50% is 1/2, and -5 is not 5.

    `tolerance` in the settings is the largest difference, as a share of the accepted number.
    """
    tolerance = Fraction(str(expected.settings.get("tolerance", 0)))
    accepted = [(each, value) for each in expected.accept if (value := _value(each, expected.question)) is not None]

    def right(said: str, _: bool) -> bool:
        found = number_in(said, expected.question)
        if found is None:
            return False
        return any(
            abs(value * scale - found) <= tolerance * abs(value * scale)
            for written, value in accepted
            for scale in _scales(written, said)
        )

    return _on_conclusion(reply, right)


def _scales(written: str, said: str) -> tuple[Fraction, ...]:
    """Factors under which an accepted number may be said: per cent may stand on one side only.

    An accepted `50%` may be said as 50; an accepted `50`, of a question that asks for per cent, as 50%.
    """
    one = Fraction(1)
    if "%" in written and "%" not in said:
        return one, Fraction(100)
    if "%" in said and "%" not in written:
        return one, Fraction(1, 100)
    return (one,)


_NUMBER = re.compile(
    r"(?<![\w.,/:^])[-−–+]?(?:[$€£]\s?|\\\$)?"
    r"(?:\d+\s+\d+/\d+|(?:\d{1,3}(?:[,\u00a0\u202f\u2009 ]\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
    r"(?:\s?/\s?\d+(?:\.\d+)?)?(?:[eE][-+]?\d+(?!\w)|\s?(?:\^|\*\*)\s?\{?-?\d+\}?)?(?:\s?\\?%)?(?P<ordinal>st|nd|rd|th)?(?!\d|/\s?\d|[.,:]\d)",
)


_JOINED_BEFORE = re.compile(r"(?:[A-Za-z0-9)\]}]|\\[a-z]+)\s?[-+*/^×·−√]\s?\(?$|[√^]\s?$|[a-zA-Z]\($")
_JOINED_AFTER = re.compile(
    r"\s?(?:[-–—]|to\b)\s?[\d$]|\s?[-+*^×·√π]\s?\w|\(\w|\\?\s?(?:sqrt|pi)\b|√|π|[abceiknpqrtuvwxyz](?![a-zA-Z])"
)
"""What makes a number a part of something else: 3 to 4, p-2, 6√2, 5x; but 5 m and 5 kg are numbers with units."""


def number_in(said: str, question: str = "") -> Fraction | None:
    """The one number that `said` comes to; None where it names none, or several that it does not rule out.

    >>> [str(number_in(each)) for each in ("10,080", "not 5, it is 10", "3 or 4", "7 * 6 = 42", "the 7th term is 192")]
    ['10080', '10', 'None', '42', '192']
    """
    if (whole := _value(said, question)) is not None:
        return whole
    if place := re.fullmatch(r"\W*(\d+)(?:st|nd|rd|th)\W*", said):
        return Fraction(place[1])
    rest = re.split(r"(?<![<>!])={1,2}|≈|\\approx", said)[-1]
    found = set()
    for each in _NUMBER.finditer(rest):
        if each["ordinal"] or negated(rest[: each.start()]):
            continue
        value = _value(each[0], question)
        if value is None or _JOINED_BEFORE.search(rest[: each.start()]) or _JOINED_AFTER.match(rest[each.end() :]):
            return None  # a range, a part of a formula, or a number that cannot be read
        found.add(value)
    return found.pop() if len(found) == 1 else None


def _value(text: str, question: str) -> Fraction | None:
    key = key_of(text, question)
    if key is None or key.kind != "number":
        return None
    try:
        return Fraction(key.text)
    except (ValueError, ZeroDivisionError):
        return None


def choice(reply: str, expected: Expected) -> Grade:
    """One letter, (B) or "option B", or the text of that option where the question gives options."""
    accepted = {each.strip().strip("().").upper() for each in expected.accept}
    return _on_conclusion(reply, lambda said, _: letter_in(said, expected.choices) in accepted)


_LETTER = re.compile(r"[\s*_`(\[]*(?P<letter>[A-Za-z])[\s*_`)\].:,]*")
_LETTER_FIRST = re.compile(r"[\s*_`(\[]*(?P<letter>[A-Z])(?:[*_`)\]]*[).:\]]|[*_`]*\s+[-–—])[*_`]*\s+(?P<rest>\S.*)")
_NAMED = re.compile(r"\b(?:option|choice|answer(?:\s+is)?:?)\s*[*_`(\[]*(?P<letter>[A-Z])\b(?![’'])", re.IGNORECASE)


def letter_in(said: str, choices: tuple[str, ...] = ()) -> str | None:
    """The letter that `said` chooses, in upper case; None where it chooses none, or names several.

    >>> [letter_in(each) for each in ("(b)", "B) Paris", "A or B", "not A but option B", "Option C is wrong")]
    ['B', 'B', None, 'B', None]
    """
    plain = said.replace("\\text", "").replace("\\boxed", "").strip("{}$ ")
    if whole := _LETTER.fullmatch(plain):
        return whole["letter"].upper()
    texts = [_plain(each) for each in choices]
    if _plain(plain) in texts:
        return chr(ord("A") + texts.index(_plain(plain)))
    if first := _LETTER_FIRST.fullmatch(plain):
        rest = _plain(first["rest"])
        at = ord(first["letter"]) - ord("A")
        other = rest in texts and texts.index(rest) != at
        return None if other or _NAMED.search(first["rest"]) else first["letter"]
    named = {each["letter"].upper() for each in _NAMED.finditer(plain) if not negated(plain[: each.start()])}
    doubtful = re.search(r"\b(?:wrong|incorrect|false|or|ruled out|cannot|can't)\b", plain, re.IGNORECASE)
    return named.pop() if len(named) == 1 and not doubtful else None


def literal(reply: str, expected: Expected) -> Grade:
    """A Python value equal to an accepted one, of the same type: [1, 2] is not (1, 2), and 1 is not True."""
    accepted = [value for each in expected.accept if (value := _evaluated(each)) is not None]
    return _on_conclusion(reply, lambda said, _: (found := _evaluated(said)) is not None and found in accepted)


def _evaluated(text: str) -> tuple[str, object] | None:
    """The type-strict form of a literal, or None."""
    plain = text.strip().strip("`").removeprefix("python").strip()
    plain = re.split(r"(?<![=!<>])==(?!=)", plain)[-1].strip() if re.match(r"\w+\(.*\)\s*==", plain) else plain
    plain = plain.removesuffix(".") if plain.endswith(("].", ").", "}.", "'.", '".')) else plain
    value = evaluated(plain)
    if value is NO_LITERAL:
        return None
    bare = isinstance(value, tuple) and not plain.startswith("(")  # 70,000 is a number
    return None if bare else _strict(value)


def _strict(value: object) -> tuple[str, object]:
    """`value` with the types beside the values, in an order that does not depend on how a set was written."""
    kind = type(value).__name__
    match value:
        case list() | tuple():
            return kind, tuple(map(_strict, value))
        case set():
            return kind, tuple(sorted(map(repr, map(_strict, value))))
        case dict():
            return kind, tuple(sorted((repr(_strict(key)), repr(_strict(each))) for key, each in value.items()))
    return kind, value


def answer(reply: str, expected: Expected) -> Grade:
    """Grade by what the accepted answers are: numbers, yes or no, letters, code, or words compared by their key.

    An accepted answer in quotes is a text of which every character counts. A list is not its only member.
    """
    keys = [key for each in expected.accept if (key := key_of(each, expected.question)) is not None]
    accepted = {key.text for key in keys}
    kinds = {key.kind for key in keys}
    values = [value for each in expected.accept if (value := _evaluated(each)) is not None and value[0] in _WRITTEN]

    def right(said: str, marked: bool) -> bool:
        value = _evaluated(said)
        if value is not None and value[0] in _WRITTEN:
            return value in values or (
                not values and value[0] == "str" and _plain(said) in map(_plain, expected.accept)
            )
        if any(kind == "str" and text in _spellings(said) for kind, text in values):
            return True
        if values and all(kind == "str" for kind, _ in values):
            return False
        key = key_of(said, expected.question)
        if key is not None and key.text in accepted:
            return True
        if accepted & {"yes", "no"}:
            return _yes_or_no(said) in accepted
        return not marked and "text" in kinds and _ends_on(said, keys, expected.question)

    found = _on_conclusion(reply, right)
    if found.right or found.said is None or values or (_evaluated(found.said) or ("",))[0] in _WRITTEN:
        return found
    if "number" in kinds:
        return numeric(reply, expected)
    if expected.choices or (kinds == {"choice"} and not accepted & {"yes", "no", "true", "false"}):
        return choice(reply, expected)
    return found


_WRITTEN = frozenset({"str", "list", "tuple", "dict", "set"})
"""Types of literals that are compared as values; numbers and True have keys."""


def _spellings(said: str) -> set[str]:
    """What a text without quotes may stand for: itself, and with the escapes of a JSON or Python string undone."""
    bare = said[1:-1] if len(said) > 1 and said[0] == said[-1] == "`" else said
    escapes = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
    return {bare, re.sub(r"\\([ntr\\'\"])", lambda each: escapes[each[1]], bare)}


def _yes_or_no(said: str) -> str | None:
    """
    >>> _yes_or_no("Yes, they are."), _yes_or_no("No ... yes only if"), _yes_or_no("It depends")
    ('yes', None, None)
    """
    words = [word for word in re.findall(r"[a-z']+", said.lower()) if word in ("yes", "no")]
    first = re.match(r"[\s*_`\"(]*(yes|no)\b", said, re.IGNORECASE)
    return words[0] if first and len(set(words)) == 1 else None


def _ends_on(said: str, keys: Iterable[Key], question: str) -> bool:
    """Whether a last line ends on an accepted answer right after a verb, as in "The day is Wednesday."."""
    found = re.search(r"\b(?:is|was|are|were|be|becomes|called|named|:)\s+(?P<what>[^.!?:;]+)[.!]?[*_`\s]*$", said)
    if found is None or negated(said[: found.start("what")]):
        return False
    key = key_of(found["what"], question)
    return key is not None and any(key.text == each.text for each in keys)
