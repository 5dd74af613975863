"""Agent CLIs as seats: Claude Code, Codex, Gemini CLI, opencode and pi, each run once per call, headless.

They are used as models: no tools, no memory, no project files, and as little of their own prompt as they let us send.
One file per CLI says how it is called and how its events are read; `cli.py` holds what they share.
"""

from folkmoot.providers.agents.claude import Claude
from folkmoot.providers.agents.cli import AgentCli
from folkmoot.providers.agents.codex import Codex
from folkmoot.providers.agents.gemini import Gemini
from folkmoot.providers.agents.opencode import Opencode
from folkmoot.providers.agents.pi import Pi
from folkmoot.providers.base import Settings

__all__ = ["AgentCli", "open_provider"]

_CLIS: dict[str, type[AgentCli]] = {cli.name: cli for cli in (Claude, Codex, Gemini, Opencode, Pi)}


def open_provider(name: str, settings: Settings) -> AgentCli:
    """The agent CLI `name`, e.g. claude-code. Raises InputError when its program is not here."""
    return _CLIS[name](settings)
