"""VARIANT: another way to put a question."""

import re

from folkmoot.errors import Unparseable
from folkmoot.formats.base import Format, preview
from folkmoot.formats.reading import NoObject, is_placeholder, json_object, text_field
from folkmoot.formats.schemas import TEXT, record

_LABELLED = re.compile(
    r"^[ \t>*_#`-]*+prompt[ _]variant[ \t*_`]*+[:=](?P<rest>.+)", re.IGNORECASE | re.MULTILINE | re.DOTALL
)


def read_variant(reply: str) -> str:
    """The question in a JSON object anywhere in the reply, else whatever follows the words `Prompt variant:`.

    >>> read_variant('{"prompt_variant": " Who loses? "}'), read_variant("**Prompt variant:** Who loses?")
    ('Who loses?', 'Who loses?')
    """
    try:
        variant = text_field(json_object(reply, "prompt_variant"), "prompt_variant")
    except NoObject:
        found = _LABELLED.search(reply)
        variant = found["rest"].strip(" \t\n\r*_`") if found else ""
        variant = "" if is_placeholder(variant) else variant
    if not variant:
        raise Unparseable('there is no "prompt_variant" with a text')
    return variant


VARIANT: Format[str] = Format(
    "variant",
    instructions="""\
Reply with this JSON object and nothing else:

```json
{"prompt_variant": "<the question, put in the new way, complete and on its own>"}
```""",
    parse=read_variant,
    example='{"prompt_variant": "Put yourself in the place of whoever pays for this: what would you do?"}',
    schema=record(prompt_variant=TEXT),
    brief=lambda variant: f'"{preview(variant)}"',
)
