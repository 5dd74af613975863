"""Abstention: who does not know counts for nobody, in any wording; who answers with odd words does."""

import pytest

from folkmoot.formats.abstention import abstains
from folkmoot.formats.keyed import INSTRUCTIONS, read_keyed

QUESTION = "What is 17 * 23?"

NO_ANSWERS = (
    "Don't know", 'I cannot determine this', 'Cannot be determined from the given information',
    'Unable to answer', "I'm not sure", 'none', 'Insufficient information', 'Unclear', 'I do not know.',
    "I don't have enough information", 'There is not enough information to say',
    'It is impossible to determine', 'The answer cannot be determined', "It's unclear", 'N/A', 'n/a', 'null',
    '?', 'unknown', 'None of the above', 'none of these', 'none of the options', 'no idea', 'I have no idea',
    "I'm sorry, but I can't help with that.", 'As an AI language model, I cannot answer',
    "Sorry, I can't assist with that", 'I’m not certain', 'not certain', 'Not enough data', 'keine Ahnung',
    'Weiß nicht', 'Ich weiß es nicht', 'je ne sais pas', 'Aucune idée', 'no lo sé', 'No sé', 'non lo so',
    'não sei', 'weet ik niet', 'nie wiem', 'не знаю', 'Я не знаю.', 'неизвестно', '不知道', '我不知道。', '无法确定',
    'わかりません', '不明', '모르겠습니다', '알 수 없음', 'لا أعرف', 'पता नहीं', 'bilmiyorum', 'không biết',
    'tidak tahu',
    'vet inte', 'en tiedä', 'nevím', 'nem tudom', 'δεν ξέρω', 'לא יודע', 'ไม่ทราบ', '<answer>',
    '[your answer]', '<conclusion>', '...', '___', 'your answer', '\u200b', '**N/A**', '"unknown"',
    'I am unable to determine the answer', 'We cannot know', 'Undetermined', 'not determinable', 'abstain',
    'I abstain.', 'No answer', 'IDK', 'dunno', 'The information is insufficient', 'Cannot say', "Can't tell",
    'It is not possible to determine from the passage', "I couldn't find the answer", "I'm unsure",
    '`unknown`', '$\\text{unknown}$', 'Je ne suis pas sûr', 'no se puede determinar',
    'das kann ich nicht sagen', 'not known',
)  # fmt: skip

ANSWERS = (
    '391', 'no', 'yes', "None of Tom's friends", 'Unknown Pleasures', 'not 7', 'undefined', 'does not exist',
    'no solution', 'infinite', 'impossible', 'I', 'Nothing Else Matters', 'nobody', 'zero',
    'The unknown soldier', "Can't Buy Me Love", "I don't know, maybe 42", 'Not sure, but probably 391',
    "Don't Know Much", 'Pass the salt', 'Sure', 'certain', 'sufficient', 'Not guilty', 'nothing compares 2 u',
    '0', 'unclear water', 'Never', 'Not applicable here because 42', 'cannot exceed 5', 'No information loss',
    'unsure-footed', 'Missouri', 'it depends', 'drive', 'He cannot answer letters?', 'dkk', '不是', '无限', '不可能',
    'kein', 'inconnue de la rue',
)  # fmt: skip


@pytest.mark.parametrize("said", NO_ANSWERS)
def test_who_does_not_know_gives_no_answer(said: str) -> None:
    assert abstains(said, QUESTION)


@pytest.mark.parametrize("said", ANSWERS)
def test_an_answer_in_odd_words_is_one(said: str) -> None:
    assert not abstains(said, QUESTION)


@pytest.mark.parametrize(
    "said, question",
    [
        ("unknown", "Is the outcome win, loss or unknown?"), ("None of the above", "Which? A) x B) none of the above"),
        ("Cannot be determined", "Which? A) x B) y C) cannot be determined"), ("none", "Which of these are prime?"),
        ("pass", "Did he pass or fail?"), ("Not Given", "True, false or not given?"), ("nothing", "How much is left?"),
        ("Not enough information", "Is there enough information to decide?"), ("neither", "Is it A, B or neither?"),
    ],
)  # fmt: skip
def test_what_the_question_offers_is_an_answer(said: str, question: str) -> None:
    assert not abstains(said, question)


@pytest.mark.parametrize(
    "reply",
    [
        "ANSWER: Don't know", "I'm sorry, but I can't help with that.", "I don't know.", "ANSWER: <conclusion>",
        "I am not able to answer this question. It lacks data.", "我不知道。",
        "ANSWER: N/A", INSTRUCTIONS.splitlines()[-1],
        "Some reasoning.\n\nANSWER: cannot be determined", '{"answer": "unknown"}', "ANSWER: \u200b\nANSWER: unclear",
    ],
)  # fmt: skip
def test_an_abstention_is_in_no_group(reply: str) -> None:
    found = read_keyed(reply, QUESTION)
    assert found.abstains and found.group is None


def test_no_instruction_holds_a_value_that_could_be_an_answer() -> None:
    assert read_keyed(INSTRUCTIONS, QUESTION).group is None
