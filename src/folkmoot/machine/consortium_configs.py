"""llm-consortium's saved configurations as panels.

It keeps them in `consortium_logs.db`, table `consortium_configs(name, config, created_at)`, the config as JSON. Models
there are ids of `llm`, or names of other configurations.
"""

import itertools
import json
import re
import sqlite3
import sys
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from folkmoot.errors import InputError
from folkmoot.machine.panels import Panel, make_panel

_KNOWN = {
    "confidence_threshold": "confidence_threshold",
    "max_iterations": "rounds",
    "minimum_iterations": "min_iterations",
    "judging_method": "judging_method",
    "strategy": "strategy",
    "embedding_backend": "embedding_backend",
    "embedding_model": "embedding_model",
}
"""A configuration's field -> consortium's option."""


def database_of(environ: Mapping[str, str]) -> Path:
    """Return the database in which llm-consortium keeps its configurations.

    That is a file of its own in the folder of `llm`, whatever LLM_USER_PATH says; up to its version 0.5 it was
    `logs.db` of `llm`, where LLM_USER_PATH holds.
    """
    home = Path(environ.get("HOME") or Path.home())
    base = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    if sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    own = base / "io.datasette.llm" / "consortium_logs.db"
    older = Path(environ.get("LLM_USER_PATH") or own.parent) / "logs.db"
    return older if not own.is_file() and older.is_file() else own


def read_configs(database: Path, taken: Collection[str] = ()) -> tuple[dict[str, Panel], list[str]]:
    """Convert every configuration to a panel, by name; also return the problems of those that cannot be converted.

    Configurations that others use come first.

    A name that no panel can have is changed to one that it can, also where others name it; `taken` are such names.
    Raises InputError for a file that is not such a database.
    """
    rows = _rows(database)
    names = _panel_names(rows, taken)
    found: dict[str, Panel] = {}
    problems: list[str] = []
    for name, text in rows.items():
        try:
            found[names[name]] = config_panel(json.loads(text), names, f"{database.name}: {name}")
        except (LookupError, ValueError, TypeError, AttributeError):
            problems.append(f"{database}: the configuration {name!r} cannot be read")
        except InputError as error:
            problems += error.problems
    return dict(sorted(found.items(), key=lambda each: _needs(each[0], found))), problems


def _panel_names(rows: Iterable[str], taken: Collection[str]) -> dict[str, str]:
    """A name for the panel of each configuration.

    >>> _panel_names(["mine", "My Consortium", "vote"], ["vote"])
    {'mine': 'mine', 'My Consortium': 'My-Consortium', 'vote': 'vote-consortium'}
    """
    names: dict[str, str] = {}
    for row in rows:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", row).strip("-._")[:50] or "consortium"
        name = f"{name}-consortium" if name in taken else name
        others = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
        names[row] = row if row == name else next(each for each in others if each not in {*rows, *names.values()})
    return names


def _rows(database: Path) -> dict[str, str]:
    if not database.is_file():
        raise InputError(f"{database}: there is no such file; name llm-consortium's consortium_logs.db")
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as base:
            return dict(base.execute("SELECT name, config FROM consortium_configs ORDER BY created_at"))
    except sqlite3.Error as error:
        raise InputError(f"{database}: not llm-consortium's database: {error}") from None


def config_panel(config: Mapping[str, Any], names: Mapping[str, str], where: str) -> Panel:
    """One configuration as a panel. `names` maps those of all configurations to panels: a model so called is one."""

    def model(name: str, count: int = 1) -> str:
        if count < 1:
            raise InputError(f"{where}: {name} is to answer {count} times")
        return (f"panel/{names[name]}" if name in names else f"llm/{name}") + (f"*{count}" if count > 1 else "")

    members = config["models"]
    counted = members if isinstance(members, Mapping) else dict.fromkeys(members, 1)
    options = {ours: config[theirs] for theirs, ours in _KNOWN.items() if config.get(theirs) is not None}
    if config.get("arbiter"):
        options["arbiter"] = [model(config["arbiter"])]
    if config.get("manual_context"):
        options["context"] = "manual"
    params = config.get("strategy_params") or {}
    options |= {
        key: params[key] for key in ("clustering_algorithm", "cluster_eps", "cluster_min_samples") if key in params
    }
    written = [
        f"{key}={each}"
        for key, value in params.items()
        if key not in options
        for each in (value if isinstance(value, list) else [value])
    ]
    if written:
        options["strategy_param"] = written
    return make_panel(
        {
            "description": "from llm-consortium",
            "protocol": "consortium",
            "options": options,
            "models": [model(name, int(count)) for name, count in counted.items()],
            "system": config.get("system_prompt"),
        },
        where,
    )


def _needs(name: str, panels: Mapping[str, Panel], above: tuple[str, ...] = ()) -> int:
    """Return how many levels of panels a panel contains."""
    if name in above or name not in panels:
        return 0
    panel = panels[name]
    inside = [each.partition("*")[0] for each in (*panel.models, *panel.options.get("arbiter", ()))]
    nested = (each.removeprefix("panel/") for each in inside if each.startswith("panel/"))
    return 1 + max((_needs(each, panels, (*above, name)) for each in nested), default=0)
