"""Votes and verdicts: what a seat states in its own name is read; what it denies, quotes or leaves open is not."""

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.errors import Unparseable
from folkmoot.formats.votes import CONFIRM, Vote, read_confirmation, read_vote, vote_for

VOTES = Path(__file__).parent.parent / "transcripts" / "votes"
"""Replies as models write them; the name holds the vote with its target's letter, or `refused`."""

LABELS = ("Answer A", "Answer B", "Answer C")
OWN = "Answer A"


def vote(reply: str) -> str:
    """`FINALIZE B`, `REVISE`, `SPLIT` or `refused`."""
    try:
        found = read_vote(reply, LABELS, OWN)
    except Unparseable:
        return "refused"
    return f"{found.vote} {found.target.removeprefix('Answer ')}" if found.target else found.vote


@pytest.mark.parametrize(
    "each", [vote_for(LABELS, OWN), vote_for(("Answer B", "Answer A")), CONFIRM], ids=lambda e: e.name
)
def test_every_format_reads_its_own_example(each: object) -> None:
    assert each.parse(each.example)  # type: ignore[attr-defined]


def test_all_voters_endorse_the_same_answer_in_a_rehearsal() -> None:
    examples = [read_vote(vote_for(LABELS, own).example, LABELS, own) for own in (None, *LABELS)]
    assert {(each.vote, each.target) for each in examples} == {("FINALIZE", "Answer A")}


def test_the_form_of_a_vote_is_no_vote_and_favours_nobody() -> None:
    asked = vote_for(LABELS, OWN).instructions
    assert vote(asked) == "refused"
    assert [asked.count(label) for label in LABELS] == [1, 2, 2]  # nobody ranks their own


@pytest.mark.parametrize("path", sorted(VOTES.glob("*.txt")), ids=lambda path: path.stem)
def test_replies_as_models_write_them_are_read_or_refused(path: Path) -> None:
    expected = path.name.split(".")[1].replace("-", " ")
    assert vote(path.read_text()) == expected


RECOGNISED = [  # by Ensemble
    ("## VOTE\nFINALIZE: Participant B", "FINALIZE B"),
    ("**Vote**\nFINALIZE: Participant B\n", "FINALIZE B"),
    ("# Vote\nREVISE: add the units", "REVISE"),
    ("### Vote\nSPLIT: values, not facts", "SPLIT"),
    ("```\nFINALIZE: Participant B\n```", "FINALIZE B"),
    ("- FINALIZE: B", "FINALIZE B"),
    ("## Vote\nFinalize Participant B\n", "FINALIZE B"),
    ("## Vote\r\nFINALIZE: Participant B\r\n\r\n## Reasoning\r\nIt is right.\r\n", "FINALIZE B"),
    ("<think>FINALIZE: Participant A? No.\nREVISE: hm</think>\n## Vote\nFINALIZE: Participant B", "FINALIZE B"),
    ("> **FINALIZE:** Participant B", "FINALIZE B"),
    ("FINALIZE: Participant B\n\nParticipant A is close, but slips in the second step.", "FINALIZE B"),
    ("  *_REVISE: more rigor_*", "REVISE"),
]

RECOVERED = [  # lost by Ensemble, which then waited until its time was up
    ("## Vote: FINALIZE: Participant B", "FINALIZE B"),
    ("## FINALIZE: Participant B", "FINALIZE B"),
    ("Vote: FINALIZE: Participant B", "FINALIZE B"),
    ("My final vote is: **FINALIZE** Answer B", "FINALIZE B"),
    ("1. FINALIZE: Participant B", "FINALIZE B"),
    ('"FINALIZE: Participant B"', "FINALIZE B"),
    ("“FINALIZE: Answer B”.", "FINALIZE B"),
    ("I vote to FINALIZE: Participant B", "FINALIZE B"),
    ("Having weighed both, I vote to FINALIZE Participant B.", "FINALIZE B"),
    ("It omits the base case, so I vote REVISE: add the base case", "REVISE"),
    ("| FINALIZE | Answer B |", "FINALIZE B"),
    ("FINALISE: Answer B", "FINALIZE B"),
    ("Vote: FINALIZE\nTarget: Answer B", "FINALIZE B"),
    ("FINALIZE:\n\nAnswer B", "FINALIZE B"),
    ("FINALIZE → Answer B", "FINALIZE B"),
    ("FINALIZE - Answer B", "FINALIZE B"),
    ("REVISE", "REVISE"),
    ("revise: name the assumption", "REVISE"),
    ("REVISE the second step, it divides by zero", "REVISE"),
    ('{"vote": "FINALIZE", "target": "Answer B"}', "FINALIZE B"),
    ('Sure.\n```json\n{"vote": "finalize", "target": "b", "ranking": ["C"],}\n```\nHope that helps!', "FINALIZE B"),
    ('{"vote": "FINALIZE: Answer B", "target": ""}', "FINALIZE B"),
    ('{"decision": "REVISE", "focus": "units"}', "REVISE"),
    ('{"reasoning": "FINALIZE: Answer C tempted me", "vote": "SPLIT", "target": "", "focus": "x"}', "SPLIT"),
    ('{"vote": "FINALIZE", "target": "Answer B"}\n\nFINALIZE: Answer B', "FINALIZE B"),
    ("My vote:\n```\nFINALIZE: Answer B\n```", "FINALIZE B"),
    ("Weighing Answer B against Answer C:\n```\nFINALIZE: Answer B\n```", "FINALIZE B"),
    ("Answer C's author voted:\n> FINALIZE: Answer C\n\nREVISE: the sign of the result", "REVISE"),
    ("They wrote:\n```\nFINALIZE: Answer C\n```\nI vote to FINALIZE: Answer B", "FINALIZE B"),
    ("- Revise: the wording of step 2\n- Split: step 3 in two\n\nFINALIZE: Answer B", "FINALIZE B"),
]

RIGHT = [  # read wrongly by Ensemble
    ("FINALIZE: Participant B, stronger than Participant A", "FINALIZE B"),
    ("FINALIZE: B - cleaner than A", "FINALIZE B"),
    ("FINALIZE: ParticipantB", "FINALIZE B"),
    ("FINALIZE: participant b", "FINALIZE B"),
    ("FINALIZE: **Proposal C** (A is close)", "FINALIZE C"),
    ("FINALIZE: the second proposal, i.e. Answer B", "FINALIZE B"),
    ("FINALIZE: A because it checks its result", "FINALIZE A"),
    ("FINALIZE: A", "FINALIZE A"),
    ("FINALIZE: my own answer", "FINALIZE A"),
    ("FINALIZE: B and its clear proof", "FINALIZE B"),
    ("FINALIZE: B, a clear proof", "FINALIZE B"),
    ("I won't FINALIZE, I vote REVISE: check the units", "REVISE"),
]

REFUSED = [
    "",
    "I agree with everybody.",
    "FINALIZE: a combination of B and C",
    "FINALIZE: A combination of B and C",
    "FINALIZE: B and C",
    "FINALIZE: Answer B or Answer C",
    "FINALIZE: B/C",
    "FINALIZE: Answer B & Answer C",
    "FINALIZE: both B and C",
    "FINALIZE: Participant D",
    "FINALIZE: the second proposal",
    "FINALIZE: none of them",
    "FINALIZE: not Answer B",
    "FINALIZE: anything but Answer B",
    "FINALIZE: Answer B? No.",
    "FINALIZE: yes",
    "FINALIZE",
    "I do not FINALIZE",
    "I do not FINALIZE: Answer B",
    "I don't vote to FINALIZE: Answer B",
    "I vote not to FINALIZE: Answer B",
    "I cannot FINALIZE Answer B.",
    "Do not FINALIZE: Answer B",
    "NOT FINALIZE: Answer B",
    "~~FINALIZE: Answer B~~",
    "FINALIZE is premature.",
    "FINALIZE would be premature",
    "REVISE is not needed.",
    "SPLITTING headache",
    "Revised: Answer B",
    "Revise the introduction.",
    "Split the bill.",
    "FINALIZE / REVISE / SPLIT",
    "FINALIZE, REVISE or SPLIT: Answer B",
    "FINALIZE: <label>",
    "REVISE: <focus>",
    "FINALIZE: Answer B\nREVISE: more rigor",
    "FINALIZE: Answer B\nFINALIZE: Answer C",
    'Answer B voted "FINALIZE: Answer B".',
    '"FINALIZE: Answer B" is what Answer B says.',
    "Answer B: FINALIZE: Answer B",
    "- Answer C: REVISE: more rigor",
    "Answer B wrote: I vote to FINALIZE: Answer B",
    'Answer B says: "So I vote to FINALIZE: Answer B"',
    "Answer C's author voted:\n> FINALIZE: Answer C",
    "Answer C:\n```\nFINALIZE: Answer C\n```",
    "One of the peers wrote\n> REVISE: more rigor\nand I have no opinion.",
    "The vote of Answer C was this:\n```json\n{\"vote\": \"FINALIZE\", \"target\": \"Answer C\"}\n```",
    "I would not say this:\n```\nFINALIZE: Answer B\n```",
    '{"vote": "ABSTAIN", "target": "Answer B"}',
    '{"vote": "FINALIZE", "target": ""}',
    '{"vote": "FINALIZE", "target": "Answer D"}',
    '{"vote": "FINALIZE", "target": "Answer B or C"}',
    '{"vote": "FINALIZE or REVISE", "target": "Answer B"}',
    '{"vote": null, "target": "Answer B"}',
    '{"vote": ["FINALIZE"], "target": "Answer B"}',
    '{"vote": "I do not FINALIZE", "target": "Answer B"}',
    '{"vote": "FINALIZE", "target": "Answer B"}\n\nREVISE: on reflection, the units',
    "```\nFINALIZE: Answer B\n```\n\n```\nFINALIZE: Answer C\n```",
]  # fmt: skip


@pytest.mark.parametrize(("reply", "expected"), RECOGNISED + RECOVERED + RIGHT)
def test_a_vote_is_read_as_models_write_it(reply: str, expected: str) -> None:
    assert vote(reply) == expected


@pytest.mark.parametrize("reply", REFUSED)
def test_a_vote_that_is_not_there_is_not_invented(reply: str) -> None:
    assert vote(reply) == "refused"


def test_why_a_vote_was_not_read_is_said_to_the_seat() -> None:
    with pytest.raises(Unparseable, match="there is no Answer D, only Answer A, Answer B, Answer C"):
        read_vote("FINALIZE: Participant D", LABELS)
    with pytest.raises(Unparseable, match="different votes in it: FINALIZE Answer B, REVISE"):
        read_vote("FINALIZE: B\nREVISE: units", LABELS)


def test_a_label_of_two_letters_is_one_label() -> None:
    labels = [f"Answer {letters}" for letters in ("A", "B", "AB")]
    assert read_vote("FINALIZE: Answer AB", labels).target == "Answer AB"
    assert read_vote("FINALIZE: AB, better than B", labels).target == "Answer AB"


def test_focus_and_reasons_are_kept() -> None:
    found = read_vote('{"reasoning": "Two slips.", "vote": "REVISE", "focus": "the base case"}', LABELS)
    assert (found.focus, found.reasoning) == ("the base case", "Two slips.")
    assert read_vote("It divides by zero.\nREVISE: step 2", LABELS) == Vote(
        "REVISE", focus="step 2", reasoning="It divides by zero.\nREVISE: step 2"
    )


RANKINGS = [
    ("RANKING: B > C", "BC"),
    ("RANKING: Answer C > Answer B", "CB"),
    ("Ranking: participant c, participant b", "CB"),
    ("**Ranking:** C → B", "CB"),
    ("Ranking - C ≻ B", "CB"),
    ("## Ranking\nB › C", "BC"),
    ("## Ranking\n\n1. Answer C\n2. **Answer B** (clear)\n", "CB"),
    ("### My ranking (best first)\n- C\n- B\n\nThat is all.", "CB"),
    ("My ranking: B, then C", "BC"),
    ("RANKING: A > C > B", "CB"),  # nobody ranks themselves
    ("RANKING: C > D > B > C", "CB"),
    ("RANKING: C", "C"),
    ("RANKING: C > B = D", "C"),  # a tie: nobody knows
    ("RANKING: B = C", ""),
    ("RANKING: none", ""),
    ("RANKING:", ""),
    ("I would rank B over C.", ""),
]


@pytest.mark.parametrize(("written", "letters"), RANKINGS)
def test_a_ranking_is_read_as_models_write_it_and_never_costs_the_vote(written: str, letters: str) -> None:
    found = read_vote(f"REVISE: units\n{written}", LABELS, OWN)
    assert found.ranking == tuple(f"Answer {letter}" for letter in letters)


@pytest.mark.parametrize(
    ("ranking", "letters"),
    [(["Answer C", "Answer B"], "CB"), (["c", "B", "A"], "CB"), ("C > B", "CB"), ([], ""), (None, ""), (["B", 3], "B")],
)
def test_a_ranking_in_json_is_read(ranking: object, letters: str) -> None:
    found = read_vote(json.dumps({"vote": "REVISE", "ranking": ranking}), LABELS, OWN)
    assert found.ranking == tuple(f"Answer {letter}" for letter in letters)


# ----- verdicts on the merged answer

APPROVED = [
    "Approve.", "**APPROVE**", "APPROVED", "I approve", "Verdict: APPROVE", "## Confirm: APPROVE",
    "## Confirm\nI APPROVE", "> APPROVE", "- **Approve** - nothing is lost", "Nothing is lost.\n\nI approve it.",
    "APPROVE because all is kept", '{"reason": "fine", "verdict": "APPROVE"}', '```json\n{"verdict": "approved"}\n```',
    "My verdict is: APPROVE.", '"APPROVE"', "I hereby approve.",
]  # fmt: skip

REJECTED = [
    "reject", "REJECT: it drops the caveat", "Rejected.", "I reject it, the number is wrong", "Verdict: **REJECT**",
    '{"verdict": "REJECT", "reason": "drops the caveat"}', "The author wrote:\n> APPROVE\n\nREJECT",
]  # fmt: skip

UNDECIDED = [
    "", "It is fine.", "I do not approve", "I cannot APPROVE", "Not approved", "APPROVE or REJECT", "APPROVE/REJECT",
    "Approve? No.", "I would approve", "I approve if the caveat is restored", "APPROVE, provided the caveat comes back",
    "I approve of the structure", "Approved methods are listed.", "- Reject the claim in step 2", "APPROVE\nREJECT",
    "Answer B wrote:\n> APPROVE", '{"verdict": "maybe"}', '{"verdict": true}', '{"verdict": "APPROVE or REJECT"}',
    '"APPROVE" is what others will say', "DISAPPROVE", '{"verdict": "not approved"}',
]  # fmt: skip


@pytest.mark.parametrize("reply", APPROVED)
def test_an_approval_is_read_as_models_write_it(reply: str) -> None:
    assert read_confirmation(reply).approved


@pytest.mark.parametrize("reply", REJECTED)
def test_a_rejection_is_read_as_models_write_it(reply: str) -> None:
    assert not read_confirmation(reply).approved


@pytest.mark.parametrize("reply", UNDECIDED)
def test_a_verdict_that_is_not_there_is_not_invented(reply: str) -> None:
    with pytest.raises(Unparseable):
        read_confirmation(reply)


# ----- laws

letters = st.sampled_from("ABC")
directives = st.one_of(
    letters.map(lambda letter: ("FINALIZE", letter)), st.sampled_from([("REVISE", ""), ("SPLIT", "")])
)
before = st.sampled_from(["", "- ", "**", "## ", "1. ", "Vote: ", "## Vote\n", "My vote: **", "* ", "I vote to "])
between = st.sampled_from([": ", ":** ", " - ", " → ", ":\t"])
nouns = st.sampled_from(["", "Answer ", "Participant ", "answer ", "**Proposal** "])
after = st.sampled_from(["", "\n\nIt checks every step.", " ", "\r\n", "\n\n## Reasoning\nBecause it is right."])
preface = st.sampled_from(["", "Let me see.\n\n", "Answer C is weak, and I said so.\n", "<think>REVISE: no</think>\n"])


@given(directives, before, between, nouns, after, preface, st.booleans())
def test_every_vote_in_the_line_grammar_reads_back(
    chosen: tuple[str, str], before: str, between: str, noun: str, after: str, preface: str, fenced: bool
) -> None:
    directive, letter = chosen
    line = f"{before}{directive}{between}{noun + letter if letter else 'the units'}"
    if fenced:
        line = f"```\n{line}\n```"
    assert vote(preface + line + after) == " ".join(filter(None, chosen))


@given(directives, st.permutations(["Answer B", "Answer C"]), st.booleans(), preface, after)
def test_every_vote_in_json_reads_back_with_its_ranking(
    chosen: tuple[str, str], order: list[str], fenced: bool, preface: str, after: str
) -> None:
    directive, letter = chosen
    reply = json.dumps({"reasoning": "So.", "ranking": order, "vote": directive, "target": letter, "focus": "units"})
    whole = preface + (f"```json\n{reply}\n```" if fenced else reply) + after
    assert vote(whole) == " ".join(filter(None, chosen))
    assert read_vote(whole, LABELS, OWN).ranking == tuple(order)


pieces = st.sampled_from(
    [
        "FINALIZE", "REVISE", "SPLIT", "finalize", ":", " ", "\n", "Answer A", "Answer B", "Answer D", "B", "not ",
        "vote ", "to ", "> ", "```\n", '"', "**", "{", "}", '"vote"', ",", " and ", "or ", "RANKING:", "=", "- ", "a ",
        "I ",
    ]
)  # fmt: skip


@given(st.lists(pieces, max_size=12).map("".join))
def test_no_vote_is_read_whose_words_are_not_in_the_reply(text: str) -> None:
    try:
        found = read_vote(text, LABELS, OWN)
    except Unparseable:
        return
    assert found.vote in text.upper()
    assert (found.target is not None) == (found.vote == "FINALIZE")
    assert found.target is None or found.target in LABELS
    assert OWN not in found.ranking and len(set(found.ranking)) == len(found.ranking)


@given(
    st.lists(st.sampled_from(["I do not ", "I won't ", "Do not ", "I cannot ", "I will never "]), min_size=1), letters
)
def test_what_is_denied_is_no_vote(denials: list[str], letter: str) -> None:
    assert vote("\n".join(f"{denial}FINALIZE: Answer {letter}" for denial in denials)) == "refused"


@pytest.mark.parametrize(
    "piece",
    [
        "FINALIZE", "FINALIZE: ", "> ", "I vote ", "vote: ", "my ", "Answer A ", "RANKING:", "{", "\t", "*", "> x\n\n",
        "FINALIZE: Answer B\n", "APPROVE\n",
    ],
)  # fmt: skip
def test_a_hostile_reply_is_read_in_no_time(piece: str) -> None:
    began = time.process_time()
    for read in (vote_for(LABELS).parse, read_confirmation):
        with suppress(Unparseable):
            read(piece * (200_000 // len(piece)))
    assert time.process_time() - began < 5
