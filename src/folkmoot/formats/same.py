"""Same: which of several answers come to the same conclusion, as a partition of their labels."""

import re
from collections.abc import Sequence

from folkmoot.errors import Unparseable
from folkmoot.formats.base import Format
from folkmoot.formats.marking import QUOTED
from folkmoot.formats.reading import SearchedReply, decide, is_template
from folkmoot.formats.schemas import TEXTS, one_of, record

Partition = tuple[tuple[str, ...], ...]

_GROUP_LINE = re.compile(
    r"^[ \t>*_#`~-]*+group[ \t]*+\w*+[ \t*_`]*+(?:[:：]|=)(?P<rest>[^\n]*)$", re.IGNORECASE | re.MULTILINE
)


def find_label(written: str, labels: Sequence[str]) -> str:
    """The one of `labels` that `written` means: "answer b", "B" and "**Answer B**" mean "Answer B".

    >>> find_label("**answer b**", ["Answer A", "Answer B"])
    'Answer B'
    """
    bare = re.sub(r"[^a-z0-9]", "", written.lower())
    for label in labels:
        wanted = re.sub(r"[^a-z0-9]", "", label.lower())
        if bare and bare in (wanted, wanted.removeprefix("answer")):
            return label
    raise Unparseable(f"there is no {written.strip()!r}, only {', '.join(labels)}")


def read_same(reply: str, labels: Sequence[str]) -> Partition:
    """The groups that a reader states in its own name, each label in exactly one; in the order of `labels`.

    >>> read_same('{"groups": [["C", "Answer A"], ["B"]]}', ["Answer A", "Answer B", "Answer C"])
    (('Answer A', 'Answer C'), ('Answer B',))
    """
    marked = SearchedReply(reply)
    objects = [each for each in marked.objects("groups") if not is_template(each.value, ("groups",))]
    found = decide([each.read(lambda value: _partition(value["groups"], labels)) for each in objects], "partitions")
    if found is not None:
        return found
    lines = [line for line in marked.lines(_GROUP_LINE) if line.rank > QUOTED and isinstance(line.value, re.Match)]
    own = [line.value for line in lines if line.rank == max(each.rank for each in lines)]
    split = [re.split(r",|;|\band\b|&", line["rest"]) for line in own if isinstance(line, re.Match)]
    return _partition([[each for each in line if each.strip(" *_`.[]")] for line in split], labels)


def _partition(written: object, labels: Sequence[str]) -> Partition:
    if not isinstance(written, list) or not written or not all(isinstance(each, list) for each in written):
        raise Unparseable('there is no "groups": a list of lists of labels')
    found = [[find_label(str(each), labels) for each in group] for group in written if group]
    flat = [label for group in found for label in group]
    if twice := [label for label in labels if flat.count(label) > 1]:
        raise Unparseable(f"{twice[0]} stands in more than one group")
    if missing := [label for label in labels if label not in flat]:
        raise Unparseable(f"{', '.join(missing)} is in no group")
    place = {label: at for at, label in enumerate(labels)}
    parts = (tuple(sorted(group, key=place.__getitem__)) for group in found)
    return tuple(sorted(parts, key=lambda part: place[part[0]]))


def brief_same(partition: Partition) -> str:
    return " | ".join(" = ".join(part) for part in partition)


def same_for(labels: Sequence[str]) -> Format[Partition]:
    """The partition of `labels`. A label that does not exist, stands twice or is left out makes it unreadable."""
    return Format(
        "same",
        instructions=f"""\
First note for each answer, in a few words, what it concludes; then put answers with the same conclusion into one \
group and every other one into a group of its own. Reply with this JSON object and nothing else:

```json
{{"conclusions": ["<label>: <what it concludes>"], "groups": [["<label>", "<label>"], ["<label>"]]}}
```
Every label ({", ".join(labels)}) stands in exactly one group.""",
        parse=lambda reply: read_same(reply, labels),
        example='{"conclusions": [], "groups": [' + ", ".join(f'["{label}"]' for label in labels) + "]}",
        schema=record(
            conclusions=TEXTS, groups={"type": "array", "items": {"type": "array", "items": one_of(*labels)}}
        ),
        brief=brief_same,
    )


SAME = same_for(("Answer A", "Answer B"))
