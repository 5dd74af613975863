"""The folders of Folkmoot on this machine, and the names of its panels.

`--help` needs it, so it imports next to nothing; pathlib alone would take a tenth of that command.
"""
# ruff: noqa: PTH110, PTH111, PTH118, PTH122, PTH208

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from folkmoot.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

PANEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NAME_RULE = "it has letters, digits, `-`, `_` and `.`, at most 64"


def config_folder(environ: Mapping[str, str]) -> Path:
    """FOLKMOOT_HOME if that is set, else `folkmoot` in the user's XDG configuration folder."""
    from pathlib import Path

    return Path(_config_folder(environ))


def _config_folder(environ: Mapping[str, str]) -> str:
    if home := environ.get("FOLKMOOT_HOME"):
        return os.path.expanduser(home)
    return os.path.join(environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"), "folkmoot")


def panel_folder(environ: Mapping[str, str]) -> Path:
    return config_folder(environ) / "panels"


def panel_files(folder: Path | str | None) -> frozenset[str]:
    """The names of the panels that have a file in `folder`. Reads none."""
    try:
        files = os.listdir(folder) if folder is not None else []
    except OSError:
        return frozenset()
    names = (os.path.splitext(file) for file in files)
    return frozenset(name for name, ending in names if ending == ".toml" and PANEL_NAME.fullmatch(name))


def panel_names(environ: Mapping[str, str]) -> list[str]:
    """The names of all panels, in order."""
    return sorted({*panel_files(os.path.join(_config_folder(environ), "panels")), *config_names(environ, "panels")})


def config_names(environ: Mapping[str, str], section: str) -> list[str]:
    """The names of the tables below `section` of config.toml, for help and completion.

    A file that cannot be read has none: the error is reported where the configuration is used.
    """
    if not os.path.exists(os.path.join(_config_folder(environ), "config.toml")):
        return []
    from folkmoot import textfiles

    try:
        text = textfiles.read(config_folder(environ) / "config.toml", absent="")
        found: Any = textfiles.toml(text, "").get(section) if section in text else None
    except InputError:
        return []
    return list(found) if isinstance(found, dict) else []
