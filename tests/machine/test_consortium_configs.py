"""llm-consortium's saved configurations, as its releases write them, become panels."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from folkmoot.errors import InputError
from folkmoot.machine.consortium_configs import database_of, read_configs
from folkmoot.machine.panels import Panel

DEFAULTS: dict[str, Any] = {
    "models": {"gpt-4o": 2, "o3-mini": 1}, "system_prompt": None, "confidence_threshold": 0.9, "max_iterations": 5,
    "minimum_iterations": 2, "arbiter": "gemini-2", "judging_method": "default", "strategy": "default",
    "strategy_params": {}, "embedding_backend": None, "embedding_model": None, "embedding_cache_enabled": True,
    "manual_context": False, "category": None, "expected_agreement": None, "status": None, "created_at": None,
}  # fmt: skip


def database(folder: Path, **configs: object) -> Path:
    path = folder / "consortium_logs.db"
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("CREATE TABLE consortium_configs (name TEXT PRIMARY KEY, config TEXT, created_at TEXT)")
        for at, (name, config) in enumerate(configs.items()):
            text = config if isinstance(config, str) else json.dumps(config)
            base.execute("INSERT INTO consortium_configs VALUES (?, ?, ?)", (name, text, f"2026-01-0{at + 1}"))
    return path


def test_a_configuration_keeps_members_arbiter_and_rules(tmp_path: Path) -> None:
    found = read_configs(database(tmp_path, mine=DEFAULTS | {"system_prompt": "Be brief."}))
    assert found == ({
        "mine": Panel(
            description="from llm-consortium",
            protocol="consortium",
            options={
                "confidence_threshold": 0.9, "rounds": 5, "min_iterations": 2, "judging_method": "default",
                "strategy": "default", "arbiter": ["llm/gemini-2"],
            },
            models=("llm/gpt-4o*2", "llm/o3-mini"),
            system="Be brief.",
        )
    }, [])  # fmt: skip


def test_strategies_bring_their_parameters_and_manual_context_its_name(tmp_path: Path) -> None:
    role = {"strategy": "role", "strategy_params": {"roles": ["Optimist", "Pessimist"], "x": False}}
    found = read_configs(database(tmp_path, r=DEFAULTS | role | {"manual_context": True, "arbiter": None}))[0]["r"]
    assert found.options["strategy_param"] == ["roles=Optimist", "roles=Pessimist", "x=False"]
    assert found.options["context"] == "manual" and "arbiter" not in found.options


def test_a_member_that_is_a_configuration_becomes_a_panel_and_comes_first(tmp_path: Path) -> None:
    meta = DEFAULTS | {"models": {"inner": 1, "gpt-4o": 1}, "arbiter": "inner"}
    found, _ = read_configs(database(tmp_path, meta=meta, inner=DEFAULTS))
    assert list(found) == ["inner", "meta"]
    assert found["meta"].models == ("panel/inner", "llm/gpt-4o") and found["meta"].options["arbiter"] == ["panel/inner"]


def test_older_configurations_name_their_models_in_a_list(tmp_path: Path) -> None:
    older = {"models": ["a", "b"], "arbiter": "a", "confidence_threshold": 0.8, "max_iterations": 3}
    assert read_configs(database(tmp_path, old=older))[0]["old"].models == ("llm/a", "llm/b")


@pytest.mark.parametrize(
    "config", ["not json", "[]", "{}", '{"models": 3}', '{"models": {"a": "many"}}', '{"models": {"a": 0}}']
)
def test_what_is_no_configuration_is_named_and_keeps_no_other_back(tmp_path: Path, config: str) -> None:
    found, problems = read_configs(database(tmp_path, odd=config, fine=DEFAULTS))
    assert list(found) == ["fine"] and len(problems) == 1 and "odd" in problems[0]


def test_names_that_no_panel_can_have_are_changed_also_where_others_name_them(tmp_path: Path) -> None:
    outer = DEFAULTS | {"models": {"My Consortium": 1, "vote": 2}, "arbiter": "пример"}
    rows = {"outer": outer, "My Consortium": DEFAULTS, "vote": DEFAULTS, "пример": DEFAULTS, "My-Consortium": DEFAULTS}
    found, problems = read_configs(database(tmp_path, **rows), ["vote"])
    assert problems == [] and set(found) == {
        "outer", "My-Consortium-2", "vote-consortium", "consortium", "My-Consortium",
    }  # fmt: skip
    assert found["outer"].models == ("panel/My-Consortium-2", "panel/vote-consortium*2")
    assert found["outer"].options["arbiter"] == ["panel/consortium"]


def test_what_is_no_such_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_configs(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("hello" * 1000)
    with pytest.raises(InputError, match="not llm-consortium's database"):
        read_configs(tmp_path / "text.db")


def test_its_database_is_looked_for_where_it_keeps_it(tmp_path: Path) -> None:
    assert database_of({"HOME": str(tmp_path)}).is_relative_to(tmp_path)
    assert database_of({"HOME": str(tmp_path)}).parts[-2:] == ("io.datasette.llm", "consortium_logs.db")
    (tmp_path / "logs.db").touch()
    older = {"HOME": str(tmp_path), "LLM_USER_PATH": str(tmp_path)}
    assert database_of(older) == tmp_path / "logs.db", "where versions up to 0.5 kept them"
