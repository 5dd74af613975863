"""A panel that runs `consortium`, as llm-consortium's users know a saved configuration."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from folkmoot.errors import InputError
from folkmoot.machine.panels import Panel, missing
from folkmoot.protocols import check_options, find_protocol
from folkmoot.running.runs import Machine
from folkmoot.types import JSON

PROTOCOL = "consortium"


def saved(machine: Machine) -> dict[str, Panel]:
    """Every panel that runs `consortium`, the newest first. One that cannot be read is not among them."""
    found: dict[str, Panel] = {}
    for name in machine.panels:
        try:
            panel = machine.panels[name]
        except InputError:
            continue
        if panel.protocol == PROTOCOL:
            found[name] = panel
    return dict(sorted(found.items(), key=lambda each: created(each[0], machine), reverse=True))


def find_saved(name: str, machine: Machine) -> Panel:
    """Raises InputError for no panel, or one that runs something else."""
    if name not in machine.panels:
        raise InputError(missing(name, machine.panels))
    panel = machine.panels[name]
    if panel.protocol != PROTOCOL:
        runs = f"runs {panel.protocol}" if panel.protocol else "is only a list of seats"
        raise InputError(f"the panel {name!r} {runs}; `folkmoot panel show {name}` shows it")
    return panel


def created(name: str, machine: Machine) -> str:
    """When the panel was last saved, ISO 8601 in UTC; empty for one of config.toml."""
    path = machine.panels.path(name)
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds") if path.exists() else ""


def as_config(name: str, panel: Panel, machine: Machine) -> JSON:
    """A panel under llm-consortium's keys, with everything that is at its default."""
    options = check_options(find_protocol(PROTOCOL), panel.options).model_dump(mode="json")
    params = _params(options["strategy_param"])
    params |= {
        key: options[key]
        for key in ("clustering_algorithm", "cluster_eps", "cluster_min_samples")
        if options[key] is not None
    }
    return {
        "name": name,
        "models": dict(_counted(line.model) for line in panel.everybody),
        "arbiter": ", ".join(_told(model) for model in options["arbiter"]) or None,
        "confidence_threshold": options["confidence_threshold"],
        "max_iterations": options["rounds"],
        "minimum_iterations": options["min_iterations"],
        "system_prompt": panel.system,
        "judging_method": options["judging_method"],
        "strategy": options["strategy"],
        "strategy_params": params,
        "manual_context": options["context"] == "manual",
        "embedding_backend": options["embedding_backend"],
        "embedding_model": options["embedding_model"],
        "created_at": created(name, machine) or None,
    }


def config_text(config: Mapping[str, Any]) -> str:
    """A configuration for people, a line for each thing that is not left out."""
    least, most = config["minimum_iterations"], config["max_iterations"]
    lines = {
        "Name": config["name"],
        "Saved": config["created_at"],
        "Strategy": config["strategy"],
        "Strategy parameters": ", ".join(f"{key}={value}" for key, value in config["strategy_params"].items()),
        "Models": models_text(config),
        "Arbiter": config["arbiter"] or "the first member's model",
        "Confidence threshold": config["confidence_threshold"],
        "Iterations": most if least == most else f"{least}-{most}",
        "Judging": config["judging_method"],
        "Context": "manual" if config["manual_context"] else "auto",
        "System prompt": config["system_prompt"],
        "Embedding": config["embedding_model"] or config["embedding_backend"],
    }
    return "\n".join(f"{title}: {value}" for title, value in lines.items() if value not in (None, ""))


def models_text(config: Mapping[str, Any]) -> str:
    return ", ".join(f"{model}:{count}" for model, count in config["models"].items())


def _counted(written: str) -> tuple[str, int]:
    """
    >>> _counted("llm/gpt-4o*2"), _counted("sim/careful"), _counted("llm/llama3:8b")
    (('gpt-4o', 2), ('sim/careful', 1), ('llama3:8b', 1))
    """
    name, star, number = written.rpartition("*")
    return (_told(name), int(number)) if star else (_told(written), 1)


def _told(model: str) -> str:
    """A model as `llm consortium` takes it."""
    return model.removeprefix("llm/").removeprefix("panel/")


def _params(written: list[str]) -> dict[str, Any]:
    """KEY=VALUE, where a repeated key makes a list.

    >>> _params(["roles=A", "roles=B", "eps=0.3"])
    {'roles': ['A', 'B'], 'eps': '0.3'}
    """
    found: dict[str, list[str]] = {}
    for each in written:
        key, _, value = each.partition("=")
        found.setdefault(key, []).append(value)
    return {key: values if len(values) > 1 else values[0] for key, values in found.items()}
