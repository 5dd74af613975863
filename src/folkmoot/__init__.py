"""Folkmoot: several models, one answer, the whole record.

>>> import folkmoot
>>> result = folkmoot.converge("What is 17 * 23?", models="sim")        # doctest: +SKIP
>>> result.answer, result.status                                        # doctest: +SKIP
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from folkmoot._version import __version__

if TYPE_CHECKING:
    from folkmoot.counting.closing import ClosingRule, Decision, RoundScores, VoteThreshold, register_closing
    from folkmoot.errors import FolkmootError, InputError
    from folkmoot.python.consortia import create_consortium
    from folkmoot.python.library import (
        ask_panel,
        ask_panel_async,
        mark_run,
        resume_run,
        run_protocol,
        run_protocol_async,
    )
    from folkmoot.python.stepping import Engine, EngineConfig, RoundOverrides
    from folkmoot.types import Completion, Outcome, Provider, Request, Result, Seat, Usage

_HOMES = {
    "folkmoot.counting.closing": ("ClosingRule", "Decision", "RoundScores", "VoteThreshold", "register_closing"),
    "folkmoot.python.consortia": ("create_consortium",),
    "folkmoot.python.stepping": ("Engine", "EngineConfig", "RoundOverrides"),
    "folkmoot.errors": ("FolkmootError", "InputError"),
    "folkmoot.python.library": (
        "ask_panel",
        "ask_panel_async",
        "mark_run",
        "resume_run",
        "run_protocol",
        "run_protocol_async",
    ),
    "folkmoot.types": ("Completion", "Outcome", "Provider", "Request", "Result", "Seat", "Usage"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "ClosingRule", "Completion", "Decision", "Engine", "EngineConfig", "FolkmootError", "InputError", "Outcome",
    "Provider", "Request", "Result", "RoundOverrides", "RoundScores", "Seat", "Usage", "VoteThreshold", "__version__",
    "ask_panel", "ask_panel_async", "create_consortium", "mark_run", "register_closing", "resume_run", "run_protocol",
    "run_protocol_async",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Public names, loaded when they are used; and each protocol as a function: `folkmoot.converge(prompt, models)`."""
    if module := _MODULE_OF.get(name):
        return getattr(import_module(module), name)
    if not name.startswith("_") and (Path(__file__).parent / "protocols" / f"{name}.py").is_file():
        from functools import partial

        from folkmoot.python.library import run_protocol

        return partial(run_protocol, name)
    raise AttributeError(f"module 'folkmoot' has no attribute {name!r}")
