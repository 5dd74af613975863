"""How many recorded rankings are read as recorded: the orders that judges gave, in the forms in which they write.

`council-trials.json.gz` holds the orders that its own parser read, and not the replies they were read from. Each order
is therefore written out in every form of LAYOUTS, behind an essay that goes through the answers one after the other, as
those judges were asked to do.
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from folkmoot.errors import Unparseable
from folkmoot.formats.ranking import read_ranking

ESSAY = """Let me evaluate each response.

**Response A** is clear, but it skips a step. It ranks below the best on detail.
**Response B**: correct, and shorter than Response A.

### Response C
- Strengths: shows every step
- Weaknesses: none that matter

Response D gives the right number (7/10 for style)."""

LAYOUTS = {
    "numbered list": "{essay}\n\nFINAL RANKING:\n{numbered}",
    "bold heading": "{essay}\n\n**FINAL RANKING:**\n\n{numbered}",
    "markdown heading": "{essay}\n\n## Final Ranking\n\n{numbered}",
    "bold items": "{essay}\n\nFINAL RANKING:\n{bold}",
    "items with reasons": "{essay}\n\nFINAL RANKING:\n{reasons}",
    "bullets": "{essay}\n\nFinal ranking (best to worst):\n{bullets}",
    "chain": "{essay}\n\nFinal ranking: {chain}",
    "arrows": "{essay}\n\n**Ranking:** {arrows}",
    "commas": "{essay}\n\nFINAL RANKING: {commas}",
    "then": "{essay}\n\nMy ranking: {then}",
    "medals": "{essay}\n\n{medals}",
    "table": "{essay}\n\nFinal ranking:\n\n| Rank | Response |\n|---|---|\n{rows}",
    "tags": "{essay}\n\n<ranking>{chain}</ranking>",
    "json": "{essay}\n\n{json}",
    "fenced json": "{essay}\n\n```json\n{json}\n```",
    "json as python writes it": "{essay}\n\n{python}",
}


def written(layout: str, order: Sequence[str]) -> str:
    names = [f"Response {letter}" for letter in order]
    return layout.format(
        essay=ESSAY,
        numbered="\n".join(f"{place}. {name}" for place, name in enumerate(names, 1)),
        bold="\n".join(f"{place}. **{name}**" for place, name in enumerate(names, 1)),
        reasons="\n".join(f"{place}. {name} - the clearest of the rest" for place, name in enumerate(names, 1)),
        bullets="\n".join(f"- {name}" for name in names),
        chain=" > ".join(order),
        arrows=" → ".join(names),
        commas=", ".join(names),
        then=", then ".join(order),
        medals="\n".join(f"{medal} {name}" for medal, name in zip("🥇🥈🥉", names, strict=False))
        + "".join(f"\n{place}th place: {name}" for place, name in enumerate(names[3:], 4)),
        rows="\n".join(f"| {place} | {name} |" for place, name in enumerate(names, 1)),
        json=json.dumps({"comparison": "see above", "ranking": names}),
        python=str({"ranking": names}),
    )  # fmt: skip


def orders(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Who gave which order, for every ranking that is on record."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for trial in json.load(file):
            for judge, order in (trial["stage2_data"].get("rankings") or {}).items():
                yield f"{trial['question_id']} {judge}", order


def rankings(path: Path) -> None:
    """Print the share that is read as recorded, for each layout, and every one that is not."""
    recorded = list(orders(path))
    wrong: list[str] = []
    for layout, text in LAYOUTS.items():
        for who, order in recorded:
            wanted = tuple(f"Answer {letter}" for letter in order)
            try:
                read: object = read_ranking(written(text, order), sorted(wanted)).order
            except Unparseable as reason:
                read = reason
            if read != wanted:
                wrong.append(f"{layout}, {who}: {read}")
    total = len(recorded) * len(LAYOUTS)
    share = 100 * (total - len(wrong)) / max(total, 1)
    print(f"{path.name}: {len(recorded)} recorded rankings in {len(LAYOUTS)} layouts, {share:.1f} % read as recorded")
    for line in wrong[:20]:
        print(f"  {line}")
