"""How the chat completions of one vendor or server differ from the others'.

A dialect is a row of DIALECTS. Servers of any other name speak the common one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from folkmoot.providers.api.schemas import BARE, KEYWORDS, OPENAI
from folkmoot.types import IMAGES, PDF

Enforces = bool | None
"""Whether a model is held to a JSON schema: yes, no, or unknown, so that it is tried."""


@dataclass(frozen=True)
class Dialect:
    """What one server takes. `name` selects a row of `efforts.py`, "" the common one."""

    name: str = ""
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    attachments: frozenset[str] = IMAGES
    openai_models: bool = True  # whether a name like gpt-5.4 is taken for OpenAI's model
    asks_for_usage: bool = True  # by `stream_options`
    bills: bool = False  # whether the usage holds the price of the call
    enforces: Callable[[str], Enforces] = lambda _: None
    keywords: frozenset[str] = KEYWORDS  # of a schema that are sent
    grammar: bool = False  # whether it compiles a schema as llama.cpp does


def _openai_enforces(model: str) -> Enforces:
    """Structured outputs came with gpt-4o-2024-08-06; https://platform.openai.com/docs/guides/structured-outputs."""
    older = ("gpt-3.5", "gpt-4-", "gpt-4o-2024-05-13", "chatgpt-", "o1-mini", "o1-preview")
    return model != "gpt-4" and not model.startswith(older)


def _known(*families: str) -> Callable[[str], Enforces]:
    return lambda model: True if model.startswith(families) else None


def _always(_: str) -> Enforces:
    return True


COMMON = Dialect()
DIALECTS = {
    each.name: each
    for each in (
        Dialect(
            "openai", "max_completion_tokens", attachments=IMAGES | PDF, enforces=_openai_enforces, keywords=OPENAI,
        ),
        Dialect("azure", "max_completion_tokens", enforces=_openai_enforces, keywords=BARE),
        Dialect(
            "openrouter", attachments=IMAGES | PDF, bills=True, keywords=BARE,
            enforces=_known("openai/gpt-5", "google/gemini", "anthropic/", "x-ai/", "mistralai/"),
        ),
        # DeepSeek makes JSON of any shape at most.
        Dialect("deepseek", attachments=frozenset(), openai_models=False, enforces=lambda _: False),
        # Mistral answers 422 to fields that it does not know, and reports the usage without being asked.
        Dialect("mistral", openai_models=False, asks_for_usage=False, enforces=_always, keywords=BARE),
        Dialect("groq", attachments=IMAGES - {"image/gif"}, openai_models=False, keywords=BARE),
        Dialect(
            "xai", attachments=frozenset({"image/png", "image/jpeg"}), openai_models=False, enforces=_always,
            keywords=BARE,
        ),
        # Models in Ollama's cloud accept a schema and do not obey it.
        Dialect("ollama", openai_models=False, enforces=lambda model: not model.endswith("-cloud"), grammar=True),
        Dialect("vllm", openai_models=False, enforces=_always),
        Dialect("lmstudio", enforces=_always, grammar=True),
        Dialect("llamacpp", enforces=_always, grammar=True),
    )
}  # fmt: skip
"""The dialects by the name of the provider."""
