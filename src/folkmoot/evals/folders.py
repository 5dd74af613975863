"""Names of the folders in which runs of an evaluation are kept: one name for one thing that is asked."""

import hashlib
import json
from collections.abc import Sequence

from folkmoot.record.files import safe_name
from folkmoot.record.store import Home, RunFolder, RunSpec
from folkmoot.types import JSON

ASKED = {"protocol", "options", "prompt", "question", "history", "attachments", "seats", "seed", "allow_tools"}
"""The fields of a RunSpec that say what is asked of whom. Limits, prices and versions may change at any start."""


def run_folder(home: Home, identity: Sequence[object], label: str, spec: RunSpec) -> RunFolder:
    """The folder of one run of an evaluation.

    `identity` says which question of which set it is, `label` makes the name readable, and the digest covers both and
    all that is asked of whom.
    """
    digest = hashlib.sha256(json.dumps([*identity, _asked(spec)], sort_keys=True).encode()).hexdigest()[:16]
    return RunFolder(home.runs / f"{safe_name(label)}_{digest}")


def _asked(spec: RunSpec) -> JSON:
    inside = {name: _asked(inner) for name, inner in spec.panels.items()}
    return {**spec.model_dump(mode="json", include=ASKED), "panels": inside}
