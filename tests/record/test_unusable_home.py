"""A home that cannot be written, a locale without UTF-8: one line, and no answer lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import folkmoot
from folkmoot.machine.panels import Panel, Panels
from tests.frontends.installed import COMMAND, Installed

QUICK = "sim/careful?delay=0"
UNWRITABLE = ["/proc/folkmoot", "/dev/null/folkmoot"]  # for every user, root too


@pytest.mark.parametrize("home", UNWRITABLE)
def test_a_home_that_cannot_be_written_is_one_line_before_anything_is_asked(home: str, tmp_path: Path) -> None:
    moot = Installed(tmp_path, {"FOLKMOOT_HOME": home})
    ended = moot("fanout", "2+2?", "-m", QUICK)
    assert (ended.code, ended.out, ended.err.count("\n")) == (4, "", 1)
    assert home in ended.err and "FOLKMOOT_HOME" in ended.err


@pytest.mark.parametrize("home", UNWRITABLE)
def test_from_python_it_is_a_folkmoot_error(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLKMOOT_HOME", home)
    with pytest.raises(folkmoot.FolkmootError, match="FOLKMOOT_HOME"):
        folkmoot.fanout("2+2?", [QUICK])
    with pytest.raises(folkmoot.FolkmootError, match="FOLKMOOT_HOME"):
        Panels(Path(home)).save("p", Panel(models=("sim",)))


@pytest.mark.parametrize("name", ["ascii", "latin-1", "utf-16"])
def test_an_answer_is_printed_whatever_encoding_the_output_is_said_to_have(name: str, tmp_path: Path) -> None:
    program = tmp_path / "say.py"
    program.write_text("import sys; sys.stdout.buffer.write('Café → ☃ 😀'.encode())", "utf-8")
    moot = Installed(tmp_path, {"PYTHONIOENCODING": name})
    moot.configure(f'[providers.say]\ncommand = ["{sys.executable}", "{program}"]\n')
    for format in ("text", "json"):
        done = subprocess.run(
            [COMMAND, "fanout", "hi", "-m", "say/x", "-o", format], env=moot.environment(), cwd=tmp_path,
            capture_output=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "Café → ☃ 😀" in done.stdout.decode("utf-8")


def test_a_locale_without_utf_8_records_runs_and_is_named_where_a_prompt_needs_it(tmp_path: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    moot = Installed(tmp_path, plain)
    refused = moot("fanout", "Où?", "-m", QUICK)
    assert refused.code == 4 and "LC_ALL=C.UTF-8" in refused.err and refused.err.count("\n") == 1
    (tmp_path / "q.md").write_text("Où → 2+2?", "utf-8")
    assert moot("fanout", "-f", "q.md", "-m", QUICK).code == 0
    code = "import folkmoot; print(folkmoot.fanout('O\\u00f9 \\u2192 2+2?', ['sim/careful?delay=0']).status)"
    environ = {**moot.environment(), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
    assert done.stdout == "answered\n", done.stderr
