"""Make the value table that ships: what recorded answers say of well-known models of 2024.

    python -m benchmarks.values_2024 RECORDING ...

The recordings are those of WildEval/ZeroEval at commit 8c1485e (answers: Apache-2.0; questions: GSM8K, MATH and
CRUXEval, MIT). Only which answers say the same and which are right goes into the table. Costs are list prices of the
tokens that can be seen, so models that reason where nobody sees it are left out, and so are names that no vendor uses.
"""

import sys
from pathlib import Path

from folkmoot.counting.evidence import Evidence, MarkedAnswer
from folkmoot.counting.value import learn, write_values
from folkmoot.evals.marked import read_marked
from folkmoot.providers.prices import list_price, vendor_of
from folkmoot.running.valued import SHIPPED
from folkmoot.types import Usage

HIDDEN = ("o1",)  # how the names of models begin that think in tokens which are not in the recording


def priced(model: str, answer: MarkedAnswer) -> MarkedAnswer | None:
    """An answer with its price; a recording's tokens are the question's and the answer's together, taken as output."""
    vendor = vendor_of(model)
    usd = list_price(f"{vendor}/{model}", Usage(output_tokens=answer.tokens)) if vendor else None
    return answer._replace(usd=usd) if usd else None


def main() -> None:
    known = read_marked(Path(name) for name in sys.argv[1:])
    questions = tuple(
        {
            model: found
            for model, answers in question.items()
            if not model.startswith(HIDDEN) and (found := tuple(p for a in answers if (p := priced(model, a))))
        }
        for question in known.questions
    )
    evidence = Evidence(questions, "recorded answers of 2024 (ZeroEval: GSM8K, MATH level 5, CRUXEval)", "2024-11")
    table = learn(evidence)
    write_values(SHIPPED, table)
    for each in sorted(table.models, key=lambda each: -each.right):
        print(f"{each.model}: {100 * each.right:.1f} % of its questions, ${each.cost:.5f} an answer")
    print(f"{SHIPPED.name}: {SHIPPED.stat().st_size} bytes, {table.questions} questions, costs in {table.unit}")


if __name__ == "__main__":
    main()
