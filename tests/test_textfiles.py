"""Files that people write are read alike however an editor saved them, and a broken one is one line with its place."""

import codecs
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from folkmoot import textfiles
from folkmoot.counting.calibration import learn, read_calibration, write_calibration
from folkmoot.errors import InputError
from folkmoot.evals.calibration import read_answers
from folkmoot.evals.datasets import read_dataset
from folkmoot.frontends.llm_plugin.flags import system_given
from folkmoot.machine.config import load_config, with_credentials
from folkmoot.machine.panels import read_panel
from folkmoot.machine.paths import config_names
from folkmoot.providers.recorded import read_recordings
from folkmoot.running.intake import read_input

SAVED: dict[str, Callable[[str], bytes]] = {
    "utf-8": lambda text: text.encode(),
    "utf-8 with a mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "utf-16 little-endian": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "utf-16 big-endian": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "utf-16 without a mark": lambda text: text.encode("utf-16-le"),
    "utf-16 big-endian without a mark": lambda text: text.encode("utf-16-be"),
    "utf-32": lambda text: codecs.BOM_UTF32_LE + text.encode("utf-32-le"),
    "Windows line endings": lambda text: text.replace("\n", "\r\n").encode(),
    "old Mac line endings": lambda text: text.replace("\n", "\r").encode(),
    "Notepad's Unicode": lambda text: codecs.BOM_UTF16_LE + text.replace("\n", "\r\n").encode("utf-16-le"),
    "joined from two marked files": lambda text: codecs.BOM_UTF8 + text.replace("\n", "\n\ufeff", 1).encode(),
    "gzipped": lambda text: gzip.compress(text.encode()),
}


def read_question(path: Path) -> str:
    import io

    return read_input(None, [path], io.BytesIO()).prompt.partition("\n")[2]


def read_env(path: Path) -> dict[str, str]:
    return with_credentials({}, path.parent, pytest.fail)


KINDS: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "configuration": ("config.toml", '# é\n[weights]\n"sim/é" = 2\n', load_config),
    "names for completion": (
        "config.toml", '# é\n[panels.a]\nmodels = ["sim"]\n',
        lambda path: config_names({"FOLKMOOT_HOME": str(path.parent)}, "panels"),
    ),
    "panel": ("p.toml", '# é\nmodels = ["sim"]\nsystem = """a\nb"""\n', read_panel),
    "keys": (".env", "# é\nOPENAI_API_KEY=sk-1\nMY_KEY='é'\n", read_env),
    "recording": (
        "r.jsonl", '{"_meta": {}}\n{"question": "é?", "answers": {"a": "1\u20282"}}\n',
        lambda path: read_recordings([path]),
    ),
    "right answers": (
        "a.jsonl", '{"question": "é?", "accept": ["1"]}\n\n{"question": "b", "accept": "2"}\n', read_answers,
    ),
    "question set": (
        "d.jsonl", '{"question": "é?", "accept": ["1"]}\n\n{"question": "b", "accept": "2"}\n',
        lambda path: read_dataset(str(path)).samples,
    ),
    "question table": (
        "d.csv", 'question,accept\n"é, or\nnot?",1\nb,2\n', lambda path: read_dataset(str(path)).samples,
    ),
    "question list": (
        "d.json", '[\n{"question": "é?", "accept": ["1"]}\n]\n', lambda path: read_dataset(str(path)).samples,
    ),
    "system prompt": ("s.md", "Be brief.\nÉ.\n", lambda path: system_given(f"@{path}")),
    "question": ("q.md", "What?\nÉ?\n", read_question),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("saved", SAVED)
def test_every_file_is_read_alike_however_it_was_saved(kind: str, saved: str, tmp_path: Path) -> None:
    name, text, read = KINDS[kind]
    if saved == "gzipped" and kind == "question":
        return  # a packed file is sent to no model
    (tmp_path / name).write_bytes(text.encode())
    (tmp_path / name).chmod(0o600)
    plain = read(tmp_path / name)
    (tmp_path / name).write_bytes(SAVED[saved](text))
    assert read(tmp_path / name) == plain
    assert plain


@pytest.mark.parametrize("saved", SAVED)
def test_a_calibration_table_too(saved: str, tmp_path: Path) -> None:
    table = learn([{"a/é": "1", "b/c": "1"}], ["a/é", "b/c"])
    write_calibration(tmp_path / "t.json", table)
    (tmp_path / "t.json").write_bytes(SAVED[saved]((tmp_path / "t.json").read_text("utf-8")))
    assert read_calibration(tmp_path / "t.json") == table


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "names for completion"])
@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (b"# caf\xe9\n", r"line 1, column 6: this is not UTF-8 text \(byte 0xe9\); save the file as UTF-8"),
        (b"a\r\nb\rcc\xff", r"line 3, column 3: this is not UTF-8 text \(byte 0xff\)"),
        ("aé\nb".encode() + b"\x80", r"line 2, column 2: this is not UTF-8"),
        (codecs.BOM_UTF16_LE + "a\nb".encode("utf-16-le") + b"\x00\xd8", "line 2, column 2: this is not UTF-16"),
        (codecs.BOM_UTF16_LE + "a\n".encode("utf-16-le") + b"b", "line 2, column 1: this is not UTF-16"),
        (b"# ok\n# \0\n", "line 2, column 3: a NUL character"),
    ],
)
def test_what_is_no_text_is_one_line_that_names_the_place(kind: str, broken: bytes, said: str, tmp_path: Path) -> None:
    name, _, read = KINDS[kind]
    (tmp_path / name).write_bytes(broken)
    (tmp_path / name).chmod(0o600)
    with pytest.raises(InputError, match=rf"{name}: {said}") as error:
        read(tmp_path / name)
    assert len(error.value.problems) == 1


def test_a_file_that_is_not_there_or_cannot_be_unpacked_is_named(tmp_path: Path) -> None:
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"x" * 1000)[:-9])
    for name, said in (("absent", "No such file"), (".", "Is a directory"), ("cut.gz", "cannot be unpacked")):
        with pytest.raises(InputError, match=said):
            textfiles.read(tmp_path / name)
    assert textfiles.read(tmp_path / "absent", absent="") == ""


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "1" * 5000, '{"a": }', ""])
def test_json_that_is_no_value_is_one_line(text: str) -> None:
    with pytest.raises(InputError, match=r"^f: ") as error:
        textfiles.json_value(text, "f")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = 1\na = 2", "a", "[a", 'a = "\n"', "a = 1979-13-01"])
def test_toml_that_is_no_table_is_one_line(text: str) -> None:
    with pytest.raises(InputError, match=r"^f: ") as error:
        textfiles.toml(text, "f")
    assert "\n" not in str(error.value)
