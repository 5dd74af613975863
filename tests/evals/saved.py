"""Output directories as refinery writes them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Round = Mapping[str, tuple[str, Mapping[str, Any]]]  # model id -> its proposal, and what each judge gave it


def save_run(path: Path, *rounds: Round, metadata: Mapping[str, Any] | None = None) -> Path:
    """A run directory with these rounds; a metadata.json only if there is something in it."""
    path.mkdir(parents=True, exist_ok=True)
    if metadata is not None:
        (path / "metadata.json").write_text(json.dumps(metadata))
    for number, answers in enumerate(rounds, 1):
        folder = path / f"round-{number}"
        folder.mkdir()
        for author, (text, given) in answers.items():
            (folder / f"propose-{plain(author)}.md").write_text(text)
            for judge, score in given.items():
                said = {"evaluator": judge, "evaluatee": author, "score": score, "rationale": "so"}
                (folder / f"evaluate-{plain(judge)}-{plain(author)}.json").write_text(json.dumps(said))
    return path


def plain(model_id: str) -> str:
    return model_id.replace("/", "_")


GOLDEN: Round = {
    "p/a": ("alpha beta gamma", {"p/b": 3.0, "p/c": 9.0}),
    "p/b": ("alpha beta gamma delta", {"p/a": 7, "p/c": 9}),
    "p/c": ("orange banana pear", {"p/a": 7.0, "p/b": 3.0}),
}
