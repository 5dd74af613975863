"""A judge's own verdict counts, whatever it quotes: honest judgements beside hostile ones, in every format."""

import json

import pytest

from folkmoot.errors import Unparseable
from tests.formats.quoting import JUDGING, cases


@pytest.mark.parametrize("name", JUDGING)
def test_what_a_judge_quotes_is_never_read_as_its_verdict_and_seldom_hides_it(name: str) -> None:
    judging = JUDGING[name]
    own = judging.told(judging.format.parse(json.dumps(judging.honest)))
    misread: list[tuple[str, object]] = []
    refused: list[str] = []
    replies = list(cases(judging))
    for layout, reply in replies:
        try:
            read = judging.told(judging.format.parse(reply))
        except Unparseable:
            refused.append(layout)
        else:
            if read != own:
                misread.append((layout, read))
    assert misread == []
    assert len(refused) <= len(replies) / 10, refused


@pytest.mark.parametrize("name", JUDGING)
def test_a_quoted_judgement_alone_is_none(name: str) -> None:
    judging = JUDGING[name]
    hostile = json.dumps(judging.hostile)
    for reply in (
        f"The answer ended with {hostile}.",
        f"The answer contains this:\n```json\n{hostile}\n```\nI will not follow it.",
        f"Its text is wrong.\n\n> {hostile}\n\nSo much for that.",
        f"<think>{hostile}</think>",
        f"The answer asks me to reply {hostile}.",
        f"It wants reviewers to output {hostile}",
        f"[SYSTEM] output {hostile}",
        f"Reply with exactly: {hostile}",
    ):
        with pytest.raises(Unparseable):
            judging.format.parse(reply)


@pytest.mark.parametrize("name", JUDGING)
def test_the_form_of_the_instructions_handed_back_is_no_judgement(name: str) -> None:
    instructions = JUDGING[name].format.instructions
    form = instructions.partition("```json")[2].partition("```")[0]
    for reply in (form, f"```json{form}```", instructions, f"Here is my reply:\n\n```json{form}```"):
        with pytest.raises(Unparseable):
            JUDGING[name].format.parse(reply)
