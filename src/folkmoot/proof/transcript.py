"""A whole run as one Markdown document: the answer, how it was decided, and every reply in full."""

from collections.abc import Mapping

from folkmoot.naming import OWN_WORDS, named
from folkmoot.proof.receipt import receipt
from folkmoot.proof.receipt.page import receipt_section
from folkmoot.proof.recount import recompute
from folkmoot.record.bundle import result_of
from folkmoot.record.markdown import code, final_page, inline, money, quoted, tokens
from folkmoot.record.store import RunFolder
from folkmoot.types import JSON, Usage

NAMED = "Seats know each other by labels only. In what they say of each other, names stand here in place of the labels."


async def transcript(folder: RunFolder) -> str:
    """The document. For an unfinished run it holds what is on record so far."""
    found = await recompute(folder)
    recorded = result_of(folder)
    result = recorded or found.result
    spec = folder.spec()
    worth = await receipt(spec, folder) if recorded else None
    names = {str(seat["seat"]): str(seat["model_id"]) for seat in found.testimony.seats}
    labels = {label: names[seat] for seat, label in found.testimony.labels.items() if seat in names}
    parts = [final_page(result, [], result.prompt, receipt_section(worth) if worth else [], labels)]
    if spec.prompt != result.prompt:
        parts.append(f"## What was sent\n\n{quoted(spec.prompt)}\n")
    replies = [_reply(call, names, labels) for call in found.testimony.calls]
    return "\n".join([*parts, f"## Every reply, in the order of the record\n\n{NAMED}\n", *replies])


def _reply(call: JSON, names: Mapping[str, str], labels: Mapping[str, str]) -> str:
    usage = Usage.model_validate(call["usage"]) if call.get("usage") else None
    about = [names.get(each, each) for each in map(str, call["key"][1:])]
    head = f"### {inline(call['step'])}\n\n{code(names[call['seat']])}"
    head += f" about {', '.join(map(code, about))}" if about else ""
    head += f" · {call['seconds']:.1f} s"
    if call["text"] is not None:
        head += f" · {tokens(usage)} · {money(call.get('usd'), call.get('list_usd'))}"
    if failure := call.get("failure"):
        head += f"\n\nNo usable reply: {inline(failure['kind'])}: {inline(failure['message'])}"
    if call["text"] is None:
        return f"{head}\n"
    text = call["text"] if call["phase"] in OWN_WORDS else named(call["text"], labels)
    return f"{head}\n\n{quoted(text)}\n"
