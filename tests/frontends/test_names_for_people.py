"""People are told of seats by their names; labels are for the seats alone."""

import re
from pathlib import Path

import pytest

from tests.frontends.installed import Installed

QUESTION = "The car wash is only 100m away from my house, should I walk or drive?"
LABEL = re.compile(r"Answers? [A-Z]\b")


@pytest.mark.parametrize(
    "words",
    [
        ["ask"], ["consortium", "--judging-method", "rank"], ["consortium", "--judging-method", "pick-one"],
        ["converge", "--scoring", "batch", "--iteration-strategy", "full-visibility"], ["council"], ["debate"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_progress_report_and_documents_name_seats(words: list[str], tmp_path: Path) -> None:
    moot = Installed(tmp_path, {})
    moot.configure("[providers.sim]\ndelay = 0\n")
    ended = moot(*words, QUESTION, "-m", "sim,sim/follower")
    assert ended.code in (0, 2)
    shown = [ended.out, ended.err, moot("show", "last", "--verbose").err, moot("show", "last", "--receipt").out]
    shown.append(moot("export", "last", "--markdown", "-o", "-").out)
    found = [line for text in shown for line in text.splitlines() if LABEL.search(line)]
    assert found == []


def test_a_vote_in_a_debate_says_for_whom(tmp_path: Path) -> None:
    moot = Installed(tmp_path, {})
    moot.configure("[providers.sim]\ndelay = 0\n")
    told = moot("debate", QUESTION, "-m", "sim").err
    assert re.search(r"sim/hasty voted — (FINALIZE|CONTINUE|.*) sim/", told), told
