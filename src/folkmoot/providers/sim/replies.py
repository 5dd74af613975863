"""What a simulated seat writes in each format.

`REPLIES` maps a format's name to the function that writes it; a format that is not listed is answered from its
JSON schema, else with its example.
"""

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from folkmoot.prompting import Block, blocks
from folkmoot.providers.sim.personas import Character
from folkmoot.providers.sim.problems import Problem, understand
from folkmoot.providers.sim.schema import fill
from folkmoot.types import JSON, Request


@dataclass(frozen=True)
class Sitting:
    """One call as a simulated seat sees it."""

    request: Request
    who: Character
    problem: Problem
    own: str | None  # what the seat said before, if it is shown that
    answers: tuple[Block, ...]  # of others
    reviews: tuple[Block, ...]

    def draw(self, purpose: str) -> random.Random:
        """A random stream of this seat in this run. It does not depend on the step, so that a seat stays itself."""
        about = self.request.about
        return random.Random(f"{about.seed}|{about.seat.number}|{self.who.name}|{about.question}|{purpose}")

    @property
    def first(self) -> str:
        return self.problem.first(self.who, self.draw("first"))

    def belief(self, answers: tuple[Block, ...], reviews: tuple[Block, ...] = ()) -> str:
        """What the seat concludes after reading those.

        Nothing is remembered between calls. A seat that is not shown its own earlier answer goes back to its first
        one and makes up its mind again with the chances of all the rounds until now.
        """
        problem, persona, now = self.problem, self.who.persona, self.request.about.round
        before = self.own or self.first
        if now <= persona.patience:
            return before
        rounds = range(now, now + 1) if self.own else range(persona.patience + 1, now + 1)
        shown = [found for block in answers if (found := problem.read(block.text))]
        heard = {*shown, *filter(None, (problem.mentioned(block.text) for block in reviews))}
        wrong = [each for each in shown if each != problem.right]
        if problem.right is not None:
            if before != problem.right and problem.right in heard and self._moved("gain", persona.gain, rounds):
                return problem.right
            if before == problem.right and wrong and self._moved("loss", persona.loss, rounds):
                return _most(wrong, wrong[0])
        if shown and self._moved("conformity", persona.conformity, rounds):
            return _most(shown, before)
        return before

    def _moved(self, by: str, chance: float, rounds: range) -> bool:
        return any(self.draw(f"{by} {round}").random() < chance for round in rounds)


def sit(request: Request, who: Character) -> Sitting:
    """The call as `who` sees it: its own answer and those of others, as the blocks of the prompt show them."""
    # the last message that shows any: a request to mend a reply shows none
    turns = ([*_shown(message.text)] for message in reversed(request.messages) if message.role == "user")
    shown = next(filter(None, turns), [])
    problem = understand(request.about.question)
    own = [block for block in shown if _is_own(block)]
    said = [found for block in own if (found := problem.read(block.text))]
    return Sitting(
        request,
        who,
        problem,
        said[-1] if said else None,
        tuple(block for block in shown if block.kind in _ANSWERS and block not in own),
        tuple(block for block in shown if block.kind in _REVIEWS),
    )


_ANSWERS = ("answer", "proposal", "synthesis")
_REVIEWS = ("review", "evaluation", "rebuttal")
_GROUPS = ("history", "round", "turn")


def _shown(prompt: str) -> Iterator[Block]:
    for block in blocks(prompt):
        yield block
        if block.kind in _GROUPS:
            yield from _shown(block.text)


def _is_own(block: Block) -> bool:
    named = any("your" in value.lower() for value in block.attributes.values())
    return block.kind.startswith(("own", "your")) or (block.kind in _ANSWERS and named)


def _most(found: list[str], preferred: str) -> str:
    """The most frequent conclusion; among equals `preferred`, else the first."""
    top = max(found.count(each) for each in found)
    ahead = [each for each in found if found.count(each) == top]
    return preferred if preferred in ahead else ahead[0]


# Formats


def write_text(sitting: Sitting) -> str:
    if write := PHASES.get(sitting.request.about.phase):
        return write(sitting)
    concluded = sitting.belief(sitting.answers, sitting.reviews)
    before = sitting.own or sitting.first
    return sitting.problem.tell(concluded, sitting.who, before if before != concluded else None)


def write_review(sitting: Sitting) -> str:
    return json.dumps(review(sitting, sitting.answers[-1] if sitting.answers else None))


def write_scores(sitting: Sitting) -> str:
    judged = {block.attributes.get("label", ""): block for block in sitting.answers}
    labels = _example_labels(sitting.request.about.example) or list(judged)
    return json.dumps({"scores": [review(sitting, judged.get(label)) | {"label": label} for label in labels]})


def write_rating(sitting: Sitting) -> str:
    """A score with one more for each dimension that the format's example names."""
    told = review(sitting, sitting.answers[-1] if sitting.answers else None)
    named = [name for name in _loads(sitting.request.about.example) if name not in ("rationale", "score")]
    given = dict.fromkeys(named, told["score"])
    return json.dumps({**given, "rationale": told["overall_assessment"], "score": told["score"]})


def write_variant(sitting: Sitting) -> str:
    opening = sitting.draw("variant").choice(
        ("Suppose that what comes to mind first is wrong.", "Begin with what could go wrong.", "Think ten years ahead.")
    )
    return json.dumps({"prompt_variant": f"{opening} {sitting.request.about.question}"})


def write_keyed(sitting: Sitting) -> str:
    return f"{write_text(sitting)}\n\nANSWER: {sitting.belief(sitting.answers, sitting.reviews)}"


def write_same(sitting: Sitting) -> str:
    """Answers with the same conclusion in one group; one without any is a group of its own."""
    groups: dict[str, list[str]] = {}
    for block in sitting.answers:
        label = block.attributes.get("label", "")
        groups.setdefault(sitting.problem.read(block.text) or f"?{label}", []).append(label)
    return json.dumps({"conclusions": list(groups), "groups": list(groups.values())})


def write_verdict(sitting: Sitting) -> str:
    belief = sitting.belief(sitting.answers)
    found = [block for block in sitting.answers if sitting.problem.read(block.text) == belief]
    label = found[0].attributes.get("label", "none") if found else "none"
    return json.dumps({"reason": sitting.problem.why(belief), "verdict": label})


def write_ranking(sitting: Sitting) -> str:
    told = {block.attributes.get("label", ""): review(sitting, block) for block in sitting.answers}
    order = sorted(told, key=lambda label: -told[label]["score"])
    said = " ".join(f"{label}: {told[label]['overall_assessment']}" for label in order)
    return json.dumps({"comparison": said, "ranking": order})


def write_confident(sitting: Sitting) -> str:
    sure = 0.3 if sitting.problem.right is None else 0.6 + 0.35 * sitting.who.persona.skill
    return f"{write_text(sitting)}\n\nConfidence: {sure:.2f}"


def write_ruling(sitting: Sitting) -> str:
    """A synthesis that says what the seat believes, the surer the more of the answers conclude the same."""
    problem, belief = sitting.problem, sitting.belief(sitting.answers)
    same = [block for block in sitting.answers if problem.read(block.text) == belief]
    other = [block for block in sitting.answers if block not in same]
    share = len(same) / max(len(sitting.answers), 1)
    heard = dict.fromkeys(filter(None, (problem.read(block.text) for block in other)))
    return json.dumps(
        {
            "analysis": f"{len(same)} of {len(sitting.answers)} answers conclude {belief}. {problem.why(belief)}",
            "dissent": f"Also concluded: {', '.join(heard)}." if heard else "",
            "ranking": [block.attributes.get("label", "") for block in (*same, *other)],
            "synthesis": problem.tell(belief, sitting.who, None),
            "refinement_areas": [f"whether {each} can be right" for each in heard],
            "needs_iteration": share <= 0.5,
            "confidence": round(0.4 + 0.55 * share, 2),
        }
    )


def write_pick(sitting: Sitting) -> str:
    ruling = json.loads(write_ruling(sitting))
    return json.dumps({"analysis": ruling["analysis"], "pick": ruling["ranking"][0] if ruling["ranking"] else ""})


def write_critiques(sitting: Sitting) -> str:
    """A paragraph on each answer of others."""
    told = (
        f"{each.attributes.get('label')}: {review(sitting, each)['overall_assessment']}" for each in sitting.answers
    )
    return "\n\n".join(told) or "There is nothing to review."


def write_rebuttal(sitting: Sitting) -> str:
    before, concluded = sitting.own or sitting.first, sitting.belief(sitting.answers, sitting.reviews)
    opening = "I concede that I was wrong." if before != concluded else "I have read what was said, and I stay with it."
    return f"{opening} {sitting.problem.why(concluded)}"


def write_vote(sitting: Sitting) -> str:
    """FINALIZE for the fullest answer that concludes what the seat believes, REVISE where none does."""
    belief = sitting.belief(sitting.answers, sitting.reviews)
    prompts = (message.text for message in sitting.request.messages if message.role == "user")
    own = [block for prompt in prompts for block in blocks(prompt, "own_answer")]
    agreed = [each for each in (*sitting.answers, *own) if sitting.problem.read(each.text) == belief]
    ranked = sorted(sitting.answers, key=lambda each: (each not in agreed, each.attributes.get("label", "")))
    best = max(agreed, key=lambda each: (len(each.text), each.attributes.get("label", "")), default=None)
    return json.dumps(
        {
            "reasoning": sitting.problem.why(belief),
            "ranking": [each.attributes.get("label", "") for each in ranked],
            "vote": "FINALIZE" if best else "REVISE",
            "target": best.attributes.get("label", "") if best else "",
            "focus": "" if best else sitting.problem.why(belief),
        }
    )


def write_confirm(sitting: Sitting) -> str:
    merged = [block.text for block in sitting.answers if block.kind == "synthesis"]
    belief = sitting.belief(sitting.answers)
    approved = bool(merged) and sitting.problem.read(merged[-1]) in (belief, None)
    return json.dumps({"reason": sitting.problem.why(belief), "verdict": "APPROVE" if approved else "REJECT"})


PHASES: dict[str, Callable[[Sitting], str]] = {"review": write_critiques, "rebut": write_rebuttal}
"""Phases in which a text is no answer."""

REPLIES: dict[str, Callable[[Sitting], str]] = {
    "confident": write_confident,
    "ruling": write_ruling,
    "pick": write_pick,
    "text": write_text,
    "review": write_review,
    "scores": write_scores,
    "keyed": write_keyed,
    "same": write_same,
    "ranking": write_ranking,
    "verdict": write_verdict,
    "idea-rating": write_rating,
    "merge-rating": write_rating,
    "variant": write_variant,
    "vote": write_vote,
    "confirm": write_confirm,
}


def reply(request: Request, who: Character) -> tuple[str, str]:
    """The text that `who` answers, and what it must be labelled as: simulated or scripted."""
    sitting = sit(request, who)
    if write := REPLIES.get(request.about.format):
        return write(sitting), sitting.problem.label
    if request.schema is not None:
        return json.dumps(fill(request.schema, _loads(request.about.example))), "simulated"
    return request.about.example, "simulated"


def review(sitting: Sitting, judged: Block | None) -> JSON:
    """A review: high if the answer concludes what the seat believes once it has read it, low if not."""
    problem = sitting.problem
    concluded = problem.read(judged.text) if judged else None
    if judged is None or concluded is None:
        return _review(5.0, "A simulated judge finds no conclusion in this answer that it could check.", weak=True)
    belief = sitting.belief((judged,))
    jitter = sitting.draw(f"jitter {judged.text}").choice((0.0, 0.5))
    if belief != concluded:
        low = 4.0 if problem.right is None else 3.0
        text = f"This says {concluded}, but I come to {belief}. {problem.why(belief)}"
        return _review(low + jitter, text, weak=True)
    if problem.right not in (None, concluded):
        # it shares the mistake, and the more it would yield to reasons the less sure it is
        doubt = sitting.who.persona.gain if sitting.request.about.round > sitting.who.persona.patience else 0.0
        text = f"{concluded} is what I come to as well, though little is said for it. {problem.why(concluded)}"
        return _review(round(14 - 4 * doubt) / 2 + jitter, text, weak=doubt > 0)
    thorough = len(re.findall(r"[.!?](?=\s|$)", judged.text)) >= 3
    opening = (
        "is what I come to as well." if belief == sitting.first else "convinces me, although I came to something else."
    )
    text = f"{concluded} {opening} {problem.why(concluded)}"
    return _review(8.0 + thorough + jitter, text, weak=False)


def _review(score: float, assessment: str, *, weak: bool) -> JSON:
    return {
        "strengths": [] if weak else ["The conclusion stands first and can be checked."],
        "weaknesses": ["The conclusion does not follow from what the question says."] if weak else [],
        "suggestions": ["Say which step settles it."] if weak else [],
        "overall_assessment": assessment,
        "rationale": f"A simulated judge gives {score:g} for this.",
        "score": score,
    }


def _example_labels(example: str) -> list[str]:
    value = _loads(example)
    entries = value.get("scores") if isinstance(value, dict) else None
    return [each["label"] for each in entries if "label" in each] if isinstance(entries, list) else []


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
