"""Every example in a docstring is true."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import folkmoot

SOURCE = Path(folkmoot.__file__).parent


def name_of(path: Path) -> str:
    parts = ("folkmoot", *path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


WITH_EXAMPLES = sorted(name_of(path) for path in SOURCE.rglob("*.py") if ">>> " in path.read_text("utf-8"))


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_in_docstrings_are_true(name: str) -> None:
    tried = doctest.testmod(import_module(name))
    assert tried.attempted > 0 and tried.failed == 0
