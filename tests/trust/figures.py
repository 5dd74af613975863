"""The figures that `make test-trust` prints at its end: one line for each item."""

import os
from pathlib import Path

FILE = "TRUST_FIGURES"
"""The environment variable that names the file in which figures are collected; unset: they are not kept."""


def note(item: str, figure: str) -> None:
    """Add a figure to the line of `item`."""
    if path := os.environ.get(FILE):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{item}: {figure}\n")
