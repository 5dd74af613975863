"""What the whole record says, without a call: tournament, leaderboard, receipts."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from folkmoot.errors import InputError
from folkmoot.evals.leaderboard import Seen, fit, leaderboard, leaderboard_text, seen_at
from folkmoot.evals.on_record import marked_runs
from folkmoot.evals.receipts import Held, held_at, receipts_text, sum_up
from folkmoot.evals.receipts_page import receipts_page
from folkmoot.evals.tournament import Entrant, judged, sign_test, tournament, tournament_text
from folkmoot.record.store import Home, RunFolder
from folkmoot.running.marking import mark
from folkmoot.testing import ScriptedProvider
from folkmoot.types import Request
from tests.play import author_of, play, review

pytestmark = pytest.mark.slow


def voted(home: Home, number: int, *said: str, right: str = "391") -> RunFolder:
    folder = RunFolder(home.runs / f"20260101-000000_what_{number:04}")
    script = {f"r1/answer/s{seat}": f"ANSWER: {answer}" for seat, answer in enumerate(said, 1)}
    play("vote", ScriptedProvider(script), len(said), folder=folder, early="off")
    mark(folder, home, "right" if max(said, key=said.count) == right else "wrong", answer=right)
    return folder


def converged(home: Home, number: int, scores: Callable[[Request], float], answer: str = "391") -> RunFolder:
    folder = RunFolder(home.runs / f"20260201-000000_what_{number:04}")

    def script(request: Request) -> str:
        if request.about.phase == "propose":
            return f"ANSWER: {answer if request.about.seat.name == 's1' else 390}"
        return review(scores(request))

    play("converge", script, 3, folder=folder, rounds=2, stability_rounds=2, threshold=8)
    mark(folder, home, "right", answer="391")
    return folder


# Tournament


def test_every_rule_that_the_record_can_answer_takes_part_and_nobody_is_asked(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for number in range(30):
        voted(home, number, "391", "391", "390" if number % 2 else "391")
    found = asyncio.run(tournament(marked_runs(home)))
    places = {each.name: each for each in found.places}
    assert {
        "alone: scripted/a",
        "vote: scripted/a + scripted/b",
        "as it was: vote",
        "ask --exact",
        "ask --agree 2",
    } <= set(places)
    assert places["alone: scripted/c"].right == 0.5 and places["alone: scripted/a"].right == 1.0
    assert places["ask --agree 2"].calls == 2
    assert places["alone: scripted/a"].front and not places["vote: scripted/a + scripted/b + scripted/c"].front
    assert found.winner is None and "cannot be told from" in found.verdict
    assert "alone: scripted/a" in tournament_text(found)


def test_judged_runs_are_replayed_through_other_stopping_and_counting_rules(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for number in range(3):
        converged(home, number, lambda request: 9 if author_of(request) == "s1" else 5)
    places = {each.name: each for each in asyncio.run(tournament(marked_runs(home))).places}
    early = places["converge --threshold 8 --stability-rounds 1 --rule mean"]
    assert early.calls < places["as it was: converge"].calls
    assert places["judges: tops"].right == 1.0
    assert "converge --threshold 9 --stability-rounds 2 --rule tops" in places


def entrants(draw: random.Random, runs: int, *rates: float) -> list[Entrant]:
    found = [Entrant(f"e{at}") for at in range(len(rates))]
    for run in range(runs):
        for entrant, rate in zip(found, rates, strict=True):
            entrant.add(f"r{run}", draw.random() < rate, 1, 1.0, 1.0)
    return found


def test_among_equals_a_winner_is_named_in_at_most_one_of_twenty_tournaments() -> None:
    draw = random.Random(1)
    named = sum(judged(entrants(draw, 60, *[0.7] * 8), 60).winner is not None for _ in range(300))
    assert named <= 15


def test_a_winner_that_is_better_than_every_other_is_named() -> None:
    found = judged(entrants(random.Random(2), 200, 0.95, 0.6, 0.6), 200)
    assert found.winner == "e0" and "better than each of the 2 others" in found.verdict


def test_few_runs_name_nobody_and_none_is_an_error(tmp_path: Path) -> None:
    assert judged(entrants(random.Random(3), 10, 1.0, 0.0), 10).winner is None
    assert sign_test({"r": True}, {"r": False}) == 1.0
    with pytest.raises(InputError, match="folkmoot outcome"):
        asyncio.run(tournament(marked_runs(Home(tmp_path))))


# Leaderboard


def test_strengths_follow_who_was_put_before_whom() -> None:
    table = fit(["a", "b", "c", "d"], [("a", "b", 1.0)] * 9 + [("b", "a", 1.0)] * 3 + [("b", "c", 1.0)] * 9)
    assert table["a"] > table["b"] > table["c"] and "d" not in table
    assert sum(table.values()) == pytest.approx(0, abs=0.01)
    assert fit(["a"], []) == {}


def test_the_models_of_all_runs_are_ranked_with_harshness_and_wins(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for number in range(6):
        converged(home, number, lambda r: (9 if author_of(r) == "s1" else 6) - (2 if r.about.seat.name == "s3" else 0))

    async def seen() -> list[Seen]:
        return [each async for each in seen_at(home)]

    table = leaderboard(asyncio.run(seen()))
    assert table[0].model == "scripted/a" and table[0].wins == 1.0 and table[0].right == 1.0
    assert table[0].expected == pytest.approx(1 / 3)
    assert table[0].low is not None and table[0].low <= (table[0].strength or 0) <= (table[0].high or 0)
    harsh = {each.model: each.harshness for each in table}
    assert harsh["scripted/c"] == 2.0 and (harsh["scripted/a"] or 0) < 0
    assert all(each.self_preference is None for each in table)
    assert "scripted/a" in leaderboard_text(table)
    with pytest.raises(InputError, match="no runs"):
        leaderboard([])


def test_a_model_that_scores_its_own_answers_higher_than_others_do_prefers_itself() -> None:
    given = [
        ("s1", "a", "s2", "a", 9.0),
        ("s3", "b", "s2", "a", 6.0),
        ("s3", "b", "s1", "a", 6.0),
        ("s2", "a", "s1", "a", 8.0),
    ]
    found = leaderboard([Seen(("a", "a", "b"), "a", {}, given, {}, {})])
    assert {each.model: each.self_preference for each in found} == {"a": 2.5, "b": None}


# Receipts


def held(home: Home) -> list[Held]:
    async def all_held() -> list[Held]:
        return [each async for each in held_at(home)]

    return asyncio.run(all_held())


def test_the_sum_says_how_often_the_panel_changed_the_first_seats_answer(tmp_path: Path) -> None:
    home = Home(tmp_path)
    voted(home, 1, "391", "391", "390")
    voted(home, 2, "390", "391", "391")
    voted(home, 3, "391", "390", "390")
    converged(home, 4, lambda request: 9 if author_of(request) == "s1" else 5)
    found = sum_up(held(home))
    assert (found.whole.runs, found.whole.compared, found.whole.changed) == (4, 4, 2)
    assert (found.whole.changed_right, found.whole.changed_wrong) == (1, 1)
    assert [each.name for each in found.protocols] == ["converge", "vote"]
    phases = {phase.phase: phase for each in found.protocols for phase in each.phases if each.name == "converge"}
    assert phases["evaluate"].calls == 12
    text = receipts_text(found)
    assert text.startswith("In 2 of 4 runs (50 %) the panel changed the first seat's answer")
    assert "1 of 2 were right" in text


def test_the_page_holds_pictures_and_no_script_and_nothing_that_a_name_could_break(tmp_path: Path) -> None:
    home = Home(tmp_path)
    voted(home, 1, "391", "391", "390")
    runs = [Held("<b>&", each.month, each.receipt, each.seats) for each in held(home)]
    page = receipts_page(sum_up(runs))
    assert page.count("<svg") == 2 and "<script" not in page
    assert "<b>&" not in page and "&lt;b&gt;&amp;" in page
    with pytest.raises(InputError, match="two seats"):
        sum_up([])
