"""Answer keys: the form in which short answers are compared, so that 1,000 and $1000.00 are one answer.

A key has two depths. Equal `text`: the answers are one conclusion, and nobody is asked. So nothing that could matter
was left out of it: what is left out is markup, LaTeX spelling, or what the question itself fixes. Equal `loose`: the
answers may be one conclusion, which is worth a comparison call. See docs/design/equality.md.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from folkmoot.formats import abstention
from folkmoot.formats.asking_for import AskedFor, asked_for
from folkmoot.formats.literals import NO_LITERAL, evaluated
from folkmoot.formats.quantities import Quantity, quantity
from folkmoot.formats.spelling import bare, plain, unwrapped, visible, without_latex

MAX_PARSED = 2000  # characters of an answer that is taken apart; a longer one is compared as it stands
MAX_LETTER = 24  # characters of a letter in its dress
MAX_LOOSE = 400  # characters of a loose key

Kind = Literal["number", "quantity", "choice", "literal", "exact", "text"]


@dataclass(frozen=True, slots=True)
class Key:
    """What an answer comes to. Two answers with the same `text` say the same."""

    text: str
    kind: Kind = field(compare=False)
    loose: str = field(compare=False, default="")  # the same without what may or may not matter

    @property
    def open(self) -> bool:
        """Whether another key may say the same in other words. A value or a text to the letter has no other words."""
        return self.kind in ("text", "quantity")


def key_of(answer: str, question: str = "") -> Key | None:
    """The key of a short answer, e.g. of what stands after `ANSWER:`; None for no answer at all.

    What `question` fixes is left out: `30 minutes` is 30 only if it asks how many minutes.

    >>> [key_of(each).text for each in ("$1,000.00", "10^3", "\\\\frac{3}{4}", "**(b)**", "[1,2 ]", "The Moon.")]
    ['1000', '1000', '3/4', 'B', '[1, 2]', 'moon']
    >>> key_of("30 min", "How many minutes?").text, key_of("30 min").text, key_of("I don't know")
    ('30', '30 minute', None)
    """
    asked = asked_for(question)
    if len(answer) > MAX_PARSED:
        return Key(answer.strip(), "text", answer[:MAX_LOOSE].casefold()) if answer.strip() else None
    raw = visible(answer)
    if not raw or abstention.abstains(raw, question, code=asked.output):
        return None
    said = _without_opening(unwrapped(raw, code=asked.code), asked)
    found = _choice(plain(said), asked) or (_code(said, asked) if asked.code else _prose(said, asked))
    if found is None or found.text == "":
        return None
    return found


def may_mean(key: Key | None, other: Key | None) -> bool:
    """Whether two keys may still mean the same, so that asking a model is worth a call.

    Words may mean any words, and a choice. A number means itself, or a quantity of as many; a quantity means another
    one in another unit. A text to the letter means only what differs from it in dress. An answer without a key may
    mean anything.

    >>> keys = [key_of(each) for each in ("30", "30 minutes", "half an hour", "31")]
    >>> [may_mean(keys[0], each) for each in keys[1:]], may_mean(keys[1], keys[2])
    ([True, False, False], True)
    """
    if key is None or other is None or key == other or key.loose == other.loose:
        return True
    if not key.open and not other.open:
        return False
    kinds = {key.kind, other.kind}
    if kinds == {"quantity"}:
        return key.text.partition(" ")[2] != other.text.partition(" ")[2]
    if "exact" in kinds or "literal" in kinds:
        return kinds != {"exact", "quantity"}
    if "number" in kinds:
        number, words = (key, other) if key.kind == "number" else (other, key)
        return re.search(rf"(?<![\w./]){re.escape(number.text)}(?![\w/]|\.\d)", words.text) is not None
    return True


# What opens a short answer without adding to it

_OPENING = re.compile(
    r"(?:(?:so|thus|therefore|hence),?\s+(?=[\d$\\(]))|(?:(?:so|thus|therefore|hence|ok|okay)\b,?\s+)?"
    r"(?:(?:it|that|this)(?:'s|\s+is|\s+was)\s+(?=\S)|"
    r"(?:(?:the|my)\s+)?(?:(?:final|correct|right|best)\s+)?(?:answer|option|choice|result)\b\s*"
    r"(?:(?:would be|is|was|are)\b\s*:?|[:：=](?!=))\s*(?=\S))",
    re.IGNORECASE,
)
_SIDE = re.compile(r"(?P<name>[^\s=]{1,20})\s*(?:=|≈)\s*(?P<value>[^=]+)")


def _without_opening(text: str, asked: AskedFor) -> str:
    """`text` without `the answer is`, and without `x =` where the question asks for x."""
    for _ in range(3):
        if not (found := _OPENING.match(text)) or not text[found.end() :].strip():
            break
        text = unwrapped(text[found.end() :].strip())
    if asked.base and (found := re.fullmatch(r"(-?\w+?)_\{?(\w+)\}?", text)) and found[2] == asked.base:
        text = found[1]
    if (side := _SIDE.fullmatch(text)) and re.sub(r"[\\{} ]", "", side["name"]) in asked.variables:
        text = side["value"].strip()
    return text


# Choices

_LETTER = re.compile(
    r"(?:(?P<word>(?:(?:la|el|die)\s+)?(?:option|choice|answer|letter|lettre|lettera|letra|buchstabe|opción|opção|opzione"
    r"|вариант|选项|選項|选|選|선택지)|la|el|die|i\s+(?:choose|pick|select|go\s+with|vote\s+for))\s*)?(?P<dress>[(\[]?)"
    r"(?P<letter>[A-Za-z]|\d{1,2}(?![\d.]))(?P<after>[)\].:]{0,2})",
    re.IGNORECASE,
)
_LABELLED = re.compile(
    r"(?:(?:option|choice)\s+)?(?:[(\[](?P<in>[A-Za-z]|\d{1,2})[)\]][.:,]?"
    r"|(?P<before>[A-Za-z]|\d{1,2})(?:(?:[).:]|\s[-–—]|,)(?=\s)|、))\s*(?P<said>[^\n]+)",
    re.IGNORECASE,
)
_REASONED = re.compile(
    r"(?:option\s+|choice\s+)?[(\[]?(?P<letter>[A-Z])[)\]]?[.,]?\s+(?:(?:because|since|as)\s"
    r"|(?:is|would be) (?:the )?(?:correct|right|best|true)\b(?! if))",
    re.IGNORECASE,
)
_PLACED = re.compile(r"(?P<letter>[A-Z])\s*\((?P<said>[^()\n]+)\)", re.IGNORECASE)
_FURTHER = re.compile(r"(?<!\w)\(?[A-Ja-j]\)")
_YES_IN = "yes ja oui sí si sim да так tak ano igen evet ναι はい 是 是的 예 네 نعم हाँ हां כן ใช่ có ya kyllä"
_NO_IN = "no nein non não nao нет ні nie ne nem hayır όχι いいえ 否 不 不是 아니요 아니오 لا नहीं לא ไม่ không tidak"
_YES = {
    **dict.fromkeys(_YES_IN.split(), "yes"), **dict.fromkeys(_NO_IN.split(), "no"),
    "true": "true", "false": "false",
}  # fmt: skip


def _choice(text: str, asked: AskedFor) -> Key | None:
    """A letter, alone or before what it stands for; the text of a choice; yes or no. Two letters are no choice."""
    if asked.options or len(text) < MAX_LETTER:
        text = re.sub(r"^\\?(?:text|mathrm|textbf)\{(.*)\}$", r"\1", text).strip("*_ ")
    if found := _LETTER.fullmatch(text):
        letter = found["letter"].upper()
        dressed = bool(found["word"] or found["dress"] or found["after"].strip("."))
        plain_choice = letter.isalpha() and not asked.output and (dressed or found["letter"].isupper())
        return _letter(letter) if letter in asked.options or plain_choice else None
    if asked.options:
        if (found := _REASONED.match(text)) and found["letter"].upper() in asked.options:
            return _letter(found["letter"])
        names = [letter for letter, said in asked.options.items() if said and _plainest(said) == _plainest(text)]
        if len(names) == 1:
            return _letter(names[0])
        if placed := _PLACED.fullmatch(text):
            text = f"{placed['letter']}) {placed['said']}"
    if found := _LABELLED.fullmatch(re.sub(r"(?<=\w[.):])\*{2}(?=\s)", "", text)):
        return _labelled(found, asked)
    if not asked.output and (word := _YES.get(bare(text))):
        return Key(word, "choice", word)
    return None


def _labelled(found: re.Match[str], asked: AskedFor) -> Key | None:
    """A letter before a text. It is a choice if the text is not that of another one."""
    letter, said = (found["in"] or found["before"]).upper(), found["said"]
    if _FURTHER.search(said):
        return None
    if letter in asked.options:
        others = [each for name, each in asked.options.items() if name != letter]
        return None if any(each and _plainest(each) == _plainest(said) for each in others) else _letter(letter)
    initial = found["before"] is not None and found.string[found.end("before")] in ".,- –—"  # E. coli
    if asked.options or asked.code or initial or not "A" <= letter <= "J":
        return None
    return _letter(letter)


def _letter(letter: str) -> Key:
    return Key(letter.upper(), "choice", letter.casefold())


def _plainest(text: str) -> str:
    return bare(without_latex(unwrapped(text))).replace("$", "")


# Code: what stands there, to the letter


def _code(text: str, asked: AskedFor) -> Key | None:
    """A text to the letter. A string literal and the text it stands for are one, unless bare it is another value."""
    loose = bare(text.strip("'\""))[:MAX_LOOSE] or text
    value = _evaluated(text)
    if isinstance(value, str):
        other = _evaluated(value)
        alone = other is NO_LITERAL or isinstance(other, str)
        return Key(value if alone and value.strip() else repr(value), "exact" if asked.output else "text", loose)
    if isinstance(value, list | tuple | dict | set):
        return Key(_written(value, sort=False), "literal", _written(value, sort=True).casefold()[:MAX_LOOSE])
    if not asked.decimals and (found := quantity(without_latex(plain(text)), asked)) and not found.unit:
        return Key(str(found.value), "number", loose)
    return Key(text, "exact" if asked.output else "text", loose)


def _evaluated(text: str) -> object:
    """The Python value that `text` is, or NO_LITERAL."""
    if not text or len(text) > MAX_PARSED:
        return NO_LITERAL
    if "\n" in text and text[0] == text[-1] and text[0] in "'\"" and text[0] not in text[1:-1]:
        return text[1:-1]  # a string that was written with its line breaks
    return evaluated(text)


def _written(value: object, *, sort: bool) -> str:
    """A value as text. A set has no order; a dict has one that may be seen, so `sort` says whether it counts."""
    if isinstance(value, dict):
        items = [f"{_written(key, sort=sort)}: {_written(each, sort=sort)}" for key, each in value.items()]
        return "{" + ", ".join(sorted(items) if sort else items) + "}"
    if isinstance(value, set):
        return "{" + ", ".join(sorted(_written(each, sort=sort) for each in value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_written(each, sort=sort) for each in value) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(_written(each, sort=sort) for each in value) + ("," if len(value) == 1 else "") + ")"
    return repr(value)


# Prose, numbers, formulas

_FORMULA = re.compile(r"(?:[\d\s+\-*/^=(){}\[\]<>≤≥≠±∞.,!|_]|sqrt|pi|sin|cos|tan|log|ln|[a-zA-Z](?![a-zA-Z]))+")
_ARTICLE = re.compile(r"(?:[Tt]he|an?|An)\s+(?=\w{3})")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_MOLECULE = re.compile(r"(?:(?:[A-Z][a-z]?|\))_?\{?\d*\}?|\()+(?:\^\{?\d*[+-]\}?)?")


def _prose(text: str, asked: AskedFor) -> Key | None:
    said = without_latex(plain(text))
    if (literal := _literal(said)) is not None:
        return literal
    said = _unquoted(said).removesuffix(".").rstrip() if not said.endswith("..") else said
    said = unwrapped(said)
    if (found := quantity(said, asked)) is not None:
        return _measured(found)
    if not said:
        return None
    loose = _loosely(said)
    if _MOLECULE.fullmatch(said) and re.search(r"\d", said):
        return Key(re.sub(r"[_{}]", "", said), "text", loose)
    if "\n" not in said and _FORMULA.fullmatch(said) and re.search(r"\w", said) and re.search(r"[\d+*/^=()]", said):
        return Key(_formula(said), "text", loose)
    return Key(_words(said), "text", loose)


def _measured(found: Quantity) -> Key:
    loose = str(found.plain)
    return (
        Key(f"{found.value} {found.unit}", "quantity", loose) if found.unit else Key(str(found.value), "number", loose)
    )


def _literal(text: str) -> Key | None:
    """A list, tuple, dict, set, or text in single quotes, which keeps its case."""
    if len(text) < 2 or text[0] + text[-1] not in ("[]", "()", "{}", "''") or "\\" in text:
        return None
    value = _evaluated(text)
    if isinstance(value, str):
        return Key(value, "text", bare(value)) if value.strip() else None
    if isinstance(value, list | tuple | dict | set):
        return Key(_written(value, sort=True), "literal", _written(value, sort=True).casefold()[:MAX_LOOSE])
    return None


def _unquoted(text: str) -> str:
    for opening, closing in ('""', "''", "«»", "「」", "『』"):
        inner = text[1:-1]
        if inner and text[0] == opening and text[-1] == closing and opening not in inner and closing not in inner:
            return inner.strip()
    return text


def _formula(text: str) -> str:
    """A formula without the blanks that say nothing; those between two numbers or names stay."""
    tight = re.sub(r"(?<=\d)\s*\*\s*(?=[a-zA-Z(])", "", re.sub(r",\s+|,(?=-)", ";", text))
    return (
        re.sub(r"\s+(?!(?<=\w\s)\w)", "", " ".join(tight.split())).replace("{", "").replace("}", "")
        if ("^{" in tight or "_{" in tight)
        else re.sub(r"\s+(?!(?<=\w\s)\w)", "", " ".join(tight.split()))
    )


def _words(text: str) -> str:
    """Words as prose has them: an ordinary word is the same at the start of a sentence, and when all is shouted.

    >>> [_words(each) for each in ("The Moon.", "New York", "new york", "NaCl", "Co", "a moon", "DRIVE!")]
    ['moon', 'new york', 'new york', 'NaCl', 'Co', 'moon', 'drive']
    """
    if emphasis := re.fullmatch(r"(\*{1,3})([^*]+)\1", text):
        text = emphasis[2].strip()
    parts = text.split()
    if all(_WORD.fullmatch(part.strip('.,;:"«»')) for part in (*parts[:-1], re.sub(r"(?<=\w{3})!+$", "", parts[-1]))):
        text = _unquoted(text.rstrip(".!"))
        if article := _ARTICLE.match(text):
            text = text[article.end() :]
        parts = text.split()
        return " ".join(_ordinary(part, alone=len(parts) == 1) for part in parts)
    return " ".join(parts)


def _ordinary(word: str, *, alone: bool) -> str:
    """A word without capitals that come from its place. `Co`, `US` and `NaCl` keep theirs."""
    letters = word.strip('.,;:!"')
    titled = len(letters) > (2 if alone else 1) and (letters.istitle() or letters.islower())
    return word.casefold() if titled or (len(letters) > 3 and letters.isupper()) else word


def _loosely(text: str) -> str:
    return (re.sub(r"^(?:the|an?)\s+(?=\S)", "", bare(text)) or text)[:MAX_LOOSE]
