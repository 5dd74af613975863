"""Folkmoot: several models, one answer, the whole record.

>>> import folkmoot
>>> result = folkmoot.converge("What is 17 * 23?", models="sim")        # doctest: +SKIP
>>> result.answer, result.status                                        # doctest: +SKIP
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from folkmoot._version import __version__

if TYPE_CHECKING:
    from importlib.abc import Loader

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
    if not name.startswith("_") and os.path.isfile(f"{os.path.dirname(__file__)}/protocols/{name}.py"):  # noqa: PTH113, PTH120
        from functools import partial

        from folkmoot.python.library import run_protocol

        return partial(run_protocol, name)
    raise AttributeError(f"module 'folkmoot' has no attribute {name!r}")


_MOVED = {
    "asking": "running.planning", "background": "record.writer_thread", "batch": "core.batch",
    "calibration": "counting.calibration", "calling": "core.calling", "closing": "counting.closing",
    "config": "machine.config", "consortia": "python.consortia", "engine": "python.stepping", "index": "record.index",
    "journal": "core.journal", "late": "running.late", "library": "python.library", "limits": "core.limits",
    "mailed": "proof.export_file", "panels": "machine.panels", "people": "machine.people", "receipt": "proof.receipt",
    "run": "core.run", "runs": "running.runs", "seats": "machine.seats", "store": "record.store",
    "tracing": "running.tracing", "verify": "proof.verify",
}  # fmt: skip
"""Module paths that the documentation named before modules moved into folders -> where the module is now."""


class _MovedModules:
    """Imports a module by the path that it had before. No subclass of importlib.abc's, which takes long to load."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        return ModuleSpec(fullname, cast("Loader", self)) if package == __name__ and name in _MOVED else None

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python to make the empty module that `exec_module` replaces."""

    def exec_module(self, module: ModuleType) -> None:
        sys.modules[module.__name__] = import_module(f"{__name__}.{_MOVED[module.__name__.rpartition('.')[2]]}")


sys.meta_path.append(_MovedModules())
