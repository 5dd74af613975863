"""llm-consortium's saved configurations as panels.

It keeps them in `consortium_logs.db`, table `consortium_configs(name, config, created_at)`, the config as JSON. Models
there are ids of `llm`, or names of other configurations.
"""

import json
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from folkmoot.errors import InputError
from folkmoot.panels import Panel, make_panel

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
    """Where llm-consortium keeps its database: in the folder of `llm`, whatever LLM_USER_PATH says."""
    home = Path(environ.get("HOME") or Path.home())
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "io.datasette.llm" / "consortium_logs.db"
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "io.datasette.llm" / "consortium_logs.db"


def read_configs(database: Path) -> dict[str, Panel]:
    """Every configuration as a panel, by name, those that others need first.

    Raises InputError for a file that is not such a database, or a configuration that cannot be read.
    """
    rows = _rows(database)
    found: dict[str, Panel] = {}
    problems: list[str] = []
    for name, text in rows.items():
        try:
            found[name] = config_panel(json.loads(text), rows, f"{database.name}: {name}")
        except (LookupError, ValueError, TypeError, AttributeError):
            problems.append(f"{database}: the configuration {name!r} cannot be read")
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return dict(sorted(found.items(), key=lambda each: _needs(each[0], found)))


def _rows(database: Path) -> dict[str, str]:
    if not database.is_file():
        raise InputError(f"{database}: there is no such file; name llm-consortium's consortium_logs.db")
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as base:
            return dict(base.execute("SELECT name, config FROM consortium_configs ORDER BY created_at"))
    except sqlite3.Error as error:
        raise InputError(f"{database}: not llm-consortium's database: {error}") from None


def config_panel(config: Mapping[str, Any], names: Mapping[str, object], where: str) -> Panel:
    """One configuration as a panel. `names` are those of all configurations: a model so called is a panel."""

    def model(name: str, count: int = 1) -> str:
        return (f"panel/{name}" if name in names else f"llm/{name}") + (f"*{count}" if count > 1 else "")

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
    """How deep the panels inside a panel go."""
    if name in above or name not in panels:
        return 0
    panel = panels[name]
    inside = [each.partition("*")[0] for each in (*panel.models, *panel.options.get("arbiter", ()))]
    nested = (each.removeprefix("panel/") for each in inside if each.startswith("panel/"))
    return 1 + max((_needs(each, panels, (*above, name)) for each in nested), default=0)
