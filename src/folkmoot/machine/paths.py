"""The folders of Folkmoot on this machine, and the names of its panels. Imports little, because `--help` uses it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from folkmoot import textfiles
from folkmoot.errors import InputError

PANEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NAME_RULE = "it has letters, digits, `-`, `_` and `.`, at most 64"


def config_folder(environ: Mapping[str, str]) -> Path:
    """FOLKMOOT_HOME if that is set, else `folkmoot` in the user's XDG configuration folder."""
    if home := environ.get("FOLKMOOT_HOME"):
        return Path(home).expanduser()
    base = environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    return Path(base) / "folkmoot"


def panel_folder(environ: Mapping[str, str]) -> Path:
    return config_folder(environ) / "panels"


def panel_files(folder: Path | None) -> frozenset[str]:
    """The names of the panels that have a file in `folder`. Reads none."""
    try:
        files = list(folder.iterdir()) if folder is not None else []
    except OSError:
        return frozenset()
    return frozenset(file.stem for file in files if file.suffix == ".toml" and PANEL_NAME.fullmatch(file.stem))


def panel_names(environ: Mapping[str, str]) -> list[str]:
    """The names of all panels, in order."""
    return sorted({*panel_files(panel_folder(environ)), *config_names(environ, "panels")})


def config_names(environ: Mapping[str, str], section: str) -> list[str]:
    """The names of the tables below `section` of config.toml, for help and completion.

    A file that cannot be read has none: the error is reported where the configuration is used.
    """
    try:
        text = textfiles.read(config_folder(environ) / "config.toml", absent="")
        found: Any = textfiles.toml(text, "").get(section) if section in text else None
    except InputError:
        return []
    return list(found) if isinstance(found, dict) else []
