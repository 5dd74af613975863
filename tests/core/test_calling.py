"""One call: recorded before it is used, tried again where that helps, within its time and its slots."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from folkmoot import events
from folkmoot.core.calling import digest
from folkmoot.core.limits import Limits
from folkmoot.errors import ProviderError, ReplayMismatch
from folkmoot.machine.seats import seats_of
from folkmoot.record.store import RunSpec
from folkmoot.testing import Reply, ScriptedProvider, request
from folkmoot.types import Billing, Completion, Message, OnText, Request, Result, Usage
from tests.play import lines, new_folder, play, review, spec_for, steps

AT_ONCE = Limits(backoff=0)


def ask(script: Any, *, limits: Limits = AT_ONCE, heard: list[events.Event] | None = None, **asked: Any) -> Result:
    """A converge of one seat is one call."""
    return play("converge", script, 1, limits=limits, heard=heard, **asked)


def failures(*errors: ProviderError, then: Reply = "391") -> ScriptedProvider:
    return ScriptedProvider([*errors, then])


# ----- the record


def test_a_reply_is_on_disk_before_the_protocol_sees_it(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    recorded: list[int] = []

    def script(asked: Request) -> str:
        if asked.about.phase == "evaluate":
            recorded.append(sum(line["step"].startswith("r1/propose") for line in lines(folder, "finished")))
        return "391" if asked.about.phase == "propose" else review(9)

    play("converge", script, 2, folder=folder, rounds=1, stability_rounds=1)
    assert recorded == [2, 2]


def test_the_record_holds_request_reply_usage_cost_and_time(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    done = Completion(text="391", model="a-2026", usage=Usage(input_tokens=9, output_tokens=3), usd=0.0, list_usd=0.01)
    ask(done, folder=folder)
    (header,) = lines(folder, "header")
    (started,) = lines(folder, "started")
    (finished,) = lines(folder, "finished")
    assert (header["format"], header["protocol"]) == (1, "converge")
    assert started["request"]["messages"][0][0] == "user" and "17 * 23" in started["request"]["messages"][0][1][0]
    assert (started["seat"], started["digest"]) == ("s1", finished["digest"])
    assert finished["completion"] == {
        "text": "391", "model": "a-2026", "usd": 0.0, "list_usd": 0.01,
        "usage": {"input_tokens": 9, "output_tokens": 3},
    }  # fmt: skip
    assert finished["attempts"] == 1 and finished["seconds"] >= 0


def test_a_long_prompt_stands_once_beside_the_record_and_not_in_its_lines(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    play("converge", lambda asked: asked.about.example, 3, prompt="long " * 2000, folder=folder)
    assert len(list((folder.path / "parts").iterdir())) == 1
    assert "long long" not in folder.journal.read_text()


def test_a_record_made_with_another_prompt_is_refused_not_silently_mixed(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    ask("391", folder=folder)
    other = spec_for("converge", 1, prompt="What is 18 * 23?", limits=AT_ONCE)
    with pytest.raises(ReplayMismatch, match="step 'r1/propose/s1' was recorded for another request"):
        play(other, "414", folder=folder)


def test_half_a_character_in_a_reply_does_not_break_the_record(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    assert ask("391 \ud83d", folder=folder).answer == "391 \ufffd"
    assert lines(folder, "finished")[0]["completion"]["text"] == "391 \ufffd"


ONE = request("What is 17 * 23?")


@pytest.mark.parametrize(
    "change",
    [
        {"system": "Be brief."},
        {"temperature": 0.0},
        {"effort": "high"},
        {"max_tokens": 100},
        {"schema": {"type": "object"}},
        {"messages": (Message("user", ("What is", "17 * 23?")),)},
        {"messages": (Message("assistant", ("Hi",)), *ONE.messages)},
        {"model": "another"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_would_be_sent_is_part_of_the_digest(change: dict[str, Any]) -> None:
    assert digest(replace(ONE, **change), "openai") != digest(ONE, "openai")


def test_a_limit_set_for_the_budget_and_what_the_call_is_for_are_not_part_of_the_digest() -> None:
    capped = replace(ONE, cap=100, about=replace(ONE.about, step="r7/x/s9", seed=5))
    assert digest(capped, "openai") == digest(ONE, "openai") != digest(ONE, "azure")


# ----- attempts


def test_what_may_pass_is_tried_again_up_to_the_number_of_retries() -> None:
    heard: list[events.Event] = []
    result = ask(failures(ProviderError("rate", "429"), ProviderError("server", "529")), heard=heard)
    assert (result.answer, result.total_calls, result.attempts, result.failures) == ("391", 1, 3, ())
    assert [(each.attempt, each.kind) for each in heard if isinstance(each, events.AttemptFailed)] == [
        (1, "rate"),
        (2, "server"),
    ]


def test_when_the_retries_are_used_up_the_call_has_failed(tmp_path: Path) -> None:
    folder, provider = new_folder(tmp_path), ScriptedProvider(ProviderError("server", "overloaded"))
    result = ask(provider, folder=folder)
    assert (result.status, result.exit_code, len(provider.requests), result.attempts) == ("failed", 1, 3, 3)
    assert (len(lines(folder, "attempt")), lines(folder, "finished")[0]["attempts"]) == (2, 3)
    assert lines(folder, "finished")[0]["error"] == {"kind": "server", "message": "overloaded"}


@pytest.mark.parametrize("kind", ["auth", "model", "request", "missing", "timeout", "unrecorded"])
def test_what_will_not_pass_is_not_tried_again(kind: Any) -> None:
    provider = ScriptedProvider(ProviderError(kind, "no"))
    assert ask(provider).failures[0].kind == kind
    assert len(provider.requests) == 1


def test_a_wait_is_as_long_as_the_provider_says_else_doubled_each_time() -> None:
    heard: list[events.Event] = []
    errors = [ProviderError("rate", "429"), ProviderError("rate", "429", retry_after=0.0), ProviderError("rate", "429")]
    ask(failures(*errors), limits=Limits(retries=3, backoff=0.001), heard=heard)
    waits = [each.wait for each in heard if isinstance(each, events.AttemptFailed)]
    assert waits == [0.001, 0.0, 0.004]


def test_a_wait_longer_than_the_time_that_is_left_is_not_begun() -> None:
    provider = failures(ProviderError("rate", "come back in an hour", retry_after=3600))
    assert ask(provider).failures[0].message == "come back in an hour"
    assert len(provider.requests) == 1


def test_an_empty_answer_is_tried_again() -> None:
    assert ask(ScriptedProvider([" \n", "391"])).attempts == 2
    assert ask(" ").failures[0].kind == "empty"


def test_a_provider_that_breaks_is_a_failed_call_not_the_end_of_the_run() -> None:
    def script(asked: Request) -> str:
        if asked.about.seat.name == "s3":
            raise ValueError("unpack")
        return "391" if asked.about.phase == "propose" else review(9)

    result = play("converge", script, 3)
    assert result.status == "converged"
    assert {(each.seat, each.kind, each.message) for each in result.failures} == {
        ("s3", "protocol", "ValueError: unpack")
    }


def test_what_an_attempt_cost_counts_although_it_failed(tmp_path: Path) -> None:
    provider = ScriptedProvider([ProviderError("server", "cut", usd=0.25), Completion(text="391", usd=0.5)])
    folder = new_folder(tmp_path)
    assert ask(provider, folder=folder).cost_usd == 0.75
    assert [line["usd"] for line in lines(folder, "attempt")] == [0.25]


# ----- time


class Slow(ScriptedProvider):
    """Never answers those seats; says how many were waiting at once."""

    def __init__(self, *seats: str, concurrency: int | None = None) -> None:
        super().__init__(lambda asked: "391" if asked.about.phase == "propose" else review(9), concurrency=concurrency)
        self.seats = seats
        self.now = self.most = 0

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if request.about.seat.name in self.seats:
                await asyncio.Event().wait()
            return await super().complete(request, on_text)
        finally:
            self.now -= 1


def test_a_call_ends_when_its_time_is_over() -> None:
    provider = Slow("s1")
    result = ask(provider, limits=Limits(timeout=0.02))
    assert [(each.kind, each.message) for each in result.failures] == [("timeout", "no answer within 0.02 s")]
    assert provider.now == 0 and result.attempts == 1


def test_waiting_for_a_slot_is_not_time_of_the_call() -> None:
    """s1 and s2 run out of their time; s3, s4 wait for longer than that and answer all the same."""
    provider = Slow("s1", "s2", concurrency=1)
    result = play("converge", provider, 4, limits=Limits(timeout=0.2, retries=0), rounds=1, stability_rounds=1)
    assert {each.seat for each in result.outcome.answers} == {"s3", "s4"}
    assert {each.step for each in result.failures} == {"r1/propose/s1", "r1/propose/s2"}


def test_a_timeout_inside_a_provider_is_not_taken_for_ours() -> None:
    def script(_: Request) -> str:
        raise TimeoutError("the socket gave up")

    assert [(each.kind, each.message) for each in ask(script).failures] == [
        ("protocol", "TimeoutError: the socket gave up")
    ]


# ----- slots


@pytest.mark.parametrize(
    ("limit", "provider_limit", "most"), [(0, None, 5), (2, None, 2), (0, 3, 3), (2, 3, 2), (4, 3, 3)]
)
def test_no_more_calls_run_at_once_than_the_run_and_the_provider_allow(
    limit: int, provider_limit: int | None, most: int
) -> None:
    provider = Slow(concurrency=provider_limit)
    result = play(
        "converge",
        provider,
        5,
        scoring="batch",
        limits=Limits(max_concurrent=limit, retries=0),
        rounds=1,
        stability_rounds=1,
    )
    assert len(result.outcome.answers) == 5
    assert provider.most == most


def test_a_slot_is_free_while_a_call_waits_to_try_again() -> None:
    """With one slot, s2 gets its turn between the two attempts of s1."""
    provider = ScriptedProvider(lambda asked: "391" if asked.about.phase == "propose" else review(9), concurrency=1)
    order: list[str] = []

    def script(asked: Request) -> Reply:
        order.append(asked.about.step)
        return ProviderError("server", "busy") if order == ["r1/propose/s1"] else asked.about.example

    provider.script = script
    play("converge", provider, 2, limits=Limits(backoff=0.001), rounds=1, stability_rounds=1)
    assert order[:3] == ["r1/propose/s1", "r1/propose/s2", "r1/propose/s1"]


# ----- which model, which part of the text


def test_another_model_than_asked_for_is_said_once_and_stands_in_the_result() -> None:
    heard: list[events.Event] = []

    def script(asked: Request) -> Completion:
        text = "391" if asked.about.phase == "propose" else review(9)
        return Completion(text=text, model="cheap-1" if asked.model == "b" else f"{asked.model}-2026-01-31")

    result = play("converge", script, 2, heard=heard)
    assert [(each.seat, each.asked, each.answered) for each in heard if isinstance(each, events.ModelMismatch)] == [
        ("s2", "scripted/b", "cheap-1")
    ]
    assert [(each.answered_by, each.mismatch) for each in result.seats] == [("a-2026-01-31", False), ("cheap-1", True)]


def test_text_is_passed_on_as_it_comes_with_its_attempt() -> None:
    class Cut(ScriptedProvider):
        async def complete(self, request: Request, on_text: OnText) -> Completion:
            on_text("39")
            if len(self.requests) == 0:
                self.requests.append(request)
                raise ProviderError("server", "cut")
            on_text("1")
            return Completion(text="391")

    heard: list[events.Event] = []
    ask(Cut("391"), heard=heard)
    assert [(each.attempt, each.text) for each in heard if isinstance(each, events.TextDelta)] == [
        (1, "39"), (2, "39"), (2, "1"),
    ]  # fmt: skip


def test_role_system_prompt_history_and_sampling_reach_every_call() -> None:
    seat = {"role": "the sceptic", "system": "Be brief.", "temperature": 0.5, "effort": "low", "max_tokens": 99}
    asked = RunSpec.model_validate(
        {
            "protocol": "converge",
            "options": {"rounds": 1, "stability_rounds": 1},
            "prompt": "And times two?",
            "history": [{"role": "user", "text": "17 * 23?"}, {"role": "assistant", "text": "391"}],
            "seats": [each.model_dump() for each in seats_of(["scripted/a", "scripted/b"], **seat)],
            "labels": {"s1": "Answer A", "s2": "Answer B"},
        }
    )
    provider = ScriptedProvider(lambda asked: asked.about.example)
    play(asked, provider)
    assert len(provider.requests) == 4
    for each in provider.requests:
        assert [message.text for message in each.messages[:2]] == ["17 * 23?", "391"]
        assert each.system.endswith("Be brief.\n\nYour role in this panel: the sceptic")
        assert (each.temperature, each.effort, each.max_tokens, each.output_limit) == (0.5, "low", 99, 99)


# ----- repair


def test_an_unreadable_reply_is_shown_back_once_with_the_reason() -> None:
    def script(asked: Request) -> str:
        if asked.about.phase == "propose":
            return "391"
        return review(9) if asked.about.step.endswith("+repair") else review("high")

    provider, heard = ScriptedProvider(script), list[events.Event]()
    result = play("converge", provider, 2, rounds=1, stability_rounds=1, heard=heard)
    assert (result.status, result.total_calls, result.repairs, result.attempts) == ("converged", 4, 2, 6)
    repair = next(each for each in provider.requests if each.about.step.endswith("+repair"))
    assert [message.role for message in repair.messages] == ["user", "assistant", "user"]
    assert repair.messages[1].text == review("high")
    assert "could not be read: there is no number in the score 'high'" in repair.messages[2].text
    assert '"overall_assessment"' in repair.messages[2].text  # the form it should have, once more
    assert sum(isinstance(each, events.RepairAsked) for each in heard) == 2


def test_a_repair_that_fails_or_is_unreadable_too_is_an_abstention() -> None:
    def script(asked: Request) -> Reply:
        if asked.about.phase == "propose":
            return "391"
        if asked.about.seat.name == "s1":
            return "no"
        return ProviderError("auth", "expired") if asked.about.step.endswith("+repair") else "no"

    provider = ScriptedProvider(script)
    result = play("converge", provider, 2, rounds=1, stability_rounds=1)
    assert [(each.seat, each.kind, each.dropped) for each in result.failures] == [
        ("s1", "unparseable", False), ("s2", "auth", True),
    ]  # fmt: skip
    assert max(steps(provider).count(step) for step in steps(provider)) == 1


class Metered(ScriptedProvider):
    billing: Billing = "metered"


def test_a_call_without_a_known_cost_makes_the_total_unknown_not_zero() -> None:
    assert ask(Metered(Completion(text="391"))).cost_usd is None
    assert ask(Metered(Completion(text="391", usd=0.1))).cost_usd == 0.1
