"""Questions of several steps about numbers, and about what follows from well-known facts."""

import calendar
import datetime
import math
from fractions import Fraction
from itertools import combinations, product
from statistics import median

from folkmoot.evals.questions.base import SetQuestion, only

Q = SetQuestion


def primes(upto: int) -> list[int]:
    return [n for n in range(2, upto + 1) if all(n % d for d in range(2, n))]


ARITHMETIC = (
    Q(
        "arithmetic",
        "What is the sum of all whole numbers from 1 to 60 that 3 divides?",
        "630",
        lambda: sum(n for n in range(1, 61) if n % 3 == 0),
    ),
    Q(
        "arithmetic",
        "How many prime numbers are there between 20 and 60?",
        "9",
        lambda: sum(20 < p < 60 for p in primes(60)),
    ),
    Q(
        "arithmetic",
        "What is the greatest common divisor of 252 and 198?",
        "18",
        lambda: max(d for d in range(1, 199) if 252 % d == 198 % d == 0),
    ),
    Q(
        "arithmetic",
        "What is the smallest positive number that 6, 8 and 15 all divide?",
        "120",
        lambda: next(n for n in range(1, 1000) if n % 6 == n % 8 == n % 15 == 0),
    ),
    Q(
        "arithmetic",
        "The first two numbers of a sequence are 1 and 1, and each further one is the sum of the two before it. "
        "What is the 12th number?",
        "144",
        lambda: fibonacci(12),
    ),
    Q("arithmetic", "What is the last digit of 7 to the power of 23?", "3", lambda: 7**23 % 10),
    Q("arithmetic", "What is the sum of the digits of 2 to the power of 15?", "26", lambda: sum(map(int, str(2**15)))),
    Q(
        "arithmetic",
        "How many zeros does 25! end with?",
        "6",
        lambda: len(str(math.factorial(25))) - len(str(math.factorial(25)).rstrip("0")),
    ),
    Q(
        "arithmetic",
        "What is the median of 14, 3, 9, 27, 8, 11?",
        "10",
        lambda: str(median([14, 3, 9, 27, 8, 11])).removesuffix(".0"),
    ),
    Q(
        "arithmetic",
        "The mean of five numbers is 12. Four of them are 7, 9, 15 and 16. What is the fifth?",
        "13",
        lambda: 5 * 12 - (7 + 9 + 15 + 16),
    ),
    Q(
        "arithmetic",
        "How many diagonals does a convex polygon with 9 corners have?",
        "27",
        lambda: sum((b - a) % 9 not in (1, 8) for a, b in combinations(range(9), 2)),
    ),
    Q(
        "arithmetic",
        "Three dice are thrown. In how many of the 216 outcomes do they show a sum of 5?",
        "6",
        lambda: sum(sum(dice) == 5 for dice in product(range(1, 7), repeat=3)),
    ),
    Q(
        "arithmetic",
        "Two fair dice are thrown. What is the probability that their sum is 7, as a fraction?",
        "1/6",
        lambda: Fraction(sum(a + b == 7 for a, b in product(range(1, 7), repeat=2)), 36),
    ),
    Q(
        "arithmetic",
        "How many three-digit numbers have three different digits?",
        "648",
        lambda: sum(len(set(str(n))) == 3 for n in range(100, 1000)),
    ),
    Q(
        "arithmetic",
        "How many multiples of 7 are there from 1 to 300 that 2 does not divide?",
        "21",
        lambda: sum(n % 7 == 0 and n % 2 == 1 for n in range(1, 301)),
    ),
    Q(
        "arithmetic",
        "Three consecutive even numbers add up to 126. What is the largest of them?",
        "44",
        lambda: only(n + 4 for n in range(0, 126, 2) if n + n + 2 + n + 4 == 126),
    ),
)

FACTS = (
    Q(
        "facts",
        "How many seconds are there in three and a half hours?",
        "12600",
        lambda: int(datetime.timedelta(hours=3.5).total_seconds()),
    ),
    Q(
        "facts",
        "How many leap years are there from 1896 to 1912, both included?",
        "4",
        lambda: sum(calendar.isleap(year) for year in range(1896, 1913)),
    ),
    Q(
        "facts",
        "How many days does the first quarter of the year 2024 have?",
        "91",
        lambda: (datetime.date(2024, 4, 1) - datetime.date(2024, 1, 1)).days,
    ),
    Q(
        "facts",
        "Water boils at 100 degrees Celsius. How many degrees Fahrenheit is half of that Celsius temperature?",
        "122",
        lambda: Fraction(50) * 9 / 5 + 32,
    ),
    Q(
        "facts",
        "On which day of the week did 1 January 2000 fall?",
        "Saturday",
        lambda: datetime.date(2000, 1, 1).strftime("%A"),
    ),
    Q(
        "facts",
        "How many hours are there in the whole month of February 2023?",
        "672",
        lambda: calendar.monthrange(2023, 2)[1] * 24,
    ),
    Q("facts", "Write the number 1994 in Roman numerals.", "MCMXCIV", lambda: roman(1994)),
    Q("facts", "Write the binary number 101101 in decimal.", "45", lambda: int("101101", 2)),
)


def fibonacci(number: int) -> int:
    one, other = 1, 1
    for _ in range(number - 2):
        one, other = other, one + other
    return other


def roman(number: int) -> str:
    signs = (
        (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"),
        (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
    )  # fmt: skip
    found = ""
    for value, sign in signs:
        while number >= value:
            number, found = number - value, found + sign
    return found
