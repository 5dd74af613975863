"""Seats that are asked over a vendor's API, or over a server that speaks OpenAI's.

The wire formats are pydantic-ai's model layer, below its agents: one `complete` makes one HTTP request and never
retries. How each vendor is reached stands in `openai.py`, `anthropic.py`, `google.py` and `bedrock.py`, what is said in
`messages.py`, what went wrong in `errors.py`. Nothing of this is loaded before a provider is opened.
"""

from folkmoot.providers.base import Settings
from folkmoot.types import Provider


def open_provider(name: str, settings: Settings) -> Provider:
    """The API of catalog.APIS or catalog.LOCAL_SERVERS called `name`, or the server at `base_url` of `settings.table`.

    Keys of the table: base_url, api_key, api_key_env, billing, wire (chat or responses), json_schema (whether the
    server enforces one; taken to be false where it is not known). Raises InputError when a key or a package is missing.
    """
    from folkmoot.providers.api.vendor import open_vendor

    vendor = open_vendor(name, settings)
    from folkmoot.providers.api.provider import ApiProvider  # after what may be missing has been missed

    return ApiProvider(name, settings, vendor)
