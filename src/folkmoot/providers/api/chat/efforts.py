"""Which reasoning effort a model is told, and whether it takes a temperature, by its name.

A model that is not known to reason is told no effort: most servers refuse the field for such a model. The levels are
those of the vendors' documentation: https://platform.openai.com/docs/guides/reasoning,
https://openrouter.ai/docs/guides/best-practices/reasoning-tokens, https://console.groq.com/docs/reasoning.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from folkmoot.types import Effort

_LEVELS: Sequence[Effort] = ("none", "minimal", "low", "medium", "high", "xhigh")

Temperature = Literal["always", "without effort", "effort none", "never"]
"""When a model takes a temperature: `without effort` includes the effort `none`, `effort none` needs it said."""


class Reasoner(NamedTuple):
    """The efforts from `lowest` to `highest` that a model takes, and when it takes a temperature."""

    lowest: Effort
    highest: Effort
    temperature: Temperature

    def level(self, effort: Effort) -> Effort:
        """The level nearest to `effort` that the model takes."""
        low, high = _LEVELS.index(self.lowest), _LEVELS.index(self.highest)
        return _LEVELS[min(max(_LEVELS.index(effort), low), high)]


# The first pattern that matches a model's name decides.
_OPENAI: tuple[tuple[str, Reasoner | None], ...] = (
    (r"o\d+(-|$)", Reasoner("low", "high", "never")),
    (r"gpt-5-chat", None),
    (r"gpt-5-pro", Reasoner("high", "high", "never")),
    (r"gpt-5(-|$)", Reasoner("minimal", "high", "never")),
    (r"gpt-5\.\d+-chat", Reasoner("medium", "medium", "never")),
    (r"gpt-5\.\d+-codex-max", Reasoner("low", "xhigh", "never")),
    (r"gpt-5\.\d+-pro", Reasoner("medium", "xhigh", "never")),
    (r"gpt-5\.[1-4](-|$)", Reasoner("none", "xhigh", "without effort")),
    (r"gpt-5\.\d+(-|$)", Reasoner("none", "xhigh", "effort none")),
)


def openai_reasoner(model: str) -> Reasoner | None:
    """What OpenAI's reasoning model of this name takes, on whichever server; None for any other model.

    >>> openai_reasoner("openai/o3").level("xhigh"), openai_reasoner("gpt-5.4").level("none"), openai_reasoner("gpt-4o")
    ('high', 'none', None)
    """
    bare = model.removeprefix("openai/")
    return next((reasoner for pattern, reasoner in _OPENAI if re.match(pattern, bare)), None)


def takes_temperature(reasoner: Reasoner | None, effort: Effort | None) -> bool:
    """Whether a temperature may be sent beside `effort`, the level that is sent."""
    allowed: dict[Temperature, bool] = {
        "always": True,
        "without effort": effort in (None, "none"),
        "effort none": effort == "none",
        "never": False,
    }
    return reasoner is None or allowed[reasoner.temperature]


# Dialect -> beginnings of the names of models that are told an effort, and whether they can be told "none".
_OTHERS: dict[str, tuple[tuple[str, bool], ...]] = {
    "azure": (("deepseek-r1", False),),
    "deepseek": (("deepseek-reasoner", False),),
    "groq": (("openai/gpt-oss", False), ("qwen/qwen3", True), ("deepseek-r1", False)),
    "mistral": (("magistral", False),),
    "ollama": (("deepseek-r1", False),),
    "vllm": (("qwen/qwen3", True), ("deepseek-ai/deepseek-r1", False)),
    "xai": (("grok-3", True), ("grok-4-fast", True)),
    "": (("anthropic/", True), ("deepseek/deepseek-r1", False), ("google/", True)),
}


def other_effort(dialect: str, model: str, effort: Effort) -> Effort | None:
    """What a model of another vendor than OpenAI is told at a server of this dialect; None: nothing.

    >>> other_effort("groq", "qwen/qwen3-32b", "none"), other_effort("xai", "grok-4", "high")
    ('none', None)
    """
    name = model.casefold()
    for beginning, can_rest in _OTHERS.get(dialect, _OTHERS[""]):
        if name.startswith(beginning):
            return effort if effort != "none" or can_rest else None
    return None


# Models that OpenRouter cannot tell to stop reasoning -> the least effort that they take.
_RESTLESS: tuple[tuple[str, str], ...] = (
    ("deepseek/deepseek-r1", "low"), ("google/gemini-3", "low"), ("google/gemini-2.5-pro", "low"), ("openai/o", "low"),
    ("minimax/minimax-m", "minimal"), ("moonshotai/kimi-k2-thinking", "minimal"), ("openai/gpt-oss", "minimal"),
)  # fmt: skip


def openrouter_effort(model: str, effort: Effort) -> str:
    """OpenRouter passes one of its levels on to every model that it knows to reason.

    >>> openrouter_effort("z-ai/glm-5", "xhigh"), openrouter_effort("moonshotai/kimi-k2-thinking", "none")
    ('high', 'minimal')
    """
    if effort == "none":
        # "openai/gpt-oss" begins like "openai/o" only up to the slash: the order does not matter.
        return next((least for beginning, least in _RESTLESS if model.startswith(beginning)), "none")
    return {"minimal": "low", "xhigh": "high"}.get(effort, effort)
