"""AWS Bedrock, through boto3, which blocks: every call takes a thread."""

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
from botocore.session import Session  # type: ignore[import-untyped]
from botocore.tokens import FrozenAuthToken  # type: ignore[import-untyped]
from pydantic_ai.models.bedrock import BedrockConverseModel
from pydantic_ai.providers.bedrock import BedrockProvider

from folkmoot.errors import InputError
from folkmoot.providers.api.access import Access
from folkmoot.providers.api.vendor import Vendor
from folkmoot.types import IMAGES, PDF

_THREADS = 32  # fewer than the 40 that may wait in threads at once


def open_vendor(access: Access) -> Vendor:
    environ = access.environ
    token = access.settings.table.get("api_key") or environ.get("AWS_BEARER_TOKEN_BEDROCK")
    try:
        session = boto3.Session(
            botocore_session=_TokenSession(token) if token else None,
            aws_access_key_id=None if token else environ.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=None if token else environ.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=None if token else environ.get("AWS_SESSION_TOKEN"),
            profile_name=environ.get("AWS_PROFILE"),
            region_name=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION"),
        )
        client = session.client(
            "bedrock-runtime",
            endpoint_url=access.base_url,
            config=Config(
                signature_version="bearer" if token else None,
                read_timeout=access.settings.idle_timeout or 3600,
                connect_timeout=10,
                max_pool_connections=_THREADS,
                retries={"total_max_attempts": 1},
            ),
        )
    except BotoCoreError as error:
        raise InputError(f"AWS Bedrock cannot be reached: {error}") from error
    provider = BedrockProvider(bedrock_client=client)

    async def close() -> None:
        client.close()

    secrets = (token, environ.get("AWS_SECRET_ACCESS_KEY"), environ.get("AWS_SESSION_TOKEN"))
    return Vendor(
        label=access.label,
        model=lambda name: BedrockConverseModel(name, provider=provider),
        close=close,
        secrets=tuple(filter(None, secrets)),
        billing=access.billing,
        attachments=IMAGES | PDF,
        concurrency=_THREADS,
        effort_fixes_temperature=True,
    )


class _TokenSession(Session):  # type: ignore[misc]
    """Logs in with a Bedrock API key, which botocore by itself takes only from the process's environment."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._bearer = token

    def get_auth_token(self, **_: object) -> FrozenAuthToken:
        return FrozenAuthToken(self._bearer)

    def get_credentials(self) -> None:
        return None
