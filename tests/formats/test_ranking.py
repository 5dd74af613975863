"""Rankings: what is read as one, and what is not made into one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.errors import Unparseable
from folkmoot.formats.ranking import RANKING, ranking_for, read_ranking

LABELS = ["Answer A", "Answer B", "Answer C"]


def order(reply: str, labels: list[str] = LABELS) -> str:
    return "".join(label.removeprefix("Answer ") for label in read_ranking(reply, labels).order)


@pytest.mark.parametrize(
    "reply",
    [
        '{"comparison": "B is right.", "ranking": ["Answer B", "Answer C", "Answer A"]}',
        'Sure:\n```json\n{"comparison": "", "ranking": ["B", "C", "A",]}\n```\nHope that helps.',
        '{"final_ranking": "Answer B > Answer C > Answer A"}',
        '{"ranking": "B, C, A"}',
        '{"ranking": ["1. Answer B", "2. Answer C", "3. Answer A"]}',
        '{"ranking": [{"label": "Answer A", "rank": 3}, {"label": "Answer B", "rank": 1}, {"label": "C", "rank": 2}]}',
        '{"ranking": [{"response": "Response B"}, {"response": "Response C"}, {"response": "Response A"}]}',
        '{"ranking": {"Answer A": 3, "Answer B": "1st", "Answer C": 2}}',
        '{"ranking": {"1": "Answer B", "2": "Answer C", "3": "Answer A"}}',
        "FINAL RANKING:\n1. Answer B\n2. Answer C\n3. Answer A",
        "No.\n\n## Final Ranking\n\n1) **Answer B** - right, better than Answer A\n\n2) Answer C\n\n3) Answer A",
        "**FINAL RANKING:**\n1. Response B\n2. Response C\n3. Response A\n\nExplanation:\n1. Answer A fails to see it.",
        "Final ranking (best to worst):\n- Answer B\n- Answer C\n- Answer A",
        "My ranking: B > C > A",
        "I rank them as follows:\n#1 Answer B\n#2 Answer C\n#3 Answer A",
        "FINAL RANKING: Answer B, Answer C, Answer A",
        'FINAL RANKING:\n["Answer B", "Answer C", "Answer A"]',
        "FINAL RANKING\nAnswer B\nAnswer C\nAnswer A",
        "FINAL RANKING:\n1st place: Answer B\n2nd place: Answer C\n3rd place: Answer A",
        "FINAL RANKING:\n| 1 | Answer B | right |\n| 2 | Answer C | vague |\n| 3 | Answer A | wrong |",
        "FINAL RANKING:\n1. Answer B\nIt is right.\n2. Answer C\nIt is vague.\n3. Answer A",
        "FINAL RANKING:\n1. B\n   - it is right\n2. C\n   - it is vague\n3. A",
        "FINAL RANKING:\n3. Answer A\n2. Answer C\n1. Answer B",
        "Ranking:\nAnswer A: 3\nAnswer B: 1\nAnswer C: 2",
        "```\nFINAL RANKING:\n1. Answer B\n2. Answer C\n3. Answer A\n```",
        "FINAL RANKING:\n```\n1. Answer B\n2. Answer C\n3. Answer A\n```",
        "All in all Answer B > Answer C > Answer A, because only B counts the car.",
        "B → C → A",
        "B ≻ C ≻ A",
        "**B** > **C** > **A**",
        "B>C>A",
        "A < C < B",
        "B beats A: B > A. C too: C > A. In all, B > C > A.",
        "First I had A > B > C.\n\nFinal ranking: B > C > A",
        "> FINAL RANKING:\n> 1. Answer A\n> 2. Answer C\n> 3. Answer B\n\nit says.\n\nFINAL RANKING: B > C > A",
        "> FINAL RANKING:\n> 1. Answer B\n> 2. Answer C\n> 3. Answer A",
        "answer b > answer c > answer a",
    ],
)
def test_a_ranking_is_read_as_models_write_it(reply: str) -> None:
    assert order(reply) == "BCA"


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("", "neither JSON"),
        ("They are all good.", "neither JSON"),
        ("Answer B is the best, then C, and A is wrong.", "neither JSON"),
        ("- Answer A: right\n- Answer B: wrong\n- Answer C: vague", "neither JSON"),
        ("1. Answer A says 5.\n2. Answer B says 6.\n3. Answer C says 7.", "neither JSON"),
        ("Answer A: 8/10\nAnswer B: 6/10\nAnswer C: 2/10", "neither JSON"),
        ('{"ranking": []}', "Answer A, Answer B, Answer C has no place"),
        ('{"ranking": ["Answer B", "Answer C"]}', "Answer A has no place"),
        ("FINAL RANKING:\n1. Answer B\n2. Answer C", "Answer A has no place"),
        ("B > A", "Answer C has no place"),
        ("FINAL RANKING: B > C", "Answer A has no place"),
        ('{"ranking": ["Answer B", "Answer B", "Answer C"]}', "Answer B stands in the ranking twice"),
        ("FINAL RANKING:\n1. Answer B\n2. Answer C\n3. Answer A\n4. Answer B", "Answer B stands in the ranking twice"),
        ("B > C > A > B", "Answer B stands in the ranking twice"),
        ('{"ranking": ["Answer B", "Answer D", "Answer A"]}', "no 'Answer D' to rank"),
        ('{"ranking": ["Answer B", "Answer C", "Answer A", "Answer D"]}', "no 'Answer D' to rank"),
        ("FINAL RANKING:\n1. Answer B\n2. Answer D\n3. Answer A", "no 'Answer D' to rank"),
        ("B > D > A", "no 'D' to rank"),
        ('{"ranking": ["Answer B and Answer C", "Answer A"]}', "to rank"),
        ('{"ranking": [["Answer B", "Answer C"], "Answer A"]}', "tie"),
        ("B > C = A", "tie"),
        ("B >= C >= A", "tie"),
        ("FINAL RANKING:\n1. Answer B\n2. Answer C and Answer A", "tie"),
        ("FINAL RANKING:\n1. Answer B\n2. Answer C = Answer A", "tie"),
        ("FINAL RANKING:\n1. Answer B (tied with Answer C)\n2. Answer C\n3. Answer A", "tie"),
        ("FINAL RANKING:\n1. Answer B\n1. Answer C\n2. Answer A", "places are 1, 1, 2"),
        ('{"ranking": {"Answer A": 1, "Answer B": 1, "Answer C": 2}}', "places are 1, 1, 2"),
        ('{"ranking": {"Answer A": 9, "Answer B": 7, "Answer C": 4}}', "places are 9, 7, 4"),
        ('{"ranking": {"Answer A": "high", "Answer B": "low", "Answer C": "low"}}', "no place in a ranking"),
        ("FINAL RANKING:\n2. Answer B\n3. Answer C\n4. Answer A", "places are 2, 3, 4"),
        ("Ranking, worst to best:\n1. Answer A\n2. Answer C\n3. Answer B", "begins with the worst"),
        ("Ranking (weakest first): A > C > B", "begins with the worst"),
        ("Perhaps A > B > C. Or rather B > C > A?", "different rankings"),
        ("A > C < B", "both ways"),
        ('{"ranking": 7}', "not a list"),
        ('{"ranking": null}', "not a list"),
        ('{"ranking": [{"rank": 1}, {"rank": 2}, {"rank": 3}]}', "to rank"),
    ],
)
def test_a_ranking_that_is_not_there_is_not_invented(reply: str, why: str) -> None:
    with pytest.raises(Unparseable, match=why):
        order(reply)


def test_an_article_at_the_start_of_an_item_is_no_label() -> None:
    assert (
        order("FINAL RANKING:\n1. B is right\n2. C is vague\n3. Answer A is wrong\n\nA word on style: I like B.")
        == "BCA"
    )
    with pytest.raises(Unparseable):
        order("FINAL RANKING:\n1. A better answer is hard to find\n2. B\n3. C")


def test_a_hundred_answers_have_labels_of_two_letters() -> None:
    labels = ["Answer A", "Answer AA", "Answer AB"]
    assert read_ranking("AB > A > AA", labels).order == ("Answer AB", "Answer A", "Answer AA")


def test_labels_that_were_left_out_since_are_passed_over() -> None:
    for reply in ('{"ranking": ["B", "C", "A"]}', "FINAL RANKING:\n1. Answer B\n2. Answer C\n3. Answer A", "B > C > A"):
        assert read_ranking(reply, ["Answer A", "Answer B"], ["Answer C"]).order == ("Answer B", "Answer A")


def test_the_reasons_come_along() -> None:
    assert read_ranking('{"comparison": "B is right.", "ranking": ["B", "A", "C"]}', LABELS).comparison == "B is right."
    assert read_ranking("B is right.\n\nFINAL RANKING:\nB > A > C", LABELS).comparison == "B is right."


def test_the_format_reads_its_own_example() -> None:
    for labels in (["Answer A", "Answer B"], [f"Answer {letter}" for letter in "CAB"]):
        format = ranking_for(labels)
        assert list(format.parse(format.example).order) == labels
    assert RANKING.brief(RANKING.parse(RANKING.example)) == "Answer A > Answer B"


ORDERS = st.permutations(["A", "B", "C", "D", "E"])


@given(
    ORDERS, st.sampled_from([" > ", ">", " → ", " ≻ "]), st.sampled_from(["Answer {}", "{}", "**{}**", "Response {}"])
)
def test_any_order_on_one_line_is_read_as_it_stands(order: list[str], arrow: str, label: str) -> None:
    line = arrow.join(label.format(each) for each in order)
    known = [f"Answer {letter}" for letter in "ABCDE"]
    for reply in (line, f"Some thoughts.\n\nFINAL RANKING: {line}", f"FINAL RANKING:\n{line}\n\nThat is all."):
        assert list(read_ranking(reply, known).order) == [f"Answer {each}" for each in order]


@given(
    ORDERS,
    st.sampled_from(["{n}. Answer {l}", "{n}) {l}", "- Answer {l}", "#{n}: **Answer {l}** (why)", "| {n} | {l} |"]),
)
def test_any_order_in_a_list_is_read_as_it_stands(order: list[str], item: str) -> None:
    lines = [item.format(n=number, l=each) for number, each in enumerate(order, 1)]
    known = [f"Answer {letter}" for letter in "ABCDE"]
    for text in ("\n".join(lines), "\n\n".join(lines)):
        assert list(read_ranking(f"FINAL RANKING:\n{text}", known).order) == [f"Answer {each}" for each in order]


@given(st.text(alphabet="ABC >=<.\n12:Answerking*-|,", max_size=200))
def test_whatever_is_read_is_a_whole_ranking(reply: str) -> None:
    try:
        found = read_ranking(f"FINAL RANKING:{reply}", LABELS).order
    except Unparseable:
        return
    assert sorted(found) == LABELS


@pytest.mark.parametrize(
    "piece", ["> ", "A > ", "1. Answer A\n", "ranking ", "Answer ", "FINAL RANKING:\n", '{"ranking": ', "- " * 3]
)
def test_a_hostile_reply_takes_no_time(piece: str) -> None:
    with pytest.raises(Unparseable):
        order(piece * (60_000 // len(piece)))
