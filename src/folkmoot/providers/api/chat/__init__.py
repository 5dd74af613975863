"""Chat completions, spoken directly over HTTP: OpenAI's interface as a dozen vendors and servers serve it.

`body.py` writes a request, `lines.py` and `reading.py` read the reply, `failures.py` says what went wrong; where
vendors differ stands in `dialects.py`, `efforts.py` and `schemas.py`. Servers that deviate a little are tolerated.
"""

from folkmoot.providers.api.chat.provider import ChatProvider, open_chat

__all__ = ["ChatProvider", "open_chat"]
