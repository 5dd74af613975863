"""Thoughts are no speech: nobody reads them, and a reply that holds nothing else is no answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.formats.speech import Listener, speech_in

FINAL = "<|start|>assistant<|channel|>final<|message|>It is 42.<|return|>"

THOUGHT = [
    "<think>40?</think>\nIt is 42.",
    "40?\n</think>\n\nIt is 42.",
    "40? </think> It is 42.",
    "40?</think>It is 42.",
    "<thinking>40?</thinking>It is 42.",
    "<reasoning>40?</reasoning>\nIt is 42.",
    "<thought>40?</thought> It is 42.",
    "<scratchpad>\n40?\n</scratchpad>\nIt is 42.",
    "<seed:think>40?</seed:think>It is 42.",
    "[THINK]40?[/THINK]It is 42.",
    "◁think▷40?◁/think▷It is 42.",
    "<|begin_of_thought|>40?<|end_of_thought|><|begin_of_solution|>It is 42.<|end_of_solution|>",
    "<|START_THINKING|>40?<|END_THINKING|><|START_RESPONSE|>It is 42.<|END_RESPONSE|>",
    "<unused94>thought 40?<unused95>It is 42.",
    '<details type="reasoning" done="true">\n<summary>Thought for 3 s</summary>\n40?\n</details>\nIt is 42.',
    "<think>40? <think> no</think></think>It is 42.",
    "<think>a <think> tag: 40?</think> It is 42.",
    "<think>```\n40?\n</think>\nIt is 42.",
    "<THINK>40?</THINK>It is 42.",
    '<think time="3">40?</think>It is 42.',
    "<think>40?</thinking>It is 42.",
    "Thinking...\n40?\n...done thinking.\n\nIt is 42.",
    f"<|channel|>analysis<|message|>40?<|end|>{FINAL}",
    f"40?<|end|>{FINAL}",
    f"<|channel|>analysis<|message|>40?<|end|><|channel|>commentary to=x<|message|>call<|call|>{FINAL}",
    "analysisThe user asks: 40?assistantfinalIt is 42.",
    "<think>40?</think><think>41?</think>It is 42.",
]


@pytest.mark.parametrize("reply", THOUGHT)
def test_thoughts_are_taken_off_and_kept_aside(reply: str) -> None:
    found = speech_in(reply)
    assert found.text.strip() == "It is 42."
    assert "40?" in found.reasoning


@pytest.mark.parametrize(
    "reply",
    ["<think>40", "<think>40</think>", "40\n</think>", "<|channel|>analysis<|message|>40<|end|>", "<thinking>\n40\n"],
)
def test_a_reply_of_thoughts_says_nothing(reply: str) -> None:
    assert speech_in(reply).said.strip() == ""


@pytest.mark.parametrize(
    "reply",
    [
        "Wrap it in `<think>` and `</think>`.",
        "Use <think> and </think> tags.",
        'The tag "<think>" opens a thought.',
        "```\n<think>\nhm\n</think>\n```\nis how it looks.",
        '{"answer": "a </think> tag"}',
        "a < b and c > d",
        'It ended with </think> {"score": 10}',
        "I think so.",
        "The channel is <b>final</b>.",
    ],
)
def test_what_is_written_about_thoughts_is_speech(reply: str) -> None:
    assert speech_in(reply).said == reply


def test_the_tags_of_our_own_blocks_are_not_shown() -> None:
    tagged = '<answer-0123456789abcdef label="Answer A">\nIt is 42.\n</answer-0123456789abcdef>'
    assert speech_in(tagged).text == "It is 42."
    assert speech_in('<answer-0123456789abcdef label="Answer A">It is 42.').text == "It is 42."


@given(st.sampled_from([each for each in THOUGHT if each[0] in "<[◁"]), st.integers(1, 9))
def test_a_listener_hears_no_thought_however_the_reply_is_cut(reply: str, size: int) -> None:
    listener = Listener()
    heard = "".join(listener.hear(reply[at : at + size]) for at in range(0, len(reply), size)) + listener.rest()
    assert "40?" not in heard
    assert heard.strip().endswith("It is 42.") or "solution" in reply or "RESPONSE" in reply or "<think> " in reply


@given(st.text(max_size=80))
def test_what_has_no_tags_is_heard_as_it_is(reply: str) -> None:
    listener = Listener()
    heard = "".join(listener.hear(each) for each in reply) + listener.rest()
    assert heard == reply or "<" in reply
