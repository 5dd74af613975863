"""Pictures of an evaluation: files that are what their names say, tables with the right numbers, and text."""

from pathlib import Path

import pytest

from folkmoot.errors import InputError
from folkmoot.evals.harness import ConditionResult
from folkmoot.evals.pictures import agreement, draw, error_correlation, in_terminal, save, votes_over_rounds
from folkmoot.evals.report import rows_of

pytestmark = pytest.mark.slow


def entry(sample: int, condition: str, said: str, right: bool, calls: int = 1) -> ConditionResult:
    return ConditionResult(
        sample=f"q{sample}", epoch=1, condition=condition, category="", right=right, said=said, why="", status="voted",
        decided=True, degraded=False, calls=calls, input_tokens=50 * calls, output_tokens=50 * calls, usd=0.0,
        seconds=1.0, run="", answer=said,
    )  # fmt: skip


ENTRIES = [
    made
    for n in range(8)
    for made in (
        entry(n, "solo:a/one", "1", True),
        entry(n, "solo:a/two", "1" if n % 2 else "2", bool(n % 2)),
        entry(n, "vote", "1" if n % 2 else "3", bool(n % 2), calls=3),
    )
]


def test_conditions_agree_where_they_say_the_same_and_err_together_where_both_are_wrong() -> None:
    names, shares = agreement(ENTRIES)
    assert names == ["solo:a/one", "solo:a/two", "vote"]
    assert shares == [[1, 0.5, 0.5], [0.5, 1, 0.5], [0.5, 0.5, 1]]
    _, errors = error_correlation(ENTRIES)
    assert errors[0] == [None, None, None]  # the first is never wrong
    assert errors[1][2] == pytest.approx(1)


@pytest.mark.parametrize("kind", ["cost", "agreement", "errors"])
@pytest.mark.parametrize(("name", "start"), [("picture.png", b"\x89PNG"), ("picture.svg", b"<?xml")])
def test_a_picture_is_a_file_of_its_kind(kind: str, name: str, start: bytes, tmp_path: Path) -> None:
    file = tmp_path / "new" / name
    save(draw(kind, rows_of(ENTRIES), ENTRIES), file)
    assert file.read_bytes().startswith(start)


def test_votes_over_rounds_have_a_line_for_each_seat() -> None:
    figure = votes_over_rounds([{"s1": 5.0, "s2": 7.0}, {"s1": 8.0}], {"s1": "a/one"})
    assert [line.get_label() for line in figure.axes[0].get_lines()] == ["a/one", "s2"]


def test_in_a_terminal_the_conditions_stand_in_a_text() -> None:
    text = in_terminal(rows_of(ENTRIES), width=70, height=18)
    assert "vote" in text
    assert "tokens for a question" in text
    assert len(text.splitlines()) >= 18


def test_a_picture_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are cost, agreement, errors"):
        draw("cake", rows_of(ENTRIES), ENTRIES)
    with pytest.raises(InputError, match=r"a picture is a \.png, \.svg or \.pdf file"):
        save(draw("cost", rows_of(ENTRIES), ENTRIES), tmp_path / "picture.doc")
