"""Seats that are asked over a vendor's API, or over a server that speaks OpenAI's.

Chat completions, which most vendors and every local server serve, are spoken directly (`chat/`). Anthropic, Google,
Vertex AI, Bedrock and OpenAI's responses interface are reached through the vendors' libraries, behind pydantic-ai's
model layer (`library.py` and the modules of the vendors). Either way one `complete` makes one attempt and never retries
a failure. Nothing of this is loaded before a provider is opened.
"""

from urllib.parse import urlsplit

from folkmoot.errors import InputError
from folkmoot.providers.api.access import Access, access_to
from folkmoot.providers.api.vendor import has_library, open_vendor
from folkmoot.providers.base import Settings
from folkmoot.providers.catalog import server_root
from folkmoot.types import Provider


def open_provider(name: str, settings: Settings) -> Provider:
    """The API of catalog.APIS or catalog.LOCAL_SERVERS called `name`, or the server at `base_url` of `settings.table`.

    Keys of the table: base_url, api_key, api_key_env, billing, wire (chat or responses), json_schema (whether replies
    are held to a JSON schema; tried where it is not known). Raises InputError when a key or a package is missing.
    """
    access = access_to(name, settings)
    if not has_library(name) and _wire(access) == "chat":
        from folkmoot.providers.api.chat import open_chat

        chat = open_chat(access)
        chat.account = access.account
        return chat
    vendor = open_vendor(access)
    from folkmoot.providers.api.library import LibraryProvider  # after a missing package has been reported

    library = LibraryProvider(name, settings, vendor)
    library.account = access.account
    return library


def _wire(access: Access) -> str:
    """`chat` or `responses`.

    OpenAI itself is asked through its responses interface: only there do its reasoning models take every setting and
    say what they do. Proxies and other servers that carry OpenAI's name reliably have only chat completions.
    """
    wire = access.settings.table.get("wire")
    if wire not in (None, "chat", "responses"):
        raise InputError(f"{access.label}: wire = {wire!r} in config.toml is neither 'chat' nor 'responses'")
    if wire is not None:
        return str(wire)
    if access.name != "openai" and access.base_url is None:
        return "chat"
    # eu.api.openai.com and its like are OpenAI's too
    host = urlsplit(server_root(access.base_url or "https://api.openai.com/v1")).hostname or ""
    return "responses" if f".{host}".endswith(".api.openai.com") else "chat"
