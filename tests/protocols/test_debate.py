"""debate: a majority on one answer, a merge that the others confirm, a standstill, and whatever may go wrong."""

import asyncio
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from folkmoot.core.limits import Limits
from folkmoot.errors import InputError, ProviderError
from folkmoot.execute import replay
from folkmoot.formats.sources import Source, write_sources
from folkmoot.machine.config import Config
from folkmoot.prompting import blocks
from folkmoot.protocols import check_options, find_protocol
from folkmoot.python.library import resume_run, run_protocol
from folkmoot.record.store import Home, RunFolder
from folkmoot.running.runs import Machine
from folkmoot.stances import STANCES
from folkmoot.testing import Reply, ScriptedProvider
from folkmoot.types import Request, Result
from tests.play import lines, new_folder, play, prompt_of, replayed, spec_for, steps

Says = Callable[[Request], Reply | None]
Vote = str | tuple[str, Sequence[str]]  # `s2` endorses, REVISE and SPLIT are themselves; with a ranking

NEVER = Limits(retries=0, timeout=3600)


def says(
    votes: Vote | Mapping[str, Vote] | Callable[[str, int], Vote],
    n: int = 3,
    *,
    answer: Callable[[str, int], str] = lambda seat, _: f"{seat} says so",
    **phases: Says,
) -> Callable[[Request], Reply]:
    """A script for n seats that vote all alike, by seat, or by seat and round. `phases` come first, where not None."""
    labels = spec_for("debate", n).labels

    def script(request: Request) -> Reply:
        about, seat = request.about, request.about.seat.name
        if about.phase in phases and (said := phases[about.phase](request)) is not None:
            return said
        match about.phase:
            case "propose":
                return answer(seat, about.round)
            case "vote":
                given = votes(seat, about.round) if callable(votes) else votes
                return ballot(given[seat] if isinstance(given, Mapping) else given, labels)
            case "confirm":
                return "APPROVE"
            case _:
                return f"{seat} in {about.phase} of round {about.round}"

    return script


def ballot(vote: Vote, labels: Mapping[str, str]) -> str:
    said, ranking = (vote, ()) if isinstance(vote, str) else vote
    target = labels.get(said, "")
    order = [labels[seat] for seat in ranking]
    given = {"reasoning": "Because.", "ranking": order, "vote": "FINALIZE" if target else said, "target": target}
    return json.dumps({**given, "focus": "" if target else "the units"})


def decided(result: Result) -> tuple[str, str | None, str | None, int]:
    outcome = result.outcome
    return outcome.status, outcome.winner, outcome.answer, outcome.round


def moving(seat: str, round: int) -> str:
    """Proposals that change in every round."""
    return f"{seat} in round {round} says something else"


# ----- consensus, merge, confirmation


def test_a_majority_for_one_answer_decides_and_its_authors_merge_is_the_answer() -> None:
    provider = ScriptedProvider(says("s2"))
    result = play("debate", provider, early="off")
    assert decided(result) == ("consensus", "s2", "s2 in synthesize of round 1", 1)
    assert result.exit_code == 0 and result.outcome.met
    phases = [request.about.phase for request in provider.requests]
    assert phases == [*["propose"] * 3, *["review"] * 3, *["rebut"] * 3, *["vote"] * 3, "synthesize", *["confirm"] * 2]
    assert "r1/synthesize/s2" in steps(provider) and "r1/confirm/s2" not in steps(provider)
    assert [each.answer for each in result.outcome.answers] == ["s1 says so", "s2 says so", "s3 says so"]


def test_once_a_majority_stands_the_open_votes_are_given_up() -> None:
    async def script(request: Request) -> Reply:
        if request.about.step == "r1/vote/s3":
            await asyncio.Event().wait()
        return says("s2")(request)

    result = play("debate", ScriptedProvider(script), limits=NEVER)
    assert decided(result)[:2] == ("consensus", "s2")
    assert (
        result.outcome.details["tally"] | {"majority": 2, "invited": 3, "voted": 2} == result.outcome.details["tally"]
    )


def test_a_majority_is_of_those_invited_and_abstentions_are_no_consent() -> None:
    def mute(request: Request) -> Reply | None:
        return "I would rather not say." if request.about.seat.name in ("s3", "s4") else None

    result = play("debate", says("s1", 4, vote=mute), 4, quick=True)
    assert decided(result) == ("deadlock", "s1", "s1 says so", 1)
    assert result.exit_code == 2
    assert result.outcome.explanation.startswith("no majority: 2 of 4 seats endorse the same answer")
    assert {failure.kind for failure in result.failures} == {"unparseable"} and result.repairs == 2


def test_votes_for_different_answers_are_no_consensus() -> None:
    result = play("debate", says({"s1": "s2", "s2": "s3", "s3": "s1"}), quick=True)
    assert decided(result) == ("deadlock", "s1", "s1 says so", 1)


def test_nobody_is_elected_by_its_own_vote_alone() -> None:
    result = play("debate", says({"s1": "s1", "s2": "s2"}, 2), 2)
    assert decided(result) == ("deadlock", "s1", "s1 says so", 2)
    assert "stable disagreement" in result.outcome.explanation
    own = play("debate", says({"s1": "s1", "s2": "s1", "s3": "SPLIT"}))
    assert decided(own)[:2] == ("consensus", "s1")


@pytest.mark.parametrize(
    ("phase", "reply", "said"),
    [
        ("synthesize", ProviderError("server", "overloaded"), "its author did not merge (server)"),
        ("synthesize", ProviderError("auth", "no key"), "its author did not merge (auth)"),
        ("confirm", "REJECT: the caveat is lost", "of 2 peers 0 approve of its author's merge and 2 reject it"),
        ("confirm", "no comment", "of 2 peers 0 approve of its author's merge and 0 reject it, 2 not counted"),
        ("confirm", ProviderError("server", "overloaded"), "0 approve"),
    ],
)
def test_a_merge_that_fails_leaves_the_endorsed_answer_as_it_was_written(phase: str, reply: Reply, said: str) -> None:
    def failing(request: Request) -> Reply:
        return reply if request.about.phase == phase else says("s2")(request)

    result = play("debate", failing, early="off")
    assert decided(result) == ("consensus", "s2", "s2 says so", 1)
    assert (
        result.outcome.met and said in result.outcome.explanation and "as it was written" in result.outcome.explanation
    )


def test_one_peer_that_cannot_answer_does_not_void_a_merge_that_a_majority_is_for() -> None:
    def gone(request: Request) -> Reply | None:
        return ProviderError("server", "overloaded") if request.about.seat.name == "s1" else None

    result = play("debate", says("s2", confirm=gone))
    assert result.answer == "s2 in synthesize of round 1"
    assert result.outcome.details["confirm"]["APPROVE"] == 1


def test_the_author_sees_its_own_winning_text_and_the_votes_when_it_merges() -> None:
    provider = ScriptedProvider(says("s2"))
    play("debate", provider, early="off")
    (merging,) = (request for request in provider.requests if request.about.phase == "synthesize")
    assert [each.text for each in blocks(prompt_of(merging), "own_answer")] == ["s2 says so"]
    assert len(blocks(prompt_of(merging), "vote")) == 3 and len(blocks(prompt_of(merging), "review")) == 3
    assert "Your answer, Answer A, was endorsed by 3 of 3." in prompt_of(merging)


# ----- going on, and standstill


def test_identical_votes_twice_are_a_deadlock_with_an_answer() -> None:
    result = play("debate", says("REVISE"))
    assert decided(result) == ("deadlock", "s1", "s1 says so", 2)
    assert (result.exit_code, result.total_calls) == (2, 24)


def test_two_rounds_of_nothing_but_revise_are_enough_even_if_answers_change() -> None:
    assert decided(play("debate", says("REVISE", answer=moving), rounds=9))[3] == 2
    late = play("debate", says(lambda _, round: "SPLIT" if round == 2 else "REVISE", answer=moving), rounds=9)
    assert decided(late)[3] == 3


def test_the_debate_goes_on_while_an_answer_or_a_vote_changes() -> None:
    split = {"s1": "SPLIT", "s2": "REVISE", "s3": "s1"}
    assert decided(play("debate", says(split, answer=moving), rounds=4))[3] == 4
    assert decided(play("debate", says(split), rounds=4))[3] == 2
    swinging = play("debate", says(lambda _, round: ("SPLIT", "REVISE")[round % 2], answer=moving), rounds=4)
    assert swinging.status == "deadlock"
    key = play(
        "debate", says(split, answer=lambda _, round: f"{'Long and the same. ' * 40}\nANSWER: {round}"), rounds=3
    )
    assert decided(key)[3] == 3  # nearly the same text, another conclusion


def test_a_seat_that_was_convinced_ends_the_debate() -> None:
    result = play("debate", says(lambda seat, round: "REVISE" if round == 1 and seat != "s1" else "s3", answer=moving))
    assert decided(result) == ("consensus", "s3", "s3 in synthesize of round 2", 2)


def test_a_tied_deadlock_goes_to_the_better_ranked_answer() -> None:
    votes: dict[str, Vote] = {"s1": ("s3", ["s3", "s2"]), "s2": ("s1", ["s3", "s1"]), "s3": ("s2", ["s2", "s1"])}
    result = play("debate", says(votes))
    assert decided(result) == ("deadlock", "s3", "s3 says so", 2)
    assert result.outcome.details["borda"] == {"scripted/a": 0.0, "scripted/b": 0.5, "scripted/c": 1.0}
    assert result.outcome.details["ranking"] == ["scripted/c", "scripted/b", "scripted/a"]


def test_a_ranking_never_overrides_a_majority() -> None:
    votes: dict[str, Vote] = {"s1": ("s2", ["s3", "s2"]), "s2": ("s2", ["s3", "s1"]), "s3": ("s1", ["s1", "s2"])}
    assert decided(play("debate", says(votes)))[:2] == ("consensus", "s2")


def test_quick_is_one_round_of_all_phases_whatever_rounds_says() -> None:
    result = play("debate", says({"s1": "s2", "s2": "s3", "s3": "s1"}, answer=moving), quick=True, rounds=7)
    assert (result.status, result.total_calls) == ("deadlock", 12)
    debate = find_protocol("debate")
    assert debate.max_calls(check_options(debate, {"quick": True}), 3) == 15


def test_a_finished_debate_goes_on_with_more_rounds_and_pays_nothing_twice(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    script = says(lambda seat, round: {"s1": "s2", "s2": "s3", "s3": "s1"}[seat] if round == 1 else "s1", answer=moving)
    assert decided(play("debate", script, folder=folder, quick=True))[0] == "deadlock"
    provider = ScriptedProvider(script)
    result = play(folder.spec(), provider, folder=folder, amend={"options": {"rounds": 5}})
    assert decided(result)[:2] == ("consensus", "s1")
    assert all(step.startswith("r2/") for step in steps(provider))


# ----- what a seat is shown


def test_prompts_carry_the_last_round_in_full_and_earlier_rounds_as_tallies() -> None:
    script = says(lambda seat, _: "s1" if seat == "s3" else "SPLIT", answer=moving)
    provider = ScriptedProvider(script)
    play("debate", provider, rounds=3)
    asked = {request.about.step: prompt_of(request) for request in provider.requests}
    second, third, voting = asked["r2/propose/s1"], asked["r3/propose/s1"], asked["r3/vote/s1"]
    for text in ("s2 in review of round 1", "s2 in rebut of round 1", moving("s3", 1)):
        assert text in second and text not in third and text not in voting
    voters = [each.attributes["voter"] for each in blocks(second, "vote")]
    assert sorted(voters) == ["Answer A", "Answer B", "Answer C"]
    assert "SPLIT the units\n\nBecause." in [each.text for each in blocks(second, "vote")]
    assert blocks(voting, "vote") == []
    assert "s2 in review of round 2" in third and "Round 1, 3 seats: Answer B by 1 endorsed; REVISE 0, SPLIT 2" in third
    assert "Round 2, 3 seats" not in third and "Round 2, 3 seats" in voting and "s2 in review of round 3" in voting
    assert "The votes of earlier rounds" not in second


def test_a_seat_sees_its_own_texts_and_knows_which_they_are() -> None:
    provider = ScriptedProvider(says("s1"))
    play("debate", provider)
    for request in provider.requests:
        if request.about.phase != "propose":
            seat = request.about.seat.name
            assert [each.text for each in blocks(prompt_of(request), "own_answer")] == [f"{seat} says so"]
            assert f"Your own answer is called {spec_for('debate', 3).labels[seat]}." in request.system


def test_each_seat_argues_from_its_stance_and_a_given_role_comes_first() -> None:
    asked = spec_for("debate", 3, roles="redteam")
    seats = (asked.seats[0], asked.seats[1].model_copy(update={"role": "a tax lawyer"}), asked.seats[2])
    provider = ScriptedProvider(says("s1"))
    play(asked.model_copy(update={"seats": seats}), provider)
    system = {request.about.seat.name: request.system for request in provider.requests}
    assert STANCES["advocate"] in system["s1"] and STANCES["skeptic"] in system["s3"]
    assert system["s2"].endswith("Your role in this panel: a tax lawyer") and "Skeptic" not in system["s2"]
    named = asked.model_copy(update={"seats": (asked.seats[0].model_copy(update={"role": "Pragmatist"}), *seats[1:])})
    provider = ScriptedProvider(says("s1"))
    play(named, provider)
    assert (
        STANCES["pragmatist"] in provider.requests[0].system and STANCES["advocate"] not in provider.requests[0].system
    )


# ----- the web

FOUND = (Source("Leap years", "https://a.example/leap", "Every fourth."), Source("</source>", "https://b.example", "x"))


def test_sources_are_numbered_for_every_seat_and_citations_that_lead_nowhere_are_flagged() -> None:
    script = says("s1", search=lambda _: write_sources(FOUND), synthesize=lambda _: "Every fourth year [1], see [7].")
    provider = ScriptedProvider(script)
    result = play("debate", provider, ground=True)
    assert steps(provider)[0] == "r0/search/s4" and prompt_of(provider.requests[0]) == "What is 17 * 23?"
    for request in provider.requests[1:]:
        shown = blocks(prompt_of(request), "source")
        assert [(each.attributes["number"], each.text) for each in shown] == [("1", "Every fourth."), ("2", "x")]
    details = result.outcome.details
    assert details["sources"][0] == {"number": 1, "title": "Leap years", "url": "https://a.example/leap"}
    assert details["unresolved_citations"] == ["[7]"]
    assert result.outcome.status == "consensus" and result.seats[3].model == "web/tavily"


def test_a_search_that_fails_is_said_and_the_debate_goes_on_without_it() -> None:
    result = play("debate", says("s1", search=lambda _: ProviderError("auth", "bad key")), ground=True)
    assert result.status == "consensus" and result.degraded
    assert [(each.step, each.kind) for each in result.failures] == [("r0/search/s4", "auth")]
    assert result.outcome.details["sources"] == []


# ----- seats that fail, and what stops a run


def test_a_seat_that_cannot_answer_is_dropped_and_the_others_decide() -> None:
    def script(request: Request) -> Reply:
        return ProviderError("auth", "no key") if request.about.seat.name == "s3" else says("s1")(request)

    result = play("debate", script)
    assert decided(result)[:2] == ("consensus", "s1")
    assert result.dropped == ("scripted/c",) and result.outcome.details["tally"]["invited"] == 2


def test_the_answer_of_a_seat_that_left_can_still_win() -> None:
    def gone(request: Request) -> Reply | None:
        return ProviderError("server", "down") if request.about.seat.name == "s1" else None

    result = play("debate", says("s1", review=gone, rebut=gone))
    assert decided(result) == ("consensus", "s1", "s1 says so", 1)
    assert "its author has left the run" in result.outcome.explanation


def test_a_seat_that_writes_no_new_proposal_stands_by_its_last() -> None:
    def silent(request: Request) -> Reply | None:
        return ProviderError("server", "down") if request.about.step == "r2/propose/s3" else None

    script = says(
        lambda _, round: "SPLIT" if round == 1 else "s3", answer=moving, propose=silent, confirm=lambda _: "REJECT"
    )
    assert decided(play("debate", script)) == ("consensus", "s3", moving("s3", 1), 2)


def test_one_seat_is_no_debate_and_answers_alone() -> None:
    result = play("debate", says("s1", 1), 1)
    assert decided(result) == ("single_model", "s1", "s1 says so", 1) and result.total_calls == 1


def test_with_one_seat_left_there_are_too_few_and_its_answer_is_shown() -> None:
    def script(request: Request) -> Reply:
        about = request.about
        return ProviderError("auth", "no key") if about.seat.name != "s1" and about.phase == "review" else "s1 says so"

    result = play("debate", script)
    assert (result.status, result.exit_code) == ("insufficient_models", 3)
    assert len(result.outcome.answers) == 3


@pytest.mark.parametrize("calls", [11, 12, 13, 14])
def test_a_majority_on_record_decides_when_no_more_calls_are_allowed(calls: int) -> None:
    result = play("debate", says("s2"), early="off", limits=Limits(retries=0, max_calls=calls))
    assert decided(result) == ("consensus", "s2", "s2 in synthesize of round 1" if calls == 14 else "s2 says so", 1)
    assert result.exit_code == 0


@pytest.mark.parametrize("calls", [1, 2, 3, 5, 8, 9, 10])
def test_without_a_majority_a_limit_stops_the_run_and_keeps_what_there_is(calls: int) -> None:
    result = play("debate", says("s2"), early="off", limits=Limits(retries=0, max_calls=calls))
    assert (result.status, result.exit_code) == ("max_calls", 2)
    assert len(result.outcome.answers) == min(calls, 3)
    assert result.answer == ("s2 says so" if calls == 10 else None)  # one vote is a plurality


def test_a_stopped_second_round_keeps_the_plurality_of_the_first() -> None:
    script = says({"s1": "s3", "s2": "SPLIT", "s3": "REVISE"}, answer=moving)
    result = play("debate", script, limits=Limits(retries=0, max_calls=14))
    assert (result.status, result.outcome.winner, result.answer) == ("max_calls", "s3", moving("s3", 1))


def hanging(at: str, script: Callable[[Request], Reply]) -> ScriptedProvider:
    async def reply(request: Request) -> Reply:
        if request.about.step.startswith(at):
            await asyncio.Event().wait()
        return script(request)

    return ScriptedProvider(reply)


def test_a_stall_stops_the_run_with_what_there_is(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    asked = spec_for("debate", 3, limits=NEVER, stall_timeout=0.4)
    result = play(asked, hanging("r1/review/s2", says("s1")), folder=folder)
    assert (result.status, result.exit_code) == ("stalled", 2)
    assert "no call ended for 0.4 s" in result.outcome.explanation and len(result.outcome.answers) == 3
    assert replayed(folder).outcome == result.outcome


def test_a_majority_on_record_decides_when_the_run_stalls() -> None:
    asked = spec_for("debate", 3, limits=NEVER, stall_timeout=0.4, early="off")
    assert decided(play(asked, hanging("r1/vote/s3", says("s1"))))[:2] == ("consensus", "s1")
    assert decided(play(asked, hanging("r1/synthesize", says("s1"))))[2] == "s1 says so"
    assert decided(play(asked, hanging("r1/confirm/s3", says("s1"))))[2] == "s1 in synthesize of round 1"


def test_a_stalled_run_is_asked_again_when_it_is_resumed(tmp_path: Path) -> None:
    machine = Machine({}, Config(), Home(tmp_path))
    models = ["sim/careful?delay=0", "sim/hasty?delay=0", "sim/follower?delay=600"]
    first = run_protocol("debate", "What is 17 * 23?", models, machine=machine, stall_timeout=0.4)
    assert (first.status, len(first.outcome.answers)) == ("stalled", 2)
    again = resume_run("last", machine=machine)
    assert again.status == "stalled"
    folder = machine.home.find("last")
    assert [each["step"] for each in lines(folder, "forget")] == ["r1/propose/s3"]
    assert [each["step"] for each in lines(folder, "started")].count("r1/propose/s3") == 2


def cut(folder: RunFolder, target: Path, upto: int) -> RunFolder:
    """A copy of a run that died after so many lines of its journal."""
    shutil.copytree(folder.path, target)
    copy = RunFolder(target)
    copy.result_file.unlink(missing_ok=True)
    kept = folder.journal.read_bytes().splitlines(keepends=True)[:upto]
    copy.journal.write_bytes(b"".join(kept))
    return copy


def test_after_ctrl_c_a_majority_on_record_is_the_result(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    play("debate", says("s2"), folder=folder, early="off")
    found = [json.loads(line) for line in folder.journal.read_text().splitlines()]
    voted = [at for at, line in enumerate(found) if line["kind"] == "finished" and "/vote/" in line["step"]]
    for upto, status in ((voted[0] + 1, "cancelled"), (voted[1] + 1, "consensus"), (voted[2] + 1, "consensus")):
        dead = cut(folder, tmp_path / f"cut-{upto}", upto)
        result = asyncio.run(replay(dead.spec(), dead, ended="cancelled"))
        assert (result.status, result.answer) == (status, "s2 says so")


def test_killed_anywhere_a_debate_resumes_to_the_same_result_and_pays_nothing_twice(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    script = says(lambda seat, round: "SPLIT" if round == 1 and seat != "s1" else "s2", answer=moving)
    whole = play("debate", script, folder=folder, early="off")
    all_steps = {entry["step"] for entry in map(json.loads, folder.journal.read_text().splitlines()) if "step" in entry}
    for upto in range(1, len(folder.journal.read_text().splitlines()), 3):
        dead = cut(folder, tmp_path / f"cut-{upto}", upto)
        finished = {
            line["step"]
            for line in map(json.loads, dead.journal.read_text().splitlines())
            if line["kind"] == "finished"
        }
        provider = ScriptedProvider(script)
        result = play(dead.spec(), provider, folder=dead)
        assert set(steps(provider)) == all_steps - finished
        assert result.outcome == whole.outcome


# ----- what is reported, and options


def test_the_result_tells_who_voted_what_and_who_dissents() -> None:
    result = play(
        "debate", says({"s1": "s1", "s2": ("s1", ["s3", "s1"]), "s3": "SPLIT"}, confirm=lambda _: "REJECT"), early="off"
    )
    told = result.outcome.details
    assert told["votes"][1] == {
        "model_id": "scripted/b", "vote": "FINALIZE", "endorses": "scripted/a", "focus": "",
        "ranking": ["scripted/c", "scripted/a"], "reasoning": "Because.",
    }  # fmt: skip
    assert told["endorsements"] == {"scripted/a": ["scripted/a", "scripted/b"]}
    assert told["tally"] == {"invited": 3, "voted": 3, "majority": 2, "FINALIZE": 2, "REVISE": 0, "SPLIT": 1}
    assert [(each["model_id"], each["vote"]) for each in told["dissent"]] == [
        ("scripted/c", "SPLIT"), ("scripted/b", "REJECT"), ("scripted/c", "REJECT"),
    ]  # fmt: skip
    assert told["synthesis"] == {"model_id": "scripted/a", "adopted": False, "answer": "s1 in synthesize of round 1"}
    assert (told["confirm"]["asked"], told["confirm"]["APPROVE"], told["confirm"]["REJECT"]) == (2, 0, 2)
    assert told["rounds"][0]["votes"] == {
        "scripted/a": "FINALIZE scripted/a", "scripted/b": "FINALIZE scripted/a", "scripted/c": "SPLIT",
    }  # fmt: skip
    json.dumps(told)


@pytest.mark.parametrize("options", [{"rounds": 0}, {"rounds": 101}, {"roles": "loud"}, {"stall_timeout": 0}])
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InputError):
        check_options(find_protocol("debate"), options)


def test_a_panel_of_thirty_debates_under_labels_of_two_letters() -> None:
    result = play("debate", lambda request: request.about.example, [f"scripted/m{at}" for at in range(30)], quick=True)
    assert result.status == "consensus" and result.failures == ()
