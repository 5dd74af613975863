"""ask: gate, widen, adjudicate, debate, synthesize; never more than it takes."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from folkmoot.core.limits import Limits
from folkmoot.counting.calibration import Calibration, learn, write_calibration
from folkmoot.counting.poll import choose_judge
from folkmoot.counting.votes import Group
from folkmoot.errors import InputError, ProviderError
from folkmoot.execute import checked
from folkmoot.machine.seats import parse_models, with_duties
from folkmoot.prompting import blocks
from folkmoot.protocols import find_protocol, with_files
from folkmoot.record.store import RunSpec
from folkmoot.running.estimate import estimate
from folkmoot.testing import Reply, ScriptedProvider
from folkmoot.types import JSON, Request, Result
from tests.play import new_folder, play, prompt_of, replayed, spec_for, steps
from tests.protocols.test_vote import votes, weighted, won

Judge = Callable[[Request], Reply]


def nobody(_: Request) -> Reply:
    return ProviderError("request", "nobody is asked that here")


def seats(
    said: Mapping[str, str], *, judge: Judge = nobody, same: Judge = nobody, later: Mapping[str, str] | None = None
) -> ScriptedProvider:
    """Seats that state these answers, in a debate the `later` ones, and others if they judge or compare."""

    def script(request: Request) -> Reply:
        phase, seat = request.about.phase, request.about.seat.name
        if phase == "adjudicate":
            return judge(request)
        if phase.startswith("compare"):
            return same(request)
        if phase == "synthesize":
            return "Merged.\n\nANSWER: " + (later or said)[seat]
        answer = (later or said)[seat] if phase == "debate" else said[seat]
        if answer == "fails":
            return ProviderError("auth", "no key")
        return f"{seat} worked it out in {phase}.\n\nANSWER: {answer}"

    return ScriptedProvider(script)


def apart(request: Request) -> Reply:
    """No two of the answers say the same."""
    return json.dumps({"groups": [[each.attributes["label"]] for each in blocks(prompt_of(request), "answer")]})


def choosing(seat: str, spec: RunSpec) -> Judge:
    return lambda _: json.dumps({"reason": "Checked.", "verdict": spec.labels.get(seat, seat)})


def asked(provider: ScriptedProvider) -> list[str]:
    return [step.removeprefix("r1/") for step in steps(provider)]


def test_two_seats_that_agree_are_enough() -> None:
    provider = seats(votes("391", "$391.00", "8", "8", "8"))
    result = play("ask", provider, 5)
    assert (won(result), result.exit_code) == (("agreed", "s1"), 0)
    assert asked(provider) == ["answer/s1", "answer/s2"]
    assert result.outcome.details["not_asked"] == ["scripted/c", "scripted/d", "scripted/e"]


def test_the_best_seats_are_asked_first() -> None:
    provider = seats(votes("1", "2", "7", "7"))
    assert won(play(weighted("ask", [1.0, 0.5, 2.0, 3.0]), provider)) == ("agreed", "s4")
    assert asked(provider) == ["answer/s4", "answer/s3"]


def test_where_they_disagree_the_others_are_asked_at_once() -> None:
    provider = seats(votes("7", "8", "8", "8"))
    result = play("ask", provider, 4)
    assert (won(result), asked(provider)) == (("decided", "s2"), [f"answer/s{n}" for n in (1, 2, 3, 4)])


def test_a_seat_that_fails_in_the_gate_is_replaced_by_the_next() -> None:
    provider = seats(votes("7", "fails", "7", "8"))
    assert won(play("ask", provider, 4)) == ("agreed", "s1")
    assert asked(provider) == ["answer/s1", "answer/s2", "answer/s3"]


@pytest.mark.parametrize("agree, calls", [(2, 2), (3, 3), (5, 5), (64, 5)])
def test_as_many_must_agree_as_were_asked_for(agree: int, calls: int) -> None:
    assert play("ask", seats(votes(*"77777")), 5, agree=agree, early="off").total_calls == calls


@pytest.mark.parametrize(
    "said, status, calls",
    [
        ("77777", "agreed", 3),
        ("77888", "decided", 5),
        ("78777", "decided", 4),
        ("77878", "decided", 4),
        ("78989", "undecided", 5),
    ],
)
def test_exact_stops_only_when_the_lead_cannot_be_overtaken(said: str, status: str, calls: int) -> None:
    result = play("ask", seats(votes(*said)), 5, exact=True, adjudicate="off")
    assert (result.status, result.total_calls) == (status, calls)
    assert result.outcome.leader == play("vote", seats(votes(*said)), 5, early="off").outcome.winner


def test_strong_seats_are_not_outvoted_by_number_alone() -> None:
    result = play(weighted("ask", [3.0, 1.0, 1.0, 0.5], adjudicate="off"), seats(votes("7", "8", "8", "7")))
    assert won(result) == ("decided", "s1")


def test_a_strong_seat_alone_does_not_decide_either() -> None:
    result = play(weighted("ask", [3.0, 1.0, 1.0], adjudicate="off"), seats(votes("7", "8", "8")))
    assert (won(result), result.exit_code, result.outcome.leader) == (("undecided", None), 2, "s1")


def test_undecided_shows_every_answer_and_chooses_none() -> None:
    result = play("ask", seats(votes("7", "8", "9")), 3, adjudicate="off")
    assert (result.status, result.exit_code, result.answer) == ("undecided", 2, None)
    assert len(result.outcome.answers) == 3 and len(result.outcome.details["groups"]) == 3


def test_a_judge_without_a_leading_answer_settles_a_tie() -> None:
    spec = spec_for("ask", 5)
    provider = seats(votes("7", "8", "8", "7", "9"), judge=choosing("s2", spec))
    result = play(spec, provider)
    assert (won(result), asked(provider)[-1]) == (("adjudicated", "s2"), "adjudicate/s5")
    assert result.outcome.details["judge"] == {"model": "scripted/e", "chose": "scripted/b", "reason": "Checked."}
    shown = [each.text for each in blocks(prompt_of(provider.requests[-1]), "answer")]
    assert len(shown) == 2 and all("s5" not in text for text in shown)


@pytest.mark.parametrize("judge", ["none", "unreadable", "fails"])
def test_without_a_verdict_a_tie_stays_undecided(judge: str) -> None:
    spec = spec_for("ask", 3)
    said = {"none": choosing("none", spec), "unreadable": lambda _: "Hm.", "fails": nobody}[judge]
    assert won(play(spec, seats(votes("7", "8", "9"), judge=said))) == ("undecided", None)


def test_two_seats_that_disagree_need_a_judge_from_outside() -> None:
    said = votes("7", "8")
    assert won(play("ask", seats(said), 2)) == ("undecided", None)
    members = parse_models(["scripted/a,scripted/b"], servers=["scripted"])
    panel = with_duties(members, {"judge": parse_models(["scripted/j"], servers=["scripted"])})
    spec = spec_for("ask", 2, judge="scripted/j").model_copy(update={"seats": panel})
    provider = seats(said, judge=choosing("s2", spec))
    assert (won(play(spec, provider)), asked(provider)[-1]) == (("adjudicated", "s2"), "adjudicate/s3")


@pytest.mark.parametrize(
    "groups, chosen",
    [
        ((("s1", "s2"), ("s3", "s4"), ("s5",)), ("s5", ("s1", "s3"))),
        ((("s1", "s3"), ("s2", "s4")), ("s3", ("s1", "s2"))),
        ((("s1",), ("s2",), ("s3",), ("s4",)), ("s3", ("s1", "s2", "s4"))),
        ((("s1",), ("s2",)), None),
        ((("s1", "s2"),), None),
    ],
)
def test_nobody_judges_its_own_answer(groups: tuple[tuple[str, ...], ...], chosen: object) -> None:
    ranked = [Group(str(at), members, (float(len(members)),)) for at, members in enumerate(groups)]
    assert choose_judge(ranked, ["s1", "s2", "s3", "s4", "s5"], []) == chosen


def test_two_texts_that_say_the_same_are_an_agreement() -> None:
    def same(request: Request) -> Reply:
        return json.dumps({"groups": [[each.attributes["label"] for each in blocks(prompt_of(request), "answer")]]})

    provider = seats(votes("Drive there", "Go by car", "Walk", "Walk"), same=same)
    assert won(play("ask", provider, 4)) == ("agreed", "s1")
    assert asked(provider) == ["answer/s1", "answer/s2", "compare/s1"]


def test_groups_are_compared_again_only_when_there_are_new_ones() -> None:
    old = seats(votes("Drive", "Walk", "Drive", "Walk"), same=apart, judge=lambda _: '{"verdict": "none"}')
    new = seats(votes("Drive", "Walk", "Swim", "Fly"), same=apart, judge=lambda _: '{"verdict": "none"}')
    play("ask", old, 4), play("ask", new, 4)
    assert sum("compare" in step for step in steps(old)) == 1
    assert [step for step in asked(new) if "compare" in step] == ["compare/s1", "compare-all/s1"]


def test_a_debate_counts_first_answers_beside_the_later_ones() -> None:
    said, later = votes("7", "8", "9"), votes("7", "7", "9")
    provider = seats(said, later=later)
    result = play("ask", provider, 3, adjudicate="off", debate=True)
    assert (won(result), result.outcome.round) == (("decided", "s1"), 2)
    assert [group["votes"] for group in result.outcome.details["groups"]] == [3.0, 2.0, 1.0]
    assert steps(provider)[3:] == ["r2/debate/s1", "r2/debate/s2", "r2/debate/s3"]


def test_a_heavy_seat_that_says_the_same_in_a_debate_does_not_agree_with_itself() -> None:
    result = play(weighted("ask", [5.0, 1.0], adjudicate="off", debate=True), seats(votes("7", "8")))
    assert [group["votes"] for group in result.outcome.details["groups"]] == [10.0, 2.0]
    assert (won(result), result.exit_code) == (("undecided", None), 2)


def test_one_defender_speaks_for_the_leaders_in_a_debate() -> None:
    provider = seats(votes("7", "7", "8", "8", "9"))
    play("ask", provider, 5, agree=3, adjudicate="off", debate=True)
    assert [step for step in steps(provider) if "debate" in step] == [f"r2/debate/s{n}" for n in (1, 3, 4, 5)]
    prompt = prompt_of(provider.requests[-1])
    assert [each.text[:2] for each in blocks(prompt, "own")] == ["s5"]
    assert {each.text[:2] for each in blocks(prompt, "answer")} == {"s1", "s3"}


@pytest.mark.parametrize("merged, kept", [("drive", True), ("walk", False)])
def test_a_merged_answer_is_kept_only_if_it_concludes_the_same(merged: str, kept: bool) -> None:
    provider = seats(votes("Drive", "drive."), later=votes(merged, merged))
    result = play("ask", provider, 2, synthesize=True)
    assert (result.status, result.outcome.details["synthesized"]) == ("agreed", kept)
    assert (result.answer or "").startswith("Merged" if kept else "s1 worked")


def test_numbers_are_never_merged() -> None:
    provider = seats(votes("7", "7"))
    play("ask", provider, 2, synthesize=True)
    assert asked(provider) == ["answer/s1", "answer/s2"]


@pytest.mark.parametrize("calls, status", [(1, "max_calls"), (3, "max_calls"), (4, "undecided")])
def test_what_was_said_before_the_calls_ran_out_is_shown(calls: int, status: str) -> None:
    spec = spec_for("ask", 4, adjudicate="off", limits=Limits(max_calls=calls, retries=0))
    result = play(spec, seats(votes("7", "8", "7", "8")))
    assert (result.status, result.exit_code, len(result.outcome.answers)) == (status, 2, calls)


def test_a_decision_stands_although_no_call_is_left_to_merge_it() -> None:
    spec = spec_for("ask", 2, synthesize=True, limits=Limits(max_calls=2, retries=0))
    assert won(play(spec, seats(votes("Drive", "Drive")))) == ("agreed", "s1")


@pytest.mark.parametrize("said, status, code", [("fails fails", "insufficient_models", 3), ("7 fails", "undecided", 2)])
def test_one_answer_alone_is_no_agreement(said: str, status: str, code: int) -> None:
    result = play("ask", seats(votes(*said.split())), 2)
    assert (result.status, result.exit_code) == (status, code)


def test_a_single_seat_answers_for_itself() -> None:
    result = play("ask", seats(votes("7")), 1)
    assert (won(result), result.exit_code, result.total_calls) == (("single_model", "s1"), 0, 1)


@pytest.mark.parametrize("said", ["7777", "7888", "7879", "789a"])
def test_a_replay_decides_the_same_without_asking_anybody(said: str, tmp_path: Path) -> None:
    spec, folder = spec_for("ask", 4, debate=True), new_folder(tmp_path)
    result = play(spec, seats(votes(*said), judge=choosing("s2", spec)), folder=folder)
    assert replayed(folder).outcome == result.outcome


def table(panel: str = "abc", runs: int = 400) -> JSON:
    models = [f"scripted/{each}" for each in panel]
    right = {model: (90 - 10 * at, 100) for at, model in enumerate(models)}
    return learn([dict.fromkeys(models, "7")] * runs, models, right).model_dump(mode="json")


def test_the_machines_owner_may_name_the_file_of_a_table_and_nobody_else(tmp_path: Path) -> None:
    write_calibration(tmp_path / "table.json", Calibration.model_validate(table()))
    named: dict[str, Any] = {"calibration": str(tmp_path / "table.json"), "epsilon": 0.01}
    assert with_files(find_protocol("ask"), named) == {"calibration": table(), "epsilon": 0.01}
    with pytest.raises(InputError, match="calibration: Input should be"):
        spec_for("ask", 3, **named)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "calibration: .*: No such file"),
        ("7 + 4", "calibration: .*json: line 1, column 3"),
        ('{"panel": 1}', "is not a calibration table: panel"),
        ("[]", "is not a calibration table"),
    ],
)
def test_a_file_that_holds_no_table_is_named(text: str | None, problem: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "table.json").write_text(text)
    with pytest.raises(InputError, match=problem):
        with_files(find_protocol("ask"), {"calibration": tmp_path / "table.json"})


def test_epsilon_chooses_from_a_table() -> None:
    spec = spec_for("ask", 3, epsilon=0.01, calibration=table())
    result = play(spec, seats(votes(*"777")))
    assert (result.outcome.strategy, result.total_calls) == ("agree-2", 2)
    few = spec_for("ask", 3, epsilon=0.01, calibration=table(runs=20))
    assert play(few, seats(votes(*"777"))).outcome.strategy == "exact"


def test_a_table_gives_order_and_weights() -> None:
    provider = seats(votes("7", "7", "8"))
    play("ask", provider, ["scripted/c", "scripted/b", "scripted/a"], calibration=table())
    assert asked(provider)[:2] == ["answer/s3", "answer/s2"]


@pytest.mark.parametrize(
    "options, problem",
    [
        ({"epsilon": 0.02}, "needs --calibration"),
        ({"epsilon": 0.02, "exact": True, "calibration": "TABLE"}, "two rules"),
        ({"agree": 1}, "greater than or equal to 2"),
        ({"epsilon": 0.02, "calibration": "OTHER"}, "another panel"),
    ],
)
def test_what_cannot_be_promised_is_refused_before_anything_is_spent(options: dict[str, Any], problem: str) -> None:
    named = {"TABLE": "abc", "OTHER": "xyz"}
    given: dict[str, Any] = {key: table(named[each]) if each in named else each for key, each in options.items()}
    provider = seats(votes(*"777"))
    with pytest.raises(InputError, match=problem):
        play(spec_for("ask", 3, **given), provider)
    assert provider.requests == []


def test_a_weight_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="scripted/b counts as must be more than 0"):
        play(weighted("ask", [1.0, 0.0]), seats(votes("7", "7")))


@pytest.mark.parametrize("options", [{}, {"exact": True}, {"debate": True, "synthesize": True}, {"adjudicate": "off"}])
@pytest.mark.parametrize("count", [1, 2, 3, 6, 27])
def test_no_run_makes_more_calls_than_was_said(count: int, options: dict[str, Any]) -> None:
    spec = spec_for("ask", [f"scripted/m{at}" for at in range(count)], **options)
    provider = seats(
        {f"s{at}": f"thing {at}" for at in range(1, count + 1)},
        judge=lambda _: '{"verdict": "none"}',
        same=apart,
        later={f"s{at}": f"other {at}" for at in range(1, count + 1)},
    )
    ask = find_protocol("ask")
    assert play(spec, provider).total_calls <= ask.max_calls(ask.options.model_validate(options), count)


def shown_names(result: Result) -> set[str]:
    return {model for group in result.outcome.details["groups"] for model in group["models"]}


def test_groups_name_the_models_behind_them() -> None:
    assert shown_names(play("ask", seats(votes("7", "8", "8")), 3)) == {"scripted/a", "scripted/b", "scripted/c"}


def test_a_typical_run_takes_two_calls() -> None:
    found = asyncio.run(estimate(checked(spec_for("ask", 6)), lambda *_: 0.0))
    assert (found.typical_calls, found.total_calls) == (2, 9)
