"""The README's command on API seats: the installed command, the vendors' libraries, loopback servers."""

from pathlib import Path

import pytest

from tests.frontends.car_wash import QUESTION, assert_it_converged, reply
from tests.frontends.installed import Installed
from tests.loopback import LoopbackModels

pytestmark = pytest.mark.slow


def test_the_car_wash_on_three_vendors_at_once(tmp_path: Path) -> None:
    models = ["openai/gpt-5.4", "anthropic/claude-opus-4-6", "google/gemini-3.1-pro-preview"]
    with LoopbackModels(reply) as server:
        environ = {
            "OPENAI_API_KEY": "sk-loopback-1",
            "OPENAI_BASE_URL": f"{server.url}/v1",
            "ANTHROPIC_API_KEY": "sk-loopback-2",
            "ANTHROPIC_BASE_URL": server.url,
            "GEMINI_API_KEY": "sk-loopback-3",
            "GOOGLE_GEMINI_BASE_URL": server.url,
        }
        moot = Installed(tmp_path, environ)
        ended = moot("converge", QUESTION, "--models", ",".join(models), "--seed", "1")
        assert_it_converged(ended, sorted(models, key=models.index))
        assert {asked.wire for asked in server.asked} == {"chat", "anthropic", "google"}
        assert len(server.asked) == 18
    shown = moot("show", "-o", "json").json
    assert shown["cost_usd"] is not None and shown["cost_usd"] > 0
    record = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"sk-loopback" not in record


def test_a_budget_is_kept_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    with LoopbackModels(reply) as server:
        moot = Installed(tmp_path, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"{server.url}/v1"})
        moot.configure('[prices."openai/local"]\ninput = 1000.0\noutput = 10.0\n')
        ended = moot("converge", QUESTION, "-m", "openai/local*2", "--budget", "1.5", "-o", "json")
        assert ended.code == 2 and ended.json["status"] == "over_budget"
        assert 0 < ended.json["cost_usd"] <= 1.5
        paid = len(server.asked)
        again = moot("resume", "--budget", "50", "-o", "json")
        assert again.code == 0 and again.json["metadata"]["total_calls"] == 8
        assert len(server.asked) == 8 and paid < 8


def test_a_budget_without_a_price_is_refused_before_anything_is_spent(tmp_path: Path) -> None:
    with LoopbackModels(reply) as server:
        moot = Installed(tmp_path, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"{server.url}/v1"})
        ended = moot("converge", QUESTION, "-m", "openai/nobody-knows-me", "--budget", "1")
        assert ended.code == 4 and "no known price" in ended.err
        assert not server.asked
