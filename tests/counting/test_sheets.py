"""Count sheets: what each protocol counted, ballot by ballot, and what the rule gives."""

from folkmoot.errors import ProviderError
from folkmoot.testing import Reply
from folkmoot.types import Count, Request, Result
from tests.play import judges, play, review


def table(count: Count) -> list[tuple[str, str | None, object, str]]:
    return [(each.seat, each.about, each.value, each.step) for each in count.ballots]


def figures(count: Count) -> dict[str | None, tuple[float | None, bool]]:
    return {each.about: (each.value, each.chosen) for each in count.outcome.totals}


def test_a_converge_counts_the_mean_score_of_each_answer_in_every_round() -> None:
    result = play("converge", judges({"s1": 9, "s2": 5, "s3": 6}))
    first, last = result.outcome.counts
    assert (first.rule, first.round, last.round) == ("mean-score", 1, 2)
    assert table(first) == [
        ("s1", "s2", 5.0, "r1/evaluate/s1>s2"),
        ("s1", "s3", 6.0, "r1/evaluate/s1>s3"),
        ("s2", "s1", 9.0, "r1/evaluate/s2>s1"),
        ("s2", "s3", 6.0, "r1/evaluate/s2>s3"),
        ("s3", "s1", 9.0, "r1/evaluate/s3>s1"),
        ("s3", "s2", 5.0, "r1/evaluate/s3>s2"),
    ]
    assert figures(first) == {"s1": (9.0, True), "s2": (5.0, False), "s3": (6.0, False)}
    assert (first.outcome.met, last.outcome.met) == (False, True)
    assert last.outcome.explanation == "9.0 ≥ 8.0, stable 2/2"
    assert last.parameters == {"closing": "vote-threshold", "threshold": 8.0, "stability_rounds": 2}


def test_one_call_that_judges_all_answers_casts_a_ballot_for_each() -> None:
    def script(request: Request) -> Reply:
        if request.about.phase == "propose":
            return "An answer."
        return request.about.example

    count = play("converge", script, rounds=1, stability_rounds=1, scoring="batch").outcome.counts[0]
    assert [(seat, about, step) for seat, about, _, step in table(count)][:2] == [
        ("s1", "s2", "r1/evaluate/s1"),
        ("s1", "s3", "r1/evaluate/s1"),
    ]


def test_a_review_that_cannot_be_read_is_a_ballot_without_a_value() -> None:
    def script(request: Request) -> Reply:
        if request.about.phase == "propose":
            return "An answer."
        return "I would rather not say." if request.about.seat.name == "s3" else review(9)

    count = play("converge", script, rounds=1, stability_rounds=1).outcome.counts[0]
    assert [value for seat, _, value, _ in table(count) if seat == "s3"] == [None, None]
    assert figures(count)["s3"] == (9.0, False)


def votes(said: dict[str, str | None]) -> Result:
    def script(request: Request) -> Reply:
        text = said[request.about.seat.name]
        return ProviderError("server", "overloaded") if text is None else f"Work.\n\nANSWER: {text}"

    return play("vote", script, len(said), early="off")


def test_a_vote_counts_groups_of_answers_and_those_who_did_not_answer_too() -> None:
    (count,) = votes({"s1": "391", "s2": "390", "s3": "391.0", "s4": None}).outcome.counts
    assert table(count) == [
        ("s1", None, "391", "r1/answer/s1"),
        ("s2", None, "390", "r1/answer/s2"),
        ("s3", None, "391.0", "r1/answer/s3"),
        ("s4", None, None, "r1/answer/s4"),
    ]
    assert [(each.says, each.value, each.seats, each.chosen) for each in count.outcome.totals] == [
        ("391", 2.0, ("s1", "s3"), True),
        ("390", 1.0, ("s2",), False),
    ]
    assert count.outcome.explanation == "2 of 4 seats"


def test_a_tie_of_a_vote_is_told_on_the_sheet() -> None:
    (count,) = votes({"s1": "391", "s2": "390"}).outcome.counts
    assert count.outcome.explanation == "1 of 2 seats, tied with 1 other"


def test_whether_groups_say_the_same_is_a_count_of_its_own() -> None:
    def script(request: Request) -> Reply:
        if request.about.phase == "answer":
            said = {"s1": "walk there", "s2": "go by car"}.get(request.about.seat.name, "drive")
            return f"Work.\n\nANSWER: {said}"
        return request.about.example

    compared, count = play("vote", script, 3).outcome.counts
    assert (compared.rule, compared.ballots[0].step) == ("same-conclusion", "r1/compare/s1")
    assert count.rule == "plurality"


def test_counts_of_an_inner_protocol_keep_its_scope() -> None:
    def script(request: Request) -> Reply:
        return "An answer." if request.about.format == "text" else request.about.example

    counts = play("synthesize", script).outcome.counts
    assert [(each.rule, each.scope, each.round) for each in counts] == [
        ("mean-score", "converge/", 1),
        ("mean-score", "converge/", 2),
        ("at-least", "", 2),
        ("mean-score", "", 3),
    ]
    assert counts[-1].ballots[0].step == "r3/evaluate/s1>s2"


def test_a_council_counts_places() -> None:
    def script(request: Request) -> Reply:
        return "An answer." if request.about.format == "text" else request.about.example

    answered, count = play("council", script).outcome.counts
    assert (answered.rule, answered.outcome.explanation) == ("answered", "3 of 3 seats answered")
    assert (count.rule, len(count.ballots), count.outcome.explanation[:10]) == ("mean-place", 6, "mean place")
    assert {each.value for each in count.ballots} == {1.0, 2.0}


def test_a_debate_counts_endorsements_rankings_and_confirmations() -> None:
    def script(request: Request) -> Reply:
        about = request.about
        if about.format == "text":
            return "A proposal."
        return ProviderError("server", "overloaded") if about.seat.name == "s3" else about.example

    counts = play("debate", script, rounds=1, early="off").outcome.counts
    assert [each.rule for each in counts] == ["borda", "majority", "confirmation"]
    votes = counts[1]
    assert [(each.seat, each.value) for each in votes.ballots] == [("s1", "FINALIZE"), ("s2", "FINALIZE"), ("s3", None)]
    assert votes.parameters == {"invited": 3, "needed": 2}
    assert [(each.seat, each.about, each.value) for each in counts[2].ballots] == [
        ("s1", "s2", True),
        ("s3", "s2", None),
    ]


def test_a_consortium_counts_the_confidence_of_its_arbiter() -> None:
    def script(request: Request) -> Reply:
        return request.about.example

    count = play("consortium", script, rounds=1).outcome.counts[-1]
    assert (count.rule, count.parameters["threshold"]) == ("confidence", 0.8)
    (ballot,) = count.ballots
    assert isinstance(ballot.value, float) and ballot.step.startswith("r1/arbitrate/")


def test_a_consortium_that_votes_counts_groups_of_answers_that_are_alike() -> None:
    def script(request: Request) -> Reply:
        if request.about.phase == "propose":
            return "It is 7." if request.about.seat.name == "s2" else "It is 8."
        return request.about.example

    count = play("consortium", script, rounds=1, strategy="voting").outcome.counts[0]
    assert [(each.seat, each.value) for each in count.ballots] == [("s1", 1), ("s2", 2), ("s3", 1)]
    assert [(each.seats, each.chosen) for each in count.outcome.totals] == [(("s1", "s3"), True), (("s2",), False)]


def test_a_brainstorm_counts_scores_and_dispute_of_every_line_of_answers() -> None:
    def script(request: Request) -> Reply:
        return "An idea." if request.about.format == "text" else request.about.example

    (count,) = play("brainstorm", script, 2, rounds=1, prompt_variants="per-model", panel_size=2).outcome.counts
    assert (count.rule, len(count.ballots), len(count.outcome.totals)) == ("controversy", 6, 6)
    assert count.ballots[0].about == "scripted/b+original"
    assert sum(each.chosen for each in count.outcome.totals) == 2
