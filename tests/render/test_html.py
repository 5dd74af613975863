"""The exported page holds a run and nothing that could run but its own script. What it does is tested in a browser."""

import asyncio
import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from folkmoot.proof.export_file import mailed, read_mailed
from folkmoot.record.store import RunFolder
from folkmoot.render.html import page
from folkmoot.render.html.page import HERE, SCRIPTS, script, style
from tests.play import judges, new_folder, play

HOSTILE = "</script><script>alert(1)</script><!-- <script> &lt;/script> \u2028 <img src=x onerror=alert(2)> ]]>"


def a_page(folder: RunFolder) -> str:
    return page(asyncio.run(mailed(folder, packed=True)))


def hostile_run(tmp_path: Path) -> RunFolder:
    folder = new_folder(tmp_path)
    play("converge", judges(8, lambda _: HOSTILE), folder=folder, prompt=f"{HOSTILE} or not?")
    return folder


def test_nothing_a_model_wrote_is_markup(tmp_path: Path) -> None:
    text = a_page(hostile_run(tmp_path))
    assert text.count("<script") == text.count("</script>") == 2
    assert "<img" not in text.replace(script(), "")
    (held,) = re.findall(r'<script type="application/json" id="folkmoot-run">(.*?)</script>', text, re.DOTALL)
    assert not re.search("[<>&]", held)
    assert json.loads(held)["testimony"]["calls"][0]["text"] == HOSTILE


def test_its_policy_allows_its_own_style_and_script_and_nothing_else(tmp_path: Path) -> None:
    text = a_page(hostile_run(tmp_path))
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', text)
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in (style(), script())
    ]
    assert policy == (
        f"default-src 'none'; style-src {hashes[0]}; script-src {hashes[1]}; base-uri 'none'; form-action 'none'"
    )
    assert f"<style>{style()}</style>" in text and f"<script>{script()}</script>" in text
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_it_needs_no_network() -> None:
    assert not re.findall(r"https?://|@import|url\(|fetch\(|XMLHttpRequest|WebSocket|sendBeacon", script() + style())


def test_it_never_reads_text_as_markup() -> None:
    assert not re.findall(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function|DOMParser|\.style\b|srcdoc", script()
    )


def test_what_a_script_imports_stands_before_it() -> None:
    for at, name in enumerate(SCRIPTS):
        text = (HERE / name).read_text("utf-8")
        needed = re.findall(r'from "\./([\w./-]+)"', text)
        folder = Path(name).parent
        assert {(folder / each).as_posix() for each in needed} <= set(SCRIPTS[:at]), name
        assert len(re.findall(r"^import ", text, re.MULTILINE)) == len(needed)


def test_every_script_is_in_the_page_and_has_one_subject() -> None:
    files = {path.relative_to(HERE).as_posix(): path for path in HERE.rglob("*.js")}
    assert set(files) == set(SCRIPTS)
    for name, path in {**files, "page.css": HERE / "page.css"}.items():
        lines = path.read_text("utf-8").splitlines()
        assert len(lines) <= 400, name
        assert name.endswith(".css") or lines[0].startswith("// "), f"{name} says what it is"
    assert "import " not in script() and not re.search(r"^export ", script(), re.MULTILINE)


def test_a_page_can_be_read_back(tmp_path: Path) -> None:
    folder = hostile_run(tmp_path)
    file = tmp_path / "page.html"
    file.write_text(a_page(folder), "utf-8")
    read = read_mailed(file)
    assert read.bundle.run_id == "run"
    assert read.shown["outcome"]["status"] == "converged"


def test_a_run_of_five_seats_and_three_rounds_stays_small(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    paragraph = "An answer of some length that says what there is to say, and a little more than that. " * 30
    play("converge", judges(7.5, lambda request: f"{request.about.step} {paragraph}"), 5, folder=folder, rounds=3)
    text = a_page(folder)
    assert text.count('"order"') == 75 and len(text.encode()) < 500_000


@pytest.mark.parametrize("prompt", ["<b>Walk</b> or \"drive\" & 'fly'?", "long " * 100])
def test_its_title_is_the_question(prompt: str, tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    play("fanout", "Drive.", 1, folder=folder, prompt=prompt)
    (title,) = re.findall("<title>(.*)</title>", a_page(folder))
    assert title.startswith(("&lt;b&gt;Walk", "long long")) and len(title) < 150 and "<" not in title
