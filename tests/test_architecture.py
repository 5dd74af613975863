"""What may import what. Reading ROOMS from the top down is reading how Folkmoot is built.

A room is a folder of `src/folkmoot`, or a module that lies beside the folders. Every room is named here with all that
it may import; there is no default, so a module or folder that nobody named fails.
"""

import ast
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest

import folkmoot

SOURCE = Path(folkmoot.__file__).parent

WORDS = {"_version", "blocking", "errors", "events", "labels", "naming", "prompting", "stances", "textfiles", "types"}
"""The modules that everything else is written in. They import one another and nothing else of Folkmoot."""

ENGINE = {"core.run", "core.batch", "core.calling"}
"""All of the engine that a protocol may touch."""

ROOMS: dict[str, set[str]] = {
    # lowest first: what a seat writes and how that is read; then what counts, calls and answers
    "formats": set(),
    "counting": {"formats"},
    "core": {"formats"},
    "providers": {"formats"},
    "protocols": {"counting", "formats", *ENGINE},
    # a run's folder; what this machine has; from a RunSpec to a Result
    "record": {"core", "formats"},
    "machine": {"providers"},
    "execute": {"protocols", "record", "core", "formats"},
    # what a record says, and whether it holds; from a question to a run on this machine
    "proof": {"execute", "record", "counting", "formats", "protocols", "core"},
    "running": {"proof", "execute", "machine", "record", "providers", "protocols", "counting", "core", "formats"},
    "evals": {"running", "proof", "execute", "protocols", "record", "counting", "formats", "core"},
    # what works here, and the ways in from Python
    "checkup": {"running", "execute", "machine", "record", "providers", "core"},
    "python": {"running", "execute", "machine", "record", "protocols", "counting", "core"},
    # pictures of a run are made of what was said of it
    "render": {"counting.earned", "proof.receipt", "core", "formats"},
    # for authors of protocols and providers
    "writing": {"core", "counting", "formats", "protocols", "providers.base"},
    "testing": {"providers"},
    "folkmoot": {"python", "counting"},
    # the ways in
    "frontends": {
        "checkup", "counting", "evals", "execute", "folkmoot", "machine", "proof", "protocols", "providers", "python",
        "record", "render", "running", "core.limits", "core.journal",
    },
}  # fmt: skip
"""Room -> the rooms, or single modules of one, that it may import besides itself and WORDS."""

FILES = {str(path.relative_to(SOURCE)): path for path in sorted(SOURCE.rglob("*.py"))}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def module_of(path: Path) -> str:
    """The dotted name below folkmoot: formats/scores.py is "formats.scores", __init__.py is "folkmoot"."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix("__init__").rstrip(".") or "folkmoot"


def room_of(module: str) -> str:
    """formats.scores -> formats"""
    return module.partition(".")[0]


def own_room(path: Path) -> str:
    return room_of(module_of(path))


@cache
def imported(path: Path) -> frozenset[tuple[str, str]]:
    return imports_of(tree_of(path))


def imports_of(tree: ast.Module) -> frozenset[tuple[str, str]]:
    """(module, name) of every import: `from folkmoot.counting import tally` is ("folkmoot.counting.tally", "")."""
    found: set[tuple[str, str]] = set()
    for node in ast.walk(tree):
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


def ours(tree: ast.Module) -> set[str]:
    """The modules of Folkmoot that are imported, without the package's name: "formats.scores"."""
    return {
        module.removeprefix("folkmoot.")
        for module, _ in imports_of(tree)
        if module == "folkmoot" or module.startswith("folkmoot.")
    }


def refused(room: str, tree: ast.Module) -> set[str]:
    """The imports in a module of `room` that ROOMS does not allow."""

    def allowed(module: str) -> bool:
        places = {module.rsplit(".", cut)[0] for cut in range(module.count(".") + 1)}
        return bool(places & (WORDS | ({room} | ROOMS[room] if room not in WORDS else set())))

    return {module for module in ours(tree) if not allowed(module)}


def unnamed(paths: Iterable[Path]) -> set[str]:
    return {own_room(path) for path in paths} - set(ROOMS) - WORDS


def offences(check: Callable[[Path], Iterable[object]]) -> dict[str, list[object]]:
    """What `check` finds, by file; files without a finding are left out."""
    return {name: found for name, path in FILES.items() if (found := sorted(check(path), key=str))}


def test_every_module_and_folder_is_named() -> None:
    assert unnamed(FILES.values()) == set()
    assert set(ROOMS) | WORDS == {own_room(path) for path in FILES.values()}, "ROOMS or WORDS names what is gone"


def test_every_room_imports_only_what_it_may() -> None:
    assert offences(lambda path: refused(own_room(path), tree_of(path))) == {}


def test_rooms_lie_on_floors_without_a_circle() -> None:
    """Rooms whose imports are all on lower floors make a floor; ten are enough, and none is left over."""
    below = {room: {room_of(each) for each in allowed} - {room} for room, allowed in ROOMS.items()}
    floors = 1  # the words
    while below:
        floor = {room for room, needs in below.items() if not needs & set(below)}
        assert floor, f"a circle among {sorted(below)}"
        below = {room: needs for room, needs in below.items() if room not in floor}
        floors += 1
    assert floors <= 10


def test_modules_make_no_circle() -> None:
    """Also with the imports inside functions."""
    needs = {module_of(path): ours(tree_of(path)) for path in FILES.values()}

    def reached(module: str) -> set[str]:
        found: set[str] = set()
        waiting = needs[module] - {module}
        while waiting:
            each = waiting.pop()
            found.add(each)
            waiting |= needs.get(each, set()) - found
        return found

    assert sorted(module for module in needs if module in reached(module)) == []


@pytest.mark.parametrize(
    ("planted", "why"),
    [
        ("from folkmoot.record.files import write_atomically", "a protocol writes no files"),
        ("from folkmoot.core.journal import Journal", "a protocol does not know the record"),
        ("from folkmoot.core import journal", "nor by another spelling"),
        ("def later():\n    import folkmoot.record.writer_thread", "nor inside a function"),
    ],
)
def test_a_planted_import_is_refused(planted: str, why: str) -> None:
    source = FILES["protocols/converge.py"].read_text("utf-8")
    assert refused("protocols", ast.parse(source)) == set()
    assert len(refused("protocols", ast.parse(f"{source}\n{planted}\n"))) == 1, why


@pytest.mark.parametrize("name", ["shortcuts.py", "extras/__init__.py", "extras/more.py"])
def test_a_planted_module_or_folder_is_refused(name: str) -> None:
    assert unnamed([SOURCE / name]) == {name.partition("/")[0].removesuffix(".py")}


def test_only_a_call_reaches_a_provider() -> None:
    def reached(path: Path) -> list[int]:
        if path.name in ("attempts.py", "testing.py"):  # the engine, and the contract that providers are held to
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
        if own_room(path) in ("frontends", "render", "evals"):
            return set()
        names = {
            node.id for node in ast.walk(tree_of(path)) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        return (libraries(path) & FRONTEND_LIBRARIES) | (names & {"print", "input"})

    assert offences(watched) == {}


def test_the_ways_in_go_through_execute() -> None:
    """Of the record they may ask one thing: whether somebody is working on it."""

    def behind(path: Path) -> set[str]:
        if own_room(path) != "frontends":
            return set()
        names = {
            f"{module.removeprefix('folkmoot.core.')}.{name}" for module, name in imported(path) if ".core" in module
        }
        if "journal." in names:
            used = {ast.unparse(node) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute)}
            names = (names - {"journal."}) | {each for each in used if each.startswith("journal.")}
        return names - {"journal.held", "limits.Limits", "limits.Purse", "limits.Reservation"}

    assert offences(behind) == {}


def test_a_protocol_is_pure_between_two_replies() -> None:
    """Or a replay could decide otherwise: no clock, no chance but `run.rng`, no files."""

    def impure(path: Path) -> set[str]:
        if own_room(path) != "protocols" or path.name == "__init__.py":
            return set()
        used = {ast.unparse(node) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute)}
        return (libraries(path) & IMPURE) | (used & {"asyncio.sleep", "asyncio.wait_for", "asyncio.timeout"})

    assert offences(impure) == {}


def test_a_file_has_one_subject() -> None:
    def length(path: Path) -> list[int]:
        lines = len(path.read_text("utf-8").splitlines())
        return [lines] if lines > 400 else []

    assert offences(length) == {}


def test_a_function_of_the_engine_takes_at_most_seven_parameters() -> None:
    def too_many(path: Path) -> list[str]:
        if own_room(path) != "core":
            return []
        functions = [
            node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        given = {node.name: [each.arg for each in (*node.args.args, *node.args.kwonlyargs)] for node in functions}
        return [name for name, names in given.items() if len(set(names) - {"self", "cls"}) > 7]

    assert offences(too_many) == {}


def test_a_module_opens_with_what_it_is() -> None:
    assert offences(lambda path: [] if ast.get_docstring(tree_of(path)) else ["no docstring"]) == {}


def test_a_name_says_what_is_inside() -> None:
    def empty_names(path: Path) -> list[str]:
        classes = [node.name for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef)]
        return [name for name in (path.stem, *classes) if name in NO_SUBJECT or name.endswith(NO_SUBJECT_AT_THE_END)]

    assert offences(empty_names) == {}


def test_one_name_is_one_class() -> None:
    homes: dict[str, list[str]] = {}
    for name, path in FILES.items():
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(name)
    assert {name: found for name, found in homes.items() if len(found) > 1} == SAME_NAME


SAME_NAME = {"CallFailed": ["errors.py", "events.py"]}
"""Public classes of one name: the event tells listeners of the error, and JSON lines call it so (`call_failed`)."""

FRONTEND_LIBRARIES = {"argparse", "click", "rich", "starlette", "uvicorn", "mcp", "prompt_toolkit", "textual"}

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
