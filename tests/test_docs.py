"""The documentation does what it says: its samples run, its commands and files exist, its tables are whole."""

import dataclasses
import inspect
import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from folkmoot import events
from folkmoot.frontends.cli.root import folkmoot as command_line
from folkmoot.machine.config import load_config
from folkmoot.protocols import find_protocol
from folkmoot.record.index import Index
from folkmoot.record.store import Home
from folkmoot.types import JSON

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (*(ROOT / name for name in ("README.md", "AGENTS.md", "CONTRIBUTING.md")), *ROOT.glob("docs/**/*.md"))
)
NOT_RUN = "<!-- not run -->"
OFFLINE = "[providers.sim]\ndelay = 0\n"


@dataclass(frozen=True)
class Sample:
    """A fenced block of a page."""

    page: str
    line: int  # of its first line of text, from 1
    language: str
    text: str
    runs: bool  # whether nothing says that it is not run


def samples(page: str) -> list[Sample]:
    found: list[Sample] = []
    opened: tuple[int, str, bool] | None = None
    held: list[str] = []
    last = ""
    for number, line in enumerate((ROOT / page).read_text("utf-8").splitlines(), 1):
        fence = re.match(r"\s*```(\w*)", line)
        if opened is None and fence:
            opened, held = (number + 1, fence[1], last.strip() != NOT_RUN), []
        elif opened is not None and fence:
            found.append(Sample(page, opened[0], opened[1], "\n".join(held) + "\n", opened[2]))
            opened = None
        elif opened is not None:
            held.append(line)
        if line.strip():
            last = line
    return found


def written_in(*languages: str) -> list[Sample]:
    return [each for page in PAGES for each in samples(page) if each.language in languages]


def named(sample: Sample) -> str:
    return f"{sample.page}:{sample.line}"


def run_python(arguments: list[str], folder: Path, path: str = "") -> subprocess.CompletedProcess[str]:
    """Python in `folder`, with a home of its own, fast simulations, and no key."""
    (folder / "home").mkdir(exist_ok=True)
    (folder / "home" / "config.toml").write_text(OFFLINE)
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "FOLKMOOT_HOME": str(folder / "home"), "PYTHONPATH": path,
    }  # fmt: skip
    ran = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(ran, cwd=folder, env=environ, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("page", [page for page in PAGES if any(s.language == "python" for s in samples(page))])
def test_the_python_of_a_page_runs_from_top_to_bottom(page: str, tmp_path: Path) -> None:
    lines: list[str] = []
    for each in samples(page):
        if each.language == "python" and each.runs:
            lines += [""] * (each.line - 1 - len(lines)) + each.text.splitlines()  # errors name the page's lines
    program = tmp_path / f"{Path(page).stem}.md"
    program.write_text("\n".join(lines) + "\n", "utf-8")
    ran = run_python([str(program)], tmp_path)
    assert ran.returncode == 0, ran.stderr


def commands(sample: Sample) -> Iterator[list[str]]:
    """The words of every call of folkmoot, after a `$` or alone, without variables before and redirections after it."""
    joined = sample.text.replace("\\\n", " ")
    for line in joined.splitlines():
        if not line.startswith(("$ ", "folkmoot ", "moot ")):
            continue
        lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        words: list[list[str]] = [[]]
        for word in lexer:
            if word and set(word) <= set("|&;"):
                words.append([])
            elif word and set(word) <= set("<>"):
                next(lexer, None)
            elif words[-1] or not re.fullmatch(r"[A-Z_]+=.*", word):
                words[-1].append(word)
        yield from (each[1:] for each in words if each and each[0] in ("folkmoot", "moot"))


def parse(group: click.Group, words: list[str], name: str) -> None:
    """Parse a command line as the program would, and do nothing."""
    context = click.Context(group, info_name=name)
    if words[0].startswith("-"):
        group.make_context(name, words)
        return
    word, command, rest = group.resolve_command(context, words)
    assert command is not None
    if isinstance(command, click.Group):
        parse(command, rest, str(word))
    else:
        command.make_context(word, list(rest), parent=context)


CALLS = [(named(each), words) for each in written_in("console", "") for words in commands(each)]


@pytest.mark.parametrize(("where", "words"), CALLS, ids=[f"{where} {' '.join(words)[:40]}" for where, words in CALLS])
def test_every_command_shown_exists_with_its_flags(
    where: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLKMOOT_HOME", str(tmp_path))
    save_panels_of(where.partition(":")[0])
    try:
        parse(command_line, words, "folkmoot")
    except click.exceptions.Exit:  # --help, --version
        pass
    except click.UsageError as error:
        pytest.fail(f"{where}: {error.format_message()}")


def save_panels_of(page: str) -> None:
    """Do what the page says of `folkmoot panel save`: its panels are commands further down."""
    for sample in written_in("console"):
        for words in commands(sample) if sample.page == page else ():
            if words[:2] == ["panel", "save"] and "--help" not in words:
                command_line.main(words, standalone_mode=False)


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be linked, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("sample", written_in("toml"), ids=named)
def test_every_sample_of_the_configuration_is_accepted(sample: Sample, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(sample.text, "utf-8")
    if "project" not in tomllib.loads(sample.text):
        load_config(tmp_path / "config.toml")


@pytest.mark.parametrize("sample", written_in("sql"), ids=named)
def test_every_question_to_the_index_can_be_asked(sample: Sample, tmp_path: Path) -> None:
    index = Index(Home(tmp_path))
    index.sync()
    base = sqlite3.connect(index.path)
    for statement in sample.text.split(";"):
        base.execute(statement).fetchall()
    base.close()


def test_every_event_stands_in_the_table_with_its_fields() -> None:
    kinds = [
        each for each in vars(events).values()
        if inspect.isclass(each) and issubclass(each, events.Event) and each not in (events.Event, events.CallEvent)
    ]  # fmt: skip
    shown = (ROOT / "docs/output.md").read_text("utf-8")
    for kind in kinds:
        name = re.sub(r"(?<!^)([A-Z])", r"_\1", kind.__name__).lower()
        fields = ", ".join(f"`{each.name}`" for each in dataclasses.fields(kind))
        assert f"| `{name}` | {fields} |" in shown


def shape(value: object) -> object:
    """The keys of nested objects; of a list the first element's; a key that is a model is any."""
    if isinstance(value, dict):
        # the receipt and the count sheets have samples of their own
        return {
            ("any" if "/" in key else key): None if key in ("receipt", "counts") else shape(each)
            for key, each in value.items()
        }
    return [shape(each) for each in value[:1]] if isinstance(value, list) else None


def of_output(start: str) -> JSON:
    """The sample of docs/output.md that begins with `start`."""
    (found,) = (json.loads(s.text) for s in samples("docs/output.md") if s.text.startswith(start))
    return dict(found)


@pytest.mark.parametrize(
    ("models", "start", "code"),
    [
        ("sim/careful,sim/hasty", '{\n  "status": "converged"', 0),
        ("sim/careful,sim/hasty?fail=1", '{\n  "status": "error"', 3),
    ],
)
def test_json_has_the_keys_that_are_shown(models: str, start: str, code: int, tmp_path: Path) -> None:
    words = ["converge", "What is 17 * 23?", "-m", models, "-o", "json", "-q", "--retries", "0"]
    ran = folkmoot_program(words, tmp_path)
    assert ran.returncode == code, ran.stderr
    found = json.loads(ran.stdout)
    assert shape(found) == shape(of_output(start))
    if "counts" in found:
        assert shape(found["counts"][-1]) == shape(of_output('{\n  "round": 2, "scope"'))


def folkmoot_program(words: list[str], folder: Path, path: str = "") -> subprocess.CompletedProcess[str]:
    return run_python(["-c", "from folkmoot.frontends.cli import main; main()", *words], folder, path)


def test_the_page_of_converge_has_every_option() -> None:
    page = (ROOT / "docs/protocols/converge.md").read_text("utf-8")
    for name, field in find_protocol("converge").options.model_fields.items():
        extra = field.json_schema_extra
        flags = extra.get("flags", []) if isinstance(extra, dict) else []
        assert isinstance(flags, list)
        missing = [each for each in (f"--{name.replace('_', '-')}", *flags) if f"`{each}`" not in page]
        assert missing == []


def test_the_provider_and_the_protocol_of_the_page_can_be_installed(tmp_path: Path) -> None:
    page = samples("docs/providers.md")
    (provider,) = (each.text for each in page if "def open_provider" in each.text)
    (relay,) = (each.text for each in page if '@protocol("relay"' in each.text)
    (tmp_path / "folkmoot_shout.py").write_text(provider)
    (tmp_path / "folkmoot_relay.py").write_text(relay)
    declared = [tomllib.loads(each.text) for each in page if each.language == "toml"]
    groups = [group for each in declared for group in each["project"]["entry-points"].items()]
    lines = [f"[{group}]\n" + "".join(f"{name} = {at}\n" for name, at in names.items()) for group, names in groups]
    installed = tmp_path / "shout-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: shout\nVersion: 1\n")
    (installed / "entry_points.txt").write_text("".join(lines))
    words = ["relay", "walk or drive?", "-m", "shout/loud", "--rounds", "1", "-q"]
    ran = folkmoot_program(words, tmp_path, str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert "WALK OR DRIVE?" in ran.stdout
