"""llm-consortium's flags: who is asked, by which rules, and the options of `consortium` that they are."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from folkmoot import textfiles

F = TypeVar("F", bound=Callable[..., Any])


def _together(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Several options as one decorator, in the order of --help."""

    def add(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add


MEMBERS = _together(
    click.option(
        "-m", "--model", multiple=True, metavar="MODEL[:COUNT]",
        help="A member: an id of `llm`, a panel, or provider/model. Repeatable.",
    ),
    click.option("-n", "--count", type=int, default=1, show_default=True, help="Seats for a model without a count."),
    click.option("--arbiter", help="Who synthesizes and judges; the first member's model, unless somebody is named."),
)  # fmt: skip

RULES = _together(
    click.option("--confidence-threshold", type=float, help="To be reached: 0 to 1, or a percentage.  [default: 0.8]"),
    click.option("--max-iterations", type=int, help="Most rounds.  [default: 3]"),
    click.option("--min-iterations", "--minimum-iterations", type=int, help="Fewest rounds.  [default: 1]"),
    click.option(
        "--judging-method", type=click.Choice(["default", "rank", "pick-one"], case_sensitive=False),
        help="The arbiter writes a synthesis, ranks the answers, or picks one.",
    ),
    click.option("--manual-context/--auto-context", "manual", default=None, help="Show nobody what they wrote before."),
    click.option("--strategy", help="Whose answers the arbiter sees: `llm consortium strategies`."),
    click.option("--strategy-param", multiple=True, metavar="KEY=VALUE", help="A repeated key makes a list."),
    click.option("--embedding-backend", help="openai, sentence-transformers, chutes or words, for semantic."),
    click.option("--embedding-model", help="Its model, or the folder of one."),
    click.option("--clustering-algorithm", help="dbscan, for semantic."),
    click.option("--cluster-eps", type=float, help="Cosine distance of answers that are close.  [default: 0.5]"),
    click.option("--cluster-min-samples", type=int, help="Answers that make a cluster.  [default: 2]"),
    click.option("--budget", type=float, metavar="USD", help="Stop before the run costs more."),
    click.option("--max-calls", type=int, help="Stop before the run makes more calls."),
)  # fmt: skip

_SAME = (
    "confidence_threshold", "min_iterations", "judging_method", "strategy", "embedding_backend", "embedding_model",
    "clustering_algorithm", "cluster_eps", "cluster_min_samples",
)  # fmt: skip


def options_given(given: Mapping[str, Any], models: Callable[[Sequence[str]], list[str]]) -> dict[str, Any]:
    """The options of `consortium` that the flags are; `models` says what a name means."""
    found = {name: given[name] for name in _SAME if given[name] is not None}
    if given["max_iterations"] is not None:
        found["rounds"] = given["max_iterations"]
    if given["manual"] is not None:
        found["context"] = "manual" if given["manual"] else "auto"
    if given["arbiter"]:
        found["arbiter"] = [name.removesuffix("*1") for name in models([given["arbiter"]])]
    if given["strategy_param"]:
        # llm-consortium takes a parameter without a value for a switch that is on
        found["strategy_param"] = [each if "=" in each else f"{each}=true" for each in given["strategy_param"]]
    return {name: value.lower() if name == "strategy" else value for name, value in found.items()}


def system_given(text: str | None) -> str | None:
    """A system prompt: the text, or what is in the file of that name."""
    if not text or "\n" in text or len(text) > 1000:
        return text or None
    path = Path(text.removeprefix("@"))
    return textfiles.read(path) if text.startswith("@") or path.is_file() else text
