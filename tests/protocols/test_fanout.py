"""fanout: all answers, nobody judges."""

from pathlib import Path

from folkmoot.core.limits import Limits
from folkmoot.errors import ProviderError
from folkmoot.testing import ScriptedProvider
from folkmoot.types import Request
from tests.play import PROMPT, new_folder, play, prompt_of, replayed, steps


def test_every_answer_is_the_result() -> None:
    provider = ScriptedProvider(lambda request: f"{request.about.seat.name} says so")
    result = play("fanout", provider, 3)
    assert (result.status, result.exit_code, result.answer, result.outcome.winner) == ("answered", 0, None, None)
    assert [each.answer for each in result.outcome.answers] == [f"s{n} says so" for n in (1, 2, 3)]
    assert steps(provider) == ["r1/answer/s1", "r1/answer/s2", "r1/answer/s3"]


def test_the_question_goes_out_as_it_was_typed() -> None:
    provider = ScriptedProvider("Fine.")
    play("fanout", provider, 1)
    assert (prompt_of(provider.requests[0]), provider.requests[0].system) == (PROMPT, "")


def test_one_lost_seat_leaves_a_partial_answer() -> None:
    def script(request: Request) -> str | ProviderError:
        return ProviderError("auth", "no key") if request.about.seat.name == "s2" else "Fine."

    result = play("fanout", script, 3)
    assert (result.status, result.exit_code, result.degraded) == ("partial", 0, True)
    assert [each.seat for each in result.outcome.answers] == ["s1", "s3"]


def test_no_answer_at_all_is_too_few_seats() -> None:
    result = play("fanout", ProviderError("auth", "no key"), 2)
    assert (result.status, result.exit_code) == ("insufficient_models", 3)


def test_what_arrived_before_the_calls_ran_out_stands() -> None:
    result = play("fanout", "Fine.", 3, limits=Limits(max_calls=2, retries=0))
    assert (result.status, len(result.outcome.answers)) == ("max_calls", 2)


def test_a_replay_shows_the_same_answers(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    result = play("fanout", lambda request: request.about.seat.name, 3, folder=folder)
    assert replayed(folder).outcome == result.outcome
