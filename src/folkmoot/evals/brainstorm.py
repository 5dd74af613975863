"""Other panels that a saved brainstorm could have had: each way of selecting one, with five figures about it."""

from collections.abc import Sequence
from dataclasses import asdict

from folkmoot.counting.diversity import SELECTORS, Idea, metrics, select
from folkmoot.evals.artifacts import SavedRun
from folkmoot.types import JSON


def benchmark_json(runs: Sequence[SavedRun], size: int) -> JSON:
    """Every selector's panel of `size` for each run, with refinery's keys."""
    return {"status": "benchmarked", "runs": [_run_json(run, size) for run in runs]}


def _run_json(run: SavedRun, size: int) -> JSON:
    ideas = run.ideas(own_scores=True)
    about: JSON = {
        "run_dir": run.place,
        "iteration_strategy": run.iteration_strategy,
        "prompt_variant_strategy": run.prompt_variant_strategy,
        "prompt_variant_count": run.prompt_variant_count,
        "lineage_count": run.lineage_count,
        "final_round": run.final_round,
        "candidate_count": len(ideas),
        "selectors": [_selector_json(selector, select(selector, ideas, size)) for selector in SELECTORS],
    }
    return {key: value for key, value in about.items() if value is not None}


def _selector_json(selector: str, panel: Sequence[Idea]) -> JSON:
    return {"name": selector, "panel": [_member_json(idea) for idea in panel], "metrics": asdict(metrics(panel))}


def _member_json(idea: Idea) -> JSON:
    return {
        "model_id": idea.name,
        "mean_score": idea.mean,
        "stddev": idea.stddev,
        "controversy_score": idea.controversy,
        "evaluator_count": len(idea.scores),
    }


def benchmark_text(benchmark: JSON) -> str:
    """The same for people."""
    return "\n\n".join(_run_text(run) for run in benchmark["runs"])


def _run_text(run: JSON) -> str:
    about = [f"round {run['final_round']}", f"{run['candidate_count']} answers"]
    for key, name in (
        ("iteration_strategy", ""),
        ("prompt_variant_strategy", "variants "),
        ("lineage_count", "lineages "),
    ):
        if key in run:
            about.append(f"{name}{run[key]}")
    return "\n".join([f"{run['run_dir']} ({', '.join(about)})", *map(_selector_text, run["selectors"])])


def _selector_text(selector: JSON) -> str:
    of = selector["metrics"]
    lines = [
        f"  {selector['name']}: mean quality {of['panel_mean_quality']:.3f}, least {of['panel_min_quality']:.3f}, "
        f"disagreement {of['panel_disagreement']:.3f}, overlap {of['lexical_overlap']:.3f}, "
        f"meta {of['meta_preamble_rate']:.3f}"
    ]
    for number, each in enumerate(selector["panel"], 1):
        judges = each["evaluator_count"]
        lines.append(
            f"    {number}. {each['model_id']} (mean {each['mean_score']:.2f}, stddev {each['stddev']:.2f}, "
            f"controversy {each['controversy_score']:.2f}, {judges} judge{'' if judges == 1 else 's'})"
        )
    return "\n".join(lines)
