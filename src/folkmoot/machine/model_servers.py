"""Ask an OpenAI-compatible server for its list of models, GET /models."""

import json
import urllib.request
from collections.abc import Iterable
from urllib.parse import urlsplit

SECONDS = 0.5  # to answer, for a server that would have to be on this machine
SECONDS_AWAY = 3.0  # for any other
MOST_MODELS = 100
_MOST_BYTES = 4_000_000
_HERE = ("localhost", "127.", "::1")


def models_at(base_url: str, key: str = "") -> tuple[str, ...] | None:
    """The ids of the models at `base_url`, at most a hundred of them; None where no model server answers.

    Ids that --models could not take are left out.
    """
    here = (urlsplit(base_url).hostname or "").startswith(_HERE)
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if here else []))
    try:
        asked = urllib.request.Request(f"{base_url}/models", headers={"Authorization": f"Bearer {key}"} if key else {})
        with opener.open(asked, timeout=SECONDS if here else SECONDS_AWAY) as reply:
            return tuple(_usable(str(each["id"]) for each in json.loads(reply.read(_MOST_BYTES))["data"]))[:MOST_MODELS]
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _usable(ids: Iterable[str]) -> list[str]:
    return [id for id in ids if id and id.isprintable() and not set(id) & set(" ,*")]
