"""Anthropic's API."""

from anthropic import AsyncAnthropic
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider

from folkmoot.providers.api.access import Access
from folkmoot.providers.api.vendor import Vendor, closable
from folkmoot.types import IMAGES, PDF


def open_vendor(access: Access) -> Vendor:
    http = closable(access.http())
    root = (access.base_url or "https://api.anthropic.com").rstrip("/").removesuffix("/v1")
    client = AsyncAnthropic(api_key=access.key, base_url=root, http_client=http, timeout=http.timeout, max_retries=0)
    provider = AnthropicProvider(anthropic_client=client)
    return Vendor(
        label=access.label,
        model=lambda name: AnthropicModel(name, provider=provider),
        close=client.close,
        secrets=(access.key,) if access.key else (),
        billing=access.billing,
        attachments=IMAGES | PDF,
        effort_fixes_temperature=True,
        cached_from=claude_caches_from,
    )


def claude_caches_from(model: str) -> int:
    """The shortest prefix in tokens that Anthropic caches for `model`; for unknown models the longest one known.

    https://platform.claude.com/docs/en/build-with-claude/prompt-caching; Sonnet 4.6 was seen to need twice the 1,024
    written there (anthropics/anthropic-sdk-python issue 1194).

    >>> claude_caches_from("claude-sonnet-4-5-20250929"), claude_caches_from("claude-opus-4-6")
    (1024, 4096)
    """
    shortest = {
        1024: ("claude-opus-4-1", "claude-opus-4-0", "claude-opus-4-2025", "claude-sonnet-4-5", "claude-sonnet-4-0",
               "claude-sonnet-4-2025", "claude-3-7-sonnet", "claude-3-5-sonnet", "claude-3-opus"),
        2048: ("claude-sonnet-4-6", "claude-3-5-haiku", "claude-3-haiku"),
    }  # fmt: skip
    return next((tokens for tokens, models in shortest.items() if model.startswith(models)), 4096)
