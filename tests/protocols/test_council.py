"""council: answers, rankings without names, and a chair who writes; the order is a matter of counting."""

import json
from collections.abc import Mapping
from itertools import permutations, product
from typing import Any

import pytest

from folkmoot.counting import rankings
from folkmoot.errors import InputError, ProviderError
from folkmoot.machine.seats import seats_of, with_duties
from folkmoot.prompting import blocks
from folkmoot.protocols.council import PRESETS
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.testing import ScriptedProvider
from folkmoot.types import Request, Result
from tests.play import new_folder, play, prompt_of, replayed, spec_for, steps

TRANSIENT = ProviderError("server", "overloaded")


def shown(request: Request) -> dict[str, str]:
    """Label -> text, as the prompt shows them."""
    return {each.attributes["label"]: each.text for each in blocks(request.messages[0].text, "answer")}


def ranking(request: Request, best: str = "s1 s2 s3 s4 s5 s6") -> str:
    """The ranking of what is shown, by the seats named in `best`."""
    order = sorted(shown(request), key=lambda label: best.index(shown(request)[label].partition(" ")[0]))
    return json.dumps({"comparison": f"{request.about.seat.name} has read them.", "ranking": order})


def seated(request: Request, orders: str | Mapping[str, str] = "s1 s2 s3 s4 s5 s6") -> str:
    """Each seat answers; each ranks by `orders`, for all or by judge; the chair writes."""
    about = request.about
    if about.phase == "propose":
        return f"{about.seat.name} says so."
    if about.phase == "rank":
        return ranking(request, orders if isinstance(orders, str) else orders[about.seat.name])
    return "The chair's answer."


def council(script: Any = seated, seats: int = 3, **asked: Any) -> Result:
    return play("council", script, seats, **asked)


def table(result: Result) -> list[tuple[str, float | None, float | None, int]]:
    return [
        (row["model_id"].removeprefix("scripted/"), row["average_rank"], row["borda"], row["rankings_count"])
        for row in result.outcome.details["aggregate_rankings"]
    ]


# ----- what happens


def test_seats_answer_then_rank_each_other_then_the_chair_writes() -> None:
    provider = ScriptedProvider(seated)
    result = council(provider)
    assert steps(provider) == [
        "r1/propose/s1", "r1/propose/s2", "r1/propose/s3", "r1/rank/s1", "r1/rank/s2", "r1/rank/s3", "r1/synthesize/s4",
    ]  # fmt: skip
    assert (result.status, result.exit_code, result.answer, result.total_calls) == (
        "chaired",
        0,
        "The chair's answer.",
        7,
    )
    assert table(result) == [("a", 1.0, 1.0, 2), ("b", 1.5, 0.5, 2), ("c", 2.0, 0.0, 2)]
    assert result.outcome.leader == "s1" and result.outcome.winner is None
    assert result.outcome.details["ranked_first"] == {"model_id": "scripted/a", "answer": "s1 says so."}
    assert result.outcome.details["chair"] == {"model_id": "scripted/a#chair", "failed": []}
    assert "ranked first: scripted/a, mean place 1.00 of 2 in 3 of 3 rankings" in result.outcome.explanation


def test_nobody_is_shown_its_own_answer_to_rank() -> None:
    provider = ScriptedProvider(seated)
    council(provider, 4)
    for request in provider.requests:
        if request.about.phase == "rank":
            assert f"{request.about.seat.name} says so." not in shown(request).values()
            assert len(shown(request)) == 3


def test_the_chair_reads_answers_reasons_and_the_order_under_labels_only() -> None:
    provider = ScriptedProvider(seated)
    council(provider)
    prompt = prompt_of(provider.requests[-1])
    labels = spec_for("council").labels
    assert {label: text.partition(" ")[0] for label, text in shown(provider.requests[-1]).items()} == {
        label: seat for seat, label in labels.items()
    }
    assert [each.attributes["reviewer"] for each in blocks(prompt, "review")] == [labels[s] for s in ("s1", "s2", "s3")]
    assert f"1. {labels['s1']} (mean place 1.00)" in prompt and "scripted" not in prompt


def test_a_judge_that_weighs_more_moves_the_mean_more() -> None:
    orders = {"s1": "s2 s3", "s2": "s3 s1", "s3": "s1 s2"}  # a circle
    seats = tuple(
        seat.model_copy(update={"weight": w})
        for seat, w in zip(seats_of(["scripted/a", "scripted/b", "scripted/c"]), (1, 1, 3), strict=True)
    )
    spec = spec_for("council").model_copy(update={"seats": (*seats, spec_for("council").seats[3])})
    assert council(lambda request: seated(request, orders)).outcome.leader == "s1"
    assert table(play(spec, lambda request: seated(request, orders)))[0] == ("a", 1.25, 0.75, 2)


def test_equal_places_go_to_the_earlier_seat() -> None:
    orders = {"s1": "s2 s3", "s2": "s3 s1", "s3": "s1 s2"}
    result = council(lambda request: seated(request, orders))
    assert [row[:2] for row in table(result)] == [("a", 1.5), ("b", 1.5), ("c", 1.5)]


# ----- few seats


def test_one_seat_answers_and_that_is_all() -> None:
    provider = ScriptedProvider(seated)
    result = council(provider, 1)
    assert (result.status, result.exit_code, result.answer) == ("single_model", 0, "s1 says so.")
    assert steps(provider) == ["r1/propose/s1"]


def test_two_answers_leave_nothing_to_rank_so_that_nobody_is_asked_to() -> None:
    provider = ScriptedProvider(seated)
    result = council(provider, 2)
    assert steps(provider) == ["r1/propose/s1", "r1/propose/s2", "r1/synthesize/s3"]
    assert (result.status, result.exit_code, result.answer) == ("chaired", 0, "The chair's answer.")
    assert table(result) == [("a", None, None, 0), ("b", None, None, 0)]
    assert result.outcome.details["ranked_first"] is None


def test_one_answer_of_three_is_too_few_but_is_shown() -> None:
    result = council(lambda request: seated(request) if request.about.seat.name == "s2" else TRANSIENT)
    assert (result.status, result.exit_code, result.answer) == ("insufficient_models", 3, None)
    assert [each.answer for each in result.outcome.answers] == ["s2 says so."]


def test_twenty_seven_seats_can_sit_together() -> None:
    best = " ".join(f"s{number}x" for number in range(1, 28))

    def script(request: Request) -> str:
        return f"{request.about.seat.name}x says so." if request.about.phase == "propose" else seated(request, best)

    result = play("council", script, ["scripted/a"] * 27)
    assert (result.status, result.outcome.leader) == ("chaired", "s1")


# ----- what goes wrong


def test_a_ranking_that_cannot_be_read_is_asked_for_again_and_is_then_missing() -> None:
    def script(request: Request) -> str:
        if request.about.phase == "rank" and request.about.seat.name == "s1":
            return "B > A, and C is as good as A."
        return seated(request)

    provider = ScriptedProvider(script)
    result = council(provider)
    assert "r1/rank/s1+repair" in steps(provider)
    assert (result.status, result.degraded) == ("chaired", True)
    assert table(result) == [("a", 1.0, 1.0, 2), ("b", 2.0, 0.0, 1), ("c", 2.0, 0.0, 1)]
    assert "in 2 of 3 rankings" in result.outcome.explanation


def test_without_any_ranking_the_chair_writes_all_the_same_but_the_rule_is_not_met() -> None:
    result = council(lambda request: TRANSIENT if request.about.phase == "rank" else seated(request))
    assert (result.status, result.exit_code, result.answer) == ("unranked", 2, "The chair's answer.")
    assert result.outcome.details["ranked_first"] is None


def with_chairs(*models: str) -> Any:
    spec = spec_for("council", chair=list(models))
    members = spec.seats[:3]
    return spec.model_copy(update={"seats": with_duties(members, {"chair": seats_of(list(models))})})


def test_where_a_chair_fails_the_next_one_writes() -> None:
    provider = ScriptedProvider(
        lambda request: TRANSIENT if request.about.seat.name in ("s4", "s5") else seated(request)
    )
    result = play(with_chairs("scripted/x", "scripted/y", "scripted/z"), provider)
    assert steps(provider)[-3:] == ["r1/synthesize/s4", "r1/synthesize/s5", "r1/synthesize/s6"]
    assert (result.status, result.answer, result.degraded) == ("chaired", "The chair's answer.", True)
    assert result.outcome.details["chair"] == {
        "model_id": "scripted/z#chair",
        "failed": [{"model_id": f"scripted/{name}#chair", "message": "overloaded"} for name in "xy"],
    }


def test_where_every_chair_fails_the_answer_ranked_first_stands_word_for_word() -> None:
    result = council(lambda request: TRANSIENT if request.about.phase == "synthesize" else seated(request, "s3 s2 s1"))
    assert (result.status, result.exit_code, result.degraded) == ("chair_failed", 2, True)
    assert (result.outcome.winner, result.answer) == ("s3", "s3 says so.")


def test_no_more_than_three_chairs_are_asked() -> None:
    provider = ScriptedProvider(lambda request: TRANSIENT if request.about.phase == "synthesize" else seated(request))
    play(with_chairs(*["scripted/x"] * 5), provider)
    assert sum("synthesize" in step for step in steps(provider)) == 3


@pytest.mark.parametrize(
    ("calls", "status", "answers", "leader"),
    [(1, "max_calls", 1, None), (3, "max_calls", 3, None), (4, "max_calls", 3, "s2"), (6, "max_calls", 3, "s1")],
)
def test_whatever_stops_it_what_was_found_until_then_stands(
    calls: int, status: str, answers: int, leader: str | None
) -> None:
    spec = spec_for("council")
    spec = spec.model_copy(update={"limits": spec.limits.model_copy(update={"max_calls": calls})})
    result = play(spec, seated)
    assert (result.status, len(result.outcome.answers), result.outcome.leader) == (status, answers, leader)
    assert result.answer == (f"{leader} says so." if leader else None)


def test_a_replay_computes_the_same(tmp_path: Any) -> None:
    folder = new_folder(tmp_path)
    result = council(folder=folder)
    assert replayed(folder).outcome == result.outcome


# ----- early decision


def heavy(early: str) -> tuple[Result, ScriptedProvider]:
    """Two judges that weigh next to nothing are asked last; the order is fixed before they have spoken."""
    spec = spec_for("council", 5, early=early)
    weights = {"s1": 10, "s2": 10, "s3": 10, "s4": 10, "s5": 0.1}
    members = [seat.model_copy(update={"weight": weights.get(seat.name, 1)}) for seat in spec.seats]
    provider = ScriptedProvider(seated)
    return play(spec.model_copy(update={"seats": tuple(members)}), provider), provider


@pytest.mark.parametrize(("early", "counted"), [("cancel", 4), ("finish", 5), ("off", 5)])
def test_rankings_that_cannot_change_the_order_are_given_up_unless_told_otherwise(early: str, counted: int) -> None:
    result, _ = heavy(early)
    assert len(result.outcome.details["rankings"]) == counted
    assert f"in {counted} of 5 rankings" in result.outcome.explanation
    assert [row[0] for row in table(result)] == ["a", "b", "c", "d", "e"]


def test_a_ranking_that_may_change_the_order_is_waited_for() -> None:
    result = council(early="cancel")
    assert len(result.outcome.details["rankings"]) == 3


def test_an_order_that_is_settled_is_the_order_whatever_follows() -> None:
    """Against every ranking that the last judge could give."""
    authors = ["a", "b", "c", "d"]
    weights = {"a": 3.0, "b": 2.0, "c": 2.5, "d": 0.5}
    hits = 0
    for orders in product(*(list(permutations([x for x in authors if x != judge])) for judge in "abc")):
        given = dict(zip("abc", orders, strict=True))
        if not rankings.settled(given, ["d"], authors, weights):
            continue
        hits += 1
        before = [each.seat for each in rankings.standings(given, authors, weights)]
        for last in permutations("abc"):
            after = [each.seat for each in rankings.standings({**given, "d": last}, authors, weights)]
            assert after == before
    assert hits > 10


# ----- presets


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_is_nothing_but_options(name: str) -> None:
    preset, provider, same = PRESETS[name], ScriptedProvider(seated), ScriptedProvider(seated)
    council(provider, preset=name)
    council(same, stance=preset.stance, judge_by=preset.judge_by, brief=preset.brief)
    assert [request.messages for request in provider.requests] == [request.messages for request in same.requests]
    assert preset.judge_by in prompt_of(provider.requests[3]) and preset.brief in prompt_of(provider.requests[-1])


def test_oxford_seats_argue_for_and_against_in_turn_and_rank_without_a_side() -> None:
    provider = ScriptedProvider(seated)
    council(provider, 4, preset="oxford")
    sides = ["for" if "Argue for" in prompt_of(each) else "against" for each in provider.requests[:4]]
    assert sides == ["for", "against", "for", "against"]
    assert not any("Argue" in prompt_of(each) for each in provider.requests[4:])


def test_what_is_given_comes_before_what_the_preset_says() -> None:
    provider = ScriptedProvider(seated)
    council(provider, preset="redteam", brief="One line.")
    assert "One line." in prompt_of(provider.requests[-1]) and PRESETS["redteam"].judge_by in prompt_of(
        provider.requests[3]
    )


def test_a_preset_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="there are redteam, premortem, oxford"):
        spec_for("council", preset="cambridge")


def test_sim_seats_rank_what_they_read() -> None:
    seats = ("sim/careful", "sim/hasty", "sim/contrarian", "sim/follower")
    result: Result = play("council", open_provider("sim", Settings(environ={})), seats, prompt="What is 17 * 23?")
    assert result.status == "chaired" and not result.degraded and "391" in (result.answer or "")
