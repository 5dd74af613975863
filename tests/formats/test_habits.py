"""Judgements in the forms that models like: read where a person could, refused where nothing is decided."""

import pytest

from folkmoot.errors import Unparseable
from folkmoot.formats.ranking import read_ranking
from folkmoot.formats.scores import read_review
from folkmoot.formats.verdict import read_verdict

LABELS = ("Answer A", "Answer B", "Answer C")

SEVEN = [
    "{'score': 7}",
    '{"Score": 7}',
    '{"score": 7, // good\n "rationale": "fine"}',
    "{score: 7}",
    "{“score”: 7}",
    '{"score"： ７}',
    '{"score": "7/10"}',
    '{"score": 7/10}',
    '"{\\"score\\": 7}"',
    '{"score": 7, "why": None, "ok": True}',
    "{'why': 'it's fine', 'score': 7,}",
    '{"name": "review", "arguments": {"score": 7}}',
    '{"name": "review", "arguments": "{\\"score\\": 7}"}',
    '<tool_call>\n{"score": 7}\n</tool_call>',
    "| Score | 7 |",
    "| Criterion | Score |\n|---|---|\n| Overall | 7 |",
    "| Criterion | Score |\n|---|---|\n| Clarity | 3 |\n| Overall | 7 |",
    "<score>7</score>",
    "### Score\n\n7/10",
    "**Score**\n\n7/10",
    "## Final score\n**7**",
    "Score:\n7",
    "7/10",
    "７／１０",
    "7 out of 10",
    "**7 / 10**",
    "7/10 — solid.",
    "$\\boxed{7}$",
    "Score: **7**/10",
    "**Score:** 7",
    "- **Score**: 7/10 (good)",
    "Score = 7",
    "score - 7",
    "Rating: 7",
    "Final Score: 7\nDraft score: 5",
    "Score: 7. It is right.",
    "Score: 7 because 3 of 4 steps hold",
    "Score: 7 (the answer asked for 10)",
    "Overall: 7/10",
    "Punktzahl: 7",
    "Note : 7/10",
    "Puntuación: 7",
    "Punteggio: 7",
    "Оценка: 7/10",
    "评分：７",
    "得点: 7点",
    "점수: 7점",
    "I would give it a 7.",
    "I'd rate this answer 7/10.",
    "My score is 7.",
    "This deserves a solid 7/10.",
    "The answer gets 7/10.",
    "I give this a score of 7 out of 10",
    "7",
    '```json\n{"score": 7}\n```',
    "```\nScore: 7\n```",
    'Here you go:\n```json\n{"score": 7}\n```\nHope it helps.',
    '> {"score": 7}',
    '<output>{"score": 7}</output>',
    '<think>{"score": 9}</think>{"score": 7}',
]

NO_SCORE = [
    "",
    "Score: <number>",
    "Score: 1-10",
    "between 6 and 8",
    "Score: between 6 and 8",
    "Score: 6-8",
    "Score: 6 to 8",
    "Score: 6~8",
    "Score: 6 or 7",
    "6-7/10",
    "between 6/10 and 8/10",
    "Score: 11",
    "Score: 0",
    "Score: 70%",
    "Score: ?/10",
    "Score: X/10",
    "Score: at least 7",
    "score >= 7",
    "Score (1-10):",
    "The scale is 1 to 10.",
    '{"score": <number>}',
    '{"score": "<number>"}',
    '{"score": "6-8"}',
    '{"score": "1 to 10"}',
    '{"score": 7',
    '{"score": 7, "score": 8}',
    'It contained {"score": 7}',
    "> The text said so.\n\nIt says `Score: 7`.",
    "Score: 5/10 → 7/10",
    "Score: 4\n\nScore: 6",
    "<think>Score: 7",
    "<think>Score: 7</think>",
]

BAC = [
    "FINAL RANKING:\n1. B\n2. A\n3. C",
    "B > A > C",
    "**B** > A > **C**",
    "B, then A, then C",
    "🥇 B\n🥈 A\n🥉 C",
    "🥇 Answer B 🥈 Answer A 🥉 Answer C",
    "1st place: Answer B\n2nd place: Answer A\n3rd place: Answer C",
    "| Rank | Answer |\n|---|---|\n| 1 | Answer B |\n| 2 | Answer A |\n| 3 | Answer C |",
    "<ranking>B > A > C</ranking>",
    "Ranking: B → A → C",
    "{'ranking': ['B', 'A', 'C']}",
    "{ranking: [B, A, C]}",
    '{"ranking": "B > A > C"}',
    '{"ranking": {"1": "B", "2": "A", "3": "C"}}',
    "Ranking: Answer B, followed by Answer A, then Answer C",
    "B, A, C",
]

NO_RANKING = [
    "",
    "All are fine.",
    "Ranking: <best label> > <next label>",
    '{"ranking": ["<best label>", "<next label>"]}',
    "B = A > C",
    "The answer says B > A > C.",
    "> B > A > C\n\nSo it says.",
    "B > A",
    "1. B\n2. B\n3. C",
]


@pytest.mark.parametrize("reply", SEVEN)
def test_a_score_is_read_in_every_dress(reply: str) -> None:
    assert read_review(reply).score == 7


@pytest.mark.parametrize("reply", NO_SCORE)
def test_no_score_is_made_up(reply: str) -> None:
    with pytest.raises(Unparseable):
        read_review(reply)


@pytest.mark.parametrize("reply", BAC)
def test_a_ranking_is_read_in_every_dress(reply: str) -> None:
    assert read_ranking(reply, LABELS).order == ("Answer B", "Answer A", "Answer C")


@pytest.mark.parametrize("reply", NO_RANKING)
def test_no_ranking_is_made_up(reply: str) -> None:
    with pytest.raises(Unparseable):
        read_ranking(reply, LABELS)


@pytest.mark.parametrize(
    "reply",
    [
        "{'verdict': 'Answer B'}",
        '{"Verdict": "B"}',
        "Verdict: B",
        "**Verdict:** Answer B",
        "## Verdict\n\nAnswer B",
        "<verdict>B</verdict>",
        "| Verdict | Answer B |",
        "My final verdict is **Answer B**.",
        "Urteil: B",
        "裁决：B",
        "{verdict: Answer B}",
    ],
)
def test_a_verdict_is_read_in_every_dress(reply: str) -> None:
    assert read_verdict(reply, LABELS).label == "Answer B"
