"""Google's models: the Gemini API with a key, Vertex AI with the credentials of a project."""

import json
from pathlib import Path

import google.auth
import google.auth.exceptions
import httpx2
from google.auth.credentials import Credentials
from google.genai.client import Client
from google.genai.types import HttpOptions
from google.oauth2 import service_account
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.google_cloud import GoogleCloudProvider

from folkmoot.errors import InputError
from folkmoot.providers.api.access import Access
from folkmoot.providers.api.schemas import GOOGLE
from folkmoot.providers.api.vendor import Vendor, closable
from folkmoot.types import PDF

_ATTACHMENTS = PDF | {"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"}
_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


def open_vendor(access: Access) -> Vendor:
    http = closable(access.http())
    client = _vertex_client(access, http) if access.name == "vertex" else _gemini_client(access, http)
    provider = GoogleCloudProvider(client=client) if access.name == "vertex" else GoogleProvider(client=client)

    async def close() -> None:
        await client.aio.aclose()
        client.close()
        await http.aclose()

    return Vendor(
        label=access.label,
        model=lambda name: GoogleModel(name, provider=provider),
        close=close,
        secrets=(access.key,) if access.key and access.name == "google" else (),
        billing=access.billing,
        attachments=_ATTACHMENTS,
        keywords=GOOGLE,
    )


def _gemini_client(access: Access, http: httpx2.AsyncClient) -> Client:
    return Client(vertexai=False, api_key=access.key, http_options=_options(access, http))


def _options(access: Access, http: httpx2.AsyncClient) -> HttpOptions:
    idle = access.settings.idle_timeout
    timeout = (
        None if idle is None else max(1, int(idle * 1000))
    )  # it is in milliseconds, and would replace the client's
    return HttpOptions(base_url=access.base_url, httpx_async_client=http, timeout=timeout)


def _vertex_client(access: Access, http: httpx2.AsyncClient) -> Client:
    environ = access.environ
    try:
        credentials, project = _credentials(environ.get("GOOGLE_APPLICATION_CREDENTIALS"))
    except (google.auth.exceptions.GoogleAuthError, OSError, ValueError) as error:
        raise InputError(f"Vertex AI has no usable credentials: {error}") from error
    project = environ.get("GOOGLE_CLOUD_PROJECT") or project
    if not project:
        raise InputError("Vertex AI needs a project: set GOOGLE_CLOUD_PROJECT")
    return Client(
        vertexai=True,
        credentials=credentials,
        project=project,
        location=environ.get("GOOGLE_CLOUD_LOCATION") or "global",
        http_options=_options(access, http),
    )


def _credentials(path: str | None) -> tuple[Credentials, str | None]:
    """Google's Application Default Credentials, and their project: the file at `path`, or what `gcloud auth` left."""
    found = json.loads(Path(path).read_text()) if path else {}
    if found.get("type") == "service_account":
        account = service_account.Credentials.from_service_account_info(found, scopes=_SCOPES)  # type: ignore[no-untyped-call]
        return account, found.get("project_id")
    credentials, project = google.auth.default(scopes=_SCOPES)  # reads the process's environment
    return credentials, project
