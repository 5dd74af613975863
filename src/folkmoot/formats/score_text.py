"""A score from 1 to 10 in prose, in a JSON value, on a line, in a table or in a tag."""

import re
import unicodedata

from folkmoot.errors import Unparseable
from folkmoot.formats.attribution import introduces
from folkmoot.formats.base import preview
from folkmoot.formats.marking import OWN, QUOTED, UNSURE
from folkmoot.formats.reading import Found, SearchedReply, is_placeholder
from folkmoot.types import JSON

LOWEST, HIGHEST = 1, 10  # the scale of scores; whole numbers, as they stand in schemas that are sent
LONGEST = 300  # characters of a text about a score; a longer one is an essay
KEYS = ("score", "overall_score", "final_score", "rating", "overall_rating")

MISSING_SCORE = 'there is neither a JSON object with a "score" nor a line that begins with "Score:"'

_PLAIN = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)
# not part of a longer number or word, not a percentage; a decimal comma is a decimal point
_NUMBER = r"(?<![\w.,%])(?<![\w.,%][+-])[+-]?\d+(?:[.,]\d+)?(?![\w%]|[.,]\d| %)"
_OUT_OF = r"(?:/|(?:out )?of|von|sur|su|de|из|от|van|av|na|über|ze?)"
_OUT_OF_TEN = re.compile(rf"({_NUMBER}) ?{_OUT_OF} ?10(?![\w.,%]*\d)", re.IGNORECASE)
_OTHER_TEN = re.compile(
    r"(?:満点中|分中)?(\d+(?:[.,]\d+)?) ?分(?: ?[/／] ?10 ?分)?|10 ?(?:点満点中|分满分|점 만점에) ?(\d+(?:[.,]\d+)?)"
    r"|(\d+(?:[.,]\d+)?) ?[点점]"
)
_FRACTION = re.compile(r"(?:/|\bof) ?\d", re.IGNORECASE)
_SCALE = re.compile(
    r"\(?\b(?:on|from|using)? ?(?:an?|the)? ?(?:scale)? ?(?:of|from|between)? ?1 ?(?:-|–|to"
    r"|and) ?10\b ?(?:scale)?\)?",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"\d(?: ?/ ?10)? ?(?:-|–|—|to|bis|à|and|~|～|or|oder|ou) ?\d|\bbetween\b|\bzwischen\b|\bentre\b|±|\+/-"
    r"|\b(?:at least|at most|up to|less than|more than|under|over|below|above|under)\b|[<>≤≥]",
    re.IGNORECASE,
)
_LEADING = re.compile(
    rf"[~≈=+]? ?({_NUMBER})(?= ?(?:[(;:—–-]|,(?! ?\d)|\.(?!\d)|because|since|as|for|due|$))", re.IGNORECASE
)
_GOES_ON = re.compile(rf" *[,;-]? ?(?:then|but|now|for \w+)\b[^.]*{_NUMBER}| ?(?:/|of)")
_BOXED = re.compile(r"\\(?:boxed|fbox|text|textbf|mathbf)\s*\{([^{}]{0,40})\}")

_WORDS = (
    r"scores?|rating|grade|points?|points awarded|marks?|overall|verdict|evaluation|assessment|punktzahl|bewertung"
    r"|wertung|gesamtwertung"
    r"|gesamtnote|note|puntuaci[oó]n|puntaje|calificaci[oó]n|nota|pontua[cç][aã]o|punteggio|voto|valutazione"
    r"|évaluation|beoordeling|cijfer"
    r"|оценка|балл(?:ы)?|оцінка|ocena|wynik|puan|betyg|poäng|评分|得分|分数|打分|评价|評分|分數|スコア|評価|点数|得点|점수|평점|평가|الدرجة"
    r"|التقييم|النتيجة"
    r"|अंक|स्कोर|ציון|คะแนน|điểm"
)
_NOISE = r"^[ \t>*_#`~•-]*+(?:\(?\d{1,2}[.)][ \t*_`]*+)?"
_BEFORE = (
    r"(?P<final>(?:(?:overall|final|my|the|own|total|so|thus|therefore|hence|meine?|endgültige|gesamte?|ma|mon|mi"
    r"|minha|il mio|la mia|моя"
    r"|итоговая|общая|最终|最終|最后|总体|总|综合|総合|최종|종합),?[ \t]*+){0,6}+)"
)
_LINE = re.compile(
    rf"{_NOISE}{_BEFORE}(?P<label>{_WORDS})[ \t*_`]*+(?P<after>(?:for|of"
    rf"|on)[ \t][^\n:：]{{0,60}})?(?:[(（][^)）\n]*+[)）][ \t*_`]*+)?"
    r"(?:[:：=–—-]|->|→|is\b|ist\b|est\b|es\b|è\b|是|は|:\*\*)(?P<rest>[^\n]+)$",
    re.IGNORECASE | re.MULTILINE,
)
_HEADING = re.compile(
    rf"^(?:[ \t]*+#{{1,6}}[ \t*_]*+"
    rf"|[ \t]*+\*\*)?{_BEFORE}(?:{_WORDS})"
    r"(?:[ \t]*+[(（][^)）\n]*+[)）])?[ \t*_]*+[:：]?[ \t*_]*+\n(?:[ \t]*+\n){0,2}"
    r"(?P<rest>[ \t>*_`$\\({-]*+(?:boxed\{)?[\d０-９][^\n]{0,80})$",
    re.IGNORECASE | re.MULTILINE,
)
_ROW = re.compile(
    rf"^[ \t]*+\|?[ \t*_`]*+{_BEFORE}(?:{_WORDS})[ \t*_`]*+(?:[(（][^)）\n]*+[)）])?[ \t*_`]*+["
    rf"|│\t][ \t*_`]*+(?P<rest>[^|│\n]*[\d０-９][^|│\n]*+)(?P<more>[^\n]*+)$",
    re.IGNORECASE | re.MULTILINE,
)
_TAG = re.compile(
    r"^[^\n]{0,300}?<(?P<name>(?:overall_|final_)?(?:score|rating)|parameter name=\"(?:score"
    r"|rating)\")>\s*(?P<rest>[^<>\n]{1,60})\s*</(?:(?:overall_|final_)?(?:score|rating)|parameter)>",
    re.IGNORECASE | re.MULTILINE,
)
_ALONE = re.compile(
    r"^[ \t>*_#`$\\(\[{-]*+(?:boxed\{|text\{)?(?P<rest>[\d０-９][\d.,０-９]*+[ \t]*+(?:[/／][ \t]*+|out of[ \t]+)(?:10"
    r"|１０))(?![\d.,]*\d)[ \t*_`$\\)\]}.!]*+$",
    re.IGNORECASE | re.MULTILINE,
)
_BOX_LINE = re.compile(r"^[^\n]{0,300}?\\boxed\s*\{(?P<rest>[^{}\n]{1,40})\}[^\n]*+$", re.MULTILINE)
_GIVEN = re.compile(
    rf"^[^\n]{{0,300}}?\bI(?:['’]d| would| will| therefore| hereby| have to| must| can only|['’]ll)*+ (?:give|rate"
    rf"|score|grade|award|assign)(?: (?:it|this|the|answer|response"
    rf"|text|solution|reply|one|a|an|as|at|score|rating|of|overall))*+ [*_`]*+(?P<rest>{_NUMBER}[^\n]{{0,80}}+)",
    re.IGNORECASE | re.MULTILINE,
)
_PROSE = re.compile(
    rf"^(?P<before>[^\n]{{0,200}}?)(?P<stated>(?:(?:{_WORDS})[ \t*_`]*+[:：=]?[ \t*_`]*+)?"
    rf"(?P<rest>{_NUMBER} ?(?:/|out of) ?10))(?![\w.,%]*\d)(?P<more>[^\n]*+)$",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER = re.compile(
    r"^[ \t>]*+\|?(?P<head>[^\n]{2,300}+)\n[ \t>]*+\|?[ \t]*+:?-{2,}[|: \t-]*+\n(?P<rows>(?:[^\n"
    r"|]{0,300}+\|[^\n]{0,600}+(?:\n|\Z)){1,12}+)",
    re.MULTILINE,
)
_OWN_ROW = re.compile(r"\b(?:overall|total|final|mine|my|own|me)\b", re.IGNORECASE)
_COLUMN = re.compile(rf"(?:[^\W\d]+ ){{0,2}}(?:{_WORDS})(?: ?[(/].{{0,20}})?", re.IGNORECASE)
_RANGE_BEFORE = re.compile(r"\b(?:between|from|zwischen|entre) ?$", re.IGNORECASE)
_RANGE_AFTER = re.compile(r" ?(?:-|–|to|and|or|→|bis|à) ?\d")
_STARTS = re.compile(r"[\s*_`$\\(\[{~≈=+-]*(?:boxed\{|text\{)?[\d０-９]")
_ONLY = re.compile(r"[*_`$\s(\[]*(?:\\boxed\{)?[\d０-９]+(?:[.,][\d０-９]+)?\}?[*_`$\s)\].!]*")


def in_range(number: float) -> float:
    """`number`, if it is a score.

    Raises Unparseable outside 1 to 10: 0.6 and 10.4 are slips to ask about, not to round away.
    """
    if not LOWEST <= number <= HIGHEST:  # also no number at all: NaN
        raise Unparseable(f"the score {preview(str(number), 20)} is not between 1 and 10")
    return float(number)


def score_in_text(text: str) -> float:
    """The one score that `text`, which is about a score, states. A range is none.

    >>> [score_in_text(t) for t in ("8", "8,5", "8.5 / 10", "on a 1-10 scale: 8", "9 - excellent", "８／１０")]
    [8.0, 8.5, 8.5, 8.0, 9.0, 8.0]
    """
    if len(text) > LONGEST:
        raise Unparseable(f"{preview(text)!r} is too long for a score")
    if is_placeholder(text) and re.search(r"\d", text):
        raise Unparseable(f"{preview(text)!r} is a range, not one score")
    written = unicodedata.normalize("NFKC", text).replace("−", "-").replace("⁄", "/")
    plain = " ".join(re.sub(r"[*_`\"$|]|\\[(\[\])]", " ", _BOXED.sub(r"\1", written)).split())
    if _PLAIN.fullmatch(plain):
        return in_range(float(plain))
    explicit = set(_OUT_OF_TEN.findall(plain))
    if explicit and re.match(r"between\b", plain, re.IGNORECASE):
        raise Unparseable(f"{preview(text)!r} is a range, not one score")
    if explicit:
        return in_range(_number(_only(explicit, text)))
    if other := _OTHER_TEN.fullmatch(plain):
        return in_range(_number(next(each for each in other.groups() if each)))
    plain = _SCALE.sub(" ", plain)
    if (first := _leading_number(plain.strip(" :="))) is not None:
        return in_range(_number(first))
    if _FRACTION.search(plain):
        raise Unparseable(f"{preview(text)!r} is no plain score out of 10")
    if _RANGE.search(plain):
        raise Unparseable(f"{preview(text)!r} is a range, not one score")
    numbers = re.findall(_NUMBER, plain)
    if not numbers:
        raise Unparseable(f"there is no number in the score {preview(text)!r}")
    return in_range(_number(_only(set(numbers), text)))


def _leading_number(plain: str) -> str | None:
    """The number that `plain` begins with, where only an explanation follows: `2 (it asked for 10)`, `7 - solid`."""
    found = _LEADING.match(plain)
    if found is None or _RANGE.search(plain[: found.end() + 6]) or re.match(r"\s*-\s*\d", plain[found.end() :]):
        return None
    rest = plain[found.end() :]
    if _GOES_ON.match(rest):
        return None
    others = set(re.findall(_NUMBER, rest.partition(".")[0])) - {found[1]}
    explains = not others or introduces(rest) == "peer" or re.match(r" ?(?:[(—–]|because|since)", rest)
    return found[1] if explains else None


def score_in_value(value: object) -> float:
    """The score in a JSON value: a number, a text about one, or an object with `score` or `value`."""
    if isinstance(value, bool) or value is None or isinstance(value, list):
        raise Unparseable("the score is not a number")
    if isinstance(value, int | float):
        return in_range(value)
    if isinstance(value, dict):
        for key in ("score", "value"):
            if key in value:
                return score_in_value(value[key])
        raise Unparseable("the score is an object without a score")
    return score_in_text(str(value))


def score_in_object(found: JSON) -> float:
    """The score of a JSON object, under the first of KEYS that it has."""
    for key in KEYS:
        if key in found:
            return score_in_value(found[key])
    raise Unparseable("there is no score")


def stated_scores(reply: SearchedReply) -> list[Found[float]]:
    """Every score that `reply` states outside JSON objects. A final or overall score makes the others drafts.

    >>> [each.value for each in stated_scores(SearchedReply("**Score:** 7.5"))]
    [7.5]
    >>> stated_scores(SearchedReply("The score will follow."))
    []
    """
    lines = [*reply.lines(_LINE, _after_number), *reply.lines(_ROW, lambda row: row["more"]), *reply.lines(_HEADING)]
    lines += [*reply.lines(_ALONE), *reply.lines(_TAG)]
    found = [each for each in lines if isinstance(each.value, re.Match) and _is_about_a_score(each.value)]
    if final := [each for each in found if each.rank > QUOTED and _is_final(each.value)]:
        found = final
    stated = [each.read(lambda line: score_in_text(line["rest"].strip())) for each in found]
    stated += _in_tables(reply)
    if any(each.rank > QUOTED for each in stated):
        return stated
    given = [
        each.read(lambda line: score_in_text(line["rest"].partition(". ")[0].strip()))
        for each in reply.lines(_GIVEN, within=OWN)
    ]
    given += [each.read(lambda line: score_in_text(line["rest"])) for each in reply.lines(_BOX_LINE)]
    if any(each.rank > QUOTED for each in given):
        return given
    if _ONLY.fullmatch(reply.text[:40]) and len(reply.text) < 40:
        return [Found(score_in_text(reply.text), OWN, 0)]
    return [_in_prose(each) for each in reply.lines(_PROSE, lambda line: line["more"], at="stated", within=UNSURE)]


def _is_about_a_score(line: re.Match[str]) -> bool:
    """Whether a labelled line goes on with a score: after words that mean other things too, with the number"
    " itself."""
    rest, label = line["rest"], line.groupdict().get("label")
    if is_placeholder(rest) or introduces(re.split(r"\d", rest, maxsplit=1)[0]) == "peer":
        return False
    return label is None or label.lower() in ("score", "scores", "rating") or _STARTS.match(rest) is not None


def _is_final(line: re.Match[str] | Unparseable) -> bool:
    return isinstance(line, re.Match) and bool((line.groupdict().get("final") or "").strip())


def _in_prose(line: Found[re.Match[str]]) -> Found[float]:
    """A score out of ten within a sentence: it counts where nothing else does."""
    assert isinstance(line.value, re.Match)
    before, more = line.value["before"], line.value["more"]
    rank = QUOTED if introduces(more) == "peer" else min(line.rank, UNSURE)
    if _RANGE_BEFORE.search(before) or _RANGE_AFTER.match(more):
        return Found(Unparseable(f"{preview(before)!r} goes on with a range"), rank, line.start, line.fenced)
    return Found(line.value, rank, line.start, line.fenced).read(lambda each: score_in_text(each["rest"]))


def _in_tables(reply: SearchedReply) -> list[Found[float]]:
    """The scores in the score column of a table: in a row of the seat's own or for the whole, else in its only"
    " row."""
    found: list[Found[float]] = []
    for table in reply.lines(_HEADER):
        if not isinstance(table.value, re.Match) or table.rank == QUOTED:
            continue
        cells = [each.strip(" \t*_`").lower() for each in table.value["head"].strip().strip("|").split("|")]
        column = next((at for at, each in enumerate(cells) if _COLUMN.fullmatch(each)), None)
        if column is None:
            continue
        rows = [each.strip().strip("|").split("|") for each in table.value["rows"].strip().splitlines()]
        named = [
            (" ".join(row[:column]), row[column]) for row in rows if len(row) > column and re.search(r"\d", row[column])
        ]
        own = [cell for name, cell in named if _OWN_ROW.search(name)]
        if not own and len(named) == 1 and introduces(named[0][0] + ":") != "peer":
            own = [named[0][1]]
        found += [Found(cell, table.rank, table.start, table.fenced).read(score_in_text) for cell in own]
    return found


def _after_number(line: re.Match[str]) -> str:
    """What a line says behind its number, where words may say whose score it was."""
    return re.sub(rf"^[\s*_`~=]*{_NUMBER}(?: ?{_OUT_OF} ?10)?[*_`]*", "", line["rest"], count=1, flags=re.IGNORECASE)


def _only(numbers: set[str], text: str) -> str:
    """The one of `numbers`. Raises Unparseable when there are several: which of them is meant is a guess."""
    if len(numbers) > 1:
        raise Unparseable(f"there are several numbers in the score {preview(text)!r}")
    return min(numbers)


def _number(text: str) -> float:
    return float(text.replace(",", "."))
