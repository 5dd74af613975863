"""Panels and protocols as models of `llm`, sync and async."""

import os
from collections.abc import AsyncGenerator, Callable, Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import llm

import folkmoot
from folkmoot.machine.paths import panel_names

if TYPE_CHECKING:
    from llm.parts import StreamEvent

PREFIX = "folkmoot/"


def register_all(register: Callable[..., None], taken: Collection[str]) -> None:
    """Every panel under its own name, unless that is `taken`, and every protocol as `folkmoot/NAME`."""
    for name in [*panel_names(os.environ), *(f"{PREFIX}{protocol}" for protocol in protocols())]:
        if name not in taken:
            register(PanelModel(name), AsyncPanelModel(name))


def protocols() -> list[str]:
    """The protocols that ship with Folkmoot, and those that packages add, without importing any."""
    from importlib.metadata import entry_points

    folder = Path(folkmoot.__file__).parent / "protocols"
    own = sorted(path.stem for path in folder.glob("[a-z]*.py"))
    return [*own, *(entry.name for entry in entry_points(group="folkmoot.protocols") if entry.name not in own)]


class _Described:
    """What the sync and the async model have in common. Options and media types are looked up on demand."""

    model_id: str
    can_stream = True
    supports_schema = False  # nothing holds a panel's answer to a schema

    def __init__(self, model_id: str) -> None:
        self.model_id = model_id

    @cached_property
    def Options(self) -> type[llm.Options]:
        from folkmoot.frontends.llm_plugin.options import options_of

        return options_of(self.model_id)

    @property
    def attachment_types(self) -> frozenset[str]:
        from folkmoot.types import IMAGES, PDF

        return IMAGES | PDF

    def __str__(self) -> str:
        return f"Folkmoot: {self.model_id}"


class PanelModel(_Described, llm.Model):  # type: ignore[misc]
    """A panel or a protocol as a model of `llm`. The run has a thread of its own."""

    def execute(
        self, prompt: llm.Prompt, stream: bool, response: llm.Response, conversation: llm.Conversation | None
    ) -> Iterator["str | StreamEvent"]:
        from folkmoot.frontends.llm_plugin.answering import answer
        from folkmoot.frontends.llm_plugin.threads import in_a_thread

        return in_a_thread(lambda: answer(self.model_id, prompt, stream, response, conversation))


class AsyncPanelModel(_Described, llm.AsyncModel):  # type: ignore[misc]
    """Async version of `PanelModel`."""

    async def execute(
        self,
        prompt: llm.Prompt,
        stream: bool,
        response: llm.AsyncResponse,
        conversation: llm.AsyncConversation | None,
    ) -> AsyncGenerator["str | StreamEvent", None]:
        from folkmoot.frontends.llm_plugin.answering import answer

        events: Any = answer(self.model_id, prompt, stream, response, conversation)
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()
