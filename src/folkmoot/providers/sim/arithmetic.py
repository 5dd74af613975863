"""Exact arithmetic on expressions as people type them: integers and fractions, nothing else, bounded in size.

Raises ValueError for what is not arithmetic, OverflowError for what would not fit, ZeroDivisionError as usual.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

MAX_LETTERS = 200  # of an expression
MAX_PARENTHESES = 20
MAX_BITS = 4096  # of a numerator or denominator, about 1,200 digits

_IN_WORDS = (
    (r"[×·⋅∙]", "*"), (r"÷", "/"), (r"[−–]", "-"), (r"²", "^2"), (r"³", "^3"),
    (r"(?<=\d),(?=\d{3}\b)", ""),
    (r"\b(?:multiplied by|times)\b", "*"), (r"(?<=\d) *x *(?=\d)", "*"), (r"\b(?:divided by|over)\b", "/"),
    (r"\bplus\b", "+"), (r"\bminus\b", "-"), (r"\b(?:to the power of|raised to)\b", "^"),
    (r"\bsquared\b", "^2"), (r"\bcubed\b", "^3"), (r"\b(?:modulo|mod)\b", "%"),
    (r"(?:%|\bper ?cent)\s*of\b", "/100*"), (r"\bper ?cent\b", "/100"), (r"\*\*", "^"),
)  # fmt: skip

_ASIDES = frozenset(
    re.findall(
        r"\w+",
        """a and answer calculate can compute could difference do does equal equals evaluate exactly find give hey hi
        how is just many me much number of only out please product question quick quotient reply respond result s so
        solve sum tell the to value what whats with work you""",
    )
)
_EXPRESSION = re.compile(r"[\d(.\-][\d\s.()+*/^%-]*")
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?|\.\d+)|(.))")
_NUMBER = re.compile(r"-?(?<![\d.])\d+(?:\.\d+)?(?:\s*/\s*\d+)?")


@dataclass(frozen=True)
class Sum:
    """An expression with its value; None where division by zero leaves it without one."""

    text: str
    value: Fraction | None


def find_sum(question: str) -> Sum | None:
    """The sum that `question` asks for, or None when it asks for anything besides.

    >>> [found and str(found.value) for found in map(find_sum, ("What is 17 * 23?", "15% of 80", "Open 24/7, why?"))]
    ['391', '12', None]
    """
    text = question.lower().replace("’", "'")
    for words, sign in _IN_WORDS:
        text = re.sub(words, sign, text)
    found = max(_EXPRESSION.findall(text), key=len, default="")
    around = re.findall(r"\w+", text.replace(found, " ", 1)) if found else ["?"]
    expression = found.strip().rstrip(".").strip()
    if not set(around) <= _ASIDES or not re.search(r"\d\s*\)*\s*[-+*/^%]", expression):
        return None
    try:
        return Sum(" ".join(expression.split()), evaluate(expression))
    except ZeroDivisionError:
        return Sum(" ".join(expression.split()), None)
    except (ValueError, OverflowError):
        return None


def evaluate(expression: str) -> Fraction:
    """The exact value of `expression`: + - * / ^, parentheses, 15% for 15/100, and % between numbers for the remainder.

    >>> [str(evaluate(each)) for each in ("(3+4)^2 / 7", "-2^2", "2^-1", "17 % 5", "200 * 15%", "2^3^2")]
    ['7', '-4', '1/2', '2', '30', '512']
    """
    if len(expression) > MAX_LETTERS or expression.count("(") > MAX_PARENTHESES:
        raise OverflowError("the expression is too long")
    tokens = [number or sign for number, sign in _TOKEN.findall(expression.rstrip())]
    value, rest = _terms(tokens)
    if rest:
        raise ValueError(f"{rest[0]!r} is not expected here")
    return value


def numbers(text: str) -> list[Fraction]:
    """Every number in `text`, in order; `22/7` is one.

    >>> [str(each) for each in numbers("1,250 is 2.50 more than 3/4")]
    ['1250', '5/2', '3/4']
    """
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text).replace("−", "-")
    found = []
    for each in _NUMBER.findall(plain):
        above, _, below = each.partition("/")
        if len(each) <= MAX_BITS and (not below or int(below)):
            found.append(Fraction(above.strip()) / int(below or 1))
    return found


def written(value: Fraction) -> str:
    """`value` as a whole number, a decimal if it ends, else a fraction.

    >>> [written(Fraction(*each)) for each in ((391, 1), (-5, 2), (22, 7))]
    ['391', '-2.5', '22/7']
    """
    if value.denominator == 1:
        return str(value.numerator)
    for digits in range(1, 13):
        shifted = value * 10**digits
        if shifted.denominator == 1:
            whole = str(abs(shifted.numerator)).rjust(digits + 1, "0")
            return f"{'-' if value < 0 else ''}{whole[:-digits]}.{whole[-digits:]}"
    return f"{value.numerator}/{value.denominator}"


# One function for each level of binding. Each takes the tokens left and gives the value with what is left after it.
Read = tuple[Fraction, list[str]]


def _terms(tokens: list[str]) -> Read:
    value, rest = _factors(tokens)
    while rest and rest[0] in "+-":
        other, after = _factors(rest[1:])
        value, rest = _bounded(value + other if rest[0] == "+" else value - other), after
    return value, rest


def _factors(tokens: list[str]) -> Read:
    value, rest = _signed(tokens)
    while rest and rest[0] in "*/%":
        other, after = _signed(rest[1:])
        value = value * other if rest[0] == "*" else value / other if rest[0] == "/" else value % other
        value, rest = _bounded(value), after
    return value, rest


def _signed(tokens: list[str]) -> Read:
    if tokens and tokens[0] in "+-":
        value, rest = _signed(tokens[1:])
        return (-value if tokens[0] == "-" else value), rest
    return _power(tokens)


def _power(tokens: list[str]) -> Read:
    base, rest = _atom(tokens)
    if not rest or rest[0] != "^":
        return base, rest
    exponent, rest = _signed(rest[1:])
    if exponent.denominator != 1:
        raise ValueError("roots are not known here")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits > 1 and abs(exponent) * bits > MAX_BITS:
        raise OverflowError("the power is too large")
    return Fraction(base**exponent.numerator), rest


def _atom(tokens: list[str]) -> Read:
    if not tokens:
        raise ValueError("the expression ends too early")
    if tokens[0] == "(":
        value, rest = _terms(tokens[1:])
        if not rest or rest[0] != ")":
            raise ValueError("a parenthesis is not closed")
        rest = rest[1:]
    elif tokens[0][-1].isdecimal():
        value, rest = _bounded(Fraction(tokens[0])), tokens[1:]
    else:
        raise ValueError(f"{tokens[0]!r} is not expected here")
    # before a number it asks for a remainder, anywhere else it means per cent
    if rest and rest[0] == "%" and not (len(rest) > 1 and (rest[1] == "(" or rest[1][-1].isdecimal())):
        return value / 100, rest[1:]
    return value, rest


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise OverflowError("the number is too large")
    return value
