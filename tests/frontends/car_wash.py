"""The question of refinery's README, answered by scripted models behind the vendors' wire formats."""

import json

from tests.frontends.installed import Ended
from tests.wires import Asked

QUESTION = "The car wash is only 100m away from my house, should I walk or drive?"
ANSWER = "Drive. The car wash needs the car."


def reply(asked: Asked) -> str:
    if "Judge the answer" not in asked.text:
        return ANSWER
    review = {"overall_assessment": "The car has to be there.", "rationale": "Right.", "score": 9}
    return json.dumps({"strengths": ["right"], "weaknesses": [], "suggestions": [], **review})


def assert_it_converged(ended: Ended, models: list[str]) -> None:
    """The answer alone on standard output, the live view of refinery's README on standard error."""
    assert ended.code == 0, ended.err
    assert ended.out.strip() == ANSWER
    lines = [line.strip() for line in ended.err.splitlines()]
    assert "Round 1/5" in lines and "Round 2/5" in lines and lines.count("── evaluate ──") == 2
    for model in models:
        assert lines.count(f'✓ {model} proposed (7 words) — "{ANSWER}"') == 2
        for other in models:
            if other != model:
                assert f'✓ {model} → {other}: 9.0 — "The car has to be there."' in lines
    assert "→ Not converged (9.0/8.0, stable 1/2)" in lines
    assert f"→ Converged! Winner: {models[0]} (9.0 ≥ 8.0, stable 2/2)" in lines
