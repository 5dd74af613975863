"""Three offline tasks for Inspect over command seats. Run as a script in the environment that has inspect-ai:

    python tasks.py eval-set LOGS     all three tasks by the solver, in an eval set with retries
    python tasks.py models LOGS       the model form
    python tasks.py graded LOGS       a panel's answers, graded by a scripted model through model_graded_qa
    python tasks.py refused LOGS      what the model form must refuse

Prints one JSON object.
"""

import json
import os
import sys
from typing import Any

from inspect_ai import Task, eval, eval_set, task
from inspect_ai.dataset import Sample
from inspect_ai.log import read_eval_log
from inspect_ai.scorer import choice, includes, match, model_graded_qa
from inspect_ai.solver import multiple_choice, system_message

from folkmoot.errors import InputError
from folkmoot.frontends.inspect import panel

SEATS = "sh/right,sh/odd,sh/wrong"


def sums() -> list[Sample]:
    return [Sample(id=f"q{n}", input=f"What is {n} * 7?", target=str(n * 7)) for n in range(6)]


@task
def voting() -> Task:
    return Task(
        dataset=sums(),
        solver=panel("vote", SEATS, early="off", retries=0),
        scorer=match(numeric=True),
        epochs=2,
        version=2,
    )


@task
def asking() -> Task:
    return Task(
        dataset=sums(),
        solver=[system_message("Calculate."), panel("ask", ["sh/right", "sh/odd"], retries=0)],
        scorer=includes(),
    )


@task
def chairing() -> Task:
    return Task(
        dataset=sums()[:2],
        solver=panel("council", SEATS),
        scorer=includes(),
        model_roles={"chair": "folkmoot/vote@sh/right"},
    )


def figures(logs: list[Any]) -> list[dict[str, Any]]:
    return [
        {
            "task": log.eval.task,
            "status": log.status,
            "error": log.error.message if log.error else None,
            "samples": len(log.samples or []),
            "accuracy": log.results.scores[0].metrics["accuracy"].value if log.results else None,
            "usage": [each.output.usage.total_tokens if each.output.usage else None for each in log.samples or []],
            "runs": sorted(each.store["folkmoot"]["run"] for each in log.samples or [] if "folkmoot" in each.store),
        }
        for log in (read_eval_log(each.location) for each in logs)  # an eval set returns them without samples
    ]


def main(what: str, logs: str) -> None:
    common: dict[str, Any] = {"log_dir": logs, "display": "none"}
    if what == "eval-set":
        done, found = eval_set(
            [voting(), asking(), chairing()], model="mockllm/model", retry_attempts=3, retry_wait=0.01, **common
        )
        print(json.dumps({"done": done, "logs": figures(found)}))
    elif what == "models":
        plain = Task(dataset=sums(), scorer=includes(), name="plain")
        letters = Task(
            dataset=[Sample(input="What is 2 * 7?", choices=["14", "15"], target="A")], solver=multiple_choice(),
            scorer=choice(), name="letters",
        )  # fmt: skip
        found = eval(plain, model=[f"folkmoot/vote@{SEATS.replace(',', '+')}", "folkmoot/trio"], epochs=2, **common)
        print(json.dumps({"logs": figures(found + eval(letters, model="folkmoot/ask@sh/letter", **common))}))
    elif what == "graded":
        graded = Task(
            dataset=sums(), solver=panel("vote", SEATS, early="off"), name="graded",
            scorer=model_graded_qa(model="folkmoot/vote@sh/grader"),
        )  # fmt: skip
        print(json.dumps({"logs": figures(eval(graded, model="mockllm/model", **common))}))
    else:
        refused = Task(dataset=sums()[:1], scorer=includes(), name="refused")
        try:
            eval(refused, model="folkmoot/fanout@sh/right+sh/odd", **common)
        except InputError as error:
            print(json.dumps({"refused": str(error)}))


if __name__ == "__main__":
    os.chdir(os.environ["FOLKMOOT_HOME"])
    main(*sys.argv[1:])
