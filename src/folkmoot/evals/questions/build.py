"""Write the question sets anew: `python -m folkmoot.evals.questions.build`."""

import json
from pathlib import Path

from folkmoot.evals.questions.base import lines
from folkmoot.evals.questions.steps import STEPS
from folkmoot.evals.questions.traps import TRAPS

FOLDER = Path(__file__).parent


def sets() -> dict[str, str]:
    """The files as they should be: name -> content. Raises WrongKey."""
    return {
        f"{name}.jsonl": "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in lines(name, questions))
        for name, questions in (("traps", TRAPS), ("steps", STEPS))
    }


if __name__ == "__main__":
    for name, content in sets().items():
        (FOLDER / name).write_text(content, "utf-8")
        print(f"{name}: {content.count(chr(10))} questions")
