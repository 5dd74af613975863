"""What of a raw reply is said, and what is only thought: the one place where thoughts are taken off.

Models write their reasoning into the reply in many ways: `<think>` in pairs, without the opening or without the
closing tag, as channels of gpt-oss ("harmony"), between other vendors' tokens. The journal keeps the reply as it came.
Formats, peers and people are given `said`; the record keeps `reasoning` beside it.
"""

import json
import re
from dataclasses import dataclass
from itertools import islice

from folkmoot.formats.attribution import introduces

MOST_TAGS = 5_000  # a reply with more tags is no conversation: only what follows the last one counts

_NAMES = r"think(?:ing)?|thoughts?|reasoning|reflection|scratch_?pad|(?:inner|internal)_(?:monologue|thoughts?)|cot"
_MARK = re.compile(
    rf"(?P<open><(?:[a-z]{{1,12}}:)?(?:{_NAMES})(?:\s[^<>\n]{{0,200}})?>|\[think\]|◁think▷|<\|begin_of_thought\|>"
    r"|<\|start_thinking\|>|<\|channel>thought|<unused94>(?:thought)?"
    r"|<details\s+type=[\"']reasoning[\"'][^<>\n]{0,200}>)"
    rf"|(?P<close></(?:[a-z]{{1,12}}:)?(?:{_NAMES})\s?>|\[/think\]|◁/think▷|<\|end_of_thought\|>|<\|end_thinking\|>"
    r"|<channel\|>|<unused95>|(?P<details></details>))",
    re.IGNORECASE,
)
_MAYBE = re.compile(r"<[a-zA-Z/|]|\[/?[tT]|◁")  # quicker than _MARK
_CHANNEL = re.compile(
    r"<\|channel\|>\s*(?P<name>[a-z]{1,20})[^<]{0,200}(?:<\|constrain\|>[^<]{0,40})?<\|message\|>", re.I
)
_CHANNEL_ENDS = re.compile(r"<\|(?:end|return|call|start|channel)\|>")
_STRIPPED_CHANNELS = re.compile(r"\s*analysis(?=[A-Z\W])")
_OLLAMA = re.compile(r"\s*Thinking\.\.\.[ \t]*\n")
_OLLAMA_ENDS = "...done thinking."
_AROUND = re.compile(
    r"<(?:\|(?:(?:begin|end)_of_solution|(?:start|end)_(?:response|text|action)|im_end|eot_id|endoftext|eom_id"
    r"|end_of_turn"
    r"|end|return|start_header_id|end_header_id|im_start)\|>|(?:end|start)_of_turn>|/s>\s*\Z)|\A\s*<s>",
    re.IGNORECASE,
)
_OWN_BLOCK = re.compile(r"</?[a-z_]{1,20}-[0-9a-f]{16}(?: [a-z_]{1,20}=\"[^\"\n<>]{0,300}\"){0,6}>")
_FENCE = re.compile(r"^[ \t>]*+(`{3,}|~{3,})(?P<info>[^\n]*)$", re.MULTILINE)
_QUOTED_BY = {"`": "`", '"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "„": "“"}


@dataclass(frozen=True, slots=True)
class Speech:
    """A reply, taken apart."""

    said: str  # what formats read: without thoughts, with the block tags that a model may have handed back
    reasoning: str = ""  # the thoughts, kept in the record

    @property
    def text(self) -> str:
        """What peers and people are shown."""
        return without_block_tags(self.said)


def speech_in(reply: str) -> Speech:
    """`reply` without its thoughts; `said` is empty where it holds nothing else.

    >>> speech_in("<think>40?</think>\\nIt is 42."), speech_in("40? </think> It is 42.").said
    (Speech(said='It is 42.', reasoning='40?'), 'It is 42.')
    """
    if (channels := _channels(reply)) is not None:
        return channels
    thoughts: list[str] = []
    if (first := _OLLAMA.match(reply)) and (end := reply.find(_OLLAMA_ENDS)) > 0:
        thoughts.append(reply[first.end() : end].strip())
        reply = reply[end + len(_OLLAMA_ENDS) :]
    if _MAYBE.search(reply) and _MARK.search(reply) and not _is_json(reply):
        reply = _without_tagged(reply, thoughts)
    if any(end in reply for end in ("|>", "_turn>", "s>")):
        reply = _AROUND.sub("", reply)
    return Speech(reply.strip() if thoughts else reply, "\n\n".join(each for each in thoughts if each))


def without_block_tags(text: str) -> str:
    """`text` without the tags of `prompting.block`, which small models copy into their answers."""
    return _OWN_BLOCK.sub("", text).strip() if "-" in text and _OWN_BLOCK.search(text) else text


def _channels(reply: str) -> Speech | None:
    """The final channel of a reply in OpenAI's harmony format; None for any other reply."""
    first = _CHANNEL.search(reply) if "<|message|>" in reply else None
    if first is None:
        if _STRIPPED_CHANNELS.match(reply) and "assistantfinal" in reply:
            before, _, said = reply.rpartition("assistantfinal")
            return Speech(said.strip(), before.strip().removeprefix("analysis"))
        return None
    if first.start() and reply[first.start() - 1] in _QUOTED_BY:
        return None
    final: list[str] = []
    thoughts = [re.sub(r"<\|[a-z_]{1,20}\|>(?:assistant)?", "", reply[: first.start()]).strip()]
    message: re.Match[str] | None = first
    while message is not None:
        end = _CHANNEL_ENDS.search(reply, message.end())
        body = reply[message.end() : end.start() if end else len(reply)].strip()
        (final if message["name"].lower() == "final" else thoughts).append(body)
        message = _CHANNEL.search(reply, end.start()) if end else None
    return Speech("\n\n".join(each for each in final if each), "\n\n".join(each for each in thoughts if each))


def _without_tagged(reply: str, thoughts: list[str]) -> str:
    """`reply` without what stands between tags of thinking; that is added to `thoughts`.

    A closing tag without an opening one ends thoughts that began with the reply. An opening tag that nothing closes
    begins thoughts that go on to the end, if it stands at the start of a line.
    """
    fences = _fenced(reply)
    marks = list(islice(_MARK.finditer(reply), MOST_TAGS + 1))
    if len(marks) > MOST_TAGS:
        last = max(reply.rfind(">"), reply.rfind("]"), reply.rfind("▷")) + 1
        thoughts.append(reply[:last])
        return reply[last:]
    said: list[str] = []
    depth = at = began = closed = 0  # closed: where the last closing tag inside the open thought ended
    mentioned = False  # an opening tag in the middle of a sentence, whose closing tag is then one too
    for number, mark in enumerate(marks):
        if _is_mention(reply, mark, fences if not depth else []):
            continue
        if mark["open"]:
            following = next((each for each in marks[number + 1 : number + 2] if each["close"]), None)
            if not depth and not _begins_line(reply, mark.start()) and not _encloses(reply, mark, following):
                mentioned = following is not None
                continue
            if not depth:
                said.append(reply[at : mark.start()])
                began = closed = mark.end()
            depth += 1
        elif depth:
            depth -= 1
            closed = mark.end()
            if not depth:
                thoughts.append(reply[began : mark.start()].strip())
                at = mark.end()
        elif mentioned:
            mentioned = False
        elif not mark["details"] and not _quotes_the_tag(reply, mark):
            thoughts.append("".join(said) + reply[at : mark.start()].strip())
            said, at = [], mark.end()
    if depth:  # the text mentions an opening tag, or the thought was cut off
        thoughts.append(reply[began : closed if closed > began else len(reply)].strip())
        at = closed if closed > began else len(reply)
    return "".join(said) + reply[at:]


def _is_mention(reply: str, mark: re.Match[str], fences: list[tuple[int, int]]) -> bool:
    """Whether a tag is only written about: in a fence, in code, in quotation marks."""
    start, end = mark.span()
    if any(begin <= start < until for begin, until in fences):
        return True
    before, after = reply[max(start - LINE, 0) : start], reply[end : end + LINE]
    if before and after and _QUOTED_BY.get(before[-1]) == after[0]:
        return True
    line, rest = before.rpartition("\n")[2], after.partition("\n")[0]
    return line.count("`") % 2 == 1 and "`" in rest


LINE = 300  # characters of a line that are looked at on either side of a tag


def _begins_line(reply: str, at: int) -> bool:
    return not reply[max(at - LINE, 0) : at].rpartition("\n")[2].strip(" \t>*_#-")


def _encloses(reply: str, opening: re.Match[str], closing: re.Match[str] | None) -> bool:
    """Whether two tags in the middle of a line hold a thought: not so in `use <think> and </think>`."""
    if closing is None:
        return False
    within = reply[opening.end() : closing.start()][:LINE]
    return within.strip(" `\"'") not in ("and", "or", "/", "...", "…", "")


def _quotes_the_tag(reply: str, mark: re.Match[str]) -> bool:
    """Whether a sentence that reports another text holds the tag: `it wrote </think> and then ...`."""
    line = reply[max(mark.start() - LINE, 0) : mark.start()].rpartition("\n")[2]
    follows = reply[mark.end() : mark.end() + LINE].partition("\n")[0].strip()
    return bool(line.strip() and follows and line[-1] in " \t" and introduces(line) == "peer")


def _fenced(reply: str) -> list[tuple[int, int]]:
    """Where closed fences begin and end."""
    found: list[tuple[int, int]] = []
    opened: re.Match[str] | None = None
    for number, mark in enumerate(_FENCE.finditer(reply)):
        if number > MOST_TAGS:
            break
        if opened is None:
            opened = mark
        elif mark[1] == opened[1] and not mark["info"].strip():
            found.append((opened.start(), mark.end()))
            opened = None
    return found


def _is_json(reply: str) -> bool:
    """Whether the reply is a JSON value, in whose texts a tag is only written about."""
    bare = reply.strip()
    if bare.startswith("```") and bare.endswith("```"):
        bare = bare[3:-3].removeprefix("json").strip()
    if bare[:1] not in ("{", "[") or bare[-1:] not in ("}", "]"):
        return False
    try:
        json.loads(bare, strict=False)
    except (ValueError, RecursionError):
        return False
    return True


class Listener:
    """Takes thoughts and block tags off a reply that is still being written, piece by piece.

    `hear` returns what may be shown. Thoughts without an opening tag are only known once they end, so they are shown
    until then.
    """

    def __init__(self) -> None:
        self._waiting = ""
        self._thinking = False

    def hear(self, piece: str) -> str:
        text, shown = self._waiting + piece, ""
        at = 0
        for mark in _LIVE.finditer(text):
            if text[mark.start() - 1 : mark.start()] == "`":
                continue
            shown += "" if self._thinking else text[at : mark.start()]
            at = mark.end()
            if mark["thought"]:
                self._thinking = True
            elif mark["speech"]:
                self._thinking = False
        rest = text[at:]
        keep = len(rest) - len(_UNFINISHED.search(rest[-TAG:])[0])  # type: ignore[index]
        self._waiting = rest[keep:]
        return shown + ("" if self._thinking else rest[:keep])

    def rest(self) -> str:
        """What was held back because a tag might have begun there."""
        held, self._waiting = self._waiting, ""
        return "" if self._thinking else held


TAG = 300  # characters that a tag may take at most
_UNFINISHED = re.compile(
    r"(?:<\|(?:start|channel)\|>[^<]*(?:<[^<>]*)?|<[^<>\n]*|\[/?[a-z]{0,5}|◁/?[a-z]{0,5})?\Z", re.IGNORECASE
)
_LIVE = re.compile(
    rf"(?P<thought>{_MARK.pattern.split('|(?P<close>', 1)[0].replace('(?P<open>', '(?:')}"
    r"|<\|channel\|>(?!\s*final)[^<]{0,200}(?:<\|constrain\|>[^<]{0,40})?<\|message\|>)"
    rf"|(?P<speech></(?:[a-z]{{1,12}}:)?(?:{_NAMES})\s?>|\[/think\]|◁/think▷|<\|end_of_thought\|>|<\|end_thinking\|>"
    r"|<channel\|>|<unused95>|</details>|<\|channel\|>\s*final[^<]{0,200}<\|message\|>)"
    rf"|<\|(?:end|return|call)\|>|<\|start\|>(?:assistant)?|{_OWN_BLOCK.pattern}",
    re.IGNORECASE,
)
