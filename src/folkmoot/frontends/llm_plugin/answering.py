"""From a prompt of `llm` to a run, and from the run to what `llm` shows and logs.

What happens meanwhile is reasoning to `llm`: it goes to standard error, and `-R` hides it. The answer comes when it is
decided, in one piece for each line.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import click
import llm
from llm.parts import AttachmentPart, Message, StreamEvent, TextPart, ToolResultPart

from folkmoot.core.limits import Limits
from folkmoot.errors import FolkmootError
from folkmoot.frontends.llm_plugin.options import options_behind, protocol_options
from folkmoot.providers.llm_models import answering_for_a_run
from folkmoot.python.library import this_machine
from folkmoot.record.store import Turn
from folkmoot.render.as_json import result_json
from folkmoot.render.plain import PlainView
from folkmoot.render.text import answer_text
from folkmoot.running.planning import Asked, find_model, plan
from folkmoot.running.runs import Machine, begin
from folkmoot.types import JSON, Attachment, Result

logging.getLogger("folkmoot.run").addHandler(logging.NullHandler())  # what goes wrong is shown as it happens


class NotAnswered(llm.ModelError, click.ClickException):
    """The reason for a missing answer, in lines. `llm` shows it without a traceback."""


async def answer(
    model_id: str,
    prompt: llm.Prompt,
    stream: bool,
    response: llm.Response | llm.AsyncResponse,
    conversation: llm.Conversation | llm.AsyncConversation | None = None,
) -> AsyncIterator[StreamEvent]:
    """Ask the panel or protocol `model_id`; yield what happens, then the answer. Closing it ends the run."""
    if answering_for_a_run.get():
        raise NotAnswered(f"{model_id} was asked by a seat of one of its own runs; as a seat, write panel/NAME")
    machine = this_machine()
    heard: asyncio.Queue[str | None] = asyncio.Queue()
    try:
        asked = asked_of(model_id, prompt, machine, models_before(model_id, conversation))
        job = plan(asked, machine, lambda note: heard.put_nowait(f"{note}\n"))
        watching = [PlainView(_Lines(heard))] if stream and not prompt.hide_reasoning else []
        run = asyncio.create_task(begin(job, machine, listeners=watching))
        run.add_done_callback(lambda _: heard.put_nowait(None))
        try:
            while (said := await heard.get()) is not None:
                if watching:
                    yield StreamEvent(type="reasoning", chunk=said)
            result = run.result()
        finally:
            if not run.done():
                machine.shutdown.hurry = True
                run.cancel()
                await asyncio.gather(run, return_exceptions=True)
    except FolkmootError as error:
        raise NotAnswered(str(error)) from error
    note_usage(result, response)
    text = result.best_answer or answer_text(result)
    if not text:
        raise NotAnswered(f"{result.status}: {result.outcome.explanation}; folkmoot show {result.run_id}")
    for line in text.splitlines(keepends=True) if stream else [text]:
        yield StreamEvent(type="text", chunk=line)


def models_before(model_id: str, conversation: llm.Conversation | llm.AsyncConversation | None) -> str | None:
    """Who was asked when this conversation last asked that panel or protocol, if it was said."""
    for earlier in reversed(conversation.responses if conversation is not None else ()):
        if earlier.prompt.options and earlier.model.model_id == model_id:
            models: str | None = getattr(earlier.prompt.options, "models", None)
            return models
    return None


def asked_of(model_id: str, prompt: llm.Prompt, machine: Machine, before: str | None = None) -> Asked:
    """What was asked, with all that was said before: `llm` hands over the whole conversation with each prompt.

    `before` are the models that the conversation has asked so far.
    """
    panel, protocol = find_model(model_id, machine)
    options = {name: value for name, value in prompt.options if value is not None}
    if before is not None:
        options.setdefault("models", before)
    *earlier, last = _turns(prompt.messages) or [Turn(role="user", text="")]
    if last.role != "user":
        raise NotAnswered("there is nothing to ask: the last message is the model's own")
    system = prompt.system or "\n\n".join(_text(each) for each in prompt.messages if each.role == "system")
    attachments = _attachments(prompt.messages)
    text = last.text or ("See the attached files." if attachments else "")
    if not text.strip():
        raise NotAnswered("there is nothing to ask: the prompt is empty")
    return Asked(
        text,
        panel=panel,
        protocol=protocol,
        models=(options["models"],) if "models" in options else (),
        options=protocol_options(options, options_behind(model_id, machine)),
        limits={name: options[name] for name in options if name in Limits.model_fields},
        history=earlier,
        attachments=attachments,
        system=system or None,
        seed=options.get("seed", 0),
    )


def _turns(messages: Sequence[Message]) -> list[Turn]:
    """Return the turns of the conversation. Tool results count as the user's."""
    turns: list[Turn] = []
    for message in messages:
        text = _text(message)
        if message.role == "system" or not (text or message is messages[-1]):
            continue
        if turns and (turns[-1].role == "assistant") == (message.role == "assistant"):
            text = f"{turns.pop().text}\n\n{text}"
        turns.append(Turn(role="assistant" if message.role == "assistant" else "user", text=text))
    return turns


def _text(message: Message) -> str:
    found = []
    for part in message.parts:
        if isinstance(part, TextPart):
            found.append(part.text)
        elif isinstance(part, ToolResultPart):
            found.append(f"{part.name} returned: {part.output}")
    return "".join(found)


def _attachments(messages: Sequence[Message]) -> tuple[Attachment, ...]:
    """Return the attachments of all turns, each once."""
    found: dict[str, Attachment] = {}
    for message in messages:
        for part in message.parts:
            if not isinstance(part, AttachmentPart) or part.attachment is None:
                continue
            given: Any = part.attachment
            content: bytes = given.content_bytes()
            digest = hashlib.sha256(content).hexdigest()
            name = (given.path or given.url or digest[:12]).rpartition("/")[2]
            found[digest] = Attachment(name, given.resolve_type(), digest, content)
    return tuple(found.values())


def note_usage(result: Result, response: llm.Response | llm.AsyncResponse) -> None:
    """Record the tokens of all seats, the cost and the verdict for `llm logs`."""
    details: JSON = {
        "run_id": result.run_id,
        "status": result.status,
        "calls": result.total_calls,
        "cost_usd": result.cost_usd,
        "cached_tokens": result.usage.cached_tokens,
        "reasoning_tokens": result.usage.reasoning_tokens,
        "seats": {
            seat.model_id: {"input": seat.usage.input_tokens, "output": seat.usage.output_tokens}
            for seat in result.seats
        },
    }
    known = {name: value for name, value in details.items() if value != 0 or name == "cost_usd"}
    response.set_usage(input=result.usage.input_tokens, output=result.usage.output_tokens, details=known)
    response.response_json = result_json(result)


class _Lines:
    """A stream whose lines are put into a queue."""

    def __init__(self, heard: "asyncio.Queue[str | None]") -> None:
        self._heard = heard

    def write(self, text: str) -> int:
        self._heard.put_nowait(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: lines are not buffered."""
