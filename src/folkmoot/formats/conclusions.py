"""Conclusions: where a reply says what it comes to, in the grammar and the languages that models use for it.

A conclusion is read from a line `ANSWER: ...`, from `"answer": ...` in JSON, an answer tag, a LaTeX box, a sentence
`the answer is ...`, or a last line that is a letter or a number alone. The seat's last own statement counts: whoever
corrects itself means the correction. What it quotes counts only where it says nothing itself.
"""

import json
import re
from collections.abc import Iterator

from folkmoot.formats.answer_keys import key_of
from folkmoot.formats.asking_for import asked_for
from folkmoot.formats.attribution import introduces
from folkmoot.formats.reading import lines_with_quotes
from folkmoot.formats.spelling import plain, unwrapped, visible

TAIL = 20_000  # characters from the end of a reply in which a conclusion is looked for; conclusions come last
MAX_BOX = 400
MAX_FIELDS = 20
MAX_LAST = 200

_LABEL = (
    r"(?:(?:my|the|your)\s+)?(?:(?:final|correct|right|short|best)\s+)?(?:answer|conclusion)"  # English
    r"|(?:meine\s+|die\s+)?(?:endg[üu]ltige\s+|richtige\s+|finale\s+)?(?:antwort|l[öo]sung|endergebnis)"
    r"|(?:la\s+|ma\s+)?(?:bonne\s+)?r[ée]ponse(?:\s+finale|\s+correcte)?"
    r"|(?:la\s+|mi\s+)?respuesta(?:\s+final|\s+correcta)?|(?:la\s+|mia\s+)?risposta(?:\s+finale|\s+corretta|\s+esatta)?"
    r"|(?:a\s+|minha\s+)?resposta(?:\s+final|\s+correta)?|(?:het\s+|mijn\s+)?(?:juiste\s+)?antwoord|odpowied[źz](?:\s+ko[ńn]cowa)?"
    r"|(?:окончательный\s+|правильный\s+|итоговый\s+|мой\s+)?ответ|(?:остаточна\s+|правильна\s+)?відповідь|отговор"
    r"|(?:slutligt?\s+|r[äa]tt\s+)?svar(?:et)?|(?:oikea\s+)?vastaus|odpov[ěe][ďd]|v[áa]lasz|r[ăa]spuns(?:ul)?|απάντηση|cevap|yan[ıi]t"
    r"|(?:câu\s+trả\s+lời|đáp\s+án)|jawaban(?:nya)?|jawapan|תשובה|(?:ال)?(?:جواب|إجابة|اجابة)(?:\s+النهائية|\s+الصحيحة|\s+النهائي|\s+الصحيح)?"
    r"|الإجابة(?:\s+النهائية|\s+الصحيحة)?|پاسخ|جواب|(?:अंतिम\s+|सही\s+)?उत्तर|जवाब|উত্তর|பதில்|คำตอบ"
    r"|(?:我的|最终|最終|正确|正確|最后|最後)*(?:的)?(?:答案|回答|答)|(?:最終的?な?|正しい)?(?:答え|解答|回答|正解)"
    r"|(?:최종\s*|올바른\s*)?(?:정답|답변|답)"
)
_NOISE = r"[ \t>*_#`~|•–—-]*+"
_LINE = re.compile(
    rf"^{_NOISE}(?:(?:so|thus|therefore|hence|also|alors|donc|所以|因此|따라서),?\s+)?(?:{_LABEL})"
    r"[ \t*_`]*+(?:[:：︰]|=(?!=)|(?P<none>[*_#]*\s*$))(?P<said>[^\n]*)$",
    re.IGNORECASE,
)
_IS = re.compile(
    rf"(?:^|(?<=[.!?。！？,，:：*_>以此])|(?<=\s))(?:{_LABEL}|(?:the\s+)?(?:correct|right|best)\s+(?:option|choice))"
    r"(?:は|은|는)?[ \t*_]*(?:\s(?:(?:is|was|would\s+be|should\s+be|ist|lautet|est|es|è|é|e|är|er|is\s+dus|to"
    r"|это|है)\b|—|–|-"
    r"|هي|هو)\s*(?:(?:therefore|thus|dus)\s+)?:?|是|为|為|は|은|는|:|\s(?=\S{1,12}\s+है))[ \t*_]*(?P<said>[^\n]{1,160})",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r'"(?:final[_ ]?|correct[_ ]?|short[_ ]?)?answer"\s*+:\s*+(?:"(?P<text>(?:[^"\\]|\\.)*+)"'
    r"|(?P<value>-?[\d.][\w.,+-]*+|true\b|false\b)|(?P<nested>[\[{]))",
    re.IGNORECASE | re.DOTALL,
)
_TAG = re.compile(r"<(?P<tag>answer|final_?answer)>(?P<said>[^<]{1,2000})</(?P=tag)>", re.IGNORECASE)
_BRACE = re.compile(r"\\(?:boxed|fbox)\s*+\{|[{}]")
_ESCAPED = re.compile(r'\\(u[0-9a-fA-F]{4}|["\\/])')
_DECODER = json.JSONDecoder(strict=False)
_MARKS = " ✅✔☑✓🎉👍🏆⭐🌟\ufe0f"
_VERB_AT_END = re.compile(r"\s*(?:입니다|이다|이에요|예요|です|だ|である|है|হয়)\s*[.。।]?$")
_LAST = re.compile(r"[*_`$(\[\\]*[A-Za-z][)\]*_`$.\\]*")


def stated(reply: str, question: str = "") -> str | None:
    """The short answer that `reply` states, as written: the last own one.

    >>> stated("17 * 23 is 391.\\n\\n**Answer:** 391"), stated('{"reasoning": "...", "answer": "$391"}')
    ('391', '$391')
    >>> stated("So it is $\\\\boxed{\\\\frac{1}{2}}$."), stated("It may be 391."), stated("Both fail.\\n\\n**C**")
    ('\\\\frac{1}{2}', None, '**C**')
    >>> stated("\\\\boxed{390}. Wait, I slipped: \\\\boxed{391}"), stated("答案：B"), stated("> ANSWER: 1\\nANSWER: 2")
    ('391', 'B', '2')
    """
    lines = lines_with_quotes(visible(reply[-TAIL:]))
    whole = "\n".join(line for line, _ in lines)
    own = "\n".join(" " * len(line) if cited else line for line, cited in _cited(lines))
    for text in (own, whole) if own != whole else (own,):
        found = [*_fields(text), *_lines(text), *_tags(text), *_boxes(text)]
        last = max(found)[0] if found else -1
        found += [each for each in _sentences(text, question) if each[0] > last]
        if not found and (said := _last_line(text, question)):
            return said
        if found:
            return _emphasised(max(found)[1], question)
    return None


def blank_field(reply: str) -> str | None:
    """The last `"answer"` in JSON, if it is an empty text or blanks, as a string literal: for code, this is a value.

    >>> blank_field('{"answer": ""}'), blank_field('{"answer": " "}'), blank_field('{"answer": "x"}')
    ("''", "' '", None)
    """
    found = [each["text"] for each in _FIELD.finditer(reply[-TAIL:])]
    if not found or found[-1] is None:
        return None
    said = _ESCAPED.sub(_letter, found[-1])
    return None if said.strip() else repr(said)


def _cited(lines: list[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it is somebody else's: behind a `>`, or announced as theirs, in a fence or not.

    What is fenced or announced otherwise is the answer itself.
    """
    theirs = announced = before = False
    for line, quoted in lines:
        if quoted:
            theirs = announced if not before else theirs
            yield line, theirs or line.lstrip().startswith(">")
        elif line.strip():
            yield line, announced
            announced = line.rstrip(" *_").endswith((":", "：")) and introduces(line) == "peer"
        else:
            yield line, False
        before = quoted


def _fields(text: str) -> list[tuple[int, str]]:
    """Where and what: the values of "answer" in JSON, whole or broken."""
    found: list[tuple[int, str]] = []
    for each in list(_FIELD.finditer(text))[-MAX_FIELDS:]:
        said = each["value"] if each["value"] is not None else ""
        if each["text"] is not None:
            said = _ESCAPED.sub(_letter, each["text"])
        elif each["nested"]:
            try:
                said = text[each.start("nested") : _DECODER.raw_decode(text, each.start("nested"))[1]]
            except (ValueError, RecursionError):
                said = _brackets(text, each.start("nested"))
        if said.strip():
            found.append((each.start(), said))
    return found


def _brackets(text: str, start: int) -> str:
    """What a bracket that opens at `start` encloses on its line, as Python writes lists."""
    line = text[start : start + MAX_BOX].partition("\n")[0]
    closing = {"[": "]", "{": "}"}[text[start]]
    return line[: line.rfind(closing) + 1]


def _letter(found: re.Match[str]) -> str:
    """What an escape in JSON stands for. Others stay: `\\frac` is LaTeX, and `\\n` may be a line break or code."""
    code = found[1]
    return chr(int(code[1:], 16)) if code[0] == "u" and len(code) == 5 else code


def _lines(text: str) -> list[tuple[int, str]]:
    """Lines `ANSWER: ...`; where nothing follows, the next line that says something."""
    found: list[tuple[int, str]] = []
    waiting = at = 0
    for line in text.split("\n"):
        match = _LINE.match(line)
        if match is not None:
            said = _unpaired((match["said"] or "").strip(), line[: match.start("said")])
            heading = bool(match["none"] is None or line.lstrip().startswith(("#", "*", "_")))
            waiting = at + 1 if not said and heading else 0
            if said:
                found.append((at, _without_ending(said)))
        elif waiting and line.strip("`*_# $\\[]\t~-") and not line.lstrip().startswith(("```", "~~~")):
            found.append((waiting - 1, _without_ending(line.strip())))
            waiting = 0
        at += len(line) + 1
    return found


def _unpaired(said: str, label: str) -> str:
    """`said` without the half of a mark whose other half stands at the label: `**Answer:** 42` leaves `** 42`."""
    for mark in ("**", "__", "`", "*", "_"):
        if label.count(mark) % 2 and said.count(mark) % 2:
            said = said[len(mark) :].lstrip() if said.startswith(mark) else said.removesuffix(mark).rstrip()
    return said


def _without_ending(said: str) -> str:
    return said if said.isascii() else _VERB_AT_END.sub("", said.strip(_MARKS))


def _tags(text: str) -> list[tuple[int, str]]:
    return [(each.start(), each["said"].strip()) for each in _TAG.finditer(text) if each["said"].strip()]


def _boxes(text: str) -> list[tuple[int, str]]:
    """What stands in LaTeX boxes, with braces in pairs."""
    found: list[tuple[int, str]] = []
    open_at: list[tuple[int, int] | None] = []  # where an open box begins, and its inside; None for another brace
    for each in _BRACE.finditer(text):
        if each[0] == "}":
            box = open_at.pop() if open_at else None
            if box is not None and each.start() - box[1] < MAX_BOX:
                found.append((box[0], text[box[1] : each.start()]))
        else:
            open_at.append((each.start(), each.end()) if len(each[0]) > 1 else None)
    return found


def _sentences(text: str, question: str) -> list[tuple[int, str]]:
    """Sentences `the answer is ...` that name a number or a choice. Other sentences of this form merely talk."""
    found: list[tuple[int, str]] = []
    at = 0
    for line in text.split("\n"):
        if len(line) < 2000:
            for each in _IS.finditer(line):
                before = line[: each.start()].casefold()
                said = _without_ending(re.split(r"\.(?=\s|$)|。|(?<=\*\*)[ ,.]", each["said"].strip(), maxsplit=1)[0])
                if not _HEDGE.search(before) and (value := _value_in(said, question)):
                    found.append((at + each.start(), value))
        at += len(line) + 1
    return found


_KIND_OF_VALUE = re.compile(
    r"(?:(?:the|an?|simply|just|literal|empty|boolean|integer|numeric|string|list|dictionary|dict|tuple|set|value|number"
    r"|float|option|choice)\s+)+(?=\S)",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"'[^'\n]{1,80}'(?![\w'])|\"[^\"\n]{1,80}\"(?![\w\"])")
_FURTHER = re.compile(r",? (?:which|because|since|as|not|where|when)\b|[,;]? \(|\s[–—-]\s")


def _value_in(said: str, question: str) -> str | None:
    """The value that the rest of a sentence names: a code span, else what stands before `which`, `because`, `(`."""
    spans = re.findall(r"`([^`]+)`", said)
    if len(spans) == 1 and len(spans[0]) > 1:
        return str(spans[0])
    said = said.strip(" *_")
    if opening := _KIND_OF_VALUE.match(said):
        said = said[opening.end() :]
    if quoted := _QUOTED.match(said):
        inner = quoted[0][1:-1]
        bare = key_of(inner, question)
        return inner if quoted[0][0] == '"' and bare is not None and bare.kind in ("number", "literal") else quoted[0]
    for value in (said, _FURTHER.split(said, maxsplit=1)[0].strip(" *_")):
        key = key_of(value, question)
        if key is not None and len(value) < 90 and (key.kind not in ("text", "quantity", "exact") or value[0] in "'\""):
            return value
    return None


_HEDGE = re.compile(
    r"\b(?:if|no|that|say|says|said|claim\w*|argue\w*|think|thinks|thought|might|may|not|whether|why|first|wrong)\b[^.]*$"
)


_LABELLED = re.compile(r"[(\[*]{0,3}([A-Za-z])[)\].:*]{1,3}\s+(\S.*)")


_BOLD = re.compile(r"\*\*([^*\n]{1,60})\*\*")


def _emphasised(line: str, question: str) -> str:
    """The value in bold that a sentence is about: `It takes **3 bolts** in total`. Otherwise the line as it is."""
    spans = list(_BOLD.finditer(line))
    if len(spans) != 1 or spans[0][0] == line or _HEDGE.search(line[: spans[0].start()].casefold()):
        return line
    key = key_of(spans[0][1], question)
    return spans[0][1] if key is not None and key.kind in ("number", "quantity", "choice") else line


def _last_line(text: str, question: str) -> str | None:
    """A last line that is a letter, or a marked value, alone; or a whole reply that is a number or a choice.

    Where the question offers choices, a line that names one is enough. The last line of a list of them is not.
    """
    lines = [line.strip() for line in text.strip().split("\n") if line.strip()]
    if not lines or len(lines[-1]) > MAX_LAST or _FIELD.search(lines[-1]):
        return None
    last = _emphasised(lines[-1], question)
    if last != lines[-1]:
        return last
    key = key_of(last, question)
    if key is None or key.open or len(last) > 80:
        return None
    if len(lines) == 1 or _LAST.fullmatch(plain(last)) or unwrapped(plain(last).rstrip(".")) != plain(last).rstrip("."):
        return last
    if key.kind != "choice" or key.text not in asked_for(question).options:
        return None
    return None if _LABELLED.match(last) and _LABELLED.match(lines[-2]) else last
