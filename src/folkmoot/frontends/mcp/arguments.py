"""The arguments of the tools: a model and JSON schema for each, and parsing of a client's arguments."""

import difflib
import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from folkmoot.errors import InputError
from folkmoot.protocols import Registered
from folkmoot.types import JSON

A = TypeVar("A", bound=BaseModel)

_OF_OURS = ("title", "flags", "values", "duty", "else", "model")  # keys of a schema that say nothing to a client
LONGEST_POLL = 25.0  # seconds; clients give up after 30 at the earliest


def _listed(given: Any) -> Any:
    """Many clients write a list of one as its text, and some every list as JSON in a string."""
    if not isinstance(given, str):
        return given
    if given.lstrip().startswith("["):
        try:
            return json.loads(given)
        except ValueError:
            return [given]
    return [given]


Words = Annotated[list[str], BeforeValidator(_listed)]
Usd = Annotated[float, Field(gt=0, description="USD; the run stops before it costs more")]


class Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ask(Arguments):
    """The arguments of every tool that asks a panel."""

    prompt: str = Field(description="The whole question with its context: the seats see nothing else of this session")
    models: Words = Field(
        [],
        description='Seats, e.g. ["openai/gpt-5.4", "claude-code*2"]. Without it the default panel, else what is found '
        "on this machine",
    )
    panel: str | None = Field(None, description="A saved panel instead of models")
    role: dict[str, str] = Field({}, description='A stance for single seats, e.g. {"s1": "skeptic"}, or any text')
    files: Words = Field([], description="Files in the project to send along: text, images, PDF")
    budget: Usd | None = None
    max_calls: int | None = Field(None, ge=1, description="The run stops before it makes more calls")


class EnsembleDebate(Arguments):
    """The arguments of Ensemble's one tool, https://github.com/raiyanyahya/ensemble, with its defaults."""

    prompt: str = Field(description="The question")
    quick: bool = Field(True, description="One round only")
    rounds: int = Field(5, ge=1, description="Most rounds, unless quick")
    models: Words | None = Field(None, description='e.g. ["gpt4o", "claude", "deepseek"], or provider/model')
    ground: bool = Field(False, description="Search the web first (needs TAVILY_API_KEY)")
    budget: Usd | None = None


class Start(Ask):
    prompt: str = Field("", description=f"{Ask.model_fields['prompt'].description}. Needed unless resume is given")
    protocol: str | None = Field(None, description="By default the panel's own, else ask")
    options: JSON = Field({}, description="Of the protocol: what its tool takes besides the common arguments")
    resume: str | None = Field(None, description="Go on with this run instead; nothing finished is paid again")


class PollRun(Arguments):
    run_id: str
    cursor: int = Field(0, ge=0, description="The cursor of the last poll: only later lines are shown")
    wait_seconds: float = Field(20.0, ge=0, le=LONGEST_POLL, description="Answers earlier when the run ends")


class Cancel(Arguments):
    run_id: str


class AskPanel(Arguments):
    panel: str
    prompt: str = Field(description=Ask.model_fields["prompt"].description)
    files: Words = Field([], description=Ask.model_fields["files"].description)
    budget: Usd | None = None
    max_calls: int | None = Field(None, ge=1)


def protocol_arguments(protocol: Registered) -> type[Ask]:
    """Return the arguments of a protocol's tool: the common ones and its options.

    An option that is a file, such as a calibration table, is not among them; a saved panel can have it.
    """
    properties = protocol.options.model_json_schema()["properties"]
    fields: dict[str, Any] = {
        name: (field.annotation, field)
        for name, field in protocol.options.model_fields.items()
        if "$ref" not in json.dumps(properties[name])
    }
    if taken := set(fields) & set(Ask.model_fields):
        raise InputError(f"{protocol.name}: the option {min(taken)!r} has the name of an argument of every tool")
    return create_model(f"{protocol.name}_arguments", __base__=Ask, **fields)


def input_schema(arguments: type[BaseModel]) -> JSON:
    """The JSON schema of arguments, without what only costs tokens: titles, and null for what can be left out."""
    slim: JSON = _slim(arguments.model_json_schema())
    return {key: value for key, value in slim.items() if key != "description"}


def output_schema(result: type[BaseModel]) -> JSON:
    """The JSON schema of a result, which may be null wherever it says so, and has every key."""
    slim: JSON = _slim(result.model_json_schema(mode="serialization"), nulls=True)
    return slim


def _slim(schema: Any, nulls: bool = False) -> Any:
    if isinstance(schema, list):
        return [_slim(each, nulls) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in _OF_OURS}
    if "default" in kept and kept["default"] in (None, [], {}):
        del kept["default"]
    some = kept.get("anyOf", ())
    if not nulls and {"type": "null"} in some and len(some) == 2:
        kept = {**next(each for each in some if each != {"type": "null"}), **kept}
        del kept["anyOf"]
    named = ("properties", "$defs")  # whose keys are names, also where one is called like a keyword
    return {
        key: {name: _slim(each, nulls) for name, each in value.items()} if key in named else _slim(value, nulls)
        for key, value in kept.items()
    }


def read_arguments(arguments: type[A], given: Mapping[str, Any]) -> A:
    """What a client sent. Null stands for what is left out. Raises InputError with one line for each that is wrong."""
    known = list(arguments.model_fields)
    problems = []
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
            problems.append(f"there is no argument {name!r}; {hint}")
    try:
        found = arguments.model_validate({name: given[name] for name in known if given.get(name) is not None})
    except ValidationError as error:
        problems += [
            f"{'.'.join(str(each) for each in wrong['loc'])}: {wrong['msg'].removeprefix('Value error, ')}"
            for wrong in error.errors()
        ]
    if problems:
        raise InputError(*problems)
    return found
