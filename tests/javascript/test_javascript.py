"""The JavaScript of the pages, as far as it needs no browser: its tests run in node."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("src/folkmoot/render/html", "src/folkmoot/frontends/server/web", "tests/javascript")
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="node is not installed, so the JavaScript of the pages was not tested")
@pytest.mark.parametrize("name", sorted(path.name for path in Path(__file__).parent.glob("*.test.mjs")))
def test_the_javascript_of_the_pages_does_what_its_tests_say(name: str, tmp_path: Path) -> None:
    assert NODE is not None
    for folder in SOURCES:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (tmp_path / "package.json").write_text('{"type": "module"}')  # without it, an older node reads no `export`
    ran = subprocess.run(
        [NODE, "--test", f"tests/javascript/{name}"], cwd=tmp_path, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
