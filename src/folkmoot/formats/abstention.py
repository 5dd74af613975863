"""Abstentions: what a seat writes when it gives no answer, in any wording and in the languages people ask in.

Whoever says that it does not know, refuses, or hands back a placeholder counts in the denominator, and for nobody.
Where the question itself offers "none of the above" or "cannot be determined", that is an answer like any other.
"""

import re

from folkmoot.formats.spelling import plain, unwrapped, visible, without_latex

MAX_LENGTH = 300  # characters; who writes more than that says something


def _one_of(table: str) -> str:
    """A pattern for any of the phrases in `table`, which has one or more to a line, with `|` between them."""
    return "(?:" + "|".join(line.strip() for line in table.strip().splitlines()) + ")"


_SPEAKER = _one_of(
    r"""
    i(?:'m| am) (?:sorry|afraid),?(?: but)?|i(?:'m| am)?(?: really| honestly| simply| just)?|we|you|one|sorry,?|but
    unfortunately,?|it|this|that|there|which|the (?:answer|question|result|value|problem)
    as an ai(?: language)?(?: model)?,?|as a(?: large)? language model,?
    i apologi[sz]e,?(?: but)?|based on the given information,?
    """
)
_CANNOT = _one_of(
    r"""
    do(?:es)? not|do(?:es)?n't|dont|cannot|can't|cant|can not|could not|couldn't|will not|won't|refuse to|decline to
    (?:am |is |are )?(?:not able|unable) to|(?:is |'s )?(?:impossible|not possible) to|must decline to|isn't possible to
    """
)
_KNOW = _one_of(
    r"""
    know|determine|answer|tell|say|decide|solve|find|compute|calculate|verify|conclude|assess|judge|help|assist|provide
    comply|fulfil+|do that|give|offer|work (?:it|this|that) out|figure (?:it|this|that) out|make (?:a|any) determination
    be (?:sure|certain|determined|known|answered|computed|calculated|decided|found|established|concluded|inferred)
    be (?:verified|solved|said|told|worked out|deduced|derived|ascertained|assessed|judged|resolved)
    have (?:enough|sufficient|the|any)|possess (?:enough|sufficient|the|any)|feel (?:sure|certain|confident)
    """
)
_UNSURE = _one_of(
    r"""
    (?:(?:am|is|are)(?: still| quite)? |'s )?(?:not(?: really| entirely| quite| at all)? |un)(?:sure|certain)
    (?:have |i've |got )?(?:absolutely )?(?:no|not the faintest|not a) (?:idea|clue)
    (?:is |are |have )?(?:not enough|insufficient|too little|no)(?: \w+)? (?:information|data|context|detail\w*)
    (?:is |are )?not (?:enough|sufficient)|(?:\w+ )?(?:information|data) (?:is |are )?(?:insufficient|missing)
    (?:(?:is|are|remains?)(?: still)? |'s )?(?:unclear|undetermined|undeterminable|unknowable|not known|not clear)
    (?:(?:is|are|remains?) |'s )?(?:not determinable|not given|not specified|not stated|not available|unanswerable)
    (?:(?:is|are|remains?) |'s )?(?:inconclusive|unknown)(?= ?$)|decline to answer|abstain(?:s|ed|ing)?|no comment
    need more (?:information|context|data|details?)|(?:is |are )?(?:missing|lacking) (?:information|data|context)
    """
)
_NOT_KNOWING = re.compile(
    rf"(?:{_SPEAKER}(?: +|(?='s)))*+(?:{_CANNOT}(?: really| reliably| possibly| currently)? {_KNOW}|{_UNSURE})(?![\w-])"
)
_GOES_ON = re.compile(
    r"$|\W*$|\s?[,.;:(–—]| (?:-|about|of|from|based|with|without|given|due|because|since|as|for|if|whether|what"
    r"|which|who|how|why|where|when|to|this|that|it|the|here|at|in|on|is|are|any|an|a|by|you|more|sure|enough|using|under|yet|information|data|context|details?)\b"
)
_ALONE = frozenset(
    """
    n/a|na|n.a|null|nil|unknown|none given|no answer|no response|no solution found|tbd|tba|?|??|???|idk|dunno|pass|skip
    blank|empty|beats me|who knows|hard to say|not applicable|not determined|missing|dk|no conclusion|no final answer
    unsure|undecided|uncertain|no idea|unspecified|not available|not provided|no result|information not available
    """.strip()
    .replace("\n    ", "|")
    .split("|")
)
_NONE_OF = re.compile(
    r"(?:none|neither|nothing) of (?:the |these|those|them)?\s?(?:above|options?|choices?|answers?|listed|given"
    r"|following|below)?(?: (?:is|are|listed|given|provided|options?|choices?|answers?|correct|right|apply|applies"
    r"|fits?|match(?:es)?)){0,3}"
)
_ELSEWHERE = re.compile(
    _one_of(
        r"""
        (?:ich )?wei(?:ß|ss) (?:ich |es |das )?(?:leider )?nicht|keine (?:ahnung|angabe|antwort)|unbekannt|unklar
        (?:ist )?(?:un|nicht )bestimmbar|(?:das |es )?(?:kann|lässt sich) (?:ich |man )?(?:leider )?nicht \w+
        (?:ich )?(?:bin )?(?:mir )?(?:leider )?(?:nicht |un)sicher
        nicht gen(?:ü|ue)gend (?:informationen|angaben|daten)
        je ne (?:le )?sais pas|(?:je n'ai )?aucune idée|inconnue?s?
        impossible (?:à|de) (?:déterminer|dire|savoir|répondre)
        (?:on|je|il) ne (?:peu[tx]|sait) pas (?:le )?(?:savoir|déterminer|dire|répondre)?|pas assez d'informations?
        no (?:se )?pued[eo] (?:determinar|saber|decir|responder)|no (?:lo )?s[ée](?!\w)
        je ne suis pas s[uû]re?|sans réponse|indéterminé|ni idea|no tengo (?:ni )?idea|desconocid[oa]
        no estoy segur[oa]|información insuficiente
        sin respuesta
        non (?:lo )?so|nessuna idea|non (?:si può|posso) (?:determinare|sapere|dire|rispondere)|sconosciut[oa]
        non sono sicur[oa]|informazioni insufficienti|(?:eu )?n[ãa]o sei|n[ãa]o é possível (?:determinar|saber|dizer)
        desconhecid[oa]|sem ideia|n[ãa]o tenho (?:certeza|ideia)|n[ãa]o posso (?:determinar|responder)|não se sabe
        (?:(?:dat )?weet (?:ik )?|ik weet )(?:het )?niet|geen idee|onbekend|niet te bepalen|nie wiem|nieznan[eay]
        nie można (?:tego )?(?:określić|ustalić|powiedzieć)|nie mam pojęcia|brak (?:odpowiedzi|danych)
        nie jestem pew\w+
        (?:я )?не (?:знаю|уверена?)|неизвестно|(?:невозможно|нельзя|не могу) (?:определить|сказать|ответить)
        нет (?:данных|ответа)|затрудняюсь ответить|недостаточно (?:данных|информации)|понятия не имею|неясно
        невідомо|не визначено|неможливо визначити|не мога да кажа|неизвестен
        我?(?:并|并不|真的?)?不(?:知道|清楚|确定|確定)|我?(?:无法|無法|不能)(?:确定|確定|判断|判斷|回答|得知|给出|知道|提供|解答)
        未知|不明|没有答案|沒有答案|无答案|信息不足|資訊不足|资料不足|条件不足|不詳|不详|(?:抱歉|对不起)(?:，|,)?(?:我)?(?:无法|不能|不知道)?
        わか(?:りません|らない)|分か(?:りません|らない)|知りません|判断できません|特定できません
        (?:お答え|回答|解答)できません
        答えられません|情報不足|(?:저는 )?(?:잘 )?모르겠(?:습니다|어요|음)|모름|모릅니다|몰라요
        (?:알|답할|판단할) 수 없(?:음|습니다|어요)
        확실하지 않(?:음|습니다)|정보 부족|لا أعرف|لا أعلم|لا أدري|غير معروف|غير متأكد|لست متأكد[اً]*|معلومات غير كافية
        لا يمكن(?:ني)? (?:تحديد|معرفة|الإجابة)\w*|(?:मुझे )?(?:पता|मालूम|ज्ञात) नहीं(?: है)?
        (?:मुझे )?नहीं (?:पता|मालूम)(?: है)?
        अज्ञात|(?:मैं )?नहीं (?:जानता|जानती)|निश्चित नहीं|bilmiyorum|belirsiz|fikrim yok|emin değilim|bilinmiyor
        (?:tôi )?không (?:biết|rõ|chắc)|(?:saya )?tidak (?:tahu|yakin|diketahui)|entahlah|tak tahu
        (?:jag |det )?vet (?:jag )?(?:det )?(?:inte|ikke)|(?:jeg )?ved (?:jeg )?(?:det )?ikke|jeg vet (?:det )?ikke
        ingen (?:aning|anelse)|okänt|ukjent|ukendt|en tiedä|ei tiedossa|en osaa sanoa|tuntematon|nevím|není známo
        neviem|nem tudom|ismeretlen|nu (?:știu|stiu)|necunoscut|не знам|ne znam|ne vem|(?:δεν|δε) (?:ξέρω|γνωρίζω)
        άγνωστο|δεν είμαι σίγουρος|(?:אני )?לא יודעת?|אין לי מושג|לא ידוע|(?:ฉัน|ผม)?ไม่(?:ทราบ|รู้|แน่ใจ)
        نمی\s?دانم|نمیدانم|معلوم نیست|জানি না|தெரியாது|తెలియదు
        """
    )
)
_PLACEHOLDER = re.compile(
    r"[<\[{(]\s*(?:[\w' -]*\b)?(?:answer|conclusion|value|result|placeholder|insert|your|final|here|text)\b"
    r"[\w' -]*[>\]})]"
    r"|(?:your|the|final|short|my)? ?(?:final )?(?:answer|conclusion)(?: here| goes here)?|here|_+|\.{2,}|…+|x{3,}|-+"
)
_DOUBT = re.compile(
    r"\d|\b(?:but|however|maybe|perhaps|probably|likely|guess|although|except|assum\w*|estimate|lean|still|yet|so)\b"
)
_OFFERED = re.compile(
    r"(?:cannot|can't|can not|could not|impossible to|not possible to|possible to|can it|can this|not) (?:be )?"
    r"(?:determine|know|tell|say|infer|decide|answer)|(?:not )?enough (?:information|data)|\b(?:in)?sufficient\b"
    r"|\bunknown\b|\bnot (?:given|stated|known|sure|specified)\b|\bunclear\b|\b(?:in|un)determin(?:ed|able|ate)\b"
    r"|\bdon't know\b|\bdo not know\b|\bunanswerable\b|\binconclusive\b|\babstain\b|\bn/a\b|\buncertain\b|\bunsure\b"
)
_OFFERS_NONE = re.compile(
    r"\b(?:none|neither|nothing|which|who|any(?:one|thing|body)?|how many|how much|are there|of these|of the following"
    r"|list|name)\b"
)


def abstains(said: str, question: str = "", *, code: bool = False) -> bool:
    """Whether `said` is no answer to `question`. For `code`, signs alone, `None` and `error` are values like others.

    >>> [abstains(each) for each in ("Don't know", "I'm not sure.", "keine Ahnung", "不知道", "N/A", "<answer>")]
    [True, True, True, True, True, True]
    >>> abstains("Unknown Pleasures"), abstains("Not sure, but probably 42"), abstains("none", "Which are prime?")
    (False, False, False)
    """
    text = visible(said)
    if len(text) > MAX_LENGTH:
        return False
    text = " ".join(without_latex(unwrapped(plain(text))).casefold().split()).strip(" .!*_`\"'。！،؟")
    if code and (not re.search(r"\w\W+\w", text) or text[0] in "<[{("):
        return False
    if not text or (text.startswith(("<", "[", "{", "(")) and _PLACEHOLDER.fullmatch(text)):
        return True
    asked = " ".join(question[:40_000].casefold().replace("’", "'").split())
    if _is_offered(text, asked):
        return False
    if text in ("none", "nothing", "null", "nil") or _NONE_OF.fullmatch(text):
        return text in ("null", "nil") or not _OFFERS_NONE.search(asked) or "of" in text
    if text in _ALONE or _PLACEHOLDER.fullmatch(text):
        return True
    if _OFFERED.search(asked):
        return False
    if found := _NOT_KNOWING.match(text):
        rest = text[found.end() :]
        return _GOES_ON.match(rest) is not None and not _DOUBT.search(rest)
    if found := _ELSEWHERE.match(text):
        rest = text[found.end() :].lstrip()
        return (not rest[:1].isalnum() or ord(rest[0]) > _LAST_LATIN) and not _DOUBT.search(rest)
    return False


_LAST_LATIN = 0x24F


def _is_offered(text: str, question: str) -> bool:
    """Whether the question holds these very words: then they are one of its answers."""
    return len(text) > 2 and re.search(rf"(?<!\w){re.escape(text)}(?!\w)", question) is not None


def refuses(reply: str, question: str = "") -> bool:
    """Whether a whole reply that states no conclusion is a refusal, or says that the seat does not know.

    >>> refuses("I'm sorry, but I can't help with that. Is there anything else?"), refuses("Not sure. Try 42.")
    (True, False)
    """
    text = visible(reply)
    if len(text) > MAX_LENGTH or "\n\n\n" in text:
        return False
    first = re.split(r"(?<=[.!?。！？])\s*", text, maxsplit=1)
    return abstains(first[0].rstrip("?"), question) and (len(first) == 1 or not re.search(r"\d", first[1]))
