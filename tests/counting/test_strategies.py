"""Strategies: whose answers the arbiter sees, who leaves, who plays which role; parameters mean what they say."""

import random
from pathlib import Path

import pytest

from folkmoot.counting.strategies import Elimination, Role, Semantic, Voting, alike, embedding_model, strategy_of

SEATS = ("s1", "s2", "s3", "s4")
ALL = dict.fromkeys(SEATS, 1.0)


def answers(*texts: str) -> dict[str, str]:
    return dict(zip(SEATS, texts, strict=False))


@pytest.mark.parametrize(
    ("one", "other"),
    [("42", "24"), ("The answer is 42.", "The answer is 43."), ("-5", "5"), ("3.14", "314"),
     ("I think the answer is yes", "I think the answer is no"), ("It can be done.", "It can't be done."),
     ("It is 5 degrees", "It is -5 degrees"), ("The capital is Paris.", "The capital is London.")],
)  # fmt: skip
def test_answers_that_differ_are_not_alike(one: str, other: str) -> None:
    assert not alike(one, other, 0.8)


@pytest.mark.parametrize(
    ("one", "other"),
    [("42", "42."), ("1,000", "The answer is 1000."), ("Sure! It's Paris.", "Paris"), ("", ""), ("Yes.", "yes"),
     ("So: 17 * 23.\n\nANSWER: 391", "I worked it out term by term.\n\n**Answer:** 391"),
     ("Don’t drive there today", "don't drive there today!")],
)  # fmt: skip
def test_answers_that_say_the_same_are_alike(one: str, other: str) -> None:
    assert alike(one, other, 0.8)


def test_the_largest_group_is_heard_and_the_others_are_noted() -> None:
    found = Voting().select(answers("42", "24", "42."), ALL, {})
    assert found.seats == ("s1", "s3")
    assert found.notes["s2"] == {"voting_group_size": 1, "voting_selected": False}
    assert found.why == "2 of 4 votes say the same"


def test_where_all_differ_all_are_heard_unless_that_is_switched_off() -> None:
    assert Voting().select(answers("1", "2", "3"), ALL, {}).seats == ("s1", "s2", "s3")
    assert Voting(fallback_to_all=False).select(answers("1", "2", "3"), ALL, {}).seats == ()
    assert Voting(fallback_to_all=False).select(answers("1"), ALL, {}).seats == ("s1",)


def test_a_majority_is_one_of_all_seats_that_were_asked() -> None:
    strict = strategy_of("voting", ["require_majority", "fallback_to_all=false"])
    assert strict.select(answers("42", "42"), ALL, {}).seats == ()  # two others failed
    assert strict.select(answers("42", "42", "42"), ALL, {}).seats == ("s1", "s2", "s3")


def test_votes_count_by_weight_and_a_tie_goes_to_the_earlier_seat() -> None:
    given = answers("1", "1", "2", "2")
    assert Voting().select(given, ALL, {}).seats == ("s1", "s2")
    assert Voting().select(given, ALL | {"s4": 1.5}, {}).seats == ("s3", "s4")


def test_false_means_false() -> None:
    found = strategy_of("voting", ["require_majority=false", "fallback-to-all=no", "similarity_threshold=0.5"])
    assert found == Voting(require_majority=False, fallback_to_all=False, similarity_threshold=0.5)


@pytest.mark.parametrize(
    ("name", "written", "said"),
    [("voting", ["nope=1"], "no such parameter; voting has: similarity_threshold"),
     ("default", ["anything"], "default has: none"), ("voting", ["similarity_threshold=2"], "less than or equal to 1"),
     ("voting", ["require_majority=perhaps"], "valid boolean"), ("semantic", ["eps=0"], "greater than 0"),
     ("semantic", ["clustering_algorithm=hdbscan"], "dbscan"),
     ("elimination", ["eliminate_count=1", "eliminate_count=2"], "integer")],
)  # fmt: skip
def test_a_wrong_parameter_is_said_before_anything_is_asked(name: str, written: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        strategy_of(name, written)


def test_the_lowest_ranked_seats_leave_until_the_fewest_are_left() -> None:
    ranked = ("s3", "s1", "s4", "s2")
    assert Elimination().leaving(ranked, SEATS, 1) == ("s2",)
    assert Elimination(eliminate_count=5).leaving(ranked, SEATS, 1) == ("s4", "s2")
    assert Elimination(eliminate_fraction=0.75, keep_minimum=1).leaving(ranked, SEATS, 1) == ("s1", "s4", "s2")
    assert Elimination(elimination_delay=2).leaving(ranked, SEATS, 1) == ()
    assert Elimination().leaving(ranked[:2], SEATS[:2], 1) == ()
    assert Elimination(eliminate_count=3, keep_minimum=1).leaving(("s1",), SEATS, 1) == ("s1",)
    assert Elimination().unfinished(SEATS) and not Elimination().unfinished(SEATS[:2])


def test_roles_go_to_seats_in_order_and_temperaments_to_the_rest() -> None:
    stances = Role().stances(SEATS, random.Random(1))
    assert [stances[seat].split(".")[0] for seat in SEATS[:3]] == [
        f"Your role among the members: {name}" for name in ("Generator", "Devil's Advocate", "Fact Checker")
    ]
    assert "skepticism" in stances["s4"] and stances == Role().stances(SEATS, random.Random(1))
    alone = strategy_of("role", ["roles=A lawyer: says what is forbidden", "use_dynamic_personalities=false"])
    assert alone.stances(SEATS, random.Random(1)) == {
        "s1": "Your role among the members: A lawyer: says what is forbidden"
    }


def test_the_largest_cluster_is_heard() -> None:
    vectors = {"s1": (1.0, 0.0), "s2": (0.0, 1.0), "s3": (1.0, 0.1)}
    found = Semantic(eps=0.1).select(answers("a", "b", "c"), ALL, vectors)
    assert (found.seats, found.why) == (("s1", "s3"), "2 of 3 answers lie together")
    assert [found.notes[seat]["cluster_id"] for seat in ("s1", "s2", "s3")] == [0, None, 0]
    assert found.notes["s1"]["distance_to_centroid"] < found.notes["s2"]["distance_to_centroid"]


def test_where_no_answers_lie_together_all_are_heard() -> None:
    vectors = {"s1": (1.0, 0.0), "s2": (0.0, 1.0)}
    assert Semantic().select(answers("a", "b", "c"), ALL, vectors).seats == ("s1", "s2", "s3")
    assert Semantic().select(answers("a", "b", "c"), ALL, {}).seats == ("s1", "s2", "s3")


def test_an_embedding_model_is_named_by_vendor_by_llm_or_by_backend(tmp_path: Path) -> None:
    assert embedding_model(None, None) is None
    assert embedding_model("words", None) == embedding_model(None, "words") == "embed/words"
    assert embedding_model(None, "ollama/nomic-embed-text") == "embed/ollama/nomic-embed-text"
    assert embedding_model("openai", "openai/text-embedding-3-large") == "embed/openai/text-embedding-3-large"
    assert embedding_model("sentence-transformers", "all-mpnet-base-v2") == (
        "embed/llm/sentence-transformers/all-mpnet-base-v2"
    )
    assert embedding_model("sentence-transformers", None) == "embed/llm/sentence-transformers/all-MiniLM-L6-v2"
    assert embedding_model(None, "llm/3-small") == "embed/llm/3-small"
    assert embedding_model("openai", "embed/openai/x") == "embed/openai/x"
    for folder in (str(tmp_path), "./here", "~/models/minilm"):
        with pytest.raises(ValueError, match="models in folders are not read"):
            embedding_model(None, folder)
