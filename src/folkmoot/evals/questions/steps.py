"""Questions of several steps: strings, rates and prices, logic, arithmetic, and what follows from well-known facts."""

import datetime
import math
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations, permutations, product

from folkmoot.evals.questions.arithmetic import ARITHMETIC, FACTS
from folkmoot.evals.questions.base import SetQuestion, only

Q = SetQuestion
VOWELS = set("aeiou")
Kind = tuple[bool, ...]


def money(value: Fraction) -> str:
    """12.5 as 12.50, 12 as 12."""
    return str(int(value)) if value == int(value) else f"{float(value):.2f}"


def follows(premises: Callable[[frozenset[Kind]], bool], conclusion: Callable[[frozenset[Kind]], bool]) -> str:
    """Whether the conclusion holds in every world where the premises do; a world is the set of kinds of things in it.

    A kind says which of three properties a thing has.
    """
    kinds = list(product((False, True), repeat=3))
    worlds = [frozenset(world) for size in range(9) for world in combinations(kinds, size)]
    return "yes" if all(conclusion(world) for world in worlds if premises(world)) else "no"


def truthful(statements: Callable[[tuple[bool, ...]], tuple[bool, ...]], people: int) -> list[tuple[bool, ...]]:
    """Who tells the truth, where each says what is true exactly when he is truthful."""
    return [who for who in product((True, False), repeat=people) if statements(who) == who]


TEXT = "the cat sat on the mat and then it ran off"

STRINGS = (
    Q(
        "strings",
        "How many vowels are in the word onomatopoeia?",
        "8",
        lambda: sum(c in VOWELS for c in "onomatopoeia"),
    ),
    Q(
        "strings",
        "How many consonants are in the word rhythmically?",
        "10",
        lambda: sum(c not in VOWELS for c in "rhythmically"),
    ),
    Q("strings", "Write the word stressed backwards.", "desserts", lambda: "stressed"[::-1]),
    Q(
        "strings",
        "Write the word reward backwards, then remove its first letter. What is left?",
        "rawer",
        lambda: "reward"[::-1][1:],
    ),
    Q(
        "strings",
        "How many letters does the word antidisestablishmentarianism have?",
        "28",
        lambda: len("antidisestablishmentarianism"),
    ),
    Q(
        "strings",
        f'How many words of "{TEXT}" have exactly three letters?',
        "8",
        lambda: sum(len(word) == 3 for word in TEXT.split()),
    ),
    Q(
        "strings",
        "Take the first letter of each of these words in order: Delta Echo Lima Tango Alpha. Which word do they spell?",
        "DELTA",
        lambda: "".join(w[0] for w in ["Delta", "Echo", "Lima", "Tango", "Alpha"]),
        ("delta",),
    ),
    Q("strings", "How many different letters does the word mississippi have?", "4", lambda: len(set("mississippi"))),
    Q(
        "strings",
        "Sort the letters of the word zebra alphabetically. What is the third letter?",
        "e",
        lambda: sorted("zebra")[2],
    ),
    Q(
        "strings",
        "Remove every second letter of the word pineapple, beginning with the second. What is left?",
        "pnape",
        lambda: "pineapple"[::2],
    ),
    Q(
        "strings",
        "How many palindromes are among these words: level, radar, lever, noon, none, civic?",
        "4",
        lambda: sum(w == w[::-1] for w in ("level", "radar", "lever", "noon", "none", "civic")),
    ),
)

PRICES = (
    Q(
        "rates",
        "A train leaves at 14:35 and arrives at 17:10. It stands still for 20 minutes on the way. How many minutes "
        "does it move?",
        "135",
        lambda: int((datetime.datetime(2024, 1, 1, 17, 10) - datetime.datetime(2024, 1, 1, 14, 35)).seconds / 60) - 20,
    ),
    Q(
        "rates",
        "A tap fills a tank in 6 hours, another in 3 hours. How many hours do both together take?",
        "2",
        lambda: 1 / (Fraction(1, 6) + Fraction(1, 3)),
    ),
    Q(
        "rates",
        "A worker earns $18 an hour, and one and a half times as much for every hour beyond 40 in a week. How many "
        "dollars does she earn for 46 hours?",
        "882",
        lambda: money(Fraction(sum(18 if h < 40 else 27 for h in range(46)))),
    ),
    Q(
        "rates",
        "Two cyclists 90 km apart ride towards each other at 20 km/h and 25 km/h. After how many hours do they meet?",
        "2",
        lambda: Fraction(90, 20 + 25),
    ),
    Q(
        "rates",
        "A recipe for 4 people takes 300 g of rice. How many grams does it take for 7 people?",
        "525",
        lambda: Fraction(300, 4) * 7,
    ),
    Q(
        "rates",
        "A car uses 6 litres for 100 km. How many litres does it use for 350 km?",
        "21",
        lambda: Fraction(6, 100) * 350,
    ),
    Q(
        "prices",
        "A coat of $80 is reduced by 25 %, and the reduced price by another 10 %. How many dollars does it cost?",
        "54",
        lambda: money(Fraction(80) * Fraction(75, 100) * Fraction(90, 100)),
    ),
    Q(
        "prices",
        "A price of $200 rises by 20 % and then falls by 20 %. How many dollars is it now?",
        "192",
        lambda: money(Fraction(200) * Fraction(120, 100) * Fraction(80, 100)),
    ),
    Q(
        "prices",
        "A bill of $64 gets a tip of 15 %, and four people share the whole equally. How many dollars does each pay?",
        "18.40",
        lambda: money(Fraction(64) * Fraction(115, 100) / 4),
    ),
    Q(
        "prices",
        "Six eggs cost $2.10 and a dozen costs $3.60. How many cents less does one egg cost when bought by the dozen?",
        "5",
        lambda: Fraction(210, 6) - Fraction(360, 12),
    ),
    Q(
        "prices",
        "After a reduction of 30 % a lamp costs $49. How many dollars did it cost before?",
        "70",
        lambda: only(p for p in range(1, 500) if Fraction(p) * Fraction(7, 10) == 49),
    ),
    Q(
        "prices",
        "Adults pay $12 and children $7. A group of 10 pays $95. How many children are in it?",
        "5",
        lambda: only(c for c in range(11) if 7 * c + 12 * (10 - c) == 95),
    ),
    Q(
        "ages",
        "Anna is three times as old as Ben. In 10 years she will be twice as old as he. How old is Ben now?",
        "10",
        lambda: only(b for b in range(1, 100) if 3 * b + 10 == 2 * (b + 10)),
    ),
    Q(
        "ages",
        "The ages of a mother and her son add up to 50. Four years ago she was five times as old as he. How old is the "
        "son?",
        "11",
        lambda: only(s for s in range(4, 50) if 50 - s - 4 == 5 * (s - 4)),
    ),
    Q(
        "shapes",
        "A rectangle has a perimeter of 34 cm, and is 5 cm longer than wide. What is its area in square centimetres?",
        "66",
        lambda: only(w * (w + 5) for w in range(1, 34) if 2 * (w + w + 5) == 34),
    ),
    Q(
        "shapes",
        "A square garden of 144 square metres gets a path of 1 metre all around it on the outside. How many square "
        "metres does the path cover?",
        "52",
        lambda: (math.isqrt(144) + 2) ** 2 - 144,
    ),
)

LOGIC = (
    Q(
        "logic",
        "All bloops are razzies, and all razzies are lazzies. Are all bloops certainly lazzies? Answer yes or no.",
        "yes",
        lambda: follows(
            lambda world: all((r or not b) and (z or not r) for b, r, z in world),
            lambda world: all(z or not b for b, r, z in world),
        ),
    ),
    Q(
        "logic",
        "All roses are flowers, and some flowers fade quickly. Does it follow that some roses fade quickly? Answer "
        "yes or no.",
        "no",
        lambda: follows(
            lambda world: all(f or not r for r, f, q in world) and any(f and q for r, f, q in world),
            lambda world: any(r and q for r, f, q in world),
        ),
    ),
    Q(
        "logic",
        "If it rains, the street is wet. The street is wet. Does it follow that it rains? Answer yes or no.",
        "no",
        lambda: "yes" if all(rain for rain, wet in product((0, 1), repeat=2) if (not rain or wet) and wet) else "no",
    ),
    Q(
        "logic",
        "If it rains, the street is wet. The street is not wet. Does it follow that it does not rain? Answer yes or "
        "no.",
        "yes",
        lambda: "yes" if not any(r for r, w in product((0, 1), repeat=2) if (not r or w) and not w) else "no",
    ),
    Q(
        "logic",
        "Ann is taller than Bob. Cleo is shorter than Bob. Dan is taller than Ann. Who is the second tallest?",
        "Ann",
        lambda: only(
            {
                order[1]
                for order in permutations(("Ann", "Bob", "Cleo", "Dan"))
                if order.index("Ann") < order.index("Bob") < order.index("Cleo")
                and order.index("Dan") < order.index("Ann")
            }
        ),
    ),
    Q(
        "logic",
        "A says: B lies. B says: C lies. C says: A and B both lie. Each of the three either always lies or always "
        "tells the truth. Who tells the truth?",
        "B",
        lambda: "".join(
            n
            for n, t in zip(
                "ABC", only(truthful(lambda w: (not w[1], not w[2], not w[0] and not w[1]), 3)), strict=True
            )
            if t
        ),
    ),
    Q(
        "logic",
        "Exactly one of three boxes holds gold, and exactly one of their labels is true. Box 1: the gold is here. "
        "Box 2: the gold is not here. Box 3: the gold is not in box 1. Which box holds the gold? Answer with its "
        "number.",
        "2",
        lambda: only(g for g in (1, 2, 3) if sum((g == 1, g != 2, g != 1)) == 1),
    ),
    Q(
        "logic",
        "Ten people each shake hands once with every other one. How many handshakes are there?",
        "45",
        lambda: len(list(combinations(range(10), 2))),
    ),
    Q(
        "logic",
        "In how many orders can four books stand on a shelf if one certain book must not be first?",
        "18",
        lambda: sum(order[0] != 0 for order in permutations(range(4))),
    ),
    Q(
        "logic",
        "A knockout tournament has 37 players; who loses once is out. How many matches are played until one is left?",
        "36",
        lambda: len(range(37, 1, -1)),
    ),
    Q(
        "logic",
        "In a class of 30, 18 play football, 15 play tennis, and 6 play neither. How many play both?",
        "9",
        lambda: only(b for b in range(16) if 18 + 15 - b + 6 == 30),
    ),
)

STEPS: tuple[SetQuestion, ...] = (*STRINGS, *PRICES, *LOGIC, *ARITHMETIC, *FACTS)
