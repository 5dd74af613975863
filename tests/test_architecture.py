"""What may know of what. Reading LAYERS from the top down is reading how Folkmoot is built."""

import ast
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import folkmoot

SOURCE = Path(folkmoot.__file__).parent

LAYERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("words", ("errors", "types", "events", "prompting", "_version")),
    # reading replies and counting them: pure functions; a part that is named nowhere below belongs here
    ("parts", ("formats", "labels", "tally", "closing")),
    # what is on disk, and what a run may take
    ("record", ("journal", "limits", "places", "store")),
    # the engine: a call, and all that a protocol may touch
    ("engine", ("pacing", "calling", "batch", "run")),
    ("protocols", ("protocols",)),
    # from a RunSpec to a Result: the one function that every way in calls
    ("execute", ("execute",)),
    # what is made of a run's folder, and what starts, resumes and forks runs on this machine
    (
        "runs",
        (
            "account", "asking", "bundle", "config", "consortium_configs", "discovery", "doctor", "estimate",
            "exchange", "export", "index", "intake", "late", "lineup", "logs", "mailed", "mending", "nested", "panels",
            "people", "prices", "probing", "providers", "receipt", "rows", "runs", "seats", "status", "testimony",
            "testing", "tracing", "training", "transcript", "verify",
        ),
    ),
    # the ways in
    ("library", ("library", "engine", "consortia", "folkmoot")),
    ("frontends", ("frontends", "render", "evals")),
)  # fmt: skip
"""Lowest first. A module may import its own layer and every lower one."""

NARROWER = {
    # what a provider needs: nothing of runs, so that anybody can write one
    "providers": {"errors", "types", "prompting", "prices", "formats", "intake"},
    # a protocol reaches a seat only through its run
    "protocols": {"words", "parts", "run", "batch", "calling"},
    # pictures of a run are made of what was said of it
    "render": {"words", "parts", "receipt"},
    "formats": {"words", "parts"},
    "intake": {"words"},
    "panels": {"words", "places"},
    "seats": {"words", "panels", "providers", "prices"},
    "config": {"words", "panels", "places", "providers"},
    "discovery": {"words", "providers", "probing"},
    "prices": {"words", "providers"},
}
"""Modules that may know less than their layer: layers or modules they may import besides themselves."""

RANK = {module: rank for rank, (_, modules) in enumerate(LAYERS) for module in modules}
LAYER = {module: layer for layer, modules in LAYERS for module in modules}
PARTS = [layer for layer, _ in LAYERS].index("parts")

FILES = {str(path.relative_to(SOURCE)): path for path in sorted(SOURCE.rglob("*.py"))}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def part_of(module: str) -> str:
    """folkmoot.formats.scores -> formats"""
    return module.split(".")[1] if "." in module else module


def own_part(path: Path) -> str:
    return part_of(".".join(("folkmoot", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__"))


def layer_of(part: str) -> str:
    return LAYER.get(part, "parts")


@cache
def imported(path: Path) -> frozenset[tuple[str, str]]:
    """(module, name) of every import, wherever it stands: `from folkmoot import tally` is ("folkmoot.counting.tally", "")."""
    found: set[tuple[str, str]] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {(each.name, "") for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for each in node.names:
                inner = SOURCE.parent.joinpath(*node.module.split("."), each.name)
                is_module = inner.is_dir() or inner.with_suffix(".py").exists()
                found.add((f"{node.module}.{each.name}", "") if is_module else (node.module, each.name))
    return frozenset(found)


def libraries(path: Path) -> set[str]:
    return {module.split(".")[0] for module, _ in imported(path)}


def our_parts(path: Path) -> set[str]:
    return {part_of(module) for module, _ in imported(path) if module.split(".")[0] == "folkmoot"} - {own_part(path)}


def offences(check: Callable[[Path], Iterable[object]]) -> dict[str, list[object]]:
    """What `check` finds, by file; files without a finding are left out."""
    return {name: found for name, path in FILES.items() if (found := sorted(check(path), key=str))}


def test_dependencies_point_down() -> None:
    def upward(path: Path) -> set[str]:
        rank = RANK.get(own_part(path), PARTS)
        return {part for part in our_parts(path) if RANK.get(part, PARTS) > rank}

    assert offences(upward) == {}


def test_some_modules_may_know_less_than_their_layer() -> None:
    def too_much(path: Path) -> set[str]:
        allowed = NARROWER.get(own_part(path))
        if allowed is None:
            return set()
        return {part for part in our_parts(path) if part not in allowed and layer_of(part) not in allowed}

    assert offences(too_much) == {}


def test_only_a_call_reaches_a_provider() -> None:
    def reached(path: Path) -> list[int]:
        if path.name in ("calling.py", "testing.py"):  # the engine, and the contract that providers are held to
            return []
        calls = (node.func for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call))
        return [
            each.lineno
            for each in calls
            if isinstance(each, ast.Attribute) and each.attr == "complete" and ast.unparse(each.value) != "super()"
        ]

    assert offences(reached) == {}


def test_nothing_below_the_ways_in_prints_or_knows_who_watches() -> None:
    def watched(path: Path) -> set[str]:
        if layer_of(own_part(path)) == "frontends":
            return set()
        names = {node.id for node in ast.walk(tree_of(path)) if isinstance(node, ast.Name)}
        return (libraries(path) & FRONTEND_LIBRARIES) | (names & {"print", "input"})

    assert offences(watched) == {}


def test_the_ways_in_go_through_execute() -> None:
    """Of the record they may ask one thing: whether somebody is working on it."""

    def behind(path: Path) -> set[str]:
        if own_part(path) != "frontends":
            return set()
        touched = {f"{part_of(module)}.{name}" for module, name in imported(path) if part_of(module) in INTERNALS}
        if "journal." in touched:
            used = {ast.unparse(node) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute)}
            touched = (touched - {"journal."}) | {each for each in used if each.startswith("journal.")}
        return touched - {"journal.held"}

    assert offences(behind) == {}


def test_a_protocol_is_pure_between_two_replies() -> None:
    """Or a replay could decide otherwise: no clock, no chance but `run.rng`, no files."""

    def impure(path: Path) -> set[str]:
        if own_part(path) != "protocols" or path.name == "__init__.py":
            return set()
        used = {ast.unparse(node) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute)}
        return (libraries(path) & IMPURE) | (used & {"asyncio.sleep", "asyncio.wait_for", "asyncio.timeout"})

    assert offences(impure) == {}


def test_a_file_has_one_subject() -> None:
    def length(path: Path) -> list[int]:
        lines = len(path.read_text("utf-8").splitlines())
        return [lines] if lines > 400 else []

    assert offences(length) == {}


def test_a_module_opens_with_what_it_is() -> None:
    assert offences(lambda path: [] if ast.get_docstring(tree_of(path)) else ["no docstring"]) == {}


def test_a_name_says_what_is_inside() -> None:
    def empty_names(path: Path) -> list[str]:
        classes = [node.name for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef)]
        return [name for name in (path.stem, *classes) if name in NO_SUBJECT or name.endswith(NO_SUBJECT_AT_THE_END)]

    assert offences(empty_names) == {}


def test_every_module_that_is_named_here_exists() -> None:
    there = {own_part(path) for path in FILES.values()}
    assert set(RANK) <= there, "LAYERS names modules that are gone"


FRONTEND_LIBRARIES = {"argparse", "click", "rich", "starlette", "uvicorn", "mcp", "prompt_toolkit", "textual"}
INTERNALS = {"run", "batch", "calling", "pacing", "journal"}
IMPURE = {
    "random",
    "time",
    "datetime",
    "os",
    "pathlib",
    "uuid",
    "secrets",
    "socket",
    "subprocess",
    "tempfile",
    "shutil",
}
NO_SUBJECT = {"utils", "util", "helpers", "helper", "manager", "common", "misc", "handlers", "core"}
NO_SUBJECT_AT_THE_END = ("Manager", "Handler", "Helper", "Utils", "Orchestrator")
