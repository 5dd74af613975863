"""docs/evidence.md is what `python -m benchmarks.evidence` makes of the committed figures."""

import json

from benchmarks.evidence import PAGE, RESULTS, page


def test_the_page_is_what_the_committed_figures_say() -> None:
    """On failure: `python -m benchmarks.evidence`."""
    results = [json.loads(path.read_text("utf-8")) for path in RESULTS.glob("*.json")]
    assert results
    assert PAGE.read_text("utf-8") == page(results)
