"""Ballots of a debate: majorities, standstill, plurality and Borda points, as pure functions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.counting import ballots
from folkmoot.counting.ballots import CastVote, RoundVotes

SEATS = ["s1", "s2", "s3"]


def cast(votes: dict[str, str], **rankings: str) -> dict[str, CastVote]:
    """`{"s1": "s2", "s3": "REVISE"}`; a ranking is a text such as "s2 s3"."""
    return {
        seat: CastVote(
            "FINALIZE" if vote.startswith("s") else vote,  # type: ignore[arg-type]
            vote if vote.startswith("s") else None,
            tuple(rankings.get(seat, "").split()),
        )
        for seat, vote in votes.items()
    }


def voting(votes: dict[str, str], invited: int = 3, said: str = "it is so and so", **keys: str) -> RoundVotes:
    return RoundVotes(invited, cast(votes), {seat: f"{seat} thinks {said}" for seat in SEATS}, keys)


@pytest.mark.parametrize(
    ("votes", "invited", "winner"),
    [
        ({"s1": "s2", "s2": "s2", "s3": "s2"}, 3, "s2"),
        ({"s1": "s2", "s2": "s2", "s3": "s1"}, 3, "s2"),
        ({"s1": "s2", "s3": "s2"}, 3, "s2"),
        ({"s1": "s2", "s2": "s3", "s3": "s1"}, 3, None),  # agreed to stop, not on what
        ({"s1": "s2", "s2": "s2"}, 4, None),  # the other two abstain
        ({"s1": "s2", "s2": "s2", "s3": "s2"}, 4, "s2"),
        ({"s1": "s2", "s2": "s2"}, 2, "s2"),
        ({"s1": "s1", "s2": "s2"}, 2, None),
        ({"s1": "s1"}, 1, None),  # never its author alone
        ({"s1": "s4", "s2": "s4"}, 3, "s4"),  # whose author has left
        ({"s1": "REVISE", "s2": "REVISE", "s3": "s3"}, 3, None),
        ({}, 3, None),
    ],
)
def test_consensus_is_a_majority_of_those_invited_on_one_proposal(
    votes: dict[str, str], invited: int, winner: str | None
) -> None:
    assert ballots.settled(cast(votes), invited) == winner


SPLIT = {"s1": "s1", "s2": "SPLIT", "s3": "REVISE"}
LONG = "the answer follows from the third law " * 20


@pytest.mark.parametrize(
    ("rounds", "status"),
    [
        ([voting(SPLIT)], "open"),
        ([voting(SPLIT), voting(SPLIT)], "deadlock"),
        ([voting(SPLIT), voting(SPLIT | {"s2": "REVISE"})], "open"),
        ([voting({"s1": "s1", "s2": "s3"}), voting({"s1": "s1", "s2": "s1"})], "consensus"),
        ([voting({"s1": "s1"}), voting({"s1": "s2"})], "open"),  # another endorsement
        ([voting(SPLIT), voting(SPLIT, said="something else altogether")], "open"),
        ([voting(SPLIT, said=LONG), voting(SPLIT, said=LONG.upper() + "indeed")], "deadlock"),
        ([voting(SPLIT, said=LONG, s1="9"), voting(SPLIT, said=LONG, s1="9.9")], "open"),  # another conclusion
        ([voting(dict.fromkeys(SEATS, "REVISE")), voting(dict.fromkeys(SEATS, "REVISE"), said="else")], "deadlock"),
        ([voting(dict.fromkeys(SEATS, "REVISE")), voting(SPLIT)], "open"),
        ([voting({}), voting({}, said="else")], "deadlock"),  # nobody could be read, twice
        ([voting(SPLIT), voting({"s1": "s3"}), voting(SPLIT)], "open"),
    ],
)
def test_a_debate_is_over_with_a_majority_or_when_nothing_moves(rounds: list[RoundVotes], status: str) -> None:
    assert ballots.rule(rounds).status == status


def test_borda_with_full_rankings_orders_as_the_sums_do() -> None:
    # G ranks D C, C ranks G D, D ranks C G: a cycle; with their own put first by each it is one still
    cycle = cast(dict.fromkeys(SEATS, "SPLIT"), s1="s3 s2", s2="s1 s3", s3="s2 s1")
    assert ballots.borda(cycle, SEATS) == {"s1": 0.5, "s2": 0.5, "s3": 0.5}
    assert [seat for seat, _, _ in ballots.standing(cycle, SEATS)] == SEATS
    assert [seat for seat, _, _ in ballots.standing(cycle, SEATS, previous="s2")] == ["s2", "s1", "s3"]


def test_what_a_ranking_leaves_out_shares_the_points_that_are_left() -> None:
    assert ballots.borda(cast({"s4": "SPLIT"}, s4="s2 s1"), [*SEATS, "s4"]) == {"s1": 1.0, "s2": 2.0, "s3": 0.0}
    assert ballots.borda(cast({"s1": "SPLIT"}), SEATS) == {}
    assert ballots.borda(cast({"s1": "SPLIT"}, s1="s2 s2 s9 s1"), SEATS) == {"s2": 1.0, "s3": 0.0}


def test_endorsements_count_before_points() -> None:
    votes = cast({"s1": "s2", "s2": "s2", "s3": "SPLIT"}, s1="s3 s2", s2="s3 s1", s3="s1 s2")
    assert [seat for seat, _, _ in ballots.standing(votes, SEATS)] == ["s2", "s3", "s1"]


seats = st.sampled_from(["s1", "s2", "s3", "s4", "s5"])
votes = st.dictionaries(
    seats,
    st.one_of(
        seats.map(lambda seat: CastVote("FINALIZE", seat)),
        st.sampled_from([CastVote("REVISE"), CastVote("SPLIT")]),
        st.permutations(["s1", "s2", "s3", "s4", "s5"]).map(lambda order: CastVote("SPLIT", None, tuple(order[:3]))),
    ),
)


@given(votes, votes)
def test_a_majority_is_not_overturned_by_later_votes(early: dict[str, CastVote], late: dict[str, CastVote]) -> None:
    winner = ballots.settled(early, 5)
    if winner is not None:
        assert ballots.settled({**late, **early}, 5) == winner
        assert ballots.standing({**late, **early}, ["s1", "s2", "s3", "s4", "s5"])[0][0] == winner


@given(votes)
def test_every_ranking_gives_the_same_sum_of_points(given_votes: dict[str, CastVote]) -> None:
    for voter, ballot in given_votes.items():
        points = ballots.borda({voter: ballot}, ["s1", "s2", "s3", "s4", "s5"])
        assert not points or sum(points.values()) == 6  # 3 + 2 + 1 + 0 for the four others
        assert voter not in points


@given(st.text(), st.text())
def test_similarity_is_between_nothing_and_one_and_the_same_for_both(one: str, other: str) -> None:
    assert 0 <= ballots.similarity(one, other) == ballots.similarity(other, one) <= 1
    assert ballots.similarity(one, one) == 1
