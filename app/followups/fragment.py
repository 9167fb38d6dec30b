"""What a question says beyond what went before: its words without "and", "what about", "instead", and how it leans.

Nothing is decided here about tables or documents; a fragment only knows its own words.
"""

# ruff: noqa: E501 - patterns read better unwrapped
from __future__ import annotations

import re
from typing import Literal, TypeAlias

import msgspec

Command: TypeAlias = Literal["reverse", "list", "count", "unfiltered", "all_time", "ungrouped", "ranked", "aggregate"]
MOST_WORDS = 14
"""Words beyond which a question is never read as a fragment."""

_LEADS = re.compile(
    r"^(?:(?P<also>and(?: also)?|also|plus)|(?P<about>(?:what|how) about|same (?:thing |question |again )?(?:but )?(?=for|in|with|by|per|on|only)|the same (?=for|in|with|by|per|on)|i meant?|do (?:it|that|the same) (?=for|in|with|by|per|on))"
    r"|(?P<change>now|but|or rather|rather|then|instead|only|just|(?:restrict|limit|filter|narrow)(?:ed)? (?:it|that|them|this|those|these)?\s?(?:down )?(?:to|on|by)?(?=\s|$)|(?:split|break|group)(?:ed)?(?: (?:it|that|them|this|those|these))?(?: up| down| out)?(?= by\s| per\s| into\s)"
    r"|(?:can|could) (?:you|i|we) (?:please )?(?:see|show|have|get|do|make|split|break|sort|order|list)(?: me)? (?:it|that|this|them|those|the same)"
    r"|(?:show|give|list|make|put|get|let me see|let's see|i want|i'd like)(?: me)? (?:it|that|this|the same(?: thing)?|them|those)(?= (?:for|in|by|per|as|with|without|only|sorted|ordered|broken|split|grouped|from|on|since|before|after)\b))"
    r"|(?P<polite>so|ok|okay|please|well|great|thanks|thank you|cool|good|nice|alright|right|next|hm+|ah|oh|yes|no|sorry))(?=[\s,.!]|$)[,.!:]?\s*",
    re.IGNORECASE,
)
_TAILS = re.compile(
    r"(?:^|[\s,]+)(?:(?P<instead>instead|rather)|(?P<only>only)|(?P<also>too|as well|also)|(?P<polite>please|then|again|though|thanks|thank you))$",
    re.IGNORECASE,
)
_POINTING = re.compile(
    r"\b(?:it|its|they|them|their|theirs|those|these|he|she|his|her|hers|that one|this one|the same|(?:is|are|of|was|about|for) (?:that|this)|(?:that|this)$)\b|^(?:that|this) ",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"^(?:what|which|who|whom|whose|how|when|where|why|do|does|did|is|are|was|were|can|could|should|will|may|must|list|show|give|tell|find|count|name|compare)\b",
    re.IGNORECASE,
)
_ASKING_WITHIN = re.compile(r"\b(?:what|which|how|who|whose|where|when|why|does|do|did|can)\b", re.IGNORECASE)
_RELATING = re.compile(
    r"^(?:for|in|on|at|from|to|with|without|by|per|since|before|after|until|during|between|over|under|above|below|not|excluding|except|of|including|sort(?:ed)?|order(?:ed)? by|last|this|next|each|every)\b|^(?:\w+ ){1,3}first$",
    re.IGNORECASE,
)

_COMMANDS: dict[Command, str] = {
    "ungrouped": r"as (?:a|one) (?:total|sum|single (?:number|figure))|in total|overall|altogether|all together|in sum|without (?:the )?(?:groups?|grouping|breakdown|split)|ungrouped|not (?:grouped|broken down|split up)",
    "reverse": r"(?:(?:do|show|sort|put) (?:it |them |that )?)?(?:the )?(?:other|opposite) (?:way|order)(?: (?:a)?round)?|(?:in )?(?:the )?(?:reverse|opposite)(?: order)?|reverse(?: (?:it|that|them|the (?:order|list|sorting)))|flip (?:it|that|the order)|(?:a)?round the other way|(?:in )?reversed(?: order)?",
    "list": r"(?:(?:show|give|put|list)(?: me)? (?:it|them|that|those|these)?\s?)?as (?:a )?(?:list|table|rows)|list (?:them|those|these)(?: all)?|show(?: me)? (?:them|those|these)(?: all)?|which ones(?: (?:are (?:they|those|these)|exactly))?|which are (?:they|those|these)|who are (?:they|those|these)|what are (?:they|those|these)|(?:list|show|name) (?:them|all of them)|(?:what|which) (?:are|were) (?:their names|they called)",
    "count": r"(?:how many|count)(?: (?:(?:is|are) (?:that|there|they|those|these|it)|(?:of )?(?:them|those|these)(?: are there)?|rows|results|ones)(?: in total| altogether| all together)?)?|how many (?:are there )?in total|count (?:them|those|these)|what(?:'s| is) (?:the|their) (?:count|number)|the (?:count|number)",
    "unfiltered": r"(?:(?:remove|drop|clear|reset|lose|undo|ignore) (?:the |all |all the |that |those |any )?(?:filters?|conditions?|restrictions?)|without (?:the |any |that |those )?(?:filters?|conditions?|restrictions?)|no (?:filters?|conditions?)|unfiltered)",
    "all_time": r"(?:for |of |over |in |across |since )?(?:all[- ]time|all (?:the )?(?:years|months|dates|periods|quarters|weeks)|every (?:year|month)|any (?:year|time|date)|the (?:whole|entire|full) (?:time|period)|ever)|(?:without|remove|drop|ignore) (?:the |any )?(?:date|period|time|year|month)(?: (?:filter|restriction|range|limit))?",
}
_RANKED = re.compile(
    r"^(?:show (?:me )?)?(?:the )?(?:(?P<word>top|bottom|first|last|best|worst|highest|lowest|largest|smallest|biggest|greatest|least|fewest|most)(?: (?P<n>\d{1,4}|[a-z]+))?"
    r"|(?P<n2>\d{1,4}|[a-z]+) (?P<word2>best|worst|highest|lowest|largest|smallest|biggest|greatest|least|fewest|most))(?: (?:ones?|of (?:them|those|these)))?$",
    re.IGNORECASE,
)
_AGGREGATE = re.compile(
    r"^(?:what(?:'s| is| was| are)? )?(?:the |their |its |on )?(?P<word>average|mean|total|sum|minimum|maximum|min|max|lowest|highest|smallest|largest)(?: (?:of (?:them|those|these|that|it)|value|one|amount))?(?: in total)?$",
    re.IGNORECASE,
)
_EVERY = re.compile(
    r"^(?:for |in |of |across |over |from )?(?:all|every|any|all the|all of the|whatever)\s+(?P<of>[\w -]{2,60})$",
    re.IGNORECASE,
)


class Fragment(msgspec.Struct, frozen=True, kw_only=True):
    """A question without its leading and trailing marks, and what they were."""

    text: str
    also: bool = False
    """Led by "and": adds to what went before, or asks the same of something else."""
    about: bool = False
    """Led by "what about": asks the same of something else."""
    change: bool = False
    """Led by "now", "only", "just", or ended by "only"."""
    instead: bool = False
    points: bool = False
    """Speaks of "it", "those" or "their" with nothing before that they could stand for."""
    asks: bool = False
    """Begins as questions do ("how many", "which", "show")."""
    relates: bool = False
    """Begins as what is added to a question ("for", "in", "by", "without")."""
    command: Command | None = None
    every: str | None = None
    """What "for all …" is about."""
    number: int | None = None
    """Of "top 5": how many."""
    word: str = ""
    """Of a rank or an aggregate, the word that says which."""

    @property
    def marked(self) -> bool:
        """Whether its words alone say that it goes on from something."""
        return self.led or self.points

    @property
    def led(self) -> bool:
        """Whether it has a leading or trailing mark, or is a command."""
        return self.also or self.about or self.change or self.instead or self.command is not None


def fragment_of(question: str) -> Fragment:
    """The question as a fragment."""
    text, found = _without_marks(" ".join(question.split()).strip(" ?!.…,;:"))
    made = Fragment(
        text=text,
        also="also" in found,
        about="about" in found,
        change="change" in found,
        instead="instead" in found,
        points=_points(text),
        asks=_ASKING.match(text) is not None,
        relates=_RELATING.match(text) is not None and _ASKING_WITHIN.search(text) is None,
    )
    return _commanded(made)


def _without_marks(text: str) -> tuple[str, set[str]]:
    """The text without its marks, and which kinds of them it had."""
    found: set[str] = set()
    while (lead := _LEADS.match(text)) is not None and lead.end() > 0:
        if lead.lastgroup != "polite":
            found.add(str(lead.lastgroup))
        text = text[lead.end() :].strip(" ,;:")
    while (tail := _TAILS.search(text)) is not None:
        kind = {"only": "change"}.get(str(tail.lastgroup), str(tail.lastgroup))
        if kind != "polite":
            found.add(kind)
        text = text[: tail.start()].strip(" ,;:")
    return text, found


def _points(text: str) -> bool:
    match = next((m for m in _POINTING.finditer(text) if m.group() != "IT"), None)
    return match is not None and len(text[: match.start()].split()) <= 5


def _commanded(made: Fragment) -> Fragment:
    """The fragment with the command that its words give, if they give one."""
    text = made.text
    for name, pattern in _COMMANDS.items():
        if re.fullmatch(pattern, text, re.IGNORECASE):
            return msgspec.structs.replace(made, command=name)
    ranked = _RANKED.match(text)
    if ranked is not None and (number := _number(ranked["n"] or ranked["n2"])) is not None:
        word = str(ranked["word"] or ranked["word2"]).lower()
        return msgspec.structs.replace(made, command="ranked", number=number, word=word)
    aggregate = _AGGREGATE.match(text)
    if aggregate is not None:
        return msgspec.structs.replace(made, command="aggregate", word=aggregate["word"].lower())
    every = _EVERY.match(text)
    return msgspec.structs.replace(made, every=every["of"]) if every is not None else made


def _number(text: str | None) -> int | None:
    from app.planning.tokens import NUMBER_WORDS

    if text is None:
        return 1
    number = int(text) if text.isdigit() else NUMBER_WORDS.get(text.lower())
    return number if number and number <= 1000 else None


_ROWS_BEFORE = re.compile(
    r"^(?:(?:please|and|now|ok|can you|could you|i want to|let me) )*(?:show|list|give|tell|get|see|find|what (?:are|is)|how many of|which of|who of|sort|order|group)"
    r"(?: me| us)?(?: all| out)? (?:of )?(?:them|their|theirs|those|these)\b",
    re.IGNORECASE,
)


def points_back(question: str) -> bool:
    """Whether a question asks of rows that only an earlier answer can have named: "show me their emails"."""
    return _ROWS_BEFORE.search(" ".join(question.split())) is not None
