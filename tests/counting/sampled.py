"""Generated answers of models whose behaviour is known: for each kind of question, what each model says how often."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, product

from folkmoot.counting.evidence import Evidence, MarkedAnswer
from folkmoot.counting.policies import WORTH
from folkmoot.counting.votes import weights_of


@dataclass(frozen=True)
class World:
    """Kinds of questions, each with its share; in each, model -> how often it says "right", and how often "trap".

    Whatever is left over is spread over wrong answers that nobody else gives.
    """

    kinds: Sequence[tuple[float, Mapping[str, tuple[float, float]]]]
    costs: Mapping[str, int]

    def evidence(self, questions: int, samples: int, draw: random.Random) -> Evidence:
        shares = [share for share, _ in self.kinds]
        found = []
        for _ in range(questions):
            kind = draw.choices(self.kinds, shares)[0][1]
            found.append(
                {model: tuple(self._answer(kind[model], model, draw) for _ in range(samples)) for model in kind}
            )
        return Evidence(tuple(found))

    def _answer(self, chances: tuple[float, float], model: str, draw: random.Random) -> MarkedAnswer:
        said, (right, trap) = draw.random(), chances
        group = "right" if said < right else "trap" if said < right + trap else f"{model}{draw.random()}"
        return MarkedAnswer(group, group == "right", self.costs[model])

    def worth(self, models: Sequence[str]) -> float:
        """What a policy of one, two or three of the models is truly worth, by counting every case."""
        right, cost = self._expected(models)
        best = max(self.costs, key=lambda model: (self.accuracy(model), -self.costs[model]))
        return right - WORTH * cost / self.costs[best]

    def accuracy(self, model: str) -> float:
        return sum(share * kind[model][0] for share, kind in self.kinds)

    def _expected(self, models: Sequence[str]) -> tuple[float, float]:
        weights = weights_of({model: (round(1000 * self.accuracy(model)), 1000) for model in self.costs})
        order = [*sorted(models[:2], key=lambda model: -weights[model]), *models[2:]]
        right = cost = 0.0
        for share, kind in self.kinds:
            outcomes = [
                (("right", kind[m][0]), ("trap", kind[m][1]), (f"{at}", 1 - sum(kind[m]))) for at, m in enumerate(order)
            ]
            for case in product(*outcomes):
                chance = share
                for _, each in case:
                    chance *= each
                said = [group for group, _ in case]
                asked, leads = self._asked(order, said, weights)
                right += chance * (leads == "right")
                cost += chance * sum(self.costs[model] for model in asked)
        return right, cost

    @staticmethod
    def _asked(order: Sequence[str], said: Sequence[str], weights: Mapping[str, float]) -> tuple[Sequence[str], str]:
        if len(order) == 1:
            return order, said[0]
        if said[0] == said[1] or len(order) == 2:
            return order[:2], said[0]
        size: dict[str, float] = {}
        for model, group in zip(order, said, strict=True):
            size[group] = size.get(group, 0.0) + weights[model]
        return order, max(size, key=lambda group: round(size[group], 9))

    def policies(self) -> list[tuple[str, ...]]:
        pairs = list(combinations_with_replacement(self.costs, 2))
        return [*((m,) for m in self.costs), *pairs, *((*pair, third) for pair in pairs for third in self.costs)]


WORLDS: Mapping[str, World] = {
    # one model knows, and slips now and then: asking it again is what helps
    "slips": World(
        [(0.7, {"a": (0.9, 0.0), "b": (0.5, 0.3)}), (0.3, {"a": (0.5, 0.1), "b": (0.2, 0.4)})], {"a": 100, "b": 100}
    ),
    # the best one falls into traps; a cheap one of another family does not, and settles where it is asked beside it
    "traps": World(
        [
            (0.8, {"a": (0.97, 0.0), "b": (0.9, 0.0)}),
            (0.08, {"a": (0.1, 0.85), "b": (0.95, 0.0)}),
            (0.12, {"a": (0.95, 0.0), "b": (0.05, 0.9)}),
        ],
        {"a": 100, "b": 20},
    ),
    # far ahead and always the same: nobody else adds anything
    "ahead": World(
        [(0.9, {"a": (1.0, 0.0), "b": (0.4, 0.3)}), (0.1, {"a": (0.0, 1.0), "b": (0.0, 1.0)})], {"a": 100, "b": 100}
    ),
    # three equals, each with a trap of its own: three different ones are better than any repeated
    "families": World(
        [
            (0.6, {"a": (0.95, 0.0), "b": (0.95, 0.0), "c": (0.9, 0.0)}),
            (0.15, {"a": (0.05, 0.9), "b": (0.9, 0.0), "c": (0.85, 0.0)}),
            (0.15, {"a": (0.95, 0.0), "b": (0.05, 0.9), "c": (0.85, 0.0)}),
            (0.1, {"a": (0.95, 0.0), "b": (0.95, 0.0), "c": (0.0, 0.9)}),
        ],
        {"a": 100, "b": 100, "c": 100},
    ),
    # one that is both better and cheaper
    "prices": World([(1.0, {"a": (0.8, 0.05), "b": (0.8, 0.05), "c": (0.88, 0.05)})], {"a": 300, "b": 100, "c": 30}),
}
