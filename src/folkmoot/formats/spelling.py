"""One spelling for what is written in several: markup around an answer, LaTeX, look-alike characters, native digits.

Nothing here loses meaning: two answers that are equal after `unwrapped` are the same answer in another dress. The one
exception is `bare`, which is for the loose key alone.
"""

import re
import unicodedata
from functools import lru_cache

_ALIKE = str.maketrans(
    {
        "−": "-", "–": "-", "‐": "-", "‑": "-", "﹣": "-", "－": "-", "×": "*", "·": "*", "⋅": "*", "÷": "/", "⁄": "/",
        "∕": "/", "’": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "\u00a0": " ", "\u2009": " ", "\u202f": " ",
        "\u2007": " ", "\u3000": " ", "½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3", "⅔": " 2/3", "⅛": " 1/8",
        "π": "pi", "٫": ".", "٬": ",", "٪": "%",
    }
)  # fmt: skip
_NEGATIVE = "🅐🅑🅒🅓🅔🅕🅖🅗🅘🅙🅚🅛🅜🅝🅞🅟🅠🅡🅢🅣🅤🅥🅦🅧🅨🅩🅰🅱"
_INVISIBLE = dict.fromkeys(
    [0xAD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x3164, 0xFEFF, 0xFFA0, *range(0x200B, 0x2010),
     *range(0x202A, 0x202F), *range(0x2060, 0x2070), *range(0xFE00, 0xFE10)]
)  # fmt: skip
"""Characters that nobody sees: zero-width blanks and joiners, directions, variation selectors, fillers."""

_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+-")
_RAISED_RUN = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+")
_LOWERED_RUN = re.compile("[₀₁₂₃₄₅₆₇₈₉₊₋]+")

_LATEX = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (r"\\[dt]frac(?![a-z])", r"\\frac"),
        (r"\\frac\s*\{\s*(-?[\w.]+)\s*\}\s*\{\s*([\w.]+)\s*\}", r" \1/\2"),
        (r"\\frac\s*(\d)\s*(\d)", r" \1/\2"),
        (r"\{,\}", ","),
        (r"(?<=\d)\\[,!;:](?=\d{3})", ","),
        (r"\\(?:left|right|displaystyle|bigl?|bigr|quad|qquad)(?![a-z])|\\[,!;: ]|~", " "),
        (r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|operatorname|mbox)\s*\{([^{}]*)\}", r"\1"),
        (r"\^\s*\{?\s*\\circ\s*\}?|\\degree(?![a-z])", "°"),
        (r"\\(?:cdot|times)(?![a-z])", "*"),
        (r"\\(?:leq|le)(?![a-z])", "≤"),
        (r"\\(?:geq|ge)(?![a-z])", "≥"),
        (r"\\(?:neq|ne)(?![a-z])", "≠"),
        (r"\\pm(?![a-z])", "±"),
        (r"\\infty(?![a-z])", "∞"),
        (r"\\([%$&#_{}])", r"\1"),
        (r"\\pi(?![a-z])", "pi"),
        (r"√\s*\(|\\sqrt\s*\(|√\s*\{", "sqrt("),
        (r"\\sqrt\s*\{([^{}]*)\}|√\s*(\w+)|\\sqrt\s*(\w)", r"sqrt(\1\2\3)"),
        (r"\\frac\s*\{\s*(-?\w*sqrt\([\w.]+\)|-?[\w.]+)\s*\}\s*\{\s*(\w*sqrt\([\w.]+\)|[\w.]+)\s*\}", r" \1/\2"),
    )
)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{(.*)\}", re.DOTALL)
_PAIRS = (("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("```", "```"), ("**", "**"), ("`", "`"))
_FORMULA = re.compile(r"(?<![\\$])\$(?!\d[\d,.]*+\s++[a-z]*+\s*+\$)([^$]+)\$", re.DOTALL)
_FENCE = re.compile(r"```[\w+-]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_TAG = re.compile(r"<(answer|final_?answer|result|output)>(.*)</\1>", re.DOTALL | re.IGNORECASE)


def visible(text: str) -> str:
    """`text` without the characters that nobody sees, and without blanks around it.

    >>> visible("\\u200b \\ufeff"), visible(" 3\\u200b91")
    ('', '391')
    """
    return (text if text.isascii() else text.translate(_INVISIBLE)).strip()


def plain(text: str) -> str:
    """`text` with look-alike characters, native digits and full-width letters in their usual spelling.

    >>> plain("３９１"), plain("٣٩١"), plain("x²"), plain("Ⓑ"), plain("−5")
    ('391', '391', 'x^2', 'B', '-5')
    """
    if text.isascii():
        return text
    text = _RAISED_RUN.sub(lambda found: "^" + found[0].translate(_RAISED), text)
    text = _LOWERED_RUN.sub(lambda found: "_" + found[0].translate(_LOWERED), text)
    text = unicodedata.normalize("NFC", text.translate(_ALIKE))
    return "".join(each if each.isascii() else _usual(each) for each in text)


@lru_cache(maxsize=8192)
def _usual(letter: str) -> str:
    if letter.isdecimal():
        return str(unicodedata.decimal(letter))
    # full-width, circled and parenthesised letters, mathematical alphabets; other letters stay as they are
    wide = unicodedata.decomposition(letter).startswith(("<wide>", "<circle>", "<compat> 0028", "<font>", "<square>"))
    if letter in _NEGATIVE:
        return chr(ord("A") + _NEGATIVE.index(letter) % 26)
    return unicodedata.normalize("NFKC", letter) if wide else letter


def unwrapped(text: str, *, code: bool = False) -> str:
    """`text` without markup around all of it: a box, formula signs, bold, a code span, a fence, an answer tag.

    In `code`, dollar signs are part of the text.

    >>> [unwrapped(each) for each in ("**$\\\\boxed{5}$**", "`abc`", "<answer>C</answer>", "**args", "*x*", "__init__")]
    ['5', 'abc', 'C', '**args', '*x*', '__init__']
    """
    before = ""
    for _ in range(8):
        if text == before:
            break
        before = text
        for pattern in (_BOXED, _TAG, _FENCE) if code else (_BOXED, _TAG, _FENCE, _FORMULA):
            if (found := pattern.fullmatch(text)) and found[found.re.groups].strip():
                text = found[found.re.groups].strip()
        for opening, closing in _PAIRS:
            inner = text[len(opening) : -len(closing)]
            if (
                len(text) > len(opening + closing)
                and text.startswith(opening)
                and text.endswith(closing)
                and opening not in inner
                and not (code and opening == "$$")
                and not (opening == "**" and (inner[0] in "*/" or inner[-1] in "*/" or inner != inner.strip()))
            ):
                text = inner.strip()
    return text


def without_latex(text: str) -> str:
    """`text` with LaTeX commands in plain spelling."""
    if "\\" in text or "√" in text or "{,}" in text:
        for pattern, by in _LATEX:
            text = pattern.sub(by, text)
    return text.strip()


def bare(text: str) -> str:
    """Words without markup, case, and punctuation around them. This loses what may matter.

    >>> bare("**The _Moon_!**")
    'the _moon'
    """
    return " ".join(re.sub(r"[*`\"]", "", text).casefold().split()).strip(" .!?,;:<>()[]_'")
