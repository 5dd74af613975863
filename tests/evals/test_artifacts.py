import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from folkmoot.errors import InputError
from folkmoot.evals.artifacts import BadArtifacts, SavedRun, load_run, read_directory
from folkmoot.evals.brainstorm import benchmark_json, benchmark_text
from folkmoot.execute import checked, execute
from folkmoot.proof.export import RefineryExport
from folkmoot.record.store import Home, RunSpec
from folkmoot.record.writer_thread import flush
from folkmoot.render.as_json import result_json
from folkmoot.testing import ScriptedProvider
from folkmoot.types import Request
from tests.evals.saved import GOLDEN, save_run
from tests.play import spec_for


def script(request: Request) -> str:
    about = request.about
    if about.phase in ("propose", "synthesize"):
        return f"idea {about.round} of {about.seat.name}"
    if about.phase == "reframe":
        return json.dumps({"prompt_variant": f"as {about.seat.name} sees it"})
    return json.dumps({"rationale": "so", "score": {"s1": 7, "s2": 3.5, "s3": 9}[about.seat.name]})


def record(spec: RunSpec, home: Home, out: Path | None = None) -> str:
    """Run it, on record and, with `out`, into an output directory; the run's id."""
    folder = home.create("What is it?")
    folder.save(spec)
    listeners = [RefineryExport(out, result_json)] if out else []
    asyncio.run(execute(checked(spec), {"scripted": ScriptedProvider(script)}, folder=folder, listeners=listeners))
    flush()
    return folder.id


def load(written: str | Path, home: Home) -> SavedRun:
    return asyncio.run(load_run(str(written), home))


def judged(run: SavedRun) -> dict[str, dict[str, float]]:
    return {author: dict(given) for author, given in run.scores.items()}


def test_the_last_round_of_a_directory_counts(tmp_path: Path) -> None:
    first = {author: ("early", {"p/x": 1.0}) for author in GOLDEN}
    found = read_directory(save_run(tmp_path / "prod" / "run", first, GOLDEN))
    assert (found.final_round, found.prompt_id, found.iteration_strategy) == (2, "prod", None)
    assert found.answers == {author: text for author, (text, _) in GOLDEN.items()}
    assert judged(found) == {author: dict(given) for author, (_, given) in GOLDEN.items()}


def test_a_proposal_nobody_judged_is_not_a_candidate(tmp_path: Path) -> None:
    found = read_directory(save_run(tmp_path / "run", {**GOLDEN, "p/d": ("unheard", {})}))
    assert sorted(found.answers) == ["p/a", "p/b", "p/c"]


def test_every_selector_is_compared_with_refinerys_keys(tmp_path: Path) -> None:
    about = {"iteration_strategy": "blind", "prompt_variant_count": 1, "lineage_count": 3, "quality_floor": None}
    path = save_run(tmp_path / "run", GOLDEN, metadata=about)
    found = benchmark_json([read_directory(path)], 2)
    (run,) = found["runs"]
    assert (found["status"], list(run)) == (
        "benchmarked",
        [
            "run_dir", "iteration_strategy", "prompt_variant_count", "lineage_count", "final_round", "candidate_count",
            "selectors",
        ],
    )  # fmt: skip
    floor = next(each for each in run["selectors"] if each["name"] == "controversy_floor_7")
    assert floor == {
        "name": "controversy_floor_7",
        "panel": [
            {"model_id": "p/b", "mean_score": 8.0, "stddev": 1.0, "controversy_score": 8.0, "evaluator_count": 2},
            {"model_id": "p/a", "mean_score": 6.0, "stddev": 3.0, "controversy_score": 18.0, "evaluator_count": 2},
        ],
        "metrics": {
            "panel_mean_quality": 7.0, "panel_min_quality": 6.0, "panel_disagreement": 2.0, "lexical_overlap": 0.75,
            "meta_preamble_rate": 0.0,
        },
    }  # fmt: skip
    assert "controversy_floor_7: mean quality 7.000, least 6.000" in benchmark_text(found)


def test_what_an_author_gave_itself_counts_only_where_it_is_asked_for(tmp_path: Path) -> None:
    found = read_directory(save_run(tmp_path / "run", {"p/a": ("x", {"p/a": 10, "p/b": 4}), "p/b": ("y", {"p/b": 9})}))
    assert [(idea.name, idea.scores) for idea in found.ideas(own_scores=True)] == [("p/a", (10, 4)), ("p/b", (9,))]
    assert [(idea.name, idea.scores) for idea in found.ideas(own_scores=False)] == [("p/a", (4,))]


def nothing(path: Path) -> None:
    (path / "round-1").rename(path / "rounds")


def no_judges(path: Path) -> None:
    for file in path.glob("round-1/evaluate-*"):
        file.unlink()


def no_proposal(path: Path) -> None:
    (path / "round-1" / "propose-p_b.md").unlink()


def not_json(path: Path) -> None:
    (path / "round-1" / "evaluate-p_a-p_b.json").write_text("{")


def no_score(path: Path) -> None:
    (path / "round-1" / "evaluate-p_a-p_b.json").write_text('{"evaluator": "p/a", "evaluatee": "p/b", "score": NaN}')


def no_author(path: Path) -> None:
    (path / "round-1" / "evaluate-p_a-p_b.json").write_text('{"evaluator": "p/a", "score": 8}')


def bad_metadata(path: Path) -> None:
    (path / "metadata.json").write_text("[]")


@pytest.mark.parametrize(
    "harm, said",
    [
        (nothing, "no round-N folder"), (no_judges, "nobody judged"), (no_proposal, "its proposal is missing"),
        (not_json, "line 1, column 2: "), (no_score, "score is not a number"), (no_author, "must be texts"),
        (bad_metadata, "holds no JSON object"),
    ],
)  # fmt: skip
def test_a_directory_that_cannot_be_analysed_says_what_is_wrong(
    tmp_path: Path, harm: Callable[[Path], None], said: str
) -> None:
    harm(save_run(tmp_path / "run", GOLDEN))
    with pytest.raises(BadArtifacts, match=said):
        read_directory(tmp_path / "run")


def test_a_model_id_cannot_lead_out_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "propose-secret.md").write_text("secret")
    save_run(tmp_path / "run", GOLDEN)
    stray = tmp_path / "run" / "round-1" / "evaluate-x.json"
    stray.write_text('{"evaluator": "p/a", "evaluatee": "../../propose-secret", "score": 8}')
    with pytest.raises(BadArtifacts, match="proposal is missing"):
        read_directory(tmp_path / "run")


@pytest.mark.parametrize("variants", ["off", "per-model"])
def test_our_record_and_our_output_directory_say_the_same(tmp_path: Path, variants: str) -> None:
    home = Home(tmp_path / "home")
    spec = spec_for("brainstorm", ["scripted/a:b", "scripted/c/d", "scripted/c/d"], rounds=2, prompt_variants=variants)
    run_id = record(spec, home, tmp_path / "out")
    from_record, from_directory = load("last", home), load(tmp_path / "out" / run_id, home)
    assert from_directory.answers == from_record.answers
    assert judged(from_directory) == judged(from_record)
    assert benchmark_json([from_directory], 3)["runs"][0] | {"run_dir": ""} == (
        benchmark_json([from_record], 3)["runs"][0] | {"run_dir": ""}
    )
    assert (from_record.final_round, from_record.prompt_variant_strategy, from_record.prompt) == (
        2, variants, "What is 17 * 23?",
    )  # fmt: skip
    assert len(from_record.answers) == (3 if variants == "off" else 12)
    assert from_directory.prompt == from_record.prompt


def test_an_output_directory_of_ours_has_refinerys_files(tmp_path: Path) -> None:
    spec = spec_for("brainstorm", 2, rounds=1, prompt_variants="per-model")
    out = tmp_path / "out" / record(spec, Home(tmp_path / "home"), tmp_path / "out")
    files = {str(file.relative_to(out)) for file in out.rglob("*") if "raw" not in file.parts and file.is_file()}
    assert files >= {
        "metadata.json", "prompt-variants.json", "panel.json", "round-1/propose-scripted_a+original.md",
        "round-1/propose-scripted_b+variant-1.md", "round-1/evaluate-scripted_a-scripted_b+variant-2.json",
    }  # fmt: skip
    assert "provider-failures.json" not in files
    metadata = json.loads((out / "metadata.json").read_text())
    assert metadata.items() >= {
        "verb": "brainstorm", "iteration_strategy": "score-only", "prompt_variant_strategy": "per-model",
        "prompt_variant_count": 3, "lineage_count": 6, "selection_strategy": "controversy_floor_7", "max_rounds": 1,
        "panel_size": 3, "max_concurrent": 0, "quality_floor": 7.0,
    }.items()  # fmt: skip
    assert list(json.loads((out / "panel.json").read_text())[0]) == [
        "model_id", "evaluated", "mean_score", "stddev", "controversy_score", "per_evaluator_scores",
    ]  # fmt: skip
    assert [each["label"] for each in json.loads((out / "prompt-variants.json").read_text())] == [
        "original", "variant-1", "variant-2",
    ]  # fmt: skip


@pytest.mark.parametrize("scoring", ["pairwise", "batch"])
def test_a_converge_on_record_can_be_analysed_too(tmp_path: Path, scoring: str) -> None:
    def judge(request: Request) -> str:
        if request.about.phase == "propose":
            return "idea"
        return request.about.example

    home = Home(tmp_path)
    spec = spec_for("converge", 3, rounds=2, scoring=scoring)
    folder = home.create("x")
    folder.save(spec)
    asyncio.run(execute(checked(spec), {"scripted": ScriptedProvider(judge)}, folder=folder))
    found = load("last", home)
    assert (found.final_round, {len(given) for given in found.scores.values()}) == (2, {2})


def test_of_a_synthesize_the_answers_before_count_not_the_merges(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    run_id = record(spec_for("synthesize", 3, synthesis_threshold=1), home, tmp_path / "out")
    from_record, from_directory = load(run_id, home), load(tmp_path / "out" / run_id, home)
    assert from_record.final_round == from_directory.final_round == 2
    assert set(from_record.answers.values()) == {f"idea 2 of s{number}" for number in (1, 2, 3)}
    assert judged(from_directory) == judged(from_record)


def test_runs_on_record_of_the_same_prompt_belong_together(tmp_path: Path) -> None:
    home = Home(tmp_path)
    ids = [record(spec_for("brainstorm", 3, rounds=1, prompt=prompt), home) for prompt in ("one", "one", "two")]
    first, second, other = [load(each, home).prompt_id for each in ids]
    assert first == second != other


def test_a_run_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        load("nope", Home(tmp_path))
