"""Names that others import stay: public names, the one import of authors, and module paths documented before."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import folkmoot
from folkmoot import writing

SOURCE = Path(folkmoot.__file__).parent


@pytest.mark.parametrize("name", folkmoot.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(folkmoot, name) is not None


@pytest.mark.parametrize("name", writing.__all__)
def test_every_name_for_authors_is_there(name: str) -> None:
    assert getattr(writing, name) is not None


@pytest.mark.parametrize("old", sorted(folkmoot._MOVED))
def test_a_module_is_found_under_the_path_it_had_before(old: str) -> None:
    moved = import_module(f"folkmoot.{folkmoot._MOVED[old]}")
    assert import_module(f"folkmoot.{old}") is moved and moved.__name__ == f"folkmoot.{folkmoot._MOVED[old]}"
    assert not (SOURCE / f"{old}.py").exists() and not (SOURCE / old).exists()


def test_the_old_paths_of_the_documentation_still_work_in_a_fresh_process() -> None:
    code = """
from folkmoot.receipt import receipt_of
from folkmoot.calling import Call
from folkmoot.run import Run
from folkmoot.people import Desk
from folkmoot.store import Home
from folkmoot.verify import verify
from folkmoot.tracing import tracer_listener
import folkmoot.core.run
assert folkmoot.core.run.Run is Run
try:
    import folkmoot.never_there
except ModuleNotFoundError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("No module named 'folkmoot.never_there'\n", "")
