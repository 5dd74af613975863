"""What Folkmoot knows about providers without loading any: names, variables, programs, default models.

Plain data, so that `--help`, `models` and the first-contact message cost nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Api:
    """An API vendor. Any model id is accepted, known or not."""

    name: str
    label: str
    keys: tuple[str, ...]  # environment variables, the first that is set wins; empty: needs none
    default_model: str | None  # taken when the panel is found here rather than named
    family: str  # seats of one family make the same mistakes
    base_url_vars: tuple[str, ...] = ()
    base_url: str | None = None  # for vendors reached through the OpenAI-compatible protocol
    extra: str | None = None  # the optional dependency it needs


@dataclass(frozen=True)
class Agent:
    """An agent CLI."""

    name: str
    binary: str
    install: str
    keys: tuple[str, ...]  # the first that is set wins: what is meant for this CLI alone comes first
    default_model: str | None
    family: str
    tested: str  # the version that the contract tests run
    log_in: str  # what to type for it to log in
    stored: Mapping[str, str]  # where it keeps a log-in below HOME: file -> what such a file contains
    home: str | None = None  # the variable that names another folder for these files
    list_models: str | None = None  # what to type for it to list its models


APIS = {
    api.name: api
    for api in (
        Api("openai", "OpenAI", ("OPENAI_API_KEY",), "gpt-5.4", "openai", ("OPENAI_BASE_URL",)),
        Api(
            "anthropic", "Anthropic", ("ANTHROPIC_API_KEY",), "claude-opus-4-6", "anthropic",
            ("ANTHROPIC_BASE_URL",), extra="anthropic",
        ),
        Api(
            "google", "Google", ("GEMINI_API_KEY", "GOOGLE_API_KEY"), "gemini-3.1-pro-preview", "google",
            ("GOOGLE_GEMINI_BASE_URL",), extra="google",
        ),
        Api("deepseek", "DeepSeek", ("DEEPSEEK_API_KEY",), "deepseek-chat", "deepseek",
            ("DEEPSEEK_BASE_URL",), "https://api.deepseek.com"),
        Api("openrouter", "OpenRouter", ("OPENROUTER_API_KEY",), None, "openrouter",
            ("OPENROUTER_BASE_URL",), "https://openrouter.ai/api/v1"),
        Api("mistral", "Mistral", ("MISTRAL_API_KEY",), "mistral-large-latest", "mistral",
            ("MISTRAL_BASE_URL",), "https://api.mistral.ai/v1"),
        Api("groq", "Groq", ("GROQ_API_KEY",), "llama-3.3-70b-versatile", "meta",
            ("GROQ_BASE_URL",), "https://api.groq.com/openai/v1"),
        Api("xai", "xAI", ("XAI_API_KEY", "GROK_API_KEY"), "grok-4", "xai",
            ("XAI_BASE_URL",), "https://api.x.ai/v1"),
        Api("azure", "Azure OpenAI", ("AZURE_OPENAI_API_KEY",), None, "openai", ("AZURE_OPENAI_ENDPOINT",)),
        Api("bedrock", "AWS Bedrock", ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK"),
            None, "bedrock", ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME",), extra="bedrock"),
        Api("vertex", "Vertex AI", ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"), None, "google",
            ("GOOGLE_VERTEX_BASE_URL",), extra="google"),
        Api("ollama", "Ollama", (), None, "local", ("OLLAMA_BASE_URL", "OLLAMA_HOST"), "http://127.0.0.1:11434/v1"),
    )
}  # fmt: skip

AGENTS = {
    agent.name: agent
    for agent in (
        Agent(
            "claude-code", "claude", "npm i -g @anthropic-ai/claude-code",
            ("CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY"), "claude-opus-4-6", "anthropic", "2.1.328",
            "claude auth login", {".claude/.credentials.json": '"', ".claude.json": '"oauthAccount"'},
            "CLAUDE_CONFIG_DIR",
        ),
        Agent(
            "codex-cli", "codex", "npm i -g @openai/codex",
            ("CODEX_API_KEY", "OPENAI_API_KEY"), "gpt-5.4", "openai", "0.169.0",
            "codex login", {".codex/auth.json": '"'}, "CODEX_HOME",
        ),
        Agent(
            "gemini-cli", "gemini", "npm i -g @google/gemini-cli",
            ("GEMINI_API_KEY", "GOOGLE_API_KEY"), "gemini-3.1-pro-preview", "google", "0.61.0",
            "gemini", {".gemini/oauth_creds.json": '"'},
        ),
        Agent(
            "opencode", "opencode", "npm i -g opencode-ai", (), None, "opencode", "1.18.33",
            "opencode auth login", {".local/share/opencode/auth.json": '"'}, list_models="opencode models",
        ),
        Agent(
            "pi", "pi", "npm i -g @earendil-works/pi-coding-agent", (), None, "pi", "0.87.1",
            "pi, then /login", {".pi/agent/auth.json": '"'}, "PI_CODING_AGENT_DIR", "pi --list-models",
        ),
    )
}  # fmt: skip

ALIASES = {agent.name: f"{agent.name}/{agent.default_model}" for agent in AGENTS.values() if agent.default_model}
"""Refinery's bare names, of both its generations."""

KEYS = {
    "gpt4o": "openai/gpt-4o-mini",
    "claude": "anthropic/claude-haiku-4-5-20251001",
    "deepseek": "deepseek/deepseek-chat",
    "sonnet": "anthropic/claude-sonnet-4-6",
}
"""Ensemble's bare names; `-m NAME=ID` gives one another model id."""

LOCAL_SERVERS = {
    "ollama": "http://127.0.0.1:11434/v1",
    "lmstudio": "http://127.0.0.1:1234/v1",
    "vllm": "http://127.0.0.1:8000/v1",
    "llamacpp": "http://127.0.0.1:8080/v1",
}
"""OpenAI-compatible servers looked for on this machine, by the port each uses when nobody says otherwise."""


def address_of(name: str, environ: Mapping[str, str], table: Mapping[str, Any]) -> str | None:
    """The base URL of a provider: from its table of config.toml, its variable (NAME_BASE_URL), or its default."""
    api = APIS.get(name)
    variables = api.base_url_vars if api else (f"{name.upper()}_BASE_URL",) if name in LOCAL_SERVERS else ()
    urls = [table.get("base_url"), *(environ.get(each) for each in variables)]
    urls += [api.base_url if api else None, LOCAL_SERVERS.get(name)]
    return next(filter(None, urls), None)


SIM_SEATS = ("sim/careful", "sim/hasty", "sim/contrarian", "sim/follower")


def server_root(url: str) -> str:
    """The address of an OpenAI-compatible server, as people and `OLLAMA_HOST` abbreviate it.

    >>> server_root("0.0.0.0"), server_root("http://gpu:8000"), server_root("http://gpu:8000/api/v1/")
    ('http://127.0.0.1:11434/v1', 'http://gpu:8000/v1', 'http://gpu:8000/api/v1')
    """
    if "://" not in url:
        host, _, port = url.partition(":")
        url = f"http://{'127.0.0.1' if host in ('', '0.0.0.0') else host}:{port or 11434}"
    return url.rstrip("/") if urlsplit(url).path.strip("/") else url.rstrip("/") + "/v1"
