"""What a user writes after --models, and what it means."""

from typing import Any

import pytest

from folkmoot.errors import InputError
from folkmoot.machine.panels import Panel
from folkmoot.machine.seats import find_seat, parse_models, seats_of

STRONG = ("anthropic/claude-opus-4-6", "openai/gpt-5.4")
PANELS = {"strong": Panel(models=STRONG), "claude": Panel(models=("sim/careful",))}


def models(*written: str, **known: Any) -> list[str]:
    return [seat.model for seat in parse_models(written, **known)]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("openai/gpt-5.4", ["openai/gpt-5.4"]),
        ("openai/gpt-5.4,anthropic/claude-opus-4-6", ["openai/gpt-5.4", "anthropic/claude-opus-4-6"]),
        (" openai/gpt-5.4 , anthropic/claude-opus-4-6, ", ["openai/gpt-5.4", "anthropic/claude-opus-4-6"]),
        ("openrouter/meta/llama-3:free", ["openrouter/meta/llama-3:free"]),  # only the first slash divides
        ("pi/openai/gpt-5.4", ["pi/openai/gpt-5.4"]),
        # counts
        ("openai/gpt-5.4*3", ["openai/gpt-5.4"] * 3),
        ("openai/gpt-5.4:3", ["openai/gpt-5.4"] * 3),
        ("openai/gpt-5.4:64", ["openai/gpt-5.4"] * 64),
        ("claude-code*2", ["claude-code/claude-opus-4-6"] * 2),
        ("gpt4o:2", ["openai/gpt-4o-mini"] * 2),
        ("ollama/llama3:8", ["ollama/llama3:8"]),
        ("ollama/llama3:8b", ["ollama/llama3:8b"]),
        ("ollama/llama3:8*2", ["ollama/llama3:8"] * 2),
        ("lmstudio/qwen:7", ["lmstudio/qwen:7"]),
        ("bedrock/anthropic.claude-v2:1", ["bedrock/anthropic.claude-v2:1"]),
        ("bedrock/anthropic.claude-opus-4-v1:0", ["bedrock/anthropic.claude-opus-4-v1:0"]),
        # bare names
        ("claude-code", ["claude-code/claude-opus-4-6"]),
        ("codex-cli", ["codex-cli/gpt-5.4"]),
        ("gemini-cli", ["gemini-cli/gemini-3.1-pro-preview"]),
        ("gpt4o", ["openai/gpt-4o-mini"]),
        ("deepseek", ["deepseek/deepseek-chat"]),
        ("sonnet", ["anthropic/claude-sonnet-4-6"]),
        ("gpt4o=gpt-5.4", ["openai/gpt-5.4"]),
        ("gpt-5.4", ["openai/gpt-5.4"]),  # known to the price library
        ("sim", ["sim/careful", "sim/hasty", "sim/contrarian"]),
        ("sim/careful?skill=0.5", ["sim/careful?skill=0.5"]),
    ],
)
def test_what_is_written_becomes_models(written: str, expected: list[str]) -> None:
    assert models(written) == expected


def test_models_can_be_separated_by_commas_or_repeated() -> None:
    assert models("openai/a,openai/b", "openai/c") == ["openai/a", "openai/b", "openai/c"]


def test_a_panel_goes_before_every_other_meaning_of_its_name_and_can_be_counted() -> None:
    assert models("claude", panels=PANELS) == ["sim/careful"]
    assert models("strong*2", panels=PANELS) == [*STRONG, *STRONG]


def test_a_configured_server_is_a_provider_whose_models_carry_tags() -> None:
    assert models("mine/qwen:7", servers=["mine"]) == ["mine/qwen:7"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("openai/gpt-5.4:70", r"'openai/gpt-5.4:70' may be a model with a tag or 70 seats; .*openai/gpt-5.4\*70"),
        ("openai/gpt-5.4:0", "may be a model with a tag"),
        ("openai/gpt-5.4*0", "from 1 to 1000"),
        ("openai/gpt-5.4*x", "how many seats"),
        ("opnai/gpt-5.4", "'opnai' is no provider; did you mean openai"),
        ("claude-cod", "did you mean claude-code"),
        ("gpt4p", "did you mean gpt4o"),
        ("xyzzy", "'xyzzy' is no model; a model is written provider/model, e.g. openai/gpt-5.4"),
        ("opencode", "opencode needs a model: opencode/PROVIDER/MODEL"),
        ("pi", "pi needs a model"),
        ("pi/gpt-5.4", "pi models are written pi/PROVIDER/MODEL"),
        ("opencode/zai/", "opencode/PROVIDER/MODEL"),
        ("/gpt", "a model is written provider/model"),
        ("openai/", "a model is written provider/model"),
        ("", "names no model"),
        (" , ", "names no model"),
    ],
)
def test_what_means_no_model_is_refused_with_what_to_write(written: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        models(written)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InputError) as error:
        models("opnai/x,openai/gpt-5.4,pi", "y*0")
    assert len(error.value.problems) == 3


def test_seats_are_numbered_and_twins_told_apart() -> None:
    seats = seats_of(["openai/a", "sim/b", "openai/a"])
    assert [(seat.name, seat.id, seat.provider) for seat in seats] == [
        ("s1", "openai/a#1", "openai"),
        ("s2", "sim/b", "sim"),
        ("s3", "openai/a#2", "openai"),
    ]


@pytest.mark.parametrize(
    ("written", "number"), [("2", 2), ("s2", 2), ("sim/b", 2), ("b", 2), ("openai/a#2", 3), ("#1", 1)]
)
def test_a_seat_is_found_by_number_id_or_a_part_that_no_other_has(written: str, number: int) -> None:
    assert find_seat(seats_of(["openai/a", "sim/b", "openai/a"]), written).number == number


@pytest.mark.parametrize(
    ("written", "said"), [("openai", "several seats"), ("x", "no seat"), ("", "no seat"), ("4", "no seat")]
)
def test_a_seat_that_is_not_one_is_refused_with_those_there_are(written: str, said: str) -> None:
    with pytest.raises(InputError, match=f"{said} of this panel: 1 openai/a#1, 2 sim/b, 3 openai/a#2"):
        find_seat(seats_of(["openai/a", "sim/b", "openai/a"]), written)
