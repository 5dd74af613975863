"""Numbers and quantities in short answers: `1,000`, `10^3` and `$1000.00` are one value, `30 minutes` has a unit."""

import re
from dataclasses import dataclass
from fractions import Fraction

from folkmoot.formats.asking_for import AskedFor
from folkmoot.formats.units import CURRENCIES, MONEY, words_of

MAX_NUMBER = 400  # characters of a number
MAX_POWER = 200  # digits

_PLAIN = (
    r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?:[ ]\d{3})+(?!\d)|\d{1,3}(?:'\d{3})+(?!\d)|\d{1,2}(?:,\d{2})+,\d{3}(?!\d)"
    r"|\d+)(?:\.\d*)?|\.\d+"
)
_POINTS = re.compile(r"\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?|\d{1,3}(?:\.\d{3})+,\d+")  # 1.234.567,89
_ABOUT = re.compile(r"(?:(?:about|approximately|approx\.?|around|roughly|exactly)\s++|[≈~=]\s*+)++", re.IGNORECASE)
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
_UNIT = re.compile(r"[^\W\d_]+(?:(?:\s+|\s?[/-]\s?)[^\W\d_]+){0,5}|[°$€£¥¢\"″]")
_SCALE = re.compile(r"(?:°|degrees?)\s?([FC]|fahrenheit|celsius)(?!\w)", re.IGNORECASE)
_SCALES = {"f": "fahrenheit", "c": "celsius", "fahrenheit": "fahrenheit", "celsius": "celsius"}
_TIMES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_WORDS = re.findall(r"\w+", "zero one two three four five six seven eight nine ten eleven twelve")
_TURNS = frozenset(  # what turns a number round, or makes another one of it
    re.findall(
        r"\w+",
        """am pm bc ad bce ce profit loss gain ago percent or to not pi sqrt sin cos tan log ln mod factorial dozen
        squared cubed and nor vs versus but than x y z""",
    )
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as an answer has it. `unit` is empty where there is none, or where the question fixes it."""

    value: Fraction
    unit: str
    plain: Fraction  # the number as it is written, whatever follows it


def quantity(text: str, asked: AskedFor) -> Quantity | None:
    """The number that is all of `text`, perhaps with a unit; None for anything else.

    >>> [quantity(each, AskedFor()).value for each in ("1,000", "$1,000.00", "1e3", "1.000.000,00", "12 1/3", "seven")]
    [Fraction(1000, 1), Fraction(1000, 1), Fraction(1000, 1), Fraction(1000000, 1), Fraction(37, 3), Fraction(7, 1)]
    >>> quantity("30 minutes", AskedFor(units=("minute",))).unit, quantity("30 minutes", AskedFor()).unit
    ('', 'minute')
    """
    if len(text) > MAX_NUMBER:
        return None
    if found := _ABOUT.match(text):
        text = text[found.end() :].strip()
    if (word := text.casefold()) in _WORDS:
        value = Fraction(_WORDS.index(word))
        return Quantity(value, "", value)
    if _POINTS.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    found = _VALUE.fullmatch(text)
    if found is None or (found["sign"].strip() and found["inner"]) or _is_raw(found, asked):
        return None
    try:
        value = _value(found)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    if "-" in (found["sign"].strip(), found["inner"]):
        value = -value
    return _with_unit(value, found["money"].strip(), found["rest"], asked)


def _is_raw(found: re.Match[str], asked: AskedFor) -> bool:
    """Whether another spelling of this number might be another answer."""
    digits = found["plain"] or found["first"] or ""
    if asked.decimals and ("." in digits or found["sign"].strip() == "+"):
        return True
    if asked.fractions and (found["over"] or found["whole"]):
        return True
    # codes and ids keep their zeros; 5.000 is five or five thousand, depending on where one lives
    return re.match(r"0\d", digits) is not None or re.fullmatch(r"\d{1,3}\.000", digits) is not None


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
    return Fraction(re.sub("[, ']", "", text).rstrip(".") or "x")


def _with_unit(value: Fraction, money: str, rest: str, asked: AskedFor) -> Quantity | None:
    """A number with what stands before and after it: a currency, per cent, a unit."""
    joined = bool(rest) and not rest[0].isspace()
    rest = _SCALE.sub(lambda found: _SCALES[found[1].casefold()], rest.strip().rstrip(".").strip())
    if rest.casefold() in ("%", "percent", "per cent"):
        return None if money else Quantity(value if asked.percent else value / 100, "", value)
    rest = re.sub(r"(?:^|\s)(?:in total|altogether|in all|overall|total)$", "", rest)
    first, _, further = rest.casefold().partition(" ")
    if first in _TIMES and not joined:
        value, rest = value * _TIMES[first], further.strip()
    if rest and not _UNIT.fullmatch(rest):
        return None
    if joined and asked.place and rest.casefold() in ("st", "nd", "rd", "th"):
        rest = ""
    if joined and rest.casefold() in ("k", "m", "b", "x", "st", "nd", "rd", "th"):
        return None  # a factor, a variable, an ordinal
    words = [*words_of(money), *words_of(rest)]
    if any(
        (word in _TURNS and word not in asked.units) or (len(word) == 1 and word.isascii() and word not in CURRENCIES)
        for word in words
    ):
        return None
    if joined and rest and len(rest) == 1 and rest.isalpha() and not set(words) <= set(asked.units):
        return None  # 4m may be an amount or a product
    return Quantity(value, "" if _is_fixed(words, asked) else " ".join(words), value)


def _is_fixed(words: list[str], asked: AskedFor) -> bool:
    """Whether the question has already named this unit, and no other one that could stand here."""
    while len(words) > 1 and words[-1] in asked.per:
        words = words[:-1]
    if not words:
        return True
    if asked.offered.intersection(words):
        return False
    if set(words) <= MONEY:
        return set(words) == {asked.money}
    return bool(asked.units) and set(words) <= set(asked.units) and words[0] in asked.units[:2]
