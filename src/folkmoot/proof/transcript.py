"""A whole run as one Markdown document: the answer, how it was decided, and every reply in full."""

from folkmoot.proof.receipt import receipt
from folkmoot.proof.receipt.page import receipt_section
from folkmoot.proof.recount import recompute
from folkmoot.record.bundle import result_of
from folkmoot.record.markdown import code, final_page, inline, money, quoted, tokens
from folkmoot.record.store import RunFolder
from folkmoot.types import JSON, Usage


async def transcript(folder: RunFolder) -> str:
    """The document. For an unfinished run it holds what is on record so far."""
    found = await recompute(folder)
    recorded = result_of(folder)
    result = recorded or found.result
    spec = folder.spec()
    worth = await receipt(spec, folder) if recorded else None
    parts = [final_page(result, [], result.prompt, receipt_section(worth) if worth else [])]
    if spec.prompt != result.prompt:
        parts.append(f"## What was sent\n\n{quoted(spec.prompt)}\n")
    names = {str(seat["seat"]): str(seat["model_id"]) for seat in found.testimony.seats}
    replies = [_reply(call, names) for call in found.testimony.calls]
    return "\n".join([*parts, "## Every reply, in the order of the record\n", *replies])


def _reply(call: JSON, names: dict[str, str]) -> str:
    usage = Usage.model_validate(call["usage"]) if call.get("usage") else None
    about = [names.get(each, each) for each in map(str, call["key"][1:])]
    head = f"### {inline(call['step'])}\n\n{code(names[call['seat']])}"
    head += f" about {', '.join(map(code, about))}" if about else ""
    head += f" · {call['seconds']:.1f} s"
    if call["text"] is not None:
        head += f" · {tokens(usage)} · {money(call.get('usd'), call.get('list_usd'))}"
    if failure := call.get("failure"):
        head += f"\n\nNo usable reply: {inline(failure['kind'])}: {inline(failure['message'])}"
    return f"{head}\n\n{quoted(call['text'])}\n" if call["text"] is not None else f"{head}\n"
