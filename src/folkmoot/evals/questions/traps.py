"""Questions whose first answer is tempting and wrong: letters, decimals, riddles, calendars, clocks, precedence."""

import datetime
from fractions import Fraction
from itertools import count, product

from folkmoot.evals.questions.base import SetQuestion

Q = SetQuestion


def letters(word: str, letter: str, answer: str) -> SetQuestion:
    text = f"How many times does the letter {letter} occur in the word {word}?"
    return Q("letters", text, answer, lambda: sum(each == letter for each in word))


def larger(one: str, other: str, answer: str) -> SetQuestion:
    text = f"Which number is larger, {one} or {other}? Answer with the number."
    return Q("decimals", text, answer, lambda: max((one, other), key=Fraction))


def weekday(start: str, days: int, answer: str) -> SetQuestion:
    names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

    def walk() -> str:
        at = names.index(start)
        for _ in range(days):
            at = (at + 1) % 7
        return names[at]

    return Q("calendar", f"If today is {start}, which day of the week will it be in {days} days?", answer, walk)


def precedence(expression: str, answer: str) -> SetQuestion:
    python = expression.replace("×", "*").replace("÷", "/").replace("^", "**")
    return Q("precedence", f"What is {expression}?", answer, lambda: plain(eval(python)))


def plain(value: float) -> str:
    return str(Fraction(value).limit_denominator(1000)) if value != int(value) else str(int(value))


def machines(number: int, minutes: int, more: int, answer: str) -> SetQuestion:
    text = (
        f"If {number} machines take {minutes} minutes to make {number} widgets, how many minutes do {more} machines "
        f"take to make {more} widgets?"
    )
    return Q("rates", text, answer, lambda: Fraction(more, more) / Fraction(number, number * minutes))


def doubling(thing: str, days: int, part: int, answer: str) -> SetQuestion:
    word = {2: "half", 4: "a quarter", 8: "an eighth"}[part]
    text = (
        f"A patch of {thing} doubles in size every day. It covers the whole pond on day {days}. "
        f"On which day did it cover {word} of the pond?"
    )

    def back() -> int:
        day, covered = days, Fraction(1)
        while covered > Fraction(1, part):
            day, covered = day - 1, covered / 2
        return day

    return Q("growth", text, answer, back)


def pair(dearer: str, cheaper: str, both: int, more: int, answer: str) -> SetQuestion:
    text = (
        f"{dearer.capitalize()} and {cheaper} cost {both} cents together. {dearer.capitalize()} costs {more} cents "
        f"more than {cheaper}. How many cents does {cheaper} cost?"
    )
    return Q("prices", text, answer, lambda: next(c for c in range(both) if c + c + more == both))


def angle(hour: int, minute: int, answer: str) -> SetQuestion:
    def between() -> str:
        hands = Fraction(minute * 6), Fraction(hour % 12 * 30) + Fraction(minute, 2)
        apart = abs(hands[0] - hands[1])
        return str(float(min(apart, 360 - apart))).removesuffix(".0")

    text = f"How many degrees is the smaller angle between the hands of a clock at {hour}:{minute:02}?"
    return Q("clock", text, answer, between)


def words(sentence: str, answer: str) -> SetQuestion:
    return Q("words", f'How many words are in the sentence "{sentence}"?', answer, lambda: len(sentence.split()))


def siblings(brothers: int, sisters: int, answer: str) -> SetQuestion:
    text = (
        f"A girl has {brothers} brothers. Each of her brothers has {sisters} sisters. How many sisters does the girl "
        "have?"
    )
    return Q("family", text, answer, lambda: len({f"girl {n}" for n in range(sisters)} - {"girl 0"}))


def posts(length: int, apart: int, answer: str) -> SetQuestion:
    text = (
        f"A straight fence is {length} metres long and has a post every {apart} metres, with a post at both ends. "
        "How many posts does it have?"
    )
    return Q("fences", text, answer, lambda: len(range(0, length + 1, apart)))


def snail(depth: int, up: int, down: int, answer: str) -> SetQuestion:
    def climb() -> int:
        at = 0
        for day in count(1):
            at += up
            if at >= depth:
                return day
            at -= down
        raise AssertionError

    text = (
        f"A snail is at the bottom of a well {depth} metres deep. Each day it climbs {up} metres, and each night it "
        f"slips back {down} metres. On which day does it reach the top?"
    )
    return Q("growth", text, answer, climb)


def socks(colours: int, answer: str) -> SetQuestion:
    text = (
        f"A dark drawer holds many socks of {colours} colours. How many must you take out, unseen, to be sure of two "
        "of one colour?"
    )

    def enough() -> int:
        for number in count(1):
            if all(len(set(drawn)) < number for drawn in product(range(colours), repeat=number)):
                return number
        raise AssertionError

    return Q("drawers", text, answer, enough)


TRAPS: tuple[SetQuestion, ...] = (
    letters("strawberry", "r", "3"),
    letters("embezzlement", "e", "4"),
    letters("Mississippi", "s", "4"),
    letters("bookkeeper", "e", "3"),
    letters("raspberry", "r", "3"),
    letters("accommodation", "c", "2"),
    letters("assassination", "s", "4"),
    letters("parallel", "l", "3"),
    letters("possessiveness", "s", "6"),
    letters("banana", "n", "2"),
    larger("9.11", "9.9", "9.9"),
    larger("3.8", "3.11", "3.8"),
    larger("0.75", "0.8", "0.8"),
    larger("-7.2", "-7.15", "-7.15"),
    larger("1.09", "1.1", "1.1"),
    larger("12.30", "12.4", "12.4"),
    weekday("Monday", 100, "Wednesday"),
    weekday("Friday", 1000, "Thursday"),
    weekday("Sunday", 61, "Friday"),
    weekday("Tuesday", 365, "Wednesday"),
    Q(
        "calendar",
        "How many months of the year have at least 28 days?",
        "12",
        lambda: sum(
            (datetime.date(2023 + m // 12, m % 12 + 1, 1) - datetime.timedelta(1)).day >= 28 for m in range(1, 13)
        ),
    ),
    Q(
        "calendar",
        "How many days of February did the year 1900 have?",
        "28",
        lambda: (datetime.date(1900, 3, 1) - datetime.date(1900, 2, 1)).days,
    ),
    Q(
        "calendar",
        "How many days are there from 25 February 2024 to 3 March 2024, if the first day is not counted?",
        "7",
        lambda: (datetime.date(2024, 3, 3) - datetime.date(2024, 2, 25)).days,
    ),
    precedence("8 - 4 + 2", "6"),
    precedence("6 + 6 × 0 + 6", "12"),
    precedence("48 ÷ 2 × (9 + 3)", "288"),
    precedence("-3^2", "-9"),
    precedence("2^3^2", "512"),
    precedence("100 - 25 × 3", "25"),
    precedence("7 + 7 ÷ 7 + 7 × 7 - 7", "50"),
    machines(5, 5, 100, "5"),
    machines(8, 8, 200, "8"),
    machines(3, 12, 60, "12"),
    Q(
        "rates",
        "If 4 cats catch 4 mice in 4 minutes, how many cats catch 100 mice in 100 minutes?",
        "4",
        lambda: next(cats for cats in range(1, 200) if Fraction(cats * 100, 4) == 100),
    ),
    Q(
        "rates",
        "A car drives 60 km at 60 km/h and the same way back at 30 km/h. What is its average speed in km/h?",
        "40",
        lambda: Fraction(120) / (Fraction(60, 60) + Fraction(60, 30)),
    ),
    doubling("algae", 60, 2, "59"),
    doubling("duckweed", 30, 4, "28"),
    doubling("water lilies", 48, 8, "45"),
    snail(10, 3, 2, "8"),
    snail(20, 5, 4, "16"),
    pair("a bat", "a ball", 110, 100, "5"),
    pair("a pen", "a notebook", 150, 100, "25"),
    pair("a hat", "a scarf", 1200, 1000, "100"),
    pair("a bottle", "a cork", 210, 200, "5"),
    angle(3, 15, "7.5"),
    angle(12, 30, "165"),
    angle(9, 0, "90"),
    angle(6, 20, "70"),
    words("The quick fox did not jump", "6"),
    words("I said that that that that man wrote was wrong", "10"),
    siblings(4, 3, "2"),
    siblings(2, 1, "0"),
    Q(
        "family",
        "Mary's father has five daughters: Nana, Nene, Nini, Nono, and a fifth one. What is her name?",
        "Mary",
        lambda: ({"Mary", "Nana", "Nene", "Nini", "Nono"} - {"Nana", "Nene", "Nini", "Nono"}).pop(),
    ),
    Q(
        "all but",
        "A farmer has 17 sheep. All but 9 run away. How many sheep does he have left?",
        "9",
        lambda: 17 - len(range(9, 17)),
    ),
    Q(
        "all but",
        "There are 12 apples on a table. You take away 5. How many apples do you have?",
        "5",
        lambda: len(set(range(12)) & set(range(5))),
    ),
    Q(
        "all but",
        "Ten candles are burning. You blow out 3 and leave the others alone. In the end, how many are left?",
        "3",
        lambda: 10 - len(range(3, 10)),
    ),
    Q(
        "all but",
        "A room has 8 lamps, all lit. All but 2 go out. How many lamps are in the room?",
        "8",
        lambda: len(range(8 - 2)) + 2,
    ),
    posts(60, 5, "13"),
    posts(100, 10, "11"),
    socks(2, "3"),
    socks(3, "4"),
    Q(
        "overtaking",
        "In a race you overtake the runner in second place. Which place are you in now? Answer with a number.",
        "2",
        lambda: ["first", "you", "second"].index("you") + 1,
        ("second",),
    ),
    Q(
        "pills",
        "A doctor gives you 3 pills and says to take one every half hour. After how many minutes have you taken "
        "the last one, counted from the first?",
        "60",
        lambda: max(30 * pill for pill in range(3)),
    ),
    Q(
        "weights",
        "Which is heavier, a kilogram of feathers or a kilogram of steel, or are they equally heavy? Answer with "
        "feathers, steel or equal.",
        "equal",
        lambda: "equal" if len({1000 * Fraction(1), Fraction(1000)}) == 1 else "steel",
        ("equally heavy",),
    ),
)
