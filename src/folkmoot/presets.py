"""Presets: names for values of council's options. They have no code of their own; presets.toml is all there is."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from folkmoot.types import Record


class Preset(Record):
    """What stands under one name in presets.toml."""

    stance: tuple[str, ...] = ()
    judge_by: str = ""
    brief: str = ""


@cache
def presets() -> Mapping[str, Preset]:
    """Every preset by its name.

    >>> sorted(presets())
    ['oxford', 'premortem', 'redteam']
    """
    tables = tomllib.loads(Path(__file__).with_name("presets.toml").read_text("utf-8"))
    return {name: Preset.model_validate(table) for name, table in tables.items()}
