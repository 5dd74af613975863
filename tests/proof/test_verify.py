"""A verdict follows from its record or it does not: honest runs, and every way to cheat."""

import asyncio
import contextlib
import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from folkmoot.errors import InputError
from folkmoot.execute import checked, execute
from folkmoot.proof.export_file import mailed, read_mailed
from folkmoot.proof.recount import recompute
from folkmoot.proof.training import training_lines
from folkmoot.proof.transcript import transcript
from folkmoot.proof.verify import Verification, verify, verify_file
from folkmoot.python.stepping import Engine, EngineConfig
from folkmoot.record.bundle import bundle_of, read_bundle, unpack
from folkmoot.record.store import Attached, RunFolder
from folkmoot.render.html import page as page_of
from folkmoot.testing import ScriptedProvider
from folkmoot.types import JSON, Attachment
from tests.play import judges, lines, new_folder, play, spec_for
from tests.protocols.cases import EVERY, TRAP, Says, limits, quarrelling, rocky
from tests.protocols.show_of_hands import show_of_hands


def verified(folder: RunFolder) -> Verification:
    return asyncio.run(verify(folder))


def a_run(tmp_path: Path, protocol: str = "converge", script: Says = quarrelling, **asked: Any) -> RunFolder:
    folder = new_folder(tmp_path)
    play(spec_for(protocol, 4, **({"prompt": TRAP} | asked)), script, folder=folder)
    return folder


def changed(folder: RunFolder, change: Callable[[JSON], object], kind: str = "finished", step: str = "") -> None:
    """Apply `change` to the first line of the journal of that kind and step."""
    found = lines(folder)
    change(next(line for line in found if line["kind"] == kind and step in line.get("step", "")))
    folder.journal.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in found))


@EVERY
@pytest.mark.parametrize("script", [quarrelling, rocky], ids=["quarrelling", "rocky"])
def test_the_verdict_of_every_protocol_follows_from_its_record(name: str, script: Says, tmp_path: Path) -> None:
    found = verified(a_run(tmp_path, name, script))
    assert (found.problems, found.notes, found.exit_code) == ([], [], 0)
    assert found.counted and found.verdict


@EVERY
def test_what_was_mailed_follows_on_another_machine(name: str, tmp_path: Path) -> None:
    told = asyncio.run(mailed(a_run(tmp_path, name), packed=True))
    file = tmp_path / "run.json"
    file.write_text(json.dumps(told))
    found = asyncio.run(verify_file(file, page_of))
    assert (found.problems, found.exit_code, found.run_id) == ([], 0, "run")


def test_it_says_what_was_counted_round_by_round(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    play("converge", judges({"s1": 9, "s2": 5, "s3": 6}), folder=folder)
    found = verified(folder)
    assert found.counted == [
        "round 1: propose 3, evaluate 6; ahead: scripted/a, mean score 9",
        "  mean-score, 6 ballots: 9.0/8.0, stable 1/2",
        "round 2: propose 3, evaluate 6; ahead: scripted/a, mean score 9",
        "  mean-score, 6 ballots: 9.0 ≥ 8.0, stable 2/2",
    ]
    assert found.verdict == "converged, winner scripted/a (9.0 ≥ 8.0, stable 2/2)"


def test_a_score_changed_in_a_reply_is_found(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    play("converge", judges({"s1": 9, "s2": 5, "s3": 6}), folder=folder)

    def lower(line: JSON) -> None:
        line["completion"]["text"] = line["completion"]["text"].replace("9", "1")

    changed(folder, lower, step="r2/evaluate/s2>s1")
    found = verified(folder)
    assert found.exit_code == 1
    assert any(each.startswith("status: recorded ") and "max_rounds" in each for each in found.problems)
    assert any(each.startswith("scores: recorded ") for each in found.problems)


def test_a_winner_changed_in_the_result_is_found(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    play("converge", judges({"s1": 9, "s2": 5, "s3": 6}), folder=folder)
    result = json.loads(folder.result_file.read_text())
    result["outcome"]["winner"] = "s2"
    folder.result_file.write_text(json.dumps(result))
    assert verified(folder).problems == ['winner: recorded "s2", recomputed "s1"']


def test_a_ballot_changed_on_a_count_sheet_is_found(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    play("converge", judges({"s1": 9, "s2": 5, "s3": 6}), folder=folder)
    result = json.loads(folder.result_file.read_text())
    result["outcome"]["counts"][0]["ballots"][2]["value"] = 2.0
    folder.result_file.write_text(json.dumps(result))
    (problem,) = verified(folder).problems
    assert problem.startswith("counts: recorded ") and '"value": 2.0' in problem


def test_a_result_of_before_there_were_count_sheets_still_follows(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    result = json.loads(folder.result_file.read_text())
    del result["outcome"]["counts"]
    folder.result_file.write_text(json.dumps(result))
    assert folder.result() is not None
    assert verified(folder).problems == []
    assert asyncio.run(mailed(folder, packed=False))["counts"]


def test_a_count_sheet_changed_in_a_mailed_file_is_found(tmp_path: Path) -> None:
    told = asyncio.run(mailed(a_run(tmp_path, "vote"), packed=False))
    told["counts"][-1]["ballots"][0]["value"] = "something else"
    file = tmp_path / "run.json"
    file.write_text(json.dumps(told))
    (problem,) = asyncio.run(verify_file(file, page_of)).problems
    assert problem.startswith("its count sheets are not those of its record: ")


def test_the_count_of_a_plugins_protocol_is_shown_mailed_and_verified(tmp_path: Path) -> None:
    with show_of_hands():
        folder = a_run(tmp_path, "show-of-hands", lambda request: "yes" if request.about.seat.number > 1 else "no")
        found = verified(folder)
        assert (found.problems, found.counted[1]) == ([], "  show-of-hands, 4 ballots: 3 of 4 hands")
        (count,) = asyncio.run(mailed(folder, packed=True))["counts"]
    assert [ballot["value"] for ballot in count["ballots"]] == ["no", "yes", "yes", "yes"]


def test_a_request_that_was_changed_is_found(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    changed(folder, lambda line: line["request"].update(system="Give s1 a 10."), kind="started", step="evaluate")
    assert [each for each in verified(folder).problems if "request was changed" in each]


def test_a_reply_under_another_request_is_found(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    changed(folder, lambda line: line.update(digest="0" * 64), step="evaluate")
    assert [each for each in verified(folder).problems if "belongs to another request" in each]


def test_a_question_that_was_changed_is_found(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    spec = json.loads((folder.path / "run.json").read_text())
    (folder.path / "run.json").write_text(json.dumps({**spec, "prompt": "Should I fly?"}))
    assert [each for each in verified(folder).problems if "is not what this run asks" in each]


def test_a_part_of_a_prompt_that_was_changed_is_found(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    play("converge", judges(8), folder=folder, prompt="long " * 2000)
    assert verified(folder).exit_code == 0
    part = next((folder.path / "parts").iterdir())
    part.write_text(part.read_text() + "!")
    problems = verified(folder).problems
    assert [each for each in problems if each.startswith("part ")]


def test_an_unfinished_run_has_no_verdict_yet(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    folder.result_file.unlink()
    found = verified(folder)
    assert (found.problems, found.finished, found.exit_code) == ([], False, 2)


def test_a_run_that_hit_its_limit_follows_too(tmp_path: Path) -> None:
    folder = a_run(tmp_path, limits=limits(max_calls=7))
    assert verified(folder).exit_code == 0


def test_a_run_that_its_caller_ended_follows_with_a_note(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    folder.path.mkdir()
    config = EngineConfig(models=["scripted/a", "scripted/b"], max_rounds=5)

    async def two_rounds() -> None:
        session = Engine({"scripted": ScriptedProvider(judges(5))}, config=config, folder=folder).start("How many?")
        folder.save(session._job.spec)
        await session.next_round()
        await session.next_round()
        await session.finalize()

    asyncio.run(two_rounds())
    found = verified(folder)
    assert (found.problems, found.exit_code) == ([], 0)
    assert found.notes == ["the program that ran it round by round ended it after round 2"]


def test_a_file_that_shows_another_score_than_its_record_is_found(tmp_path: Path) -> None:
    told = asyncio.run(mailed(a_run(tmp_path), packed=True))
    call = next(each for each in told["testimony"]["calls"] if each["phase"] == "evaluate")
    call["value"]["score"] = 1.0
    told["outcome"]["winner"] = "s4"
    file = tmp_path / "page.json"
    file.write_text(json.dumps(told))
    problems = asyncio.run(verify_file(file, page_of)).problems
    assert any(each.startswith(f"{call['step']}: it shows another value") for each in problems)
    assert any("it shows another outcome" in each for each in problems)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("outcome", "winner"), "s4"),
        (("result", "cost_usd"), 17.0),
        (("result", "outcome", "explanation"), "10.0 ≥ 8.0"),
        (("receipt", "plain_vote", "votes"), 99),
        (("testimony", "seats", 0, "model_id"), "openai/gpt-99"),
        (("testimony", "options", "threshold"), 1.0),
        (("created",), "1999-01-01T00:00:00Z"),
    ],
)
def test_whatever_a_file_shows_must_follow_from_its_record(
    where: tuple[Any, ...], value: object, tmp_path: Path
) -> None:
    told = asyncio.run(mailed(a_run(tmp_path), packed=True))
    place: Any = told
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = value
    file = tmp_path / "page.json"
    file.write_text(json.dumps(told))
    found = asyncio.run(verify_file(file, page_of))
    assert (
        found.exit_code == 1
        and f"it shows another {where[1] if where[0] == 'testimony' else where[0]}" in found.problems[0]
    )


def test_a_call_left_out_or_put_in_is_found(tmp_path: Path) -> None:
    told = asyncio.run(mailed(a_run(tmp_path), packed=True))
    gone = told["testimony"]["calls"].pop()
    told["testimony"]["calls"].append({**gone, "step": "r9/evaluate/s1>s2"})
    file = tmp_path / "page.json"
    file.write_text(json.dumps(told))
    problems = "\n".join(asyncio.run(verify_file(file, page_of)).problems)
    assert gone["step"] in problems and "r9/evaluate/s1>s2: it shows a call" in problems


def test_a_call_that_is_shown_twice_is_found(tmp_path: Path) -> None:
    told = asyncio.run(mailed(a_run(tmp_path), packed=True))
    calls = told["testimony"]["calls"]
    calls.insert(0, {**calls[0], "text": "FORGED"})
    file = tmp_path / "page.json"
    file.write_text(json.dumps(told))
    assert "it shows a call more than once, or what is none" in asyncio.run(verify_file(file, page_of)).problems


def decoyed(page: str) -> str:
    decoy = '<script id="folkmoot-run" type="application/json">{}</script>'
    return page.replace("<main", f"{decoy}<main")


@pytest.mark.parametrize(
    "change",
    [
        decoyed,
        lambda page: page.replace("<main", "<p>It was unanimous.</p><main"),
        lambda page: page.replace('"use strict";', '"use strict"; window.winner = "me";'),
        lambda page: page.replace("<title>", "<title>Not "),
        lambda page: page + "<!-- -->",
    ],
)
def test_a_page_that_was_changed_around_its_record_is_found(change: Callable[[str], str], tmp_path: Path) -> None:
    page = page_of(asyncio.run(mailed(a_run(tmp_path), packed=True)))
    file = tmp_path / "page.html"
    file.write_text(page)
    assert asyncio.run(verify_file(file, page_of)).exit_code == 0
    file.write_text(change(page))
    found = asyncio.run(verify_file(file, page_of))
    assert found.exit_code == 1 and "the page around the record was changed" in found.problems[-1]


def test_of_another_versions_page_it_is_said_that_its_script_was_not_checked(tmp_path: Path) -> None:
    told = asyncio.run(mailed(a_run(tmp_path), packed=True))
    file = tmp_path / "page.html"
    file.write_text(decoyed(page_of({**told, "by": "9.9"})))
    found = asyncio.run(verify_file(file, page_of))
    assert found.notes == ["version 9.9 wrote the page, so what it shows in a browser was not checked"]


def test_another_question_over_the_same_answers_is_found(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    spec = json.loads((folder.path / "run.json").read_text())
    (folder.path / "run.json").write_text(json.dumps(spec | {"title": "Is the earth flat?"}))
    found = verified(folder)
    assert found.exit_code == 1
    assert any("Is the earth flat?" in each and "not what the seats were asked" in each for each in found.problems)


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("What is 2 + 2?", ""),
        ("What is 2 + 2?", "What is 2 + 2?"),
        ('Why?\n\n<file path="/a/notes.md">x</file>', "Why?"),
        ('<file path="/a/notes.md">x</file>\n\n<file path="b.txt">y</file>', "notes.md, b.txt"),
        (" a\n b ", "a b"),
    ],
)
def test_a_question_is_shown_as_it_was_typed_or_by_its_files(prompt: str, title: str, tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    play(spec_for("fanout", 2, prompt=prompt).model_copy(update={"title": title}), lambda _: "4", folder=folder)
    assert verified(folder).problems == []


@pytest.mark.parametrize(
    "change",
    [
        lambda result: result["outcome"]["details"].pop("dissent"),
        lambda result: result["outcome"]["details"].update(applause="loud"),
        lambda result: result["seats"].pop(),
        lambda result: result["seats"].append({**result["seats"][0], "seat": "s9", "model_id": "openai/gpt-9"}),
        lambda result: result.update(prompt="Is the earth flat?"),
        lambda result: result.update(protocol="council"),
    ],
)
def test_what_is_left_out_of_a_result_or_put_in_is_found(change: Callable[[JSON], object], tmp_path: Path) -> None:
    folder = a_run(tmp_path, "debate")
    result = json.loads(folder.result_file.read_text())
    change(result)
    folder.result_file.write_text(json.dumps(result))
    assert verified(folder).exit_code == 1


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", "<html></html>", '{"record": {}, "format": 1}', '{"record": "AAAA", "format": 1}',
     '{"record": "x", "format": 99}', '{"record": {"run_id": "x", "run": {}, "journal": 1, "parts": {}}, "format": 1}'],
)  # fmt: skip
def test_what_is_no_exported_file_is_said(text: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(text)
    with pytest.raises(InputError):
        read_mailed(file)


def test_a_record_cannot_choose_where_it_is_unpacked(tmp_path: Path) -> None:
    bundle = bundle_of(a_run(tmp_path))
    with pytest.raises(InputError, match="not named by its hash"):
        read_bundle({**bundle.model_dump(), "parts": {"../../evil": "x"}})
    folder = unpack(bundle.model_copy(update={"run_id": "../../evil"}), tmp_path / "other")
    assert folder.path.parent == tmp_path / "other" and "/" not in folder.id and not folder.id.startswith(".")


def test_what_belongs_to_the_senders_machine_does_not_leave_it(tmp_path: Path) -> None:
    spec = spec_for("converge", 2).model_copy(
        update={
            "recordings": ("/home/me/answers.jsonl",),
            "pass_env": ("SECRET_NAME",),
            "providers": {"scripted": {"command": ["/home/me/seat"], "base_url": "http://intranet.example"}},
        }
    )
    folder = new_folder(tmp_path / "home-of-me")
    play(spec, judges(8), folder=folder)
    told = json.dumps(asyncio.run(mailed(folder, packed=False)))
    for private in ("/home/me", "SECRET_NAME", "intranet", "home-of-me"):
        assert private not in told


def test_a_record_comes_back_as_it_was_packed(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    play("converge", judges(8, lambda _: "ä \u2028 </script> 🦉"), folder=folder, prompt="long " * 2000)
    bundle = bundle_of(folder)
    assert read_bundle(bundle.packed()) == bundle
    again = unpack(bundle, tmp_path / "other")
    assert bundle_of(again).journal == bundle.journal
    assert asyncio.run(recompute(again)).testimony == asyncio.run(recompute(folder)).testimony


def test_attachments_stay_behind_and_the_verdict_follows_without_them(tmp_path: Path) -> None:
    picture = Attachment("chart.png", "image/png", hashlib.sha256(b"pixels").hexdigest(), b"pixels")
    attached = Attached(name=picture.name, media_type=picture.media_type, sha256=picture.sha256)
    spec = spec_for("fanout", 2).model_copy(update={"attachments": (attached,)})
    folder = new_folder(tmp_path)
    folder.path.mkdir()
    folder.save(spec, (picture,))
    provider = ScriptedProvider("A chart.")
    asyncio.run(execute(checked(spec, (picture,)), {"scripted": provider}, folder=folder))
    assert verified(folder).exit_code == 0
    file = tmp_path / "run.json"
    file.write_text(json.dumps(asyncio.run(mailed(folder, packed=False))))
    assert picture.sha256 not in json.loads(file.read_text())["record"]["parts"]
    assert asyncio.run(verify_file(file, page_of)).exit_code == 0


@pytest.mark.parametrize("seed", range(40))
def test_a_file_that_was_tampered_with_ends_in_no_traceback(seed: int, tmp_path: Path) -> None:
    """Anybody may have made it: something in its record is taken out, or is something else."""
    told = asyncio.run(mailed(a_run(tmp_path, "debate"), packed=False))
    rng = random.Random(seed)
    place: Any = told["record"]
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = rng.choice(keys)
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.2:
            break
        place = inner
    if rng.random() < 0.5:
        del place[key]
    else:
        place[key] = rng.choice([None, -7, "x", [], {}])
    file = tmp_path / "run.json"
    file.write_text(json.dumps(told))
    with contextlib.suppress(InputError):
        asyncio.run(verify_file(file, page_of))


def test_training_lines_say_who_was_asked_what_and_how_it_was_scored(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    play("converge", judges({"s1": 9, "s2": 5, "s3": 6}), folder=folder)
    told = [json.loads(line) for line in asyncio.run(training_lines(folder)).splitlines()]
    assert len(told) == 18
    first = told[0]
    assert (first["step"], first["model_id"], first["phase"], first["score"]) == (
        "r1/propose/s1",
        "scripted/a",
        "propose",
        9.0,
    )
    assert first["reply"] == "s1 in round 1" and first["won"] is True
    assert [each["role"] for each in first["messages"]] == ["system", "user"]
    assert "What is 17 * 23?" in first["messages"][1]["content"]
    judged = next(each for each in told if each["phase"] == "evaluate")
    assert judged["score"] is None and judged["read"]["score"] in (9, 5, 6) and len(judged["about"]) == 1


def test_training_lines_leave_out_what_could_not_be_read(tmp_path: Path) -> None:
    folder = a_run(tmp_path, script=rocky)
    told = [json.loads(line) for line in asyncio.run(training_lines(folder)).splitlines()]
    assert told and not [each for each in told if each["step"] == "r1/propose/s3"]
    assert all(each["messages"] for each in told)


@EVERY
def test_a_transcript_holds_every_reply(name: str, tmp_path: Path) -> None:
    folder = a_run(tmp_path, name)
    text = asyncio.run(transcript(folder))
    for call in asyncio.run(recompute(folder)).testimony.calls:
        assert f"### {call['step'].replace('>', chr(92) + '>')}" in text
    assert text.startswith("# ") and "## Cost" in text
