"""A conversation as OpenAI's two interfaces write it: system texts, earlier turns, the question, what is attached."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from folkmoot.errors import InputError
from folkmoot.frontends.server.bodies import attachment
from folkmoot.frontends.server.refusals import Refusal
from folkmoot.frontends.server.starting import ClientQuestion
from folkmoot.record.bundle import result_of
from folkmoot.record.store import RunFolder, Turn
from folkmoot.render.text import answer_text
from folkmoot.types import Attachment, Result

TEXTS = ("text", "input_text", "output_text")
SYSTEM = ("system", "developer")


@dataclass
class _Reading:
    system: list[str] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)


def read_conversation(messages: Sequence[Any], *, param: str) -> ClientQuestion:
    """Read the question and its history from the `messages` of a chat completion or the `input` of a response.

    Raises Refusal for what cannot be passed on to a panel: nothing of a conversation is left out silently.
    """
    reading = _Reading()
    for at, message in enumerate(messages):
        where = f"{param}[{at}]"
        if not isinstance(message, Mapping):
            raise _wrong(where, "a message is a JSON object with role and content")
        if message.get("type") == "reasoning":
            continue  # a summary that we sent ourselves
        _read_message(message, reading, where)
    if not reading.turns or reading.turns[-1].role != "user":
        raise _wrong(param, "the last message must be the user's: a panel answers, it does not go on writing")
    *earlier, last = reading.turns
    if not last.text.strip() and not reading.attachments:
        raise _wrong(param, "the last message is empty")
    return ClientQuestion(
        prompt=last.text if last.text.strip() else "See the attached files.",
        system="\n\n".join(reading.system) or None,
        history=[turn for turn in earlier if turn.text.strip()],
        attachments=reading.attachments,
    )


def _read_message(message: Mapping[str, Any], reading: _Reading, where: str) -> None:
    kind, role = message.get("type", "message"), message.get("role")
    if kind != "message" or role in ("tool", "function") or message.get("tool_calls") or message.get("function_call"):
        what = role if kind == "message" else kind
        raise _wrong(where, f"a panel calls no tools, so it cannot go on from {what or 'a tool'} messages")
    if role not in (*SYSTEM, "user", "assistant"):
        raise _wrong(where, f"there is no role {role!r}; there are system, developer, user and assistant")
    content = message.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    if not isinstance(parts, list):
        raise _wrong(where, "content must be a text or a list of parts")
    text = "\n\n".join(_texts(parts, reading if role == "user" else None, where))
    if role in SYSTEM:
        reading.system += [text] if text.strip() else []
    else:
        reading.turns.append(Turn(role="user" if role == "user" else "assistant", text=text))


def _texts(parts: Iterable[Any], reading: _Reading | None, where: str) -> Iterable[str]:
    """Return the text parts and add attachments to `reading`. With `reading=None`, attachments are refused."""
    for part in parts:
        kind = str(part.get("type")) if isinstance(part, Mapping) else None
        if kind in TEXTS and isinstance(part.get("text"), str):
            yield part["text"]
        elif kind == "refusal" and isinstance(part.get("refusal"), str):
            yield part["refusal"]
        elif reading is not None and kind in _FILES:
            url, name = _FILES[kind](part)
            if not isinstance(url, str):
                raise _wrong(where, f"{kind}: only files inside the request, as data URLs, can be read here")
            try:
                reading.attachments.append(attachment(url, name if isinstance(name, str) else ""))
            except InputError as error:
                raise _wrong(where, "\n".join(error.problems)) from None
        else:
            raise _wrong(where, f"a part of type {kind!r} cannot be passed on; there are text, images and PDFs")


def _image(part: Mapping[str, Any]) -> tuple[Any, Any]:
    """`image_url` is an object in chat completions and a text in responses."""
    given = part.get("image_url")
    return (given.get("url") if isinstance(given, Mapping) else given), ""


def _file(part: Mapping[str, Any]) -> tuple[Any, Any]:
    given = part["file"] if isinstance(part.get("file"), Mapping) else part
    return given.get("file_data"), given.get("filename")


_FILES = {"image_url": _image, "input_image": _image, "file": _file, "input_file": _file}


def _wrong(where: str, why: str) -> Refusal:
    return Refusal(400, f"{where}: {why}", code="invalid_request", param=where)


def text_of(result: Result) -> str:
    """Return a panel's text as a model: its answer, else the leading one, else all; empty if there is none."""
    return result.best_answer or answer_text(result)


def turns_after(folder: RunFolder) -> list[Turn]:
    """The conversation of a run, its answer last. Raises InputError where there is none."""
    spec, result = folder.spec(), result_of(folder)
    if result is None or not (said := text_of(result)):
        raise InputError(f"{folder.id} has no answer to go on from")
    return [*spec.history, Turn(role="user", text=spec.prompt), Turn(role="assistant", text=said)]
