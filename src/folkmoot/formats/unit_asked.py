"""The unit that a question asks for: minutes in `how many minutes`, dollars where it asks what something costs.

A question has one such unit or none. So two quantities in different units never lose both their units.
Questions come in small letters, with single blanks.
"""

import re

from folkmoot.formats.units import GLUE, KINDS, MEASURES, MONEY, singular

_HOW_MANY = re.compile(
    r"\b(?:how many|(?:is|was|find|determine|compute|calculate|give) the (?:total )?number of|wie ?viele?"
    r"|combien de|combien d'|cu[aá]nt[oa]s|quant[ie]|quant[oa]s|сколько|hoeveel|hur m[aå]nga|ile|ka[cç])"
    r" ((?:[^\W\d_]+[ -]){0,4}[^\W\d_]+)"
)
_UNSPACED = re.compile(r"(?:多少|几|幾|何|なん|몇)\s?([\u3041-\u9fff\uac00-\ud7af]{1,2})")
_IN = re.compile(r"\bin ((?:square |cubic )?)([^\W\d_]+)(?: per ([^\W\d_]+))?")
_PORTION = re.compile(r"\b([^\W\d_]+) of ((?:[^\W\d_]+ ){0,2}[^\W\d_]+)")
_HOW_MUCH = re.compile(r"how much (?:of )?(?:the |his |her |their |its |my )?((?:[^\W\d_]+ ){0,4}[^\W\d_]+)")
_PER = re.compile(r"\b(per|each|every|an?|one) ([^\W\d_]+)")
_STOPS = frozenset(
    re.findall(
        r"\w+",
        """do does did is are was were will would can could should shall has have had must may might if when while after
        before in on at for to from with by that who which what than then left there you he she they we i it his her
        their its our your each every other total all these those this remain remaining needed go goes get gets need
        needs and or but as not more fewer less""",
    )
)
_LIQUID = r"how much (?:\w+ )?(?:water|milk|juice|oil|paint|fuel|gas|liquid|soda|tea|coffee)"
_KIND_ASKED = tuple(
    (re.compile(rf"\b(?:{pattern})\b"), kinds)
    for pattern, kinds in (
        (r"how fast|speed|velocity", ("length time",)),
        (
            r"how (?:much )?(?:long|longer)|how much (?:more |less )?time|how much (?:earlier|later|sooner|faster)"
            r"|(?:does|will|did|would) it take|how old|age|duration"
            r"|(?:calculate|find|determine|what is) the (?:total )?time",
            ("time", "length"),
        ),
        (
            r"money|(?:cost|price|earn|pay|paid|spend|spent|profit|charge|worth|afford|save|bill|salary|income|revenue"
            r"|owe|budget|raise)\w*",
            ("money",),
        ),
        (
            r"how (?:much )?(?:far|farther|further|tall|taller|deep|deeper|high|higher|wide|wider)"
            r"|distance|height|depth|length|width|perimeter",
            ("length",),
        ),
        (r"how heavy|weigh\w*|mass", ("weight",)),
        (rf"volume|capacity|{_LIQUID}", ("volume", "weight")),
        (r"area", ("area",)),
        (r"temperature|how (?:hot|warm|cold)", ("temperature",)),
    )
)
"""What a question without "how many" asks for, and the kinds of units that measure it, the likelier one first."""

_OF_LENGTH = {"volume": "cubic", "area": "square"}
_CALENDAR = frozenset({"second", "day", "week", "month", "year", "decade", "century", "degree", "foot", "ton", "yard"})
_COUNTED = re.compile(
    r"(?P<count>\d[ -]?|\b(?:two|three|four|five|six|seven|eight|nine|ten|half|how many|per|hundred|thousand)[ -])?"
    r"(?P<word>[^\W\d_]+|[$€£¥])"
)


def unit_asked(small: str, offered: frozenset[str]) -> tuple[str, ...]:
    """The words of the one unit that is asked for; empty where there is none, or more than one.

    `offered` are words that the question sets against each other: they say something, so they are no such unit.

    >>> unit_asked("how many cups of feed does she need?", frozenset())
    ('cup', 'feed')
    >>> unit_asked("it takes 5 minutes for a mile. how long does it take for 3 miles?", frozenset())
    ('minute',)
    """
    if unspaced := _UNSPACED.findall(small):
        return (unspaced[-1], unspaced[-1][:1]) if len(set(unspaced)) == 1 else ()
    small = _scaled(small)
    last = _last_question(small)
    asked = _in_units(small) or _portions(small, last) or _counts(small, last)
    if not asked:
        kinds = next((kinds for pattern, kinds in _KIND_ASKED if pattern.search(small, last)), ())
        asked = [_by_kind(small, kinds)] if kinds else _counts(small, 0)
    if not asked:
        asked = [tuple(named)] if len(named := _named(small)) == 1 else [()]
    if len({each[:1] for each in asked}) != 1 or any(offered.intersection(each) for each in asked):
        return ()
    return asked[-1]


def _scaled(small: str) -> str:
    small = re.sub("degrees? (?=fahrenheit|celsius)", "", small.replace("°f", " fahrenheit").replace("°c", " celsius"))
    return re.sub(r"(?<=\d)[\"″]", " inches", small)


def _last_question(small: str) -> int:
    """Where the last sentence with a question mark begins; without any, the last sentence."""
    end = small.rfind("?")
    end = end if end > 0 else len(small) - 1
    return max(small.rfind(mark, 0, max(end, 0)) for mark in (". ", "? ")) + 1


def _in_units(small: str) -> list[tuple[str, ...]]:
    """`in hours`, `in square meters`; neither `in a year` nor `in bed`."""
    return [
        (*shape.split(), singular(word), *([singular(per)] if per else []))
        for shape, word, per in _IN.findall(small)
        if singular(word) in MEASURES and (per or singular(word) != word)
    ]


def _portions(small: str, last: int) -> list[tuple[str, ...]]:
    """Tablespoons, where a question speaks of tablespoons of salt and asks how much salt."""
    asked = {word for found in _HOW_MUCH.finditer(small, last) for word in _counted(found[1])} - MEASURES
    portions = (singular(unit) for unit, what in _PORTION.findall(small) if asked.intersection(what.split()))
    return [(unit,) for unit in portions if unit in MEASURES]


def _counts(small: str, start: int) -> list[tuple[str, ...]]:
    return [words for found in _HOW_MANY.finditer(small, start) if (words := _counted(found[1]))]


def _counted(phrase: str) -> tuple[str, ...]:
    """The words for what `how many` counts, without what comes after them."""
    words: list[str] = []
    for word in re.split(r"[ -]", phrase):
        if word in _STOPS and (words or word not in ("more", "fewer", "less")):
            break
        words += [each for each in singular(word).split() if each not in GLUE]
    return tuple(words)


def _by_kind(small: str, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """The one unit that a question names for what it asks for: time, money, a length."""
    named = _named(small)
    for kind in kinds:
        units = [[unit for unit in named if unit in KINDS[each]] for each in kind.split()]
        if kind == "length time" and units[0] in (["mile"], ["kilometer"]):
            return (units[0][0], "hour")
        if any(units):
            return tuple(each[0] for each in units) if all(len(each) == 1 for each in units) else ()
        lengths = [unit for unit in named if unit in KINDS["length"]]
        if kind in _OF_LENGTH and len(lengths) == 1:
            return (_OF_LENGTH[kind], lengths[0])
    return ()


def _named(small: str) -> list[str]:
    """The units of measure and money that a question counts in, each once: not the year in `last year`."""
    found: list[str] = []
    for each in _COUNTED.finditer(small):
        word = each["word"]
        if len(word) == 1 and word.isalpha() and not each["count"]:
            continue  # it's, x
        if each["count"] or singular(word) != word or word not in _CALENDAR:
            found += [part for part in singular(word).split() if part in MEASURES]
    return list(dict.fromkeys(found))


def shared_units(small: str) -> frozenset[str]:
    """What the last question asks for one of: the day in `how many pages a day`."""
    found = ((word, singular(unit)) for word, unit in _PER.findall(small, _last_question(small)))
    return frozenset(unit for word, unit in found if word in ("per", "each", "every") or unit in MEASURES)


def currency_asked(small: str, units: tuple[str, ...]) -> str:
    """The currency that goes without saying: the only one named; dollars where the question is of no unit at all."""
    if units:
        return min(MONEY.intersection(units), default="")
    found = [word for word in _named(small) if word in MONEY]
    if set(found) <= {"dollar", "cent"} and found != ["cent"]:
        return "dollar"  # who means cents says so
    return found[0] if len(found) == 1 else ""
