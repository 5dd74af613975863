"""Equality: pairs of short answers that are one conclusion, and pairs that are two, in many dresses and languages."""

import time

import pytest

from folkmoot.formats.answer_keys import key_of, may_mean
from folkmoot.formats.keyed import read_keyed

DIFFERENT: dict[str, list[tuple[str, str]]] = {
    '': [
        ('US', 'us'), ('CO', 'Co'), ('mW', 'MW'), ('5%', '5'), ('5 %', '5'), ('$5', '€5'), ('£5', '$5'),
        ('5 cents', '$5'), ('5', '-5'), ('+5', '-5'), ('±5', '5'), ('> 7', '7'), ('≥ 7', '> 7'), ('x > 7', 'x < 7'),
        ('x >= 7', 'x > 7'), ('at least 7', '7'), ('at most 7', 'at least 7'), ('15-20', '15'), ('15–20', '20'),
        ('2020-03-04', '2020-04-03'), ('v1.2', 'v1.20'), ('1.2.3', '1.2.30'), ('/usr/bin', '/usr/bin/'),
        ('C:\\a', 'C:\\A'), ('abc-123', 'ABC-123'), ('not drive', 'drive'), ('do not drive', 'drive'),
        ('drive', "don't drive"), ("isn't", 'is'), ('x^2', 'x_2'), ('2x', 'x2'), ('H2O', 'H2o'), ('Fe2+', 'Fe3+'),
        ('Na+', 'Na-'), ('3 kg', '3 g'), ('3 km', '3 m'), ('3 am', '3 pm'), ('12:30', '12:03'),
        ('4 apples', '4 oranges'), ('x = 5', 'y = 5'), ('*args', '**args'), ('&a', 'a'), ('a&b', 'a&&b'),
        ('a|b', 'a||b'), ('i++', '++i'), ('==', '='), ('!x', 'x'), ('`x`', '`X`'), ('foo', 'foo()'),
        ('foo_bar', 'foobar'), ('foo bar', 'foobar'), ('[0, 1)', '[0, 1]'), ('(0, 1)', '[0, 1]'),
        ('{1, 2}', '[1, 2]'), ('1,234', '1.234'), ('1.5', '1,5'), ('007', '7'), ('0x10', '10'), ('1e3', '1e4'),
        ('1010_2', '1010'), ('10_2', '10_3'), ('left', 'right'), ('turn left', 'turn right'),
        ('north 5 km', 'south 5 km'), ('5 km north', '5 km south'), ('clockwise', 'counterclockwise'), ('A', 'B'),
        ('A and B', 'A'), ('A or B', 'A'), ('both A and B', 'A'), ('neither A nor B', 'A'), ('A, B', 'B, A'),
        ('Tom', 'Tim'), ('The Who', 'Who?'), ('A minor', 'minor'), ('A minor', 'a major'),
        ('vitamin A', 'vitamin B'), ('yes and no', 'yes'), ('yes', 'no'), ('true', 'false'), ('yes', 'true'),
        ('1/2 cup', '1/2'), ('6 ft 2 in', '62'), ('5\'10"', '510'), ('90°', '90°C'), ('10^3', '10^-3'),
        ('sqrt(2)', '2'), ('2π', '2'), ('ln 2', '2'), ('n!', 'n'), ('f(x)', "f'(x)"), ("x'", 'x'), ('a/b', 'b/a'),
        ('1:2', '2:1'), ('1:2', '1/2'), ('50:50', '1'), ('*.txt', '.txt'), ('build/*', 'build/'),
        ('--force', '-force'), ('-f', 'f'), ('#5', '5'), ('@a', 'a'), ('$x', 'x'), ('$HOME', 'HOME'), ('a.b', 'a,b'),
        ('a; b', 'a, b'), ('"a" b', 'a b'), ('{a}', 'a'), ('<b>', 'b'), ('(5)', '-5'), ('two', 'three'),
        ('twenty-one', 'twenty-two'), ('1st', '2nd'), ('first', 'second'), ('increase', 'decrease'),
        ('5 more', '5 fewer'), ('100 million', '100 billion'), ('5k', '5'), ('5 m', '5 min'), ('1 day ago', '1 day'),
        ('in 3 days', '3 days ago'), ('3 days before', '3 days after'), ('²', '2'), ('x²', 'x2'), ('10²', '102'),
        ('H₂O', 'HO'), ('½', '2'), ('1½', '1/2'), ('①', '②'), ('Ⅳ', 'Ⅵ'), ('а', 'a'), ('ß', 'ss'), ('é', 'e'),
        ('naïve', 'naive'), ('resumé', 'resume'), ('année', 'annee'), ('año', 'ano'), ('Łódź', 'Lodz'),
    ],
    'What is the price after 25% off?': [
        ('5%', '5'),
    ],
    'What date?': [
        ('10/12', '5/6'),
    ],
    'When was it?': [
        ('3/4', '6/8'),
    ],
    'Which Python version?': [
        ('3.10', '3.1'),
    ],
    'Which version fixed it?': [
        ('2.0', '2'),
    ],
    'How many?': [
        ('4 apples', '4 oranges'),
    ],
    'How many apples or oranges?': [
        ('4 apples', '4 oranges'),
    ],
    'How many hours or minutes?': [
        ('2 hours', '2 minutes'),
    ],
    'How many hours is it, and how many minutes?': [
        ('2 hours', '2 minutes'),
    ],
    'Convert 3 feet to inches. A foot is 12 inches.': [
        ('36 inches', '36 feet'),
    ],
    'Is it warmer or colder, by how many degrees?': [
        ('5 degrees warmer', '5 degrees colder'),
    ],
    'profit or loss?': [
        ('$5 profit', '$5 loss'),
    ],
    'Solve for x and y': [
        ('x = 5', 'y = 5'),
    ],
    'x or y?': [
        ('x', 'y'),
    ],
    'What does print(x) output?': [
        ('a b', 'a  b'), ('Abc', 'abc'), ('abc.', 'abc'), ('5.0', '5'), ('True', 'true'), ("'5'", '5'),
        ('[1, 2]', '[1,2,]x'), ('(1,)', '(1)'), ('{1: 2, 3: 4}', '{3: 4, 1: 2}'), ('None', 'none'),
    ],
    'Which? A) x B) y': [
        ('A', 'B'), ('A) y', 'A'),
    ],
    'How many more?': [
        ('5 more', '5 fewer'),
    ],
    'How many years older or younger?': [
        ('3 years older', '3 years younger'),
    ],
}  # fmt: skip
"""Question -> pairs of answers that are two conclusions, or may be."""

EQUAL: dict[str, list[tuple[str, str]]] = {
    '': [
        ('391', '391.'), ('$391$', '391'), ('\\boxed{391}', '391'), ('\\(391\\)', '391'), ('３９１', '391'),
        ('३९१', '391'), ('٣٩١', '391'), ('1,234', '1234'), ('1 234', '1234'), ('1 234', '1234'), ("1'234", '1234'),
        ('1.234.567', '1234567'), ('1,23,456', '123456'), ('−5', '-5'), ('5.0', '5'), ('0.5', '1/2'), ('.5', '0.5'),
        ('\\frac12', '1/2'), ('\\dfrac{1}{2}', '0.5'), ('½', '1/2'), ('50%', '1/2'), ('50%', '0.5'),
        ('2\\sqrt{3}', '2√3'), ('\\text{yes}', 'yes'), ('**yes**', 'Yes.'), ('\\mathrm{A}', 'A'), ("'abc'", 'abc'),
        ('"abc"', 'abc'), ('Paris', 'paris'), ('The Moon', 'the moon'), ('New York', 'new york.'),
        ('Paris.', 'Paris'), ('**Paris**', 'Paris'), ('*Paris*', 'Paris'), ('PARIS', 'Paris'), ('“Paris”', 'Paris'),
        ('«Paris»', 'Paris'), ('1000 USD', '$1000'), ('seven', '7'), ('10^{3}', '1000'), ('2^{10}', '1024'),
        ('1.5e3', '1500'), ('3 \\times 10^8', '300000000'), ('x+1', 'x + 1'), ('(x+1)^2', '(x + 1)^{2}'),
        ('\\left(1,2\\right)', '(1, 2)'), ('\\{1,2\\}', '{1, 2}'), ('(1,2)', '(1, 2)'), ('H2O', 'H₂O'),
        ('H_2O', 'H2O'), ('是', 'yes'), ('Ja', 'yes'), ('Да', 'yes'), ('So, 5', '5'),
        ('Therefore, the answer is 5', '5'), ("It's 5", '5'), ('5 dollars', '$5'),
    ],
    'Which? A) Rome B) Paris': [
        ('B', '(B)'), ('B', 'B.'), ('B', '**B**'), ('B', 'B. Paris'), ('B', 'B) Paris'), ('B', 'B: Paris'),
        ('B', 'B - Paris'), ('B', 'B – Paris'), ('B', '\\boxed{B}'), ('B', '\\boxed{\\text{B}}'),
        ('B', '$\\boxed{\\textbf{(B)}}$'), ('B', 'Option B'), ('B', 'option (b)'), ('B', 'b'), ('B', 'b)'),
        ('B', 'Ⓑ'), ('B', 'Ｂ'), ('B', '（B）'), ('B', '[B]'), ('B', 'B (Paris)'), ('B', '**B) Paris**'),
        ('B', '**B.** Paris'), ('B', 'The answer is B'), ('B', 'the answer is (B).'), ('B', 'Paris'),
        ('B', 'Choice B'), ('B', 'Answer: B'), ('B', 'B, because it is'), ('B', 'B is correct'), ('B', 'B.'),
        ('B', '<answer>B</answer>'), ('B', '`B`'), ('B', '*B*'), ('B', 'B、Paris'), ('B', '选项B'),
        ('B', 'Option B: Paris'), ('B', 'Option B.'), ('B', '𝐁'), ('B', '🅑'),
    ],
    'What does print(x) output?': [
        ("'abc'", 'abc'), ('`abc`', 'abc'), ('```\nabc\n```', 'abc'), ('[1,2]', '[1, 2]'), ('"abc"', "'abc'"),
    ],
    'How many minutes?': [
        ('30 minutes', '30'), ('30 min', '30'), ('30min', '30'),
    ],
    'Solve for x.': [
        ('x = 5', '5'),
    ],
    'Solve for $x$.': [
        ('$x=5$', '5'),
    ],
    'Find f(2).': [
        ('f(2) = 7', '7'),
    ],
    'What is the value of x?': [
        ('x=5', '5'),
    ],
    'Wie viele Minuten?': [
        ('30 Minuten', '30'),
    ],
    'Combien de minutes ?': [
        ('30 minutes', '30'),
    ],
    '多少分钟?': [
        ('30分钟', '30'),
    ],
}  # fmt: skip
"""Question -> pairs of answers that are one conclusion in two dresses."""


def told(answer: str, question: str) -> str | None:
    key = key_of(answer, question)
    return None if key is None else key.text


@pytest.mark.parametrize("question", DIFFERENT)
def test_answers_that_may_differ_never_share_a_key(question: str) -> None:
    merged = [(one, other) for one, other in DIFFERENT[question] if told(one, question) == told(other, question)]
    assert merged == []


@pytest.mark.parametrize("question", EQUAL)
def test_dress_makes_no_difference(question: str) -> None:
    apart = [(one, other) for one, other in EQUAL[question] if told(one, question) != told(other, question)]
    assert apart == [] and None not in {told(one, question) for one, _ in EQUAL[question]}


@pytest.mark.parametrize(
    "question",
    [
        "Which? A) Rome B) Paris", "Which?\nA. Rome\nB. Paris", "Which?\n- (A) Rome\n- (B) Paris",
        "Which? [A] Rome [B] Paris",
        "Which?\na) Rome\nb) Paris", "Which?\nA: Rome\nB: Paris", "Which? A) Rome, B) Paris, C) Oslo",
        "Which method returns it?\nA. Rome\nB. Paris", "Which?\nA - Rome\nB - Paris",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "said", ["B", "b", "(B)", "B.", "B) Paris", "B. Paris", "Option B", "Paris", "**B**", "B: Paris"]
)
def test_choices_are_found_however_they_are_listed(question: str, said: str) -> None:
    assert told(said, question) == "B"


@pytest.mark.parametrize("said", ["2", "(2)", "2)", "2) Paris", "2. Paris", "Option 2", "Paris"])
def test_numbered_choices_are_choices(said: str) -> None:
    assert told(said, "Which?\n1) Rome\n2) Paris\n3) Oslo") == "2"


@pytest.mark.parametrize(
    "question, one, other",
    [
        ("What does print(x) output?", "True", "true"), ("What does print(x) output?", "'5'", "5"),
        ("What does print(x) output?", "abc", "Abc."), ("", "5%", "5"), ("", "2 hours", "2"), ("", "x = 5", "5"),
        ("Which? A) x B) y", "B", "why"), ("", "drive", "go by car"), ("", "120 minutes", "2 hours"),
    ],
)  # fmt: skip
def test_what_may_be_the_same_is_worth_a_question(question: str, one: str, other: str) -> None:
    assert told(one, question) != told(other, question)
    assert may_mean(key_of(one, question), key_of(other, question))


@pytest.mark.parametrize(
    "question, one, other",
    [
        ("What does print(x) output?", "abc", "abd"), ("What does print(x) output?", "[1]", "[2]"), ("", "5", "6"),
        ("Which? A) x B) y", "A", "B"), ("", "2 hours", "3 hours"), ("", "yes", "no"),
    ],
)  # fmt: skip
def test_what_cannot_be_the_same_is_not_asked_about(question: str, one: str, other: str) -> None:
    assert not may_mean(key_of(one, question), key_of(other, question))


@pytest.mark.parametrize(
    "question, key",
    [
        ("How many minutes is that?", "30"), ("How many hours is that?", "30 minute"), ("Hours or minutes?",
        "30 minute"),
        ("It was 10 minutes, then 3 hours. How long in all?", "30 minute"), ("He ran 10 minutes. How long now?", "30"),
        ("It costs $5 for 10 minutes. How much does he pay?", "30 minute"), ("Give it in minutes, not hours.", "30"),
        ("A train goes 60 miles in 10 minutes. How far?", "30 minute"), ("", "30 minute"),
    ],
)  # fmt: skip
def test_a_unit_is_left_out_only_where_the_question_asks_for_it(question: str, key: str) -> None:
    assert told("30 minutes", question) == key


PIECES = (
    "a", " ", "\n", "*", "`", ">", "$", "\\", "{", "[", "(", '"', "'", "<", ".", ",", "-", "|", "1", "答",
    "\u200b", "A) ", "a, ",
    "a or ", "how many a ", "in a ", "assert ", "0,", "'1' ", "the answer is ", "ANSWER: ", "ANSWER:\n", "\\boxed{",
    '"answer": "', '"answer": {', "<answer>", "```\n", "> ", "i ", "do not ", "½", "答案：", "\\text{", "1.000.", "**a",
)  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_reading_a_long_reply_or_question_takes_time_in_proportion(piece: str) -> None:
    def seconds(length: int) -> float:
        text = (piece * (length // len(piece) + 1))[:length]
        began = time.process_time()
        read_keyed(text + "\nANSWER: 5", text)
        return time.process_time() - began

    assert seconds(300_000) < 2.0  # a bound for slow machines; what is quadratic takes minutes
