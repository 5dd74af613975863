"""Conclusions: where a reply says what it comes to, in many languages and habits, and what is not taken for one."""

import pytest

from folkmoot.formats.keyed import read_keyed

CHOICES = "Which? A) x B) y C) z"

SAID_B = (
    "答案：B", "答案: B", "最终答案是 B", "最终答案：**B**", "答案是B。", "正确答案是（B）", "因此，答案是 B。",
    "所以答案为B", "选B", "正解：B",
    "答えはBです", "答えは B です。", "最終的な答え：B", "정답: B", "정답은 B입니다", "답은 (B) 입니다",
    "따라서 정답은 B이다.", "Antwort: B",
    "Die Antwort ist B.", "**Antwort:** B", "Die richtige Antwort lautet B.", "Réponse : B", "Réponse finale : B",
    "La réponse est B.", "La bonne réponse est la B", "Respuesta: B", "La respuesta correcta es B.", "Risposta: B",
    "La risposta corretta è B.", "Resposta: B", "A resposta é B.", "Antwoord: B", "Odpowiedź: B", "Ответ: B",
    "Правильный ответ: B", "Ответ — B.", "Відповідь: B", "الجواب: B", "الإجابة: B", "الإجابة الصحيحة: B", "उत्तर: B",
    "सही उत्तर: B", "सही उत्तर B है।", "Cevap: B", "Đáp án: B", "Jawaban: B", "คำตอบ: B", "Svar: B", "Vastaus: B",
    "Απάντηση: B",
    "תשובה: B", "پاسخ: B", "<answer>B</answer>", "<final_answer>B</final_answer>", r"\boxed{B}", r"$\boxed{\text{B}}$",
    "The answer is B because A and C fail.", "So the correct answer is **B**.", "The correct option is B.",
    "I choose B.", "Answer B", "**B**", "(B)", "B", "B.", "B) y", "### Answer\nB", "### Final Answer\n\n**B**",
    "ANSWER: the answer is (B)", r"Final Answer: The final answer is $\boxed{B}$", '{"answer": "B"}', "ANSWER: B (y)",
    "ANSWER： B", "FINAL ANSWER:\nB", "**Final Answer: B**", "__ANSWER: B__", "* ANSWER: B", "ANSWER: B ✅",
    "ANSWER: A\nNo wait.\nANSWER: B", "Answer: B\n\nHope this helps!", "It's B.", "Option B is correct.",
    r"\boxed{A}. Wait, I slipped: \boxed{B}", "ANSWER: A\n\nNo. The correct answer is B.", "> ANSWER: A\n\nANSWER: B",
)  # fmt: skip


@pytest.mark.parametrize("line", SAID_B)
def test_a_conclusion_is_read_in_every_usual_form(line: str) -> None:
    found = read_keyed(f"Some reasoning, and A is tempting.\n\n{line}", CHOICES)
    assert found.key is not None and found.key.text == "B"


@pytest.mark.parametrize(
    "line",
    [
        "My first thought was that the answer is A, but no.", "If the answer is A then x.", "Some say the answer is A.",
        "The answer is not A.", "Is the answer A?", "Answer the question with A or B.", "The answer could be A.",
        "He wrote 'ANSWER: A'.", "A is wrong.", "The answer depends on A.", "answers: A, B", "ANSWER KEY: A",
        "No answer: A", "A) no\nB) no\nC) no", "So neither A nor B.", "Thanks, A",
    ],
)  # fmt: skip
def test_talk_about_answers_is_no_conclusion(line: str) -> None:
    assert read_keyed(f"Some reasoning.\n{line}", CHOICES).key is None


@pytest.mark.parametrize(
    "quoted",
    [
        "> ANSWER: A", "Answer C concluded:\nANSWER: A",
        "The other answer ended with:\n```\nANSWER: A\n```\nThat is wrong.",
        'Another model wrote:\n```json\n{"answer": "A"}\n```', "<think>ANSWER: A</think>",
    ],
)  # fmt: skip
def test_what_somebody_else_concluded_is_not_the_seats_conclusion(quoted: str) -> None:
    for reply in (f"ANSWER: B\n\n{quoted}", f"{quoted}\n\nI differ.\n\nANSWER: B"):
        found = read_keyed(reply, CHOICES).key
        assert found is not None and found.text == "B"


@pytest.mark.parametrize(
    "line, key",
    [
        ("So, she makes **18 dollars** every day.", "18"), ("**Answer:** She makes **$18** a day.", "18"),
        ("In total, it takes **3 bolts** (2 blue + 1 white).", "3 bolt"), ("It may be **391**.", None),
        ("It is not **391**.", None), ("It is **5** or **6**.", None), ("Note the word **only**.", None),
    ],
)  # fmt: skip
def test_the_one_value_in_bold_of_the_last_sentence_is_the_conclusion(line: str, key: str | None) -> None:
    found = read_keyed(f"Some reasoning with **9 eggs**.\n\n{line}").key
    assert (None if found is None else found.text) == key


CODE = "What does this print?\n```\nprint(f(x))\n```"


@pytest.mark.parametrize(
    "reply, key",
    [
        ('{"answer": "abc"}', "abc"), ("""{"answer": "'abc'"}""", "abc"), ('{"answer": "\\"abc\\""}', "abc"),
        ('{"answer": ""}', "''"), ("""{"answer": "''"}""", "''"), ('{"answer": {"a": 2}}', "{'a': 2}"),
        ('{"answer": [1, 2]}', "[1, 2]"), ('{"answer": "[1,2]"}', "[1, 2]"), ("ANSWER: `abc`", "abc"),
        ("ANSWER:\n```python\nabc\n```", "abc"), ("The answer is the empty list `[]`.", "[]"), ("ANSWER: True", "True"),
        ("The answer is 'abc' enclosed in quotes.", "abc"), ("ANSWER: build/*", "build/*"), ("ANSWER: *args", "*args"),
        ("ANSWER: } ]", "} ]"), ("ANSWER: __init__", "__init__"), ("ANSWER: .", "."), ("ANSWER: None", "None"),
    ],
)  # fmt: skip
def test_code_is_read_to_the_letter(reply: str, key: str) -> None:
    found = read_keyed(reply, CODE)
    assert found.key is not None and found.key.text == key


def test_replies_that_are_the_same_to_the_letter_are_one_group() -> None:
    assert read_keyed("A poem.\nIt rhymes.").group == read_keyed(" A poem.\nIt rhymes.\n").group
    assert read_keyed("A poem.").group != read_keyed("A poem!").group


def test_thoughts_are_no_conclusion() -> None:
    found = read_keyed("<think>ANSWER: 40</think>It is 42.\n\nANSWER: 42")
    assert found.key is not None and found.key.text == "42" and "40" not in found.text
