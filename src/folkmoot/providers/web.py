"""Web search as a seat: `web/tavily` answers a question with pages that bear on it, recorded like any other reply.

https://docs.tavily.com/documentation/api-reference/endpoint/search
"""

from typing import TYPE_CHECKING

from folkmoot.errors import FailureKind, InputError, ProviderError
from folkmoot.formats.sources import MOST_SOURCES, Source, write_sources
from folkmoot.providers.base import BaseProvider, Settings
from folkmoot.types import IMAGES, JSON, PDF, Billing, Completion, OnText, Request

if TYPE_CHECKING:
    import httpx2

ENGINE = "tavily"
KEY, BASE_URL = "TAVILY_API_KEY", "TAVILY_BASE_URL"
LONGEST_QUERY = 400  # characters; Tavily refuses longer ones

# 432 and 433: the plan's or the account's credits are used up, which no retry within a run can cure
_KINDS: dict[int, FailureKind] = {401: "auth", 403: "auth", 408: "server", 429: "rate", 432: "request", 433: "request"}


def open_provider(name: str, settings: Settings) -> "WebSearch":
    """Raises InputError without a key, before anything is spent."""
    key = settings.environ.get(KEY)
    if not key:
        raise InputError(
            f"a web search ({name}/{ENGINE}, --ground) needs a key: set {KEY}, in the environment or in .env"
        )
    return WebSearch(key, settings.environ.get(BASE_URL) or "https://api.tavily.com", settings.idle_timeout)


class WebSearch(BaseProvider):
    """Searches for the first piece of the last message. Its price is credits of a plan, not USD."""

    billing: Billing = "subscription"
    streams = False
    timeout = 30.0
    attachments = IMAGES | PDF  # none of them can be searched for, and none is in the way

    def __init__(self, key: str, base_url: str, idle_timeout: float | None = None) -> None:
        self._key, self._url, self._silence = key, base_url.rstrip("/"), idle_timeout
        self._client: httpx2.AsyncClient | None = None

    def check_model(self, model: str) -> None:
        if model != ENGINE:
            raise InputError(f"web/{model}: the only search engine here is web/{ENGINE}")

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        import httpx2

        if self._client is None:
            self._client = httpx2.AsyncClient(timeout=httpx2.Timeout(self._silence, connect=10.0))
        asked = {"query": as_query(request.messages[-1].parts[0]), "max_results": MOST_SOURCES, "search_depth": "basic"}
        try:
            response = await self._client.post(
                f"{self._url}/search", json=asked, headers={"Authorization": f"Bearer {self._key}"}
            )
        except httpx2.ReadTimeout:
            raise ProviderError("idle", "Tavily fell silent") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ProviderError("server", f"Tavily: {error or type(error).__name__}") from error
        if response.status_code != 200:
            raise self._refused(response)
        try:
            text = write_sources(_source(each) for each in response.json()["results"])
        except (ValueError, KeyError, TypeError) as error:
            raise ProviderError("protocol", "Tavily answered with something that is no list of results") from error
        on_text(text)
        return Completion(text=text, model=ENGINE, usd=0.0)

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    def _refused(self, response: "httpx2.Response") -> ProviderError:
        status = response.status_code
        said = " ".join(response.text.split())[:300].replace(self._key, "***")
        wait = response.headers.get("retry-after", "")
        return ProviderError(
            _KINDS.get(status, "server" if status >= 500 else "request"),
            f"Tavily answered {status}: {said}",
            retry_after=float(wait) if wait.isdigit() else None,
        )


def as_query(prompt: str) -> str:
    """What to search for: the question without its files, cut at a word where a query must end.

    >>> as_query("What is\\nnew?\\n\\n<file-0123456789abcdef path=\\"a.txt\\">..."), len(as_query("word " * 100)) <= 400
    ('What is new?', True)
    """
    typed = prompt.partition("\n\n<file-")[0]
    query = " ".join(typed.split())
    return (
        query if len(query) <= LONGEST_QUERY else query[: LONGEST_QUERY + 1].rpartition(" ")[0] or query[:LONGEST_QUERY]
    )


def _source(result: JSON) -> Source:
    return Source(str(result.get("title") or ""), str(result["url"]), str(result.get("content") or ""))
