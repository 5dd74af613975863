"""What a request is, in the words of pydantic-ai's model layer."""

from pydantic_ai.messages import (
    BinaryContent,
    CachePoint,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartStartEvent,
    SystemPromptPart,
    TextPart,
    TextPartDelta,
    UserContent,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.settings import ModelSettings

from folkmoot.providers.api.schemas import strict_schema
from folkmoot.providers.api.vendor import Vendor
from folkmoot.providers.prices import estimate_tokens
from folkmoot.types import Request


def as_messages(request: Request, vendor: Vendor) -> list[ModelMessage]:
    cached_from = vendor.cached_from(request.model)
    messages: list[ModelMessage] = []
    ahead = request.system
    for number, turn in enumerate(request.messages, start=1):
        if turn.role == "assistant":
            messages.append(ModelResponse(parts=[TextPart(content=turn.text)]))
        else:
            content = _blocks(turn.parts, ahead, cached_from)
            if number == len(request.messages):
                content = [
                    *(BinaryContent(data=a.content, media_type=a.media_type) for a in request.attachments),
                    *content,
                ]
            system = [SystemPromptPart(content=request.system)] if number == 1 and request.system else []
            messages.append(ModelRequest(parts=[*system, UserPromptPart(content=_plain(content))]))
        ahead += turn.text
    return messages


def _plain(content: list[UserContent]) -> str | list[UserContent]:
    """A text alone as a text: many servers that speak like OpenAI take no lists."""
    return content[0] if len(content) == 1 and isinstance(content[0], str) else content


def _blocks(parts: tuple[str, ...], ahead: str, cached_from: int | None) -> list[UserContent]:
    """One message as one text, or with a mark after its constant parts where a prompt cache wants one.

    `ahead` is all text before this message. `cached_from` is the length in tokens from which the model caches at all:
    a shorter prefix is not marked, because that changes the request and gains nothing.
    """
    constant = "\n\n".join(parts[:-1])
    if cached_from is None or not constant or estimate_tokens(ahead + constant) < cached_from:
        return ["\n\n".join(parts)]
    return [constant, CachePoint(), parts[-1]]


def as_settings(request: Request, vendor: Vendor) -> ModelSettings:
    settings = ModelSettings()
    fixed = vendor.effort_fixes_temperature and request.effort not in (None, "none")
    if request.temperature is not None and not fixed:
        settings["temperature"] = request.temperature
    if request.effort is not None:  # models without reasoning are not told
        settings["thinking"] = False if request.effort == "none" else request.effort
    if request.output_limit is not None:
        settings["max_tokens"] = request.output_limit
    return settings


def as_parameters(request: Request, model: Model, vendor: Vendor) -> ModelRequestParameters:
    """The reply's schema where this model can be held to one; otherwise the prompt's own words must do."""
    if request.schema is None or not vendor.enforces_schema(request.model):
        return ModelRequestParameters()
    if not model.profile.get("supports_json_schema_output", False):
        return ModelRequestParameters()
    schema, strict = strict_schema(request.schema, vendor.keywords)
    return ModelRequestParameters(
        output_mode="native",
        output_object=OutputObjectDefinition(json_schema=schema, name="reply", strict=strict),
        allow_text_output=False,
    )


def new_text(event: ModelResponseStreamEvent) -> str:
    """The text that `event` adds to the answer; thoughts are not part of it."""
    if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
        return event.part.content
    if isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
        return event.delta.content_delta
    return ""
