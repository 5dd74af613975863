"""What every way of showing a run says alike: harmless text, numbers with units, the score table."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

Style = Literal["good", "bad", "warning", "strong", "faint"]

_CODES: Mapping[Style, str] = {"good": "32", "bad": "31", "warning": "33", "strong": "1", "faint": "2"}

_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

MOST_ROUNDS = 10  # columns of the score table, the latest


class Stream(Protocol):
    """Where text is written."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


def visible(text: str) -> str:
    r"""`text` as it may be written to a terminal: nothing in it can move the cursor, ring or turn the writing round.

    Control characters become pictures of themselves; line breaks and tabs stay.

    >>> visible("a\x1b[2Jb\r\nc\x9b")
    'a␛[2Jb\nc�'
    """
    return _STEERING.sub(_picture, text.replace("\r\n", "\n"))


def one_line(text: str, width: int = 300) -> str:
    r"""`text` made visible, on one line of at most `width` characters.

    >>> one_line("a\n b\x07"), one_line("abcdef", 4)
    ('a b␇', 'abc…')
    """
    line = " ".join(visible(text).split())
    return line if len(line) <= width else line[: width - 1] + "…"


def paint(text: str, style: Style, colour: bool) -> str:
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if colour else text


def counted(number: int, noun: str) -> str:
    """
    >>> counted(1, "call"), counted(1200, "call")
    ('1 call', '1,200 calls')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """
    >>> [duration(s) for s in (0.04, 2.0, 9.96, 75, 3725)]
    ['0 s', '2 s', '10 s', '1 min 15 s', '1 h 2 min']
    """
    if seconds < 60:
        return f"{seconds:.1f}".removesuffix(".0") + " s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def short(tokens: int) -> str:
    """
    >>> short(980), short(1249), short(25_300), short(3_100_000)
    ('980', '1.2k', '25k', '3.1M')
    """
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if tokens >= size:
            return f"{tokens / size:.1f}{letter}" if tokens < 10 * size else f"{tokens / size:.0f}{letter}"
    return str(tokens)


def money(usd: float) -> str:
    """
    >>> money(0.0123), money(12.5), money(0.00001)
    ('$0.0123', '$12.50', 'less than $0.0001')
    """
    if 0 < usd < 0.0001:
        return "less than $0.0001"
    return f"${usd:.4f}" if usd < 1 else f"${usd:,.2f}"


def cost(
    usd: float,
    *,
    unknown: Sequence[str] = (),
    at_most: float | None = None,
    list_usd: float | None = None,
    subscription: bool = False,
) -> str:
    """What a run cost, without claiming to know more than is known.

    `usd` is the sum of what is known, `unknown` names the seats whose cost is not, `at_most` is an upper bound of all,
    `list_usd` the list price of what cost nothing; `subscription` says that one covers it.

    >>> cost(0.0123), cost(0.0), cost(0.0, unknown=["a/x"]), cost(0.5, unknown=["a/x"])
    ('$0.0123', 'free', 'price unknown: a/x', 'at least $0.5000, price unknown: a/x')
    >>> cost(0.0, unknown=["a/x"], at_most=0.02), cost(0.5, unknown=["a/x"], at_most=0.52)
    ('at most $0.0200, not known for a/x', '$0.5000 to $0.5200, not known for a/x')
    >>> cost(0.0, list_usd=0.08, subscription=True), cost(0.0, subscription=True), cost(0.01, list_usd=0.08)
    ('covered by subscription, list $0.0800', 'covered by subscription', '$0.0100 and list $0.0800 not billed')
    """
    if unknown and at_most is not None:
        known = f"{money(usd)} to {money(at_most)}" if usd else f"at most {money(at_most)}"
        return f"{known}, not known for {', '.join(unknown)}"
    if unknown:
        known = f"at least {money(usd)}, " if usd else ""
        return f"{known}price unknown: {', '.join(unknown)}"
    listed = "" if list_usd is None else f"list {money(list_usd)}"
    if usd:
        covered = "covered by subscription" if subscription else "not billed"
        return f"{money(usd)} and {listed} {covered}" if listed else money(usd)
    if subscription:
        return f"covered by subscription, {listed}" if listed else "covered by subscription"
    return f"nothing billed, {listed}" if listed else "free"


def score_table(
    rounds: Sequence[Mapping[str, float]],
    names: Mapping[str, str],
    leader: str | None,
    *,
    also: Sequence[str] = (),
    colour: bool = False,
) -> list[str]:
    """One row per seat, the highest latest score first, with a star on the leader; a column per round.

    `rounds` maps seats to means, `names` seats to what they are called; `also` are seats that nobody scored.
    Empty when there is no score at all.

    >>> print("\\n".join(score_table([{"s1": 3.5}, {"s1": 8.5, "s2": 9.0}], {"s1": "a/x", "s2": "b/longer"}, "s2")))
                  R1    R2
        b/longer     -   9.0 ★
        a/x        3.5   8.5
    """
    seats = list(dict.fromkeys([*(seat for scores in rounds for seat in scores), *also]))
    if not any(rounds):
        return []
    last = rounds[-1]
    seats.sort(key=lambda seat: (-last.get(seat, 0.0), names.get(seat, seat)))
    width = max(len(names.get(seat, seat)) for seat in seats)
    first = max(len(rounds) - MOST_ROUNDS, 0)
    shown = rounds[first:]
    lines = [" " * (4 + width) + "".join(f"{f'R{first + n}':^6}" for n in range(1, len(shown) + 1)).rstrip()]
    for seat in seats:
        cells = "".join(f"{scores[seat]:>6.1f}" if seat in scores else f"{'-':>6}" for scores in shown)
        row = f"    {names.get(seat, seat):<{width}}{cells}"
        lines.append(paint(f"{row} ★", "good", colour) if seat == leader else row)
    return lines


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else "�"
