"""The ceiling of a panel: what the questions that all get wrong say, and what they will say of the next ones."""

import asyncio
import gzip
import json
import random
from pathlib import Path

import pytest

from folkmoot.counting.evidence import Evidence, MarkedAnswer
from folkmoot.errors import InputError
from folkmoot.evals.ceiling import ceiling
from folkmoot.evals.ceiling_report import ceiling_text
from folkmoot.evals.marked import read_marked
from folkmoot.evals.on_record import evidence_from, marked_runs
from folkmoot.evals.prediction import prediction
from folkmoot.proof.marked import MarkedRun
from folkmoot.record.marks import mark_folder
from folkmoot.record.store import Home, RunFolder
from tests.play import play

pytestmark = pytest.mark.slow

DATA = Path(__file__).parent.parent / "data"


def evidence(*rows: str, models: str = "abc") -> Evidence:
    """One row for each question: what each model concluded; the answer "y" is right."""
    return Evidence(
        tuple(
            {
                model: (MarkedAnswer(None if said == "-" else said, said == "y", 100),)
                for model, said in zip(models, row, strict=True)
            }
            for row in rows
        )
    )


def test_the_ceiling_is_what_some_member_gets_right_and_the_gain_what_the_best_one_misses() -> None:
    found = ceiling(evidence(*["yyn"] * 60, *["nyy"] * 20, *["nnn"] * 20))
    assert (found.best.model, found.best.right.value) == ("b", 0.8)
    assert (found.all_wrong.value, found.gain.value) == (0.2, 0.0)
    assert found.all_wrong.low < 0.2 < found.all_wrong.high
    assert found.vote_gain is not None and found.vote_gain.value == 0
    assert found.unit == "tokens" and found.best.cost == 100


def test_a_panel_whose_best_member_has_what_the_others_have_is_not_worth_building() -> None:
    found = ceiling(evidence(*["yyn"] * 300, *["nnn"] * 100))
    assert found.advice.startswith("Do not build a panel here.")
    assert "at most 0.9 points" in found.advice


def test_a_vote_that_loses_what_a_check_could_win_is_called_that() -> None:
    found = ceiling(evidence(*["ynn"] * 100, *["nyn"] * 40, *["yyy"] * 200))
    assert found.advice.startswith("Do not build a panel here that votes: the vote loses at least")


def test_a_vote_that_wins_is_said_to_pay_and_few_questions_say_nothing() -> None:
    rows = [*["yyn"] * 40, *["yny"] * 40, *["nyy"] * 40]
    assert ceiling(evidence(*rows)).advice.startswith("A panel pays here")
    assert "Nobody can tell from 10 questions" in ceiling(evidence(*rows[:10])).advice


def test_where_no_answers_can_be_compared_nothing_is_said_of_a_vote() -> None:
    solved = Evidence(
        tuple({"a": (MarkedAnswer(None, True),), "b": (MarkedAnswer(None, n % 2 == 0),)} for n in range(50))
    )
    found = ceiling(solved)
    assert found.vote_gain is None and found.unit == "calls"


def test_the_change_that_pays_is_found_and_measured_on_questions_it_was_not_chosen_on() -> None:
    draw = random.Random(1)

    def row() -> str:
        good = "y" if draw.random() < 0.9 else draw.choice("uvw")
        return "".join("y" if draw.random() < 0.6 else draw.choice("nm") for _ in "abc") + good

    known = evidence(*(row() for _ in range(400)), models="abcd")
    found = ceiling(known, ["a", "b", "c"])
    assert found.change is not None
    assert "take d instead of" in found.change.what
    assert found.change.gain.low > 0


def test_two_copies_of_one_model_are_worth_one_vote_and_independent_ones_two() -> None:
    draw = random.Random(2)
    copies = ceiling(evidence(*(draw.choice(["yy", "nn"]) for _ in range(400)), models="ab"))
    apart = ceiling(evidence(*("".join(draw.choice("yn") for _ in "ab") for _ in range(400)), models="ab"))
    assert copies.effective_votes.value == pytest.approx(1.0)
    assert apart.effective_votes.low <= 2.0 and apart.effective_votes.value > 1.8
    assert copies.correlations[0].phi == pytest.approx(1.0)


@pytest.mark.parametrize("panel", [["a"], ["a", "x"], ["a", "d"]])
def test_a_panel_of_which_nothing_is_known_is_refused(panel: list[str]) -> None:
    known = Evidence((*evidence("yyy").questions, {"d": (MarkedAnswer("y", True),)}))
    with pytest.raises(InputError):
        ceiling(known, panel)


def all_wrong(known: Evidence) -> list[bool]:
    return [not any(answers[0].right for answers in question.values()) for question in known.questions]


def test_the_prediction_holds_in_nineteen_of_twenty_random_splits_of_recorded_and_of_generated_sets() -> None:
    recorded = [
        read_marked([DATA / name]).among(read_marked([DATA / name]).models[:3])
        for name in ("recorded-gsm.jsonl.gz", "recorded-math.jsonl.gz")
    ]
    draw = random.Random(3)
    sets = [all_wrong(each) for each in recorded] + [[draw.random() < rate for _ in range(300)] for rate in (0.02, 0.4)]
    for wrong in sets:
        held = 0
        for _ in range(200):
            draw.shuffle(wrong)
            seen, future = wrong[: len(wrong) // 2], wrong[len(wrong) // 2 :]
            held += sum(future) / len(future) in prediction(sum(seen), len(seen), len(future))
        assert held >= 190


def test_a_prediction_is_an_interval_around_what_was_seen_and_wider_for_fewer_questions() -> None:
    narrow, wide = prediction(400, 1000, 1000), prediction(4, 10, 10)
    assert narrow.low < 0.4 < narrow.high and wide.low < narrow.low and narrow.high < wide.high
    assert prediction(0, 50, 50).low == 0.0 and prediction(50, 50, 50).high == 1.0
    with pytest.raises(ValueError, match="at least one question"):
        prediction(1, 2, 0)


# Where answers come from


def test_a_recording_says_who_was_right_and_a_file_of_solved_tasks_too(tmp_path: Path) -> None:
    recording = tmp_path / "a.jsonl.gz"
    lines: list[object] = [
        {"_meta": {}},
        {
            "question": "2+2?", "answers": {"a": ["ANSWER: 4", "ANSWER: 5", None], "b": "ANSWER: 4"},
            "correct": {"a": [1, 0, 0], "b": 1},
        },
        {"question": "3+3?", "answers": {"a": "ANSWER: 6", "b": "not 6, it is\n\nANSWER: 7"}, "gold": "6"},
    ]  # fmt: skip
    recording.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    first, second = read_marked([recording]).questions
    assert [(each.group, each.right) for each in first["a"]] == [("4", True), ("5", False), (None, False)]
    assert (second["a"][0].right, second["b"][0].right) == (True, False)
    tasks = tmp_path / "solved.jsonl"
    tasks.write_text('{"id": "t", "solved": {"x": true, "y": false}}\n')
    assert read_marked([tasks]).questions == ({"x": (MarkedAnswer(None, True),), "y": (MarkedAnswer(None, False),)},)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ('{"id": 1}', '"answers"'),
        ('{"question": "?", "answers": {"a": ["x", "y"]}, "correct": {"a": 1}}', "0 or 1 for each of its 2 answers"),
        ('{"question": "?", "answers": {"a": "x"}, "correct": {"a": 7}}', "0 or 1"),
        ('{"question": "?", "answers": {"a": 7}, "correct": {"a": 1}}', "neither a text nor a list"),
    ],
)
def test_a_bad_line_of_a_marked_file_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(InputError) as caught:
        read_marked([path])
    assert "line 1" in str(caught.value) and said in str(caught.value)


async def on_record(home: Path) -> list[MarkedRun]:
    return [run async for run in marked_runs(Home(home))]


def a_run(home: Path, number: int, *said: str) -> RunFolder:
    folder = RunFolder(home / "runs" / f"20260101-00000{number}_what_000{number}")
    script = {f"r1/answer/s{seat}": f"ANSWER: {answer}" for seat, answer in enumerate(said, 1)}
    play("vote", script, len(said), folder=folder, early="off")
    return folder


def test_marked_runs_say_who_was_right(tmp_path: Path) -> None:
    mark_folder(a_run(tmp_path, 1, "391", "391", "390"), "right")
    mark_folder(a_run(tmp_path, 2, "391", "391", "390"), "wrong", answer="390")
    mark_folder(a_run(tmp_path, 3, "391", "391", "390"), "wrong")
    mark_folder(a_run(tmp_path, 4, "391", "391", "390"), "partly")
    a_run(tmp_path, 5, "391", "391", "390")
    known = evidence_from(asyncio.run(on_record(tmp_path)))
    rights = [{model[-1]: answers[0].right for model, answers in each.items()} for each in known.questions]
    assert rights == [
        {"a": True, "b": True, "c": False},
        {"a": False, "b": False, "c": True},
        {"a": False, "b": False},  # who else is right, nobody has said
    ]
    assert "Nobody can tell from 2 questions" in ceiling_text(ceiling(known, ["scripted/a", "scripted/c"]))


def test_without_a_mark_there_is_nothing_to_go_by(tmp_path: Path) -> None:
    a_run(tmp_path, 1, "391", "391")
    with pytest.raises(InputError, match="folkmoot outcome"):
        evidence_from(asyncio.run(on_record(tmp_path)))
