"""The record as files: what stands where, that it grows with the run, and that the journal gives it back."""

import asyncio
import json
import logging
import re
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from folkmoot import events
from folkmoot.core.journal import Journal
from folkmoot.errors import ProviderError
from folkmoot.execute import checked, execute
from folkmoot.machine.seats import seats_of
from folkmoot.proof.export import RecordExport, RefineryExport, write_record
from folkmoot.record.files import file_names, safe_name
from folkmoot.record.markdown import Contribution, contribution_page, final_page, quoted, review_page
from folkmoot.record.store import Home, RunFolder, RunSpec
from folkmoot.record.writer_thread import flush
from folkmoot.testing import Reply, ScriptedProvider
from folkmoot.types import JSON, Candidate, Completion, Outcome, Request, Result, Seat, SeatReport, Usage

MODELS = ("x/a", "x/b", "x/b")


def reply(asked: Request) -> Reply:
    about = asked.about
    if about.phase == "propose":
        usage = Usage(input_tokens=1500, output_tokens=40, cached_tokens=300)
        return Completion(text=f"{about.seat.name} says **drive**.", model=asked.model, usd=0.0123, usage=usage)
    if about.format == "scores":
        return about.example
    score = {"s1": 9, "s2": 4, "s3": 8.5}[about.step[-2:]]
    return json.dumps({"strengths": ["clear"], "overall_assessment": "Right.", "rationale": "Why.", "score": score})


def dump(result: Result) -> JSON:
    return {"status": result.status}


def prepare(
    home: Path, models: Sequence[str] = MODELS, **options: object
) -> tuple[RunSpec, RunFolder, list[RecordExport | RefineryExport]]:
    spec = checked(
        RunSpec(protocol="converge", prompt="Walk or drive?", options=dict(options), seats=seats_of(models))
    ).spec
    folder = Home(home).create(spec.prompt)
    folder.save(spec)
    return spec, folder, [RecordExport(folder.path), RefineryExport(home / "out", dump)]


def play(
    home: Path, provider: ScriptedProvider | None = None, models: Sequence[str] = MODELS, **options: object
) -> tuple[RunFolder, Path]:
    """The run's folder and the one in refinery's layout, after a whole run."""
    spec, folder, listeners = prepare(home, models, **options)
    asyncio.run(execute(checked(spec), {"x": provider or ScriptedProvider(reply)}, folder=folder, listeners=listeners))
    flush()
    return folder, home / "out" / folder.id


def pages(folder: Path) -> dict[str, str]:
    found = [*folder.glob("*.md"), *folder.glob("**/round-*/*")]
    return {str(path.relative_to(folder)): path.read_text() for path in found}


def test_the_runs_folder_holds_a_file_per_contribution_and_the_final_page(tmp_path: Path) -> None:
    folder, _ = play(tmp_path)
    rounds = [
        f"round-00{n}/{seat}.{kind}.md"
        for n in (1, 2)
        for seat in ("x_a", "x_b#1", "x_b#2")
        for kind in ("proposal", "review")
    ]
    found = pages(folder.path)
    assert sorted(found) == sorted([*rounds, "prompt.md", "final.md"])
    assert found["prompt.md"] == "Walk or drive?\n"
    assert re.fullmatch(
        r"\*\*Proposal\*\* · round 1 · `x/a` · \d+\.\d s · 1,500 tokens in \(300 cached\), 40 out · \$0\.0123\n\n"
        r"---\n\ns1 says \*\*drive\*\*\.\n",
        found["round-001/x_a.proposal.md"],
    )


def test_a_judges_reviews_stand_in_one_file_in_the_order_of_the_seats(tmp_path: Path) -> None:
    folder, _ = play(tmp_path)
    page = (folder.path / "round-001" / "x_a.review.md").read_text()
    assert re.findall(r"^#.*|^\*\*S.*", page, re.MULTILINE) == [
        "## Of `x/b#1`", "**Score: 4**", "## Of `x/b#2`", "**Score: 8.5**",
    ]  # fmt: skip
    assert "Overall assessment:\n\n> Right." in page and "- clear" in page


def test_scores_given_in_one_reply_are_shown_by_whom_they_are_about(tmp_path: Path) -> None:
    folder, out = play(tmp_path, scoring="batch")
    page = (folder.path / "round-001" / "x_a.review.md").read_text()
    assert sorted(re.findall(r"^## Of Answer [ABC], (.*)$", page, re.MULTILINE)) == ["`x/b#1`", "`x/b#2`"]
    reviews = sorted(path.name for path in (out / "round-1").glob("*.json"))
    assert reviews[:2] == ["evaluate-x_a-x_b#1.json", "evaluate-x_a-x_b#2.json"] and len(reviews) == 6


def test_the_final_page_says_what_was_decided_and_by_how_much(tmp_path: Path) -> None:
    folder, _ = play(tmp_path)
    page = (folder.path / "final.md").read_text()
    assert page.startswith("# Answer\n\n> s1 says **drive**.\n\n## How it was decided\n\n- **converged** in round 2")
    assert "| seat | round 1 | round 2 |\n| --- | ---: | ---: |\n| ★ `x/a` | 9.0 | 9.0 |\n| `x/b#2` | 8.5 |" in page
    assert "## Dissent\n\n- `x/b#2`, mean score 8.5: s3 says \\*\\*drive\\*\\*." in page
    assert "### `x/b#1`, mean score 4.0\n\n> s2 says **drive**." in page
    assert "| `x/a` | 6 | 3,000 | 600 | 80 | $0.0246 |" in page
    assert page.endswith("## The question\n\n> Walk or drive?\n")


def test_a_deleted_record_is_rebuilt_from_the_journal_to_the_letter(tmp_path: Path) -> None:
    folder, _ = play(tmp_path)
    before = pages(folder.path)
    for name in before:
        (folder.path / name).unlink()
    asyncio.run(write_record(folder, folder.spec()))
    assert pages(folder.path) == before


def test_failures_leave_a_note_beside_the_contributions(tmp_path: Path) -> None:
    def script(asked: Request) -> Reply:
        if asked.about.seat.name == "s3" and asked.about.phase == "propose":
            return ProviderError("auth", "the key was refused")
        return "no score" if asked.about.step.startswith("r1/evaluate/s1>s2") else reply(asked)

    folder, out = play(tmp_path, ScriptedProvider(script))
    found = pages(folder.path)
    assert "> auth: the key was refused" in found["round-001/x_b#2.proposal.failed.md"]
    assert "## Of `x/b#1`\n\nNo usable reply.\n\n> unparseable: " in found["round-001/x_a.review.failed.md"]
    assert "round-001/x_a.review.md" not in found
    assert "| 1 | propose | `x/b#2` | auth | the key was refused |" in found["final.md"]
    failures = json.loads((out / "failures.json").read_text())
    assert [(each["model_id"], each.get("target_model_id"), each["kind"]) for each in failures] == [
        ("x/b#2", None, "auth"), ("x/a", "x/b#1", "unparseable"),
    ]  # fmt: skip
    raw = {path.name: path.read_text() for path in (out / "raw").iterdir()}
    assert raw["r1-evaluate-s1_s2.txt"] == raw["r1-evaluate-s1_s2+repair.txt"] == "no score"


def test_what_no_longer_counts_after_a_forget_is_taken_away(tmp_path: Path) -> None:
    def failing(asked: Request) -> Reply:
        failed = asked.about.step == "r1/propose/s3"
        return ProviderError("request", "no") if failed else "Score: 5" if asked.about.phase == "evaluate" else "x"

    folder, _ = play(tmp_path, ScriptedProvider(failing), stability_rounds=1, rounds=2)
    assert {"round-001/x_b#2.proposal.failed.md", "round-002/x_a.proposal.md"} <= set(pages(folder.path))
    (folder.path / "round-002" / "notes.md").write_text("mine")
    journal = Journal(folder.journal)
    for step in list(journal.entries):
        journal.forget(step, "asked again")
    journal.close()
    again = {"x": ScriptedProvider(reply)}
    asyncio.run(execute(checked(folder.spec()), again, folder=folder, listeners=[RecordExport(folder.path)]))
    flush()
    assert [name for name in sorted(pages(folder.path)) if "x_b#2.proposal" in name] == ["round-001/x_b#2.proposal.md"]
    assert [path.name for path in (folder.path / "round-002").iterdir()] == ["notes.md"]


def test_refinerys_layout_has_its_names_and_keys_and_what_it_left_out(tmp_path: Path) -> None:
    _, out = play(tmp_path)
    assert sorted(path.name for path in (out / "round-1").iterdir()) == [
        "evaluate-x_a-x_b#1.json", "evaluate-x_a-x_b#2.json", "evaluate-x_b#1-x_a.json", "evaluate-x_b#1-x_b#2.json",
        "evaluate-x_b#2-x_a.json", "evaluate-x_b#2-x_b#1.json", "propose-x_a.md", "propose-x_b#1.md",
        "propose-x_b#2.md",
    ]  # fmt: skip
    assert (out / "round-2" / "propose-x_a.md").read_text() == "s1 says **drive**."
    assert json.loads((out / "round-1" / "evaluate-x_a-x_b#1.json").read_text()) == {
        "evaluator": "x/a", "evaluatee": "x/b#1", "score": 4, "rationale": "Why.", "strengths": ["clear"],
        "weaknesses": [], "suggestions": [], "overall_assessment": "Right.",
    }  # fmt: skip
    assert json.loads((out / "round-1" / "evaluate-x_a-x_b#2.json").read_text())["score"] == 8.5
    rest = {"answer.md", "metadata.json", "prompt.md", "raw", "result.json", "round-1", "round-2"}
    assert {path.name for path in out.iterdir()} == rest
    assert len(list((out / "raw").iterdir())) == 18
    told = json.loads((out / "metadata.json").read_text())
    expected = {"verb": "converge", "status": "converged", "models": ["x/a", "x/b#1", "x/b#2"], "max_rounds": 5}
    assert told | expected == told and told["iteration_strategy"] == "full-visibility" and told["total_rounds"] == 2
    assert json.loads((out / "result.json").read_text()) == {"status": "converged"}


def test_a_run_that_is_cut_off_leaves_what_was_finished(tmp_path: Path) -> None:
    spec, folder, listeners = prepare(tmp_path)

    async def cut_off() -> None:
        reached = asyncio.Event()

        async def script(asked: Request) -> Reply:
            if asked.about.round == 2:
                reached.set()
                await asyncio.Event().wait()
            return reply(asked)

        provider = ScriptedProvider(script)
        run = asyncio.create_task(execute(checked(spec), {"x": provider}, folder=folder, listeners=listeners))
        await reached.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    asyncio.run(cut_off())
    flush()
    out = tmp_path / "out" / folder.id
    assert len(list((out / "round-1").iterdir())) == 9 and not (out / "round-2").exists()
    assert json.loads((out / "metadata.json").read_text())["status"] == "running"
    assert len(list((folder.path / "round-001").iterdir())) == 6
    asyncio.run(write_record(folder, spec))
    assert not (folder.path / "final.md").exists()


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    folder, out = play(tmp_path)
    for path in (*out.rglob("*"), out.parent, *folder.path.glob("round-*"), *folder.path.glob("**/*.md")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_an_export_that_cannot_write_does_not_end_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    spec, folder, _ = prepare(tmp_path)
    listeners = [RecordExport(tmp_path / "taken"), RefineryExport(tmp_path / "taken", dump)]
    with caplog.at_level(logging.WARNING, "folkmoot"):
        result = asyncio.run(execute(checked(spec), {"x": ScriptedProvider(reply)}, folder=folder, listeners=listeners))
        flush()
    assert result.status == "converged"
    assert [each.getMessage().split(":")[0] for each in caplog.records] == [
        f"{tmp_path / 'taken'} is not written any further",
        f"{tmp_path / 'taken' / folder.id} is not written any further",
    ]


def started(*models: str) -> events.RunStarted:
    return events.RunStarted("run", "any", "prompt", seats_of(models), {}, None)


def finished(step: str, text: str, asked: str = "") -> events.CallFinished:
    key = tuple(step.split("/")[-1].split(">"))
    return events.CallFinished(step, asked or key[0], key, text, text, text, 1.0, None, None, None)


def test_phases_of_other_protocols_have_their_place(tmp_path: Path) -> None:
    seen = [
        started("x/a", "x/b"), finished("r1/vote/s1", "FINALIZE: s2"), finished("inner/r2/rebut/s1", "No."),
        finished("r1/endorse/s1>s2", "yes"), finished("r1/check/s1", "Right.", asked="s2"),
        finished("r1/check/s2>fact", "True.", asked="s2"),
    ]  # fmt: skip
    record, refinery = RecordExport(tmp_path / "record"), RefineryExport(tmp_path / "out", dump)
    for event in seen:
        record(event)
        refinery(event)
    flush()
    assert sorted(pages(tmp_path / "record")) == [
        "inner/round-002/x_a.rebuttal.md", "prompt.md", "round-001/x_a.endorse.md", "round-001/x_a.vote.md",
        "round-001/x_b.check.md",
    ]  # fmt: skip
    page = (tmp_path / "record" / "round-001" / "x_b.check.md").read_text()
    assert re.findall(r"## Of .*|> .*", page) == ["## Of `x/a`", "> Right.", "## Of `fact`", "> True."]
    assert {str(path.relative_to(tmp_path / "out" / "run")) for path in tmp_path.glob("out/run/round-*/*")} == {
        "round-1/vote-x_a.md", "round-2/rebut-x_a.md", "round-1/endorse-x_a-x_b.md",
        "round-1/check-x_b-x_a.md", "round-1/check-x_b-fact.md",
    }  # fmt: skip


def test_two_calls_never_share_a_file(tmp_path: Path) -> None:
    export = RefineryExport(tmp_path, dump)
    export(started("x/a-x_b", "x/c", "x/a", "x/b-x/c"))
    export(finished("r1/endorse/s1>s2", "one"))
    export(finished("r1/endorse/s3>s4", "two"))
    flush()
    assert {path.read_text() for path in (tmp_path / "run" / "round-1").iterdir()} == {"one", "two"}


@pytest.mark.parametrize(
    "id, name",
    [
        ("openai/gpt-5.4#2", "openai_gpt-5.4#2"),
        ("ollama/llama3:8b+x", "ollama_llama3_8b+x"),
        ("../../etc", "______etc"),
        ("..", "__"),
        ("", "_"),
        ("моdel\n", "__del_"),
    ],
)
def test_a_seats_id_is_made_safe_for_file_names(id: str, name: str) -> None:
    assert safe_name(id) == name


def test_no_two_seats_have_the_same_file_name() -> None:
    long = "x/" + "a" * 300
    ids = ["x/a:b", "x/a/b", "X/A_B", "x_a_b+s2", long + "1", long + "2", long + "1"]
    names = file_names([Seat(model=id, id=id, number=number) for number, id in enumerate(ids, 1)])
    assert len({name.lower() for name in names.values()}) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9._+#-]{1,120}", name) for name in names.values())
    assert names["s1"] == "x_a_b"


@pytest.mark.parametrize(
    "text",
    ["```\nunclosed", "## Cost\nfree", "a\r# Answer\rb", "<!-- gone", "<details>", "> quoted", "| a |\n|---|", "~~~"],
)
def test_nothing_a_model_writes_can_leave_its_quotation(text: str) -> None:
    lines = quoted(text).split("\n")
    assert all(line.startswith(">") and "\r" not in line for line in lines)
    assert [line[2:] for line in lines] == re.split(r"\r\n|\r|\n", text)
    outcome = Outcome(
        status="failed", met=False, winner="s1", answer=text, leader="s1", explanation=text, details={"votes": text},
        answers=(Candidate(seat="s1", answer=text), Candidate(seat="s2", answer=text + text)),
    )  # fmt: skip
    seats = tuple(SeatReport(model_id=name, seat=name, model=name) for name in ("s1", "s2"))
    result = Result(
        run_id="r", protocol="any", prompt=text, outcome=outcome, seats=seats, failures=(), usage=Usage(),
        cost_usd=None, list_usd=None, degraded=False, total_calls=2, attempts=2, repairs=0, elapsed_ms=1, dropped=(),
    )  # fmt: skip
    page = final_page(result, [Contribution("proposal", 1, "s1", text="left over")], text)
    assert "\r" not in page
    free = re.sub(r"(?m)^>.*|^- .*", "", page)  # all but quotations and lists
    fence = "````" if "```" in text else "```"
    assert re.findall(r"(?m)^[`~]{3}.*", free) == [f"{fence}json", fence]
    assert re.findall(r"(?m)^#.*", page) == [
        "# Answer", "## How it was decided", "## Dissent", "## Details", "## Cost", "## The other answers in full",
        "### `s2`, not scored", "## Proposals of round 1", "### `s1`", "## The question",
    ]  # fmt: skip
    review = Contribution("review", 1, "s1", "s2", text, failure=text)
    assert len(re.findall(r"(?m)^#", review_page([review]))) == 1


def test_a_reply_in_json_is_fenced_by_more_backticks_than_it_holds() -> None:
    text = '{"vote": "````"}'
    page = contribution_page(Contribution("vote", 1, "s1", text=text, seconds=1.0, usd=0.0), {})
    assert page.endswith(f"\n\n`````json\n{text}\n`````\n")
    page = contribution_page(Contribution("proposal", 1, "s1", text="# As\nis", seconds=1.0), {})
    assert page.endswith("\n\n# As\nis\n")
