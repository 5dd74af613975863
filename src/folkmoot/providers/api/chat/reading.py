"""An answer put together from the chunks of a stream, or from a whole completion, also of a server that errs a little.

Nothing that is odd in the bookkeeping of a finished answer costs the answer: a chunk without choices, a delta that is
null, a finish reason of any spelling, an odd usage. Reasoning is kept apart from the answer's text.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

from folkmoot.providers.api.chat.failures import complaint, error_in, is_error
from folkmoot.providers.api.chat.usage import Tokens, reports

Finish = Literal["stop", "length", "filtered", "broken"]

# The spellings of servers, in small letters and without anything else. Every other one means "stop".
_FINISHES: Mapping[str, Finish] = {
    **dict.fromkeys(
        ("length", "maxtokens", "maxoutputtokens", "modellength", "maxlength", "tokenlimit", "contextlength",
         "maxcompletiontokens", "contextlengthexceeded", "modelcontextwindowexceeded", "contextwindowexceeded",
         "maxnewtokens", "truncated", "incomplete"),
        "length",
    ),
    **dict.fromkeys(
        ("contentfilter", "contentfiltered", "safety", "recitation", "blocklist", "prohibitedcontent", "spii",
         "sensitive", "moderation", "flagged", "refusal", "guardrailintervened"),
        "filtered",
    ),
    **dict.fromkeys(
        ("error", "networkerror", "insufficientsystemresource", "abort", "aborted", "cancel", "cancelled", "canceled",
         "failed", "engineerror", "internalerror", "servererror", "timeout"),
        "broken",
    ),
}  # fmt: skip
_UNFINISHED = frozenset(
    ("", "null", "none", "nil", "undefined", "unspecified", "finishreasonunspecified", "inprogress")
)
_FINISH_NAMES = ("finishReason", "stop_reason", "done_reason")
_DONE = frozenset(("[done]", "done", "[end]", "eof"))
_REASONING = ("reasoning_content", "reasoning", "reasoning_text", "thinking", "thought")
_THOUGHTS = frozenset(("thinking", "reasoning", "reasoning_content", "thought"))
_PLAIN = frozenset(("role", "content"))
_MOST_STRAYS = 20


class Reading:
    """What was read of one reply so far. `label` names the server in errors."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._deltas: list[str] = []
        self._messages: list[str] = []  # whole messages, or pieces that a server calls so
        self._growing = True  # whether each message so far begins with the one before it
        self._half = ""  # of a surrogate pair, whose other half is still to come
        self._index: object = None  # of the one choice that is read
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._strays: list[str] = []
        self.finish: Finish | None = None
        self.reason = ""  # the finish reason as the server spells it
        self.done = False  # whether the server said that the stream ends
        self.model: str | None = None
        self.tokens = Tokens()

    @property
    def ended(self) -> bool:
        """Whether the answer is complete, so that only its bookkeeping may still come."""
        return self.finish not in (None, "broken") or self.done

    @property
    def complete(self) -> bool:
        """Whether the answer is complete if nothing more comes: a whole message needs no finish reason."""
        return self.ended or bool(self._messages)

    @property
    def text(self) -> str:
        deltas = "".join(self._deltas)
        if not self._messages:
            return deltas
        message = self._messages[-1] if self._growing else "".join(self._messages)
        return message if message.startswith(deltas) or message.strip() == deltas.strip() else deltas + message

    @property
    def reasoning(self) -> str:
        return "".join(self._reasoning)

    @property
    def refusal(self) -> str:
        return "".join(self._refusal)

    @property
    def strays(self) -> str:
        """Texts among the events that are no chunks."""
        return "\n".join(self._strays)

    def hear(self, name: str, value: object) -> str:
        """Take in one event; the new text of the answer. Raises Refused for an error, unless the answer is complete."""
        if isinstance(value, str):
            self._stray(name, value)
            return ""
        if isinstance(value, list):
            return "".join([self.hear(name, each) for each in value if isinstance(each, dict)])
        if not isinstance(value, dict):
            return ""
        chunk = {"error": value} if name == "error" and "error" not in value else value
        new = self._chunk(chunk)
        self._fail_for(error_in(chunk))
        return new

    def _fail_for(self, error: object | None) -> None:
        """Raise Refused for an error, unless the answer is complete."""
        if error is not None and not self.ended:
            raise complaint(self._label, error)

    def _stray(self, name: str, text: str) -> None:
        if text.strip().casefold() in _DONE:
            self.done = True
        elif name == "error":
            self._fail_for({"error": text})
        elif text.strip() not in ("", "null") and len(self._strays) < _MOST_STRAYS:
            self._strays.append(text[:2000])

    def _chunk(self, chunk: Mapping[str, Any]) -> str:
        if chunk.get("usage") or "x_groq" in chunk:
            for report in reports(chunk):
                self.tokens.hear(report)
        model = chunk.get("model")
        if isinstance(model, str) and model:
            self.model = model
        choices = chunk.get("choices")
        found = [choices] if isinstance(choices, dict) else choices if isinstance(choices, list) else []
        if len(found) == 1 and isinstance(found[0], dict):
            return self._choice(found[0])
        return "".join([self._choice(each) for each in found if isinstance(each, dict)])

    def _choice(self, choice: Mapping[str, Any]) -> str:
        index = choice.get("index") or 0
        if self._index is None:
            self._index = index
        if index != self._index:
            return ""  # one answer was asked for
        if choice.get("usage"):
            self.tokens.hear(choice["usage"])
        if is_error(choice.get("error")):
            self._fail_for({"error": choice["error"]})
        finished = self._finished(choice)
        delta, message = choice.get("delta"), choice.get("message")
        new = self._said(delta) if isinstance(delta, dict) else self._content(delta or choice.get("text"))
        if new:
            self._deltas.append(new)
        if isinstance(message, dict):
            new += self._message(self._said(message), finished)
        return self._sound(new)

    def _finished(self, choice: Mapping[str, Any]) -> bool:
        """Take in the finish reason; whether there is one."""
        given = choice.get("finish_reason")
        if given is None:  # as in all pieces but the last
            given = next((choice[name] for name in _FINISH_NAMES if name in choice), None)
            if given is None:
                return False
        if isinstance(given, dict):
            given = given.get("type") or given.get("reason")
        if given is True:
            given = "stop"
        if not isinstance(given, str):
            return False
        letters = "".join(filter(str.isalpha, given)).casefold()
        if letters in _UNFINISHED:
            return False
        self.reason, self.finish = given, _FINISHES.get(letters, "stop")
        return True

    def _said(self, delta: Mapping[str, Any]) -> str:
        """The text of a delta or a message; its reasoning and its refusal are kept."""
        if not delta.keys() <= _PLAIN:
            thought = next((delta[name] for name in _REASONING if isinstance(delta.get(name), str) and delta[name]), "")
            if thought:
                self._reasoning.append(thought)
            refusal = delta.get("refusal")
            if isinstance(refusal, str):
                self._refusal.append(refusal)
        return self._content(delta.get("content"))

    def _content(self, content: object) -> str:
        """The text of a content: a text, a list of parts, or a value of JSON where a schema was asked for."""
        if isinstance(content, str):
            return content
        if isinstance(content, list):
            return "".join(map(self._part, content))
        if isinstance(content, dict):
            part = self._part(content)
            return part or ("" if "type" in content else json.dumps(content, ensure_ascii=False))
        return "" if content is None or isinstance(content, bool) else str(content)

    def _part(self, part: object) -> str:
        if isinstance(part, str):
            return part
        if not isinstance(part, dict):
            return ""
        kind = part.get("type")
        if isinstance(kind, str) and kind in _THOUGHTS:
            thought = next((part[name] for name in (kind, "text", "thinking", "content") if part.get(name)), "")
            texts = thought if isinstance(thought, list) else [thought]
            self._reasoning += [each if isinstance(each, str) else str(each.get("text", "")) for each in texts if each]
            return ""
        if kind == "refusal":
            self._refusal.append(str(part.get("refusal", "")))
            return ""
        text = part.get("text")
        if isinstance(text, dict):
            text = text.get("value")
        return text if isinstance(text, str) else ""

    def _message(self, text: str, finished: bool) -> str:
        """Take in a whole message, or a piece that a server calls a message; the text that it adds."""
        if not text:
            return ""
        if not self._messages:
            deltas = "".join(self._deltas)
            self._messages.append(text)
            if text.startswith(deltas):
                return text[len(deltas) :]
            return "" if text.strip() == deltas.strip() else text
        last = self._messages[-1]
        # At the beginning, and without a finish reason, the same text once more is the next piece.
        again = text == last and not finished and last == self._messages[0]
        self._growing = self._growing and text.startswith(last) and not again
        self._messages.append(text)
        return text[len(last) :] if self._growing else text

    def _sound(self, new: str) -> str:
        """`new` as it can be shown: half a surrogate pair waits for its other half, a lone one is replaced."""
        if new.isascii() and not self._half:
            return new
        new, self._half = self._half + new, ""
        if "\ud800" <= new[-1:] <= "\udbff":
            new, self._half = new[:-1], new[-1]
        try:
            new.encode()
        except UnicodeEncodeError:
            return new.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return new
