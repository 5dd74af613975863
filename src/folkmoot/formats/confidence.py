"""Confidence: a number from 0 to 1, as models write it, and a member's answer that ends in one."""

import re
import unicodedata
from dataclasses import dataclass

from folkmoot.errors import Unparseable
from folkmoot.formats.base import Format, preview
from folkmoot.formats.reading import check_size, text_field
from folkmoot.formats.relaxed import object_at
from folkmoot.formats.speech import speech_in

LONGEST = 200  # characters of a text about a confidence

_NUMBER = r"(?<![\w.,/])[+-]?(?:\d+(?:[.,]\d+)?|\.\d+)(?![\w/]|[.,]\d)"
_PERCENT = re.compile(rf"({_NUMBER}) ?(?:%|per ?cent\b)", re.IGNORECASE)
_OUT_OF = re.compile(r"(?<![\w.,/+-])(\d+(?:[.,]\d+)?) ?(?:/|out of|of) ?(100|10|5|1(?:\.0)?)(?![\w/]|[.,]\d)")
_SCALE = re.compile(
    r"\(?(?:on |using |from )?(?:a |the )?(?:scale )?(?:of |from )?"
    r"(?<![\d.,])0(?:\.0)? ?(?:-|–|to) ?(100|10|1(?:\.0)?)\)?(?: scale)?(?![\d.,%])",
    re.IGNORECASE,
)
_RANGE = re.compile(r"\d ?%? ?(?:-|–|to) ?[\d.]")
_LAST_LINE = re.compile(
    r"[ \t>*_#`~-]*+(?:(?:my|overall|final)[ \t]+)?(?:confidence|konfidenz|confiance|confianza|confiança|fiducia"
    r"|уверенность|置信度|信心|自信|確信度|확신도|신뢰도)(?:[ \t]+(?:level|score))?[ \t*_`]*+"
    r"(?:[:：=–—-]|is\b)(?P<said>.+)",
    re.IGNORECASE,
)
_LAST_TAG = re.compile(r"<confidence>(?P<said>[^<>]+)</confidence>\s*", re.IGNORECASE)
_ANSWER = re.compile(r"<answer>(.*)</answer>", re.IGNORECASE | re.DOTALL)


def as_confidence(number: float) -> float:
    """`number` as a share of 1. From above 10 to 100 it is a percentage; between 1 and 10 nobody can tell.

    >>> as_confidence(0.85), as_confidence(85), as_confidence(1)
    (0.85, 0.85, 1.0)
    """
    if 0 <= number <= 1:
        return float(number)
    if 10 < number <= 100:
        return number / 100
    raise Unparseable(f"the confidence {preview(f'{number:g}', 20)} is not between 0 and 1")


def confidence_in_text(text: str) -> float:
    """The one confidence that `text`, which is about one, states.

    >>> [confidence_in_text(t) for t in ("0.85 (high)", "85%", "9/10", "0,85", ".9", "8 on a scale of 0 to 10")]
    [0.85, 0.85, 0.9, 0.85, 0.9, 0.8]
    """
    if len(text) > LONGEST:
        raise Unparseable(f"{preview(text)!r} is too long for a confidence")
    written = unicodedata.normalize("NFKC", text).replace("−", "-").replace("⁄", "/")
    plain = " ".join(re.sub(r"[*_`\"]", " ", written).split()).rstrip(".")
    scale = _SCALE.search(plain)
    rest = _SCALE.sub(" ", plain)
    if _RANGE.search(rest):
        raise Unparseable(f"{preview(text)!r} is a range, not one confidence")
    found = {_share(_number(above), float(below)) for above, below in _OUT_OF.findall(rest)}
    rest = _OUT_OF.sub(" ", rest)
    found |= {_share(_number(each), 100) for each in _PERCENT.findall(rest)}
    for number in map(_number, re.findall(_NUMBER, _PERCENT.sub(" ", rest))):
        found.add(_share(number, float(scale[1])) if scale and number > 1 else as_confidence(number))
    if len(found) != 1:
        raise Unparseable(
            f"there {'are several numbers' if found else 'is no number'} in the confidence {preview(text)!r}"
        )
    return found.pop()


def confidence_in_value(value: object) -> float:
    """The confidence in a JSON value: a number, or a text about one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unparseable("the confidence is not a number")
    return confidence_in_text(value) if isinstance(value, str) else as_confidence(value)


def _share(above: float, below: float) -> float:
    if not 0 <= above <= below:
        raise Unparseable(f"{above:g} of {below:g} is no confidence")
    return above / below


def _number(text: str) -> float:
    return float(text.replace(",", "."))


@dataclass(frozen=True, slots=True)
class Confident:
    """A member's answer, and how sure it says it is."""

    text: str
    confidence: float | None  # 0 to 1; None: it does not say


def read_confident(reply: str) -> Confident:
    """An answer whose last line states a confidence. Without such a line it is an answer all the same.

    A JSON object with `answer` and `confidence` says the same, as do tags of these names.

    >>> read_confident("It is 391.\\n\\n**Confidence:** 90%")
    Confident(text='It is 391.', confidence=0.9)
    >>> read_confident("It is 391.")
    Confident(text='It is 391.', confidence=None)
    """
    check_size(reply)
    text = speech_in(reply).text.strip()
    if (found := _in_object(text)) is not None:
        return found
    confidence: float | None = None
    before, _, last = text.rpartition("\n")
    if len(last) <= LONGEST and (line := _LAST_LINE.fullmatch(last) or _LAST_TAG.fullmatch(last.strip())):
        try:
            confidence = confidence_in_text(line["said"])
        except Unparseable:
            pass  # it stays in the text, where a reader may make something of it
        else:
            text = before.strip()
    if wrapped := _ANSWER.fullmatch(text):
        text = wrapped[1].strip()
    if not text:
        raise Unparseable("there is no answer" + ("" if confidence is None else " beside the confidence"))
    return Confident(text, confidence)


def _in_object(text: str) -> Confident | None:
    """A reply that is, fence or not, one JSON object with an answer."""
    bare = text.removeprefix("```").removeprefix("json").removesuffix("```").strip()
    if not (bare.startswith("{") and bare.endswith("}")):
        return None
    try:
        found, end = object_at(bare, 0)
    except ValueError:
        return None
    if bare[end:].strip():
        return None
    answer = text_field(found, "answer")
    if not answer or not set(found) <= {"answer", "confidence"}:
        return None
    try:
        return Confident(answer, confidence_in_value(found.get("confidence")))
    except Unparseable:
        return Confident(answer, None)


def brief_confident(answer: Confident) -> str:
    sure = "" if answer.confidence is None else f"{answer.confidence:.0%} sure — "
    return f'{sure}"{preview(answer.text)}"'


CONFIDENT: Format[Confident] = Format(
    "confident",
    instructions="""\
Write the whole answer first. Then, on a last line of its own, say how sure you are that it is right, from 0 (a mere \
guess) to 1 (beyond doubt), like this:

Confidence: <number from 0 to 1>

Say what you really think: of the answers for which you write the same number, this share should be right.""",
    parse=read_confident,
    example="An answer.\n\nConfidence: 0.8",
    brief=brief_confident,
)
