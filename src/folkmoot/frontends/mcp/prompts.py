"""Prompts: what a user can pick in the client, and the client's model then does with our tools."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcp import types

from folkmoot.errors import InputError
from folkmoot.frontends.mcp.tools import PREFIX

REPORT = (
    "Pass on what the panel says and do not answer in its place. If `met` is false, say that it did not agree. Name "
    "whoever said something else, and what; give the cost and the run_id. Then say whether you agree, and why."
)


@dataclass(frozen=True)
class Prompt:
    name: str
    title: str
    description: str
    argument: str
    about: str  # the argument
    text: str  # with {given} for the argument

    def listed(self) -> types.Prompt:
        argument = types.PromptArgument(name=self.argument, description=self.about, required=True)
        return types.Prompt(name=self.name, title=self.title, description=self.description, arguments=[argument])

    def filled(self, given: Mapping[str, str]) -> types.GetPromptResult:
        """Raises InputError where the argument is missing."""
        if not given.get(self.argument, "").strip():
            raise InputError(f"{self.name} needs {self.argument}: {self.about}")
        text = self.text.replace("{given}", given[self.argument].strip())
        message = types.PromptMessage(role="user", content=types.TextContent(text=text))
        return types.GetPromptResult(description=self.description, messages=[message])


PROMPTS = {
    prompt.name: prompt
    for prompt in (
        Prompt(
            "second-opinion",
            "Second opinion",
            "Other models answer the question, without hearing what was said here first",
            "question",
            "What they are asked",
            f"Get a second opinion with the tool {PREFIX}ask. Write down the question so that somebody who knows "
            "nothing of this conversation can answer it: put every fact, excerpt and constraint into the prompt, but "
            f"not what you think the answer is.\n\nThe question: {{given}}\n\n{REPORT}",
        ),
        Prompt(
            "red-team",
            "Red team",
            "Other models attack a plan and rank each other's objections",
            "plan",
            "The plan, or where it stands",
            f"Have this plan attacked with the tool {PREFIX}council and preset=redteam. Put the whole plan and what it "
            f"is for into the prompt.\n\nThe plan: {{given}}\n\n{REPORT} List the objections by how much they would "
            "cost if they came true, and say for each what would answer it.",
        ),
        Prompt(
            "decide",
            "Decide between options",
            "Other models debate the options until a majority endorses one",
            "options",
            "The options, and what matters in the choice",
            f"Have these options decided with the tool {PREFIX}debate and quick=true. Put the options, the facts and "
            "what matters into the prompt, in an order that says nothing, and not which one you prefer.\n\n"
            f"The options: {{given}}\n\n{REPORT}",
        ),
    )
}
