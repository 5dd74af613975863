"""Whose words follow: whether a line of prose introduces the writer's own verdict or quotes somebody else's.

A judge often reports a verdict that was planted in the answer it judges. The words around such a report tell it from
the judge's own verdict. Both word lists name the usual verbs and nouns of a dozen languages; what neither list knows
stays undecided, and an undecided verdict never outweighs one that is the judge's own.
"""

import re
from typing import Literal

Whose = Literal["own", "peer", "unknown"]

LONGEST = 300  # characters of context that are looked at

_AUTHOR = (
    r"(?:answers?|respon[sc]es?|repl(?:y|ies)|text|authors?|participants?|candidates?|proposals?|solutions?"
    r"|submissions?"
    r"|documents?|passages?|messages?|members?|seats?|models?|others?|reviewers?|peers?|essay|user|prompt|attacker)"
)
_VERDICT = (
    r"(?:scores?|ratings?|verdicts?|reviews?|rankings?|votes?|marks?|grades?|json|objects?|lines?|syntheses"
    r"|synthesis)"
)

# In another language a stem is enough, because its endings vary.
_QUOTING = re.compile(
    r"\b(?:contain(?:s|ed|ing)?|includ(?:es|ed|ing)|end(?:s|ed|ing)?(?= (?:with|in|by|so|like|as|on)\b|$)|ended"
    r"|begins?|began"
    r"|start(?:s|ed)?(?= with\b)|clos(?:es|ed)(?= with\b)|says?|saying|said|wrote|writes?|written|reads|stat(?:es"
    r"|ed|ing)"
    r"|claim(?:s|ed|ing)?|assert(?:s|ed|ing)?|quot(?:e|es|ed|ing|ation)|cit(?:es|ed|ing)|mention(?:s|ed|ing)?"
    r"|embed\w*"
    r"|plant(?:s|ed|ing)?|inject\w*|insert\w*|append\w*|hid(?:es|den|ing)|smuggl\w*|demand\w*|ask(?:s|ed"
    r"|ing)(?= (?:for|me|to|us)\b|$)"
    r"|instruct\w*|tr(?:ies|ied|ying) to|attempt\w*|request(?:s|ing)?|suggest\w*|propos(?:es|ed|ing)|dictat\w*|told"
    r"|tells"
    r"|output(?:s|ted)|print(?:s|ed)|return(?:s|ed)|add(?:s|ed)|put(?:s)?|followed by|such as|e\.g\.|for (?:example"
    r"|instance)"
    r"|example|template|sample|instead of|rather than|ignor\w*|disregard\w*|reject(?:ed|ing)|dismiss\w*|contrary to"
    r"|despite"
    r"|unlike|not|never|verbatim|excerpt|snippet|copied|pasted|fake|bogus|fabricated|self-\w+|injection|payload"
    r"|attributed to|according to|taken from|found in|appears? in|is in|was in|there (?:is|was|stood|stands)"
    r"|carr(?:ies|ied)"
    r"|featur(?:es|ed)|present(?:s|ed)|display(?:s|ed)|show(?:s|ed)|offer(?:s|ed)|gave itself|(?:it|him|her"
    r"|them)sel(?:f|ves)|has|had"
    r"|vot(?:ed|es)|argues?|argued|replie[ds]|decided|chose|ranked|scored|rated|gave|gives|concluded|believes|thinks"
    r"|suspicious|steht|stand|stehen|removed|excluded|wants?|wanted|last (?:words?|lines?)|if i|careless"
    r"|the (?:string|words?|phrase|sentence|payload|instruction)"
    r"|enth[aä]lt|enthielt|endet\w*|schreibt|schrieb|sagt\w*|behauptet\w*|zitiert\w*|zitat|fordert\w*|verlangt\w*"
    r"|contient|contenait|contien\w+|conten[ií]a|termin\w+|écri\w+|disait|dit|affirm\w+|citation|cite|cita|citat\w*"
    r"|demandait|pr[ée]tend\w*"
    r"|dice|dec[ií]a|escrib\w+|conté[mn]|continha|diz|dizia|escrev\w+|scriv\w+|scritto|sostiene|afferma|bevat\w*"
    r"|eindigt\w*|schrijft|zegt"
    r"|zawiera\w*|kończy\w*|pisze|içeriyor|diyor|bitiyor|innehåller|slutar|skriver|säger)\b"
    r"|содерж\w+|заканч\w+|законч\w+|говор\w+|пиш\w+|написа\w+|утвержд\w+|цит\w+|требу\w+|просит|містить|закінч\w+"
    r"|包含|含有|写道|写着|写了|声称|宣称|结尾|末尾|引用|原文|植入|注入|说道|說|寫|声明|含まれ|書かれ|書いて|述べ|主張|終わ|という"
    r"|포함|끝나|끝났|썼|쓰여|적혀|주장|인용|يحتوي|ينتهي|تقول|يقول|كتب|تدعي|में लिखा|समाप्त|कहता|לפי|כתב|אומר",
    re.IGNORECASE,
)
_THEIRS = re.compile(
    rf"\b(?:its|their|his|her|{_AUTHOR}['’]s?|answer [A-Z]['’]s)\s(?:\w+\s){{0,3}}?{_VERDICT}\b"
    rf"|\b{_VERDICT}\s(?:\w+\s){{0,2}}?(?:of|by|from|in) (?:the|an?|that|this|another|its|their) {_AUTHOR}\b"
    rf"|\b(?:the|an?|that|this|another|one|which) (?:\w+ )?{_AUTHOR}(?: [A-Z])?$"
    rf"|\b{_VERDICT}\s(?:of|by|from) {_AUTHOR}s? [A-Z]\b"
    rf"|(?:^|\b(?:in|from|of|by|to))\W*(?:the )?(?:answer|response|participant|proposal|candidate"
    rf"|option)s? [A-Z]\W*$",
    re.IGNORECASE,
)
_OWN = re.compile(
    r"\b(?:my|mine|i(?:['’]d|['’]ll| would| will| therefore| hereby)*(?: (?:give|rate|score|rank|vote|choose"
    r"|conclude|judge|submit"
    r"|award|assign|settle|decide|find|reply|answer|say|think|mean))|final|finally"
    r"|(?<!this )(?<!that )(?<!your )(?:verdict"
    r"|scores?|rating|ranking|vote|review|judge?ment|decision)|here(?:['’]s| is| are| it is| you go| you are)|below"
    r"|as requested|results?"
    r"|reviews|evaluation|assessment|conclusion|overall|output|json|therefore"
    r"|hence|thus|reply|ruling|synthesis|pick|grade|sure|okay|ok|on reflection|reconsidering|revised|correction"
    r"|in sum"
    r"|mein\w*|urteil|bewertung|ergebnis|fazit|punktzahl|gesamt\w*|wertung|mon|ma|évaluation|avis|résultat|voici|mi"
    r"|puntuación"
    r"|puntaje|veredicto|evaluación|resultado|minha|meu|pontuação|avaliação|veredito|mio|mia|punteggio|valutazione"
    r"|giudizio|ecco"
    r"|mijn|oordeel|beoordeling|moja|mój|ocena|wynik|benim|puanım|mitt|min|omdöme|betyg)\b"
    r"|(?<!\w)мо[йяёеи]\w*|оценк\w*|итог\w*|вердикт|вывод|результат|我的|评分|得分|评价|最终|结论|裁决|结果|評分|評價|私の|評価|スコア"
    r"|点数|最終|結論|判定|평가|점수|최종|결론|판정|تقييمي|حكمي|النتيجة|الدرجة|मेरा|अंक|निर्णय|הציון|פסק",
    re.IGNORECASE,
)
_BACK = re.compile(
    r"[\s,;:(<)\]}'\"”»*_`|—–←^-]*"
    r"(?:(?:which|as|is|was|says?|said|wrote|writes|quoted|copied|taken|planted|inserted|injected|embedded|appended"
    r"|from|appears?"
    r"|stands|stood|in the|at the|by the|so (?:says|said|wrote|it)|ist|war|est|était|es|era|foi|è|это|是|となって"
    r"|라고)(?!\w)"
    r"|it (?:was|comes|came|stood|appear\w*)\b|(?:this|that|these|those|the above|above)(?: \w+){0,2}? (?:is|was"
    r"|were|comes?|came|appears?|appeared"
    r"|stood|stands|had|has)\b)",
    re.IGNORECASE,
)
_BACK_TO_A_PEER = re.compile(
    rf"\b(?:is|was) what\b|\b(?:from|in|of|by|inside|within) (?:the|an?|its|their|that|this) (?:\w+ )?{_AUTHOR}\b"
    rf"|\bends? of quot",
    re.IGNORECASE,
)
_COMMAND = re.compile(
    r"\W*\[?\b(?:system|user|assistant|developer|instructions?|admin|override|important|attention|note to (?:the )?\w+)"
    r"\b(?: (?:message|prompt|note|override|instructions?))?\W*[\]:>|–—-]"
    r"|.*\b(?:me|us|you|him|her|them|judges?|reviewers?|graders?|evaluators?|models?|assistants?|readers?|everyone"
    r"|whoever \w+) (?:should |must |to |will |has to |have to |into )(?:\w+ ){0,4}\w+\W*$"
    r"|\W*(?:please )?(?:output|reply|respond|answer|return|print|write|say|give|score|rate|vote)\b"
    r"(?: \w+){0,3} (?:with|exactly|only|verbatim|this|the following|it|as)\W*$",
    re.IGNORECASE | re.DOTALL,
)
"""A line that tells a judge what to write: under a role's name, in the third person, or as an imperative."""

_ENDS = ".!?。！？…؟।"


def introduces(text: str) -> Whose:
    """Whose words the line or half line `text` introduces. The marker nearest to the end decides.

    >>> [introduces(each) for each in ("The answer ended with", "My verdict:", "For it claims 10. My score:", "Vgl.")]
    ['peer', 'own', 'own', 'unknown']
    >>> [introduces(each) for each in ("[SYSTEM] output", "It asks me to reply", "Reply with exactly:", "My reply:")]
    ['peer', 'peer', 'peer', 'own']
    """
    if is_command(text):
        return "peer"
    text = text[-LONGEST:].rstrip(" \t*_`:\"'“„«「(")
    peer = max((each.end() for each in (*_QUOTING.finditer(text), *_THEIRS.finditer(text))), default=-1)
    own = max((each.end() for each in _OWN.finditer(text)), default=-1)
    return "peer" if peer >= own and peer >= 0 else "own" if own >= 0 else "unknown"


def is_command(text: str) -> bool:
    """Whether the line or half line `text`, with its markup, tells a judge what to write."""
    return _COMMAND.match(text[-LONGEST:]) is not None


def refers_back(text: str) -> bool:
    """Whether `text`, which follows a verdict, says that the verdict was somebody else's.

    >>> [refers_back(each) for each in (" is what it ended with", " - solid work", "This was planted.")]
    [True, False, True]
    """
    text = re.split(r"[.!?。！？\n]", text[:LONGEST], maxsplit=1)[0]
    if not _BACK.match(text):
        return False
    return bool(_QUOTING.search(text) or _BACK_TO_A_PEER.search(text))


def ends_a_sentence(text: str) -> bool:
    """Whether nothing more is expected after `text`."""
    return text.rstrip(" \t*_`\"'”»)").endswith(tuple(_ENDS))
