"""List prices and estimates of length."""

import subprocess
import sys

import pytest

from folkmoot.errors import InputError
from folkmoot.providers.prices import estimate_tokens, list_price, vendor_model, vendor_of
from folkmoot.types import Usage

USAGE = Usage(input_tokens=1000, output_tokens=100)


@pytest.mark.parametrize(
    "model",
    [
        "openai/gpt-5.4", "anthropic/claude-opus-4-6", "google/gemini-3.1-pro-preview", "vertex/gemini-3.1-pro-preview",
        "deepseek/deepseek-chat", "mistral/mistral-large-latest", "groq/llama-3.3-70b-versatile", "xai/grok-4",
        "azure/gpt-5.4", "bedrock/us.anthropic.claude-opus-4-6-v1:0", "openrouter/anthropic/claude-opus-4.6",
    ],
)  # fmt: skip
def test_a_current_model_of_every_vendor_has_a_price(model: str) -> None:
    price = list_price(model, USAGE)
    assert price is not None
    assert 0 < price < 1


@pytest.mark.parametrize(
    ("agent", "vendor"),
    [
        ("claude-code/claude-opus-4-6", "anthropic/claude-opus-4-6"),
        ("codex-cli/gpt-5.4", "openai/gpt-5.4"),
        ("gemini-cli/gemini-3.1-pro-preview", "google/gemini-3.1-pro-preview"),
        ("opencode/anthropic/claude-opus-4-6", "anthropic/claude-opus-4-6"),
        ("pi/openai/gpt-5.4", "openai/gpt-5.4"),
    ],
)
def test_an_agent_cli_is_priced_as_its_vendors_api(agent: str, vendor: str) -> None:
    assert vendor_model(agent) == vendor
    assert list_price(agent, USAGE) == list_price(vendor, USAGE)
    assert list_price(agent, USAGE, {vendor: {"input": 1.0, "output": 2.0}}) == pytest.approx(0.0012)


@pytest.mark.parametrize(
    "model", ["openai/gpt-99", "ollama/llama3:8b", "sim/careful", "box/qwen3", "pi/gpt-5.4", "gpt-5.4", ""]
)
def test_an_unknown_price_is_none_and_never_zero(model: str) -> None:
    assert list_price(model, USAGE) is None
    assert list_price(model, Usage()) is None


def test_cached_input_is_cheaper() -> None:
    fresh, cached = (list_price("openai/gpt-5.4", Usage(input_tokens=1000, cached_tokens=n)) for n in (0, 800))
    assert fresh is not None
    assert cached is not None
    assert cached < fresh


def test_counts_that_contradict_each_other_have_no_price() -> None:
    assert list_price("openai/gpt-5.4", Usage(input_tokens=10, cached_tokens=20)) is None


def test_an_override_goes_before_the_table_and_prices_cached_input() -> None:
    usage = Usage(input_tokens=1_000_000, cached_tokens=400_000, output_tokens=1_000_000)
    price = {"input": 1.0, "cached": 0.1, "output": 5.0}
    assert list_price("openai/gpt-5.4", usage, {"openai/gpt-5.4": price}) == pytest.approx(0.6 + 0.04 + 5.0)
    assert list_price("box/qwen3", usage, {"box/qwen3": {"input": 1.0, "output": 5.0}}) == pytest.approx(6.0)


def test_an_override_without_output_is_an_input_error() -> None:
    with pytest.raises(InputError, match="lacks output"):
        list_price("box/qwen3", USAGE, {"box/qwen3": {"input": 1.0}})


@pytest.mark.parametrize(
    ("model", "vendor"), [("gpt-5.4", "openai"), ("claude-opus-4-6", "anthropic"), ("grok-4", "xai"), ("gpt-99", None)]
)
def test_a_bare_id_of_a_known_model_names_its_vendor(model: str, vendor: str | None) -> None:
    assert vendor_of(model) == vendor


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("four", 1), ("fives", 2)])
def test_a_token_is_about_four_characters(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


def test_importing_prices_loads_no_table() -> None:
    code = "import sys, folkmoot.providers.prices; print('genai_prices' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
