"""Three seats of a small real model in every protocol: whatever it writes, nothing is made up and nothing is lost.

SmolLM2-135M answers badly and in odd forms, repeats its instructions and runs on until it is cut off: that is what it
is good for. Needs `tests/local/install`; takes about seven minutes on two loaded cores.
"""

import json
import re
from collections.abc import Callable

import pytest

from folkmoot.protocols import protocol_names
from tests.local.conftest import Run, Serve

pytestmark = pytest.mark.local

QUESTION = "What is 2 + 3?"
FLAGS = {
    "ask": (),
    "brainstorm": ("--rounds", "1", "--panel-size", "2"),
    "consortium": ("--rounds", "1"),
    "converge": ("--rounds", "1", "--stability-rounds", "1"),
    "council": (),
    "debate": ("--quick", "--early", "off"),
    "fanout": (),
    "synthesize": ("--converge-rounds", "1", "--stability-rounds", "1"),
    "vote": ("--early", "off"),
}
READABLE = 0.9  # of the judgements, at the first try
PROTOCOLS = pytest.mark.parametrize("protocol", FLAGS)

Ran = Callable[[str], Run]


@pytest.fixture(scope="module")
def ran(serve: Serve) -> Ran:
    """The run of each protocol: made once, when it is first asked for."""
    served = serve()
    runs: dict[str, Run] = {}

    def run(protocol: str) -> Run:
        if protocol not in runs:
            runs[protocol] = served.run(protocol, QUESTION, *FLAGS[protocol])
        return runs[protocol]

    return run


def test_every_protocol_is_tried() -> None:
    assert set(FLAGS) == set(protocol_names())


@PROTOCOLS
def test_a_run_ends_with_a_result_and_its_verdict_follows_from_the_record(protocol: str, ran: Ran) -> None:
    run = ran(protocol)
    assert run.ended.code in (0, 2), run.ended.err
    assert run.result["event"] == "result"
    assert "Traceback" not in run.ended.err
    begun, over = run.steps("call_started"), run.steps("call_finished") + run.steps("call_failed")
    assert {step.removesuffix("+repair") for step in begun} == set(over)


@PROTOCOLS
def test_every_answer_stands_in_a_reply(protocol: str, ran: Ran) -> None:
    run = ran(protocol)
    said = [words(reply) for reply in run.replies.values()]
    answers = [each["answer"] for each in run.result["all_answers"]]
    winner = run.result.get("winner")
    if winner and protocol != "brainstorm":  # whose answer is a list of several
        answers.append(winner["answer"])
    assert answers
    made_up = [answer for answer in answers if not any(words(answer) in each for each in said)]
    assert made_up == []


@PROTOCOLS
def test_every_number_that_was_read_stands_in_its_reply(protocol: str, ran: Ran) -> None:
    run = ran(protocol)
    made_up = [
        (each["step"], score, each["text"])
        for each in run.events
        if each["event"] == "call_finished" and each["step"] in run.judgements
        for score in re.findall(r"\b(?:score|confidence)=([\d.]+)", str(each["value"]))
        if not stands_in(float(score), each["text"])
    ]
    assert made_up == []


def test_judgements_are_readable_at_the_first_try(ran: Ran) -> None:
    asked, unreadable = 0, []
    for protocol in FLAGS:
        run = ran(protocol)
        asked += len(run.judgements)
        unreadable += [(protocol, step, run.replies.get(step)) for step in run.steps("repair_asked")]
    assert asked >= 20
    assert len(unreadable) <= (1 - READABLE) * asked, f"{len(unreadable)} of {asked}: {unreadable}"


@PROTOCOLS
def test_an_example_of_the_instructions_that_comes_back_counts_for_nothing(protocol: str, ran: Ran) -> None:
    run = ran(protocol)
    counted = [
        each["step"]
        for each in run.events
        if each["event"] == "call_finished"
        and (given := as_object(each["text"])) is not None
        and given in objects_in(run.instructions(each["step"]))
    ]
    assert counted == []


@pytest.mark.parametrize("protocol", ["council", "vote"])
def test_thoughts_are_neither_counted_nor_shown_to_anybody(protocol: str, serve: Serve) -> None:
    run = serve("--thinking").run(protocol, QUESTION, *FLAGS[protocol])
    thinking = [step for step, reply in run.replies.items() if reply.startswith("<think>")]
    assert len(thinking) >= 3, run.ended.err
    assert run.ended.code in (0, 2), run.ended.err
    # The server lets nobody say a 9 outside a thought.
    assert not any("9999" in json.dumps(request) for request in run.requests.values())
    assert "9999" not in json.dumps({key: run.result[key] for key in ("all_answers", "winner") if key in run.result})
    assert not any("9999" in str(each.get("value")) for each in run.events)


def as_object(text: str) -> object:
    try:
        value = json.loads(text.strip().removeprefix("```json").removesuffix("```"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def objects_in(instructions: str) -> list[object]:
    """The JSON objects that the instructions show as examples."""
    blocks = re.findall(r"```json\n(.*?)```", instructions, re.DOTALL)
    return [value for block in blocks if (value := as_object(block)) is not None]


def words(text: str) -> str:
    """A text without the block tags of our prompts, which small models copy, and with single blanks."""
    return " ".join(re.sub(r"</?[a-z]+-[0-9a-f]{16}[^<>]*>?", " ", text).split())


def stands_in(number: float, text: str) -> bool:
    return any(number in (float(found), float(found) / 10, float(found) / 100) for found in NUMBER.findall(text))


NUMBER = re.compile(r"\d+(?:\.\d+)?")
