"""The page of a run: its data, its style and its scripts in one file.

Whatever a model wrote is data: it stands, escaped, in a script element that no browser runs, and is shown as text only.
A content policy names the page's own style and script by their hashes, so that nothing else could run or be fetched.
"""

import base64
import hashlib
import html
import json
import re
from functools import cache
from pathlib import Path

from folkmoot.types import JSON

HERE = Path(__file__).parent

SCRIPTS = ("elements.js", "counts.js", "calls.js", "sheets.js", "worth.js", "page.js")
"""What a script imports stands before it."""

_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (function|class|const) (\w+)", re.MULTILINE)


@cache
def script(names: tuple[str, ...] = SCRIPTS) -> str:
    """All scripts as one: modules would need files beside the page, so each is a function that returns its exports."""
    return '"use strict";\n' + "\n".join(_module(HERE / name) for name in names)


def _module(path: Path) -> str:
    text = path.read_text("utf-8")
    exports = ", ".join(name for _, name in _EXPORT.findall(text))
    body = _EXPORT.sub(r"\1 \2", _IMPORT.sub(r"const \1 = \2_js;", text))
    return f"const {path.stem}_js = (() => {{\n{body}\nreturn {{ {exports} }};\n}})();\n"


@cache
def style() -> str:
    return (HERE / "page.css").read_text("utf-8")


def page(run: JSON) -> str:
    """The page for a run. `run` is what `mailed` returns."""
    prompt = " ".join(str(run["testimony"]["prompt"]).split())
    title = html.escape(prompt[:80] + ("…" if len(prompt) > 80 else ""))
    policy = (
        f"default-src 'none'; style-src {_named(style())}; script-src {_named(script())}; "
        "base-uri 'none'; form-action 'none'"
    )
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style()}</style>
</head>
<body>
<noscript><p>This page shows a run call by call. For that it needs JavaScript, but no network.</p></noscript>
<main id="page"></main>
<script type="application/json" id="folkmoot-run">{_inert(run)}</script>
<script>{script()}</script>
</body>
</html>
"""


def _named(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _inert(value: JSON) -> str:
    """JSON that no HTML parser can leave, whatever it holds."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
