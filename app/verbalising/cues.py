"""What kind of answer a question asks for, and whether a piece of text holds one."""

# ruff: noqa: E501 - patterns read better unwrapped

from __future__ import annotations

import re
from typing import Literal, TypeAlias

AnswerKind: TypeAlias = Literal[
    "money",
    "duration",
    "date",
    "time",
    "number",
    "person",
    "place",
    "contact",
    "steps",
    "list",
    "yes_no",
    "reason",
    "any",
]

_COUNT = (
    "(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty|ninety"
    "|hundreds?|thousands?|millions?|billions?|half|twice|once|both|none|dozens?)"
)
_PERIOD = (
    "(?:seconds?|minutes?|hours?|days?|nights?|weeks?|months?|years?|decades?|century|centuries"
    "|tagen?|werktagen?|wochen?|monaten?|monat|jahren?|jahr|stunden?|minuten|d[ií]as?|semanas?|mes(?:es)?|a[ñn]os?|horas?|minutos?|jours?|semaines?|mois|ans?|heures?)"
)
_MONTH = (
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?)"
)
_WHO = "(?:i|we|you|one)"

# The first kind with a matching pattern is the question's.
_QUESTIONS: tuple[tuple[AnswerKind, tuple[str, ...]], ...] = (
    (
        "money",
        (
            r"\b(?:wie ?viel|was) kostet\b|\bcu[aá]nto cuestan?\b|\bcombien (?:co[uû]te|[cç]a co[uû]te)\b|\b(?:preis|precio|prix)\b",
            r"\bhow much (?:does|do|is|are|did|will|would|must|money)\b",
            r"\bhow expensive\b",
            r"\b(?:what|which)\b.{0,30}\b(?:price|cost|fee|charge|fare)s?\b",
            r"\bcosts?\b.*\?",
        ),
    ),
    (
        "duration",
        (
            r"\bwie (?:lange|schnell|oft)\b|\bbis wann\b|\bcu[aá]nto (?:tiempo|tarda)\b|\bcu[aá]ntos d[ií]as\b|\bcombien de (?:temps|jours)\b|\b(?:frist|plazo|d[eé]lai)\b",
            r"\bhow (?:long|quickly|fast|soon|old|often)\b",
            rf"\bhow (?:many|much) (?:more )?(?:{_PERIOD}|time)\b",
            r"\b(?:what|which)\b.{0,40}\b(?:window|period|deadline|time ?(?:limit|frame))\b",
            r"\bwhat age\b",
        ),
    ),
    ("time", (r"\bwhat time\b", r"\bwhen (?:do|does|is|are)\b.*\b(?:open|close|shut)", r"\bopen(?:ing hours)?\b")),
    (
        "date",
        (
            r"\bwann\b|\bcu[aá]ndo\b|\bquand\b",
            r"\bwhen\b",
            r"\b(?:what|which) (?:year|date|day|month|century|decade)\b",
        ),
    ),
    (
        "number",
        (
            r"\bwie ?viele?\b|\bcu[aá]nt[oa]s\b|\bcombien\b",
            r"\bhow (?:many|much|far|big|large|tall|high|deep|wide|heavy|hot|cold|warm)\b",
            r"\bwhat (?:percentage|percent|number|amount|size|temperature)\b",
            r"\bwhat is the (?:number|maximum|minimum|limit)\b",
        ),
    ),
    ("contact", (r"\b(?:phone|telephone|e-?mail|contact|postal address|call you|reach you|get in touch)\b",)),
    (
        "person",
        (
            r"\bwe[rnm]\b|\bqui[eé]n(?:es)?\b|^qui\b",
            r"\bwho(?:m|se)?\b",
            r"\bwhich (?:person|player|scientist|president|king|author)\b",
        ),
    ),
    (
        "place",
        (
            r"\b(?:wo|wohin|woher)\b|\bd[oó]nde\b|\bo[uù] (?:est|sont|se|puis|peut|dois)\b",
            r"\bwhere\b",
            r"\b(?:what|which) (?:city|country|place|state|town|region|street|stadium|location)\b",
        ),
    ),
    (
        "steps",
        (
            r"\bhow (?:do|does|can|should|could|would|to)\b",
            rf"\bwhat (?:should|do|can) {_WHO} do\b",
            r"\binstructions\b",
        ),
    ),
    (
        "list",
        (
            rf"\bwhat (?:(?:all|else) )?(?:do|should|must|can(?:no|')?t?|may) {_WHO} (?:not )?(?:need|bring|pack|take|wear|return|carry|send|buy)\b",
            r"\b(?:what|which) (?:\w+ ){0,2}(?:items|things|kinds|types|sorts|ways|documents|methods|options|countries|products|services|languages|formats|brands|steps|requirements|conditions|exceptions|features)\b",
            rf"\b(?:which|what) (?:\w+ )?[a-z]{{2,}}[^s\W]s (?:do|can|may|must|should|will|are|were) (?:{_WHO}|they|there|not|in|covered|excluded|included|accepted|available|supported|allowed)\b",
            r"\bwhat (?:all )?(?:belongs|goes|cannot|can[’']?t|may not|must not|can be|is (?:not )?(?:included|covered|excluded|allowed))\b",
            rf"\b(?:which|what) (?:gear|equipment|clothing|food|stuff|information|data|software|hardware) (?:do|can|may|must|should|is|are) (?:{_WHO}|they|in|included|allowed)?",
            r"\b(?:list|name) (?:all|the|every)\b",
            r"\bwas (?:kann|darf|muss|brauche|soll) (?:ich|man|wir)\b|\bwelche \w+e?n\b",
        ),
    ),
    (
        "reason",
        (
            r"\b(?:warum|weshalb|wieso|pourquoi)\b|\bpor qu[eé]\b",
            r"\bwhy\b",
            r"\bwhat (?:causes?|caused)\b",
            r"\bfor what reason\b",
        ),
    ),
    (
        "yes_no",
        (
            r"^\W*(?:(?:and|so|but) )?(?:is|are|was|were|am|do|does|did|can|could|may|will|would|should|must|has|have"
            r"|had)\b",
        ),
    ),
)
_ANSWERS: dict[AnswerKind, tuple[str, ...]] = {
    "money": (
        r"[€$£¥]\s?\d",
        r"\d\s?(?:€|(?:eur|usd|gbp|chf|dollars?|euros?|pounds?|francs?|cents?|million|billion)\b)",
        r"\bfree\b",
        r"\bno (?:charge|fee|cost)",
    ),
    "duration": (
        rf"(?:\d|\b(?:an?|few|several|{_COUNT}))[\s-]+(?:\w+[\s-]+)?{_PERIOD}\b",
        r"\b(?:daily|weekly|monthly|yearly|at once|immediately|same day|every \w+)\b",
        r"\b(?:aged?|since|until)\b.*\d",
    ),
    "time": (
        r"\b\d{1,2}(?:[:.]\d{2})?\s?(?:am|pm|a\.m|p\.m|o'clock|h\b)",
        r"\b\d{1,2}[:.]\d{2}\b",
        r"\b\d{1,2}\s?(?:to|–|-)\s?\d{1,2}\b",
        r"\b(?:closed|noon|midnight)\b",
    ),
    "date": (
        r"\b(?:1\d|20)\d\d\b",
        rf"\b{_MONTH}\b",
        r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b",
        r"\b\d+(?:st|nd|rd|th)\b",
        rf"\b(?:{_COUNT}|\d+)\s+{_PERIOD}\b",
        r"\b(?:century|when|once|after|before|until|as soon as)\b",
    ),
    "number": (r"\d", rf"\b{_COUNT}\b", r"\bfree\b", r"\bno limit\b"),
    "contact": (
        r"[\w.+-]+@[\w-]+\.\w",
        r"(?:\+?\d[\s()./-]*){7,}",
        r"https?://",
        r"<(?:EMAIL_ADDRESS|PHONE_NUMBER)\w*>",
        r"\b(?:chat|form|mailbox|hotline)\b",
    ),
    "person": (
        r"(?<![.!?]\s)(?<!^)\b(?-i:[A-Z])[\w'’-]+",
        r"\b(?:team|support|carrier|customer|buyer|manager|advocate|member|people|everyone|anyone|staff|you)s?\b",
    ),
    "place": (
        r"\b(?:in|at|on|near|from|to|under|outside|inside|of)\s+(?:(?:the|any|every|your)\s+)?(?-i:[A-Z*])",
        r"\b(?:store|shop|counter|page|label|hall|centre|center)\b",
        r">\s*\w",
        r"\b(?:north|south|east|west)\w*\b",
    ),
    "reason": (
        r"\b(?:because|since|so that|due to|as a result|in order to|to avoid|caused?|therefore|reasons?|weil|damit|porque|parce que)\b",
    ),
}
_ASKS = tuple((kind, re.compile("|".join(patterns), re.IGNORECASE)) for kind, patterns in _QUESTIONS)
_HOLDS = {kind: re.compile("|".join(patterns), re.IGNORECASE) for kind, patterns in _ANSWERS.items()}


def answer_kind(question: str) -> AnswerKind:
    """The kind of answer that the question asks for; `any` where its words don't say."""
    return next((kind for kind, pattern in _ASKS if pattern.search(question)), "any")


def holds(kind: AnswerKind, text: str) -> bool:
    """Whether `text` holds something of that kind; true for kinds that no form betrays."""
    pattern = _HOLDS.get(kind)
    return pattern is None or pattern.search(text) is not None


_DENIAL = re.compile(
    r"\b(?:not|never|nor|cannot|nicht|keine?[nmrs]?|nie|ohne|excepto|salvo|sin|sauf|sans|jamais|without|except|excluded|exclusions?|exceptions?|exempt\w*|\w+n[’']t)\b",
    re.IGNORECASE,
)
_KIND_TERMS: dict[AnswerKind, frozenset[str]] = {
    "duration": frozenset({"window", "period", "durat", "timefram"}),
    "contact": frozenset({"number", "address"}),
    "money": frozenset({"price", "cost", "amount"}),
}


def denies(text: str) -> bool:
    """Whether a text speaks of what is not, may not be, or is excepted."""
    return _DENIAL.search(text) is not None


def names_kind(kind: AnswerKind, term: str) -> bool:
    """Whether a question's term only says what kind of answer it wants: "return window" asks for the days."""
    return term in _KIND_TERMS.get(kind, ())


_NOMINAL = re.compile(
    r"\b(?:what(?:[’']s| is| are)|tell me) (?:the|your|our)\s+((?:\w+ ){0,2}\w+) (?:window|period|deadline|time ?limit|time ?frame)\b",
    re.IGNORECASE,
)


def in_plain_words(question: str) -> str:
    """The question with "what is the return window" as people's pages put it: "how long is the return period"."""
    return _NOMINAL.sub(r"How long is the \1 period", question)
