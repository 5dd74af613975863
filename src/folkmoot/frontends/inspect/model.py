"""The model form: `inspect eval TASK --model folkmoot/ask@sim/careful+sim/hasty`, or `folkmoot/PANEL`.

Seats are joined by `+`, because Inspect takes a comma for the next model.

Inspect tells a model neither the sample nor the epoch. So every generation is a new run; where an evaluation may be
killed or retried, use the solver, which resumes.
"""

from dataclasses import replace
from typing import Any

from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, model_roles, modelapi
from inspect_ai.tool import ToolChoice, ToolInfo

from folkmoot.errors import InputError
from folkmoot.frontends.inspect.asking import check_protocol, job_of, limits_in, output_of, with_roles
from folkmoot.protocols import protocol_names
from folkmoot.python.library import this_machine
from folkmoot.running.planning import Asked
from folkmoot.running.runs import begin


class FolkmootModel(ModelAPI):
    """A panel, or a protocol with its seats.

    Model arguments (`-M threshold=9`) are options of the protocol, or fields of Limits.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),
        models: str | list[str] = "",
        **options: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        name, _, seats = model_name.partition("@")
        written = [models] if isinstance(models, str) else list(models)
        self.asked = Asked(
            "",
            protocol=name if name in protocol_names() else None,
            panel=None if name in protocol_names() else name,
            models=[each for each in (*seats.split("+"), *written) if each],
            limits=limits_in(options),
            recordings=_paths(options.pop("recordings", ())),
            options=options,
        )
        check_protocol(self.asked, this_machine())

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        if tools:
            raise InputError("a panel takes no tools; give them to a seat that is an agent")
        machine = this_machine()
        asked = self.asked
        options = with_roles(asked.protocol, asked.options, model_roles())
        job = job_of(replace(asked, options=options), input, machine)
        return output_of(await begin(job, machine), f"folkmoot/{self.model_name}")


def _paths(written: str | list[str] | tuple[str, ...]) -> list[str]:
    return [written] if isinstance(written, str) else list(written)


@modelapi(name="folkmoot")
def folkmoot() -> type[ModelAPI]:
    return FolkmootModel
