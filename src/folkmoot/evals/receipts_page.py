"""The receipts of all runs as one page with pictures, which needs no network and no script."""

import html
from collections.abc import Sequence

from folkmoot.evals.receipts import Receipts, ReceiptSum, money, receipts_text

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; } svg { max-width: 100%; height: auto; }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd; } text { fill: #ddd; } }
"""


def receipts_page(found: Receipts) -> str:
    """The page, whole."""
    sentence = receipts_text(found).splitlines()[0]
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Was it worth it?</title>
<style>{STYLE}</style>
</head>
<body>
<h1>Was it worth it?</h1>
<p>{html.escape(sentence)}</p>
<h2>How often the panel changed the first seat's answer</h2>
{bars("by protocol", found.protocols)}
{bars("by month", found.months)}
<h2>What each protocol took</h2>
{_table(found.protocols)}
<h2>What each phase changed</h2>
{_phases(found.protocols)}
</body>
</html>
"""


def bars(title: str, sums: Sequence[ReceiptSum]) -> str:
    """A bar for each: dark what changed, light what did not, nothing where it cannot be told."""
    most = max((each.runs for each in sums), default=1)
    rows = []
    for at, each in enumerate(sums):
        y = 30 + 28 * at
        whole, changed = 400 * each.compared / most, 400 * each.changed / most
        told = f"{each.changed} of {each.compared}" if each.compared else "cannot be told"
        rows.append(
            f'<text x="110" y="{y + 14}" text-anchor="end">{html.escape(each.name)}</text>'
            f'<rect x="120" y="{y}" width="{whole:.1f}" height="18" fill="#9bd"/>'
            f'<rect x="120" y="{y}" width="{changed:.1f}" height="18" fill="#06c"/>'
            f'<text x="{126 + whole:.1f}" y="{y + 14}">{told}</text>'
        )
    height = 40 + 28 * len(sums)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 {height}" width="640" height="{height}" role="img" '
        f'aria-label="changed answers {title}" font-family="sans-serif" font-size="13">'
        f'<text x="120" y="18">{title}</text>{"".join(rows)}</svg>'
    )


def _table(sums: Sequence[ReceiptSum]) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("protocol", "runs", "calls", "tokens", "seconds", "cost"))
    rows = "".join(
        f"<tr><td>{html.escape(each.name)}</td>"
        + "".join(
            f'<td class="number">{cell}</td>'
            for cell in (each.runs, each.calls, each.tokens, f"{each.seconds:.0f}", money(each.usd))
        )
        + "</tr>"
        for each in sums
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def _phases(sums: Sequence[ReceiptSum]) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("protocol", "phase", "changed what led", "calls", "cost"))
    rows = "".join(
        f"<tr><td>{html.escape(each.name)}</td><td>{html.escape(phase.phase)}</td>"
        f'<td class="number">{phase.changed} of {phase.runs}</td><td class="number">{phase.calls}</td>'
        f'<td class="number">{money(phase.usd)}</td></tr>'
        for each in sums
        for phase in each.phases
    )
    return f"<table><tr>{head}</tr>{rows}</table>"
