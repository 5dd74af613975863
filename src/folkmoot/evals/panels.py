"""Blind review packs: what several runs of a prompt chose, side by side, for a person to judge; and the key to them.

After refinery, https://github.com/Lightless-Labs/refinery. The order of the panels comes from a hash, so that the same
runs always make the same pack; who wrote what stands in the key alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from folkmoot.counting.diversity import Idea, blind_order, select
from folkmoot.errors import InputError
from folkmoot.evals.artifacts import BadArtifacts, SavedRun
from folkmoot.record.markdown import quoted
from folkmoot.types import JSON

STRATEGIES = ("blind", "score-only", "own-reviews", "full-visibility")

ASPECTS = (
    "Useful diversity (1-5)", "Non-overlap (1-5)", "Novelty (1-5)", "Actionability (1-5)", "Coverage (1-5)",
    "Overall value (1-5)", "Best-answer regret", "Notes",
)  # fmt: skip


@dataclass(frozen=True)
class ReviewPanel:
    label: str  # A, B, ...
    run: SavedRun
    ideas: Sequence[Idea]


@dataclass(frozen=True)
class ReviewPrompt:
    """The panels of all runs of one prompt, in the order in which they are shown."""

    id: str
    text: str | None
    panels: Sequence[ReviewPanel]


@dataclass(frozen=True)
class Pack:
    selector: str
    prompts: Sequence[ReviewPrompt]


def make_pack(
    runs: Iterable[SavedRun],
    selector: str,
    size: int,
    *,
    strategies: Sequence[str] = (),
    texts: Mapping[str, str] | None = None,
) -> Pack:
    """The pack of `runs`, only of `strategies` if any are named; `texts` say what stands behind a prompt's id.

    Raises BadArtifacts for a run that does not say its strategy, and InputError when no run is left.
    """
    by_prompt: dict[str, list[SavedRun]] = {}
    for run in runs:
        if run.iteration_strategy is None:
            raise BadArtifacts(f"{run.place}: its metadata has no iteration_strategy")
        if not run.ideas(own_scores=False):
            raise BadArtifacts(f"{run.place}: nobody judged another's answer in round {run.final_round}")
        if not strategies or run.iteration_strategy in strategies:
            by_prompt.setdefault(run.prompt_id, []).append(run)
    if not by_prompt:
        raise InputError(f"no run has the strategy {' or '.join(strategies)}")
    return Pack(selector, [_prompt(name, by_prompt[name], selector, size, texts or {}) for name in sorted(by_prompt)])


def _prompt(name: str, runs: Sequence[SavedRun], selector: str, size: int, texts: Mapping[str, str]) -> ReviewPrompt:
    ranked = sorted(runs, key=lambda run: run.place)
    order = blind_order(name, [run.iteration_strategy or "" for run in ranked])
    panels = [
        ReviewPanel(panel_label(number), ranked[at], select(selector, ranked[at].ideas(own_scores=False), size))
        for number, at in enumerate(order)
    ]
    said = {run.prompt for run in runs}
    return ReviewPrompt(name, texts.get(name, next(iter(said)) if len(said) == 1 else None), panels)


def panel_label(number: int) -> str:
    """
    >>> panel_label(0), panel_label(25), panel_label(26), panel_label(53)
    ('A', 'Z', 'A1', 'B2')
    """
    turn, letter = divmod(number, 26)
    return ascii_uppercase[letter] + (str(turn) if turn else "")


def pack_json(pack: Pack) -> JSON:
    """The pack without anything that says who wrote what."""
    return {
        "status": "review_pack",
        "selector": pack.selector,
        "prompts": [
            {"prompt_id": prompt.id}
            | ({"prompt_text": prompt.text} if prompt.text is not None else {})
            | {"panels": [{"label": each.label, "answers": _answers(each)} for each in prompt.panels]}
            for prompt in pack.prompts
        ],
    }


def _answers(panel: ReviewPanel) -> list[JSON]:
    return [{"label": f"Answer {number}", "answer": idea.text} for number, idea in enumerate(panel.ideas, 1)]


def key_json(pack: Pack) -> JSON:
    """Who wrote what, for after the review."""
    return {
        "selector": pack.selector,
        "prompts": [{"prompt_id": each.id, "panels": [_key(panel) for panel in each.panels]} for each in pack.prompts],
    }


def _key(panel: ReviewPanel) -> JSON:
    return {
        "label": panel.label,
        "iteration_strategy": panel.run.iteration_strategy,
        "run_dir": panel.run.place,
        "answers": [
            {
                "label": f"Answer {number}", "model_id": idea.name, "mean_score": idea.mean, "stddev": idea.stddev,
                "controversy_score": idea.controversy,
            }
            for number, idea in enumerate(panel.ideas, 1)
        ],
    }  # fmt: skip


def pack_markdown(pack: Pack) -> str:
    """The pack as a form to fill in."""
    parts = [
        "# Panels to review",
        f"Chosen by `{pack.selector}`. Read every panel as a whole, then fill in what is below it. 1 is least, 5 most.",
    ]
    for prompt in pack.prompts:
        parts.append(f"## Prompt `{prompt.id}`")
        if prompt.text is not None:
            parts.append(quoted(prompt.text.strip()))
        for panel in prompt.panels:
            parts.append(f"### Panel {panel.label}")
            parts += [f"#### {each['label']}\n\n{quoted(each['answer'].strip())}" for each in _answers(panel)]
            parts.append("\n".join([f"#### Your review of panel {panel.label}\n", *(f"- {each}:" for each in ASPECTS)]))
    return "\n\n".join(parts) + "\n"
