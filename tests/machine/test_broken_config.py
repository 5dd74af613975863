"""Broken configurations: every mistake is one line with the file and the key, and nothing is asked."""

from pathlib import Path

import pytest

from folkmoot.errors import InputError
from folkmoot.machine.config import load_config
from tests.frontends.installed import Installed

BROKEN = [
    each.strip() for each in (Path(__file__).parents[1] / "data/broken_configs.txt").read_text("utf-8").split("\n\n")
]
"""Each a configuration, and below it, after an arrow, what is said of it."""

PANELS = [
    ('[panels.x]\nmodels = ["sim"]\nprotocol = "vot"\n', "panels.x: no protocol is called 'vot'"),
    ('[panels.x]\nmodels = ["sim"]\nprotocol = "vote"\noptions = { tie = 1 }\n', "panels.x: vote: tie: Extra inputs"),
    (
        '[panels.x]\nmodels = ["sim"]\nprotocol = "converge"\noptions = { rounds = 99 }\n',
        "panels.x: converge: rounds: ",
    ),
]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_mistake_is_a_line_with_the_file_and_the_key(broken: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    text = "\n".join(line for line in broken.split("\n") if not line.startswith("→"))
    path.write_text(text, "utf-8")
    with pytest.raises(InputError) as error:
        load_config(path)
    assert "\n".join([text, *(f"→ {each.removeprefix(f'{path}: ')}" for each in error.value.problems)]) == broken
    assert all(each.startswith(f"{path}: ") and "\n" not in each for each in error.value.problems)


def test_there_are_many_of_them() -> None:
    assert len(BROKEN) >= 40


@pytest.mark.parametrize(("text", "said"), PANELS)
def test_a_panels_protocol_and_options_are_checked_too(text: str, said: str, tmp_path: Path) -> None:
    moot = Installed(tmp_path, {})
    moot.configure(text)
    ended = moot("fanout", "2+2?", "-m", "sim/careful?delay=0")
    assert ended.code == 4 and said in ended.err and "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("name", "content", "arguments"),
    [
        ("config.toml", b'[providers.openai]\nbilling = "local"\n', ["fanout", "2?", "-m", "sim"]),
        ("config.toml", b"# caf\xe9\n", ["models"]),
        (".env", b"OPENAI_API_KEY=caf\xe9\n", ["fanout", "2?", "-m", "sim"]),
        ("panels/p.toml", b"models = [\n", ["p", "2?"]),
        ("s.md", b"\xff\xff", ["fanout", "2?", "-m", "sim", "--system", "@s.md"]),
        ("q.md", b"a\x00b", ["fanout", "-m", "sim", "-f", "q.md"]),
        ("r.jsonl", b"{}\n", ["fanout", "2?", "-m", "recorded/a", "--recording", "r.jsonl"]),
        ("t.json", b"{", ["ask", "2?", "-m", "sim", "--calibration", "t.json"]),
        ("a.jsonl", b"{", ["eval", "calibration", "--answers", "a.jsonl", "--output", "t.json"]),
    ],
)
def test_the_command_ends_with_4_and_one_line(name: str, content: bytes, arguments: list[str], tmp_path: Path) -> None:
    moot = Installed(tmp_path, {})
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    ended = moot(*arguments)
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.count("\n") == 1 and name in ended.err, ended.err
    assert not (tmp_path / "runs").exists()
