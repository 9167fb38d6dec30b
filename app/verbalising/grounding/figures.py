"""The numbers that a text gives, in digits and in words, each with its unit."""

# ruff: noqa: E501 - word lists read better unwrapped
from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from app.planning.quantities import FACTORS
from app.planning.tokens import NUMBER_WORDS

_WORDS: dict[str, int] = {word: number for word, number in NUMBER_WORDS.items() if number > 1} | {
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
    "zero": 0,
}
_FOREIGN = {
    2: "zwei dos deux", 3: "drei tres trois", 4: "vier cuatro quatre", 5: "fünf cinco cinq", 6: "sechs seis", 7: "sieben siete sept",
    8: "acht ocho huit", 9: "neun nueve neuf", 10: "zehn diez dix", 11: "elf once onze", 12: "zwölf doce douze", 14: "vierzehn catorce quatorze",
    15: "fünfzehn quince quinze", 20: "zwanzig veinte vingt", 30: "dreißig treinta trente", 40: "vierzig cuarenta quarante",
    60: "sechzig sesenta soixante", 100: "cien cent",
}  # fmt: skip
_WORDS |= {
    word: number for number, words in _FOREIGN.items() for word in words.split() if word not in ("once", "elf", "sept")
}
_SCALES = {
    "hundred": 100,
    "thousand": 1_000,
    "million": 1_000_000,
    "mio": 1_000_000,
    "billion": 1_000_000_000,
    "bn": 1_000_000_000,
    "k": 1_000,
}
_MONTHS = {
    "month": 1,
    "year": 12,
    "quarter": 3,
    "decade": 120,
    "century": 1200,
    "monat": 1,
    "jahr": 12,
    "mes": 1,
    "año": 12,
    "mois": 1,
    "an": 12,
}
_PLURALS = {
    "centuries": "century",
    "monate": "monat",
    "monaten": "monat",
    "jahre": "jahr",
    "jahren": "jahr",
    "meses": "mes",
    "ans": "an",
}
_DAYS = {
    "tag": 86_400,
    "tage": 86_400,
    "tagen": 86_400,
    "woche": 604_800,
    "wochen": 604_800,
    "stunde": 3_600,
    "stunden": 3_600,
    "minuten": 60,
}
_DAYS |= {
    "día": 86_400,
    "días": 86_400,
    "semana": 604_800,
    "semanas": 604_800,
    "hora": 3_600,
    "horas": 3_600,
    "minutos": 60,
}
_DAYS |= {
    "jour": 86_400,
    "jours": 86_400,
    "semaine": 604_800,
    "semaines": 604_800,
    "heure": 3_600,
    "heures": 3_600,
    "night": -1,
    "nights": -1,
}
_WORKING = r"(?:working|business|calendar|week)"
_TIME = 3
"""The dimension of durations among `FACTORS`."""
_SIGNS = {
    "€": "eur",
    "$": "usd",
    "£": "gbp",
    "¥": "jpy",
    "chf": "chf",
    "eur": "eur",
    "usd": "usd",
    "gbp": "gbp",
    "jpy": "jpy",
}
_UNIT = re.compile(
    rf"[\s\u00a0-]*(?:(?P<working>{_WORKING})[\s-]+)?(?P<unit>[^\W\d_]+\b|[%€$£])(?:\s(?=per\b))?", re.IGNORECASE
)
_NUMBER_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
_DIGITS = r"\d{1,3}(?:[,\u202f\u00a0]\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3})+,\d+|\d+(?:[.,]\d+)?"
_NUMBER = re.compile(
    rf"(?:(?P<currency>[€$£¥]|\b(?:EUR|USD|GBP|CHF|JPY)\b)\s?)?(?:(?<![\w.,])(?P<sign>[-−](?=\d))?(?P<digits>{_DIGITS})"
    rf"(?P<suffix>k\b|(?:st|nd|rd|th)\b)?|\b(?P<words>(?:{_NUMBER_WORD})(?:[\s-](?:and\s)?(?:{_NUMBER_WORD}))*)\b"
    rf"|\b(?P<one>an?|one|einem?r?|une?)\b(?=[\s-](?:{_WORKING}\s)?(?:second|minute|hour|day|week|month|year|decade|century|tag|woche|monat|jahr|día|semana|mes|año|jour|semaine|mois|an|dozen)\b))"
    rf"(?:\s?(?P<scale>hundred|thousand|million|mio|billion|bn)\b)?",
    re.IGNORECASE,
)
_APART = re.compile(r"\s?(?:-|–|to|bis|or|and|y|et|und|a|à|hasta)\s?$", re.IGNORECASE)


class Number(msgspec.Struct, frozen=True):
    """A number that a text gives, at `text[start:end]` (its unit beyond)."""

    value: float
    unit: tuple[str, float] | None
    """(dimension, how much of its first unit one is); None where no unit is known."""
    noun: str
    """The word that follows, whatever it is."""
    start: int
    end: int
    decimals: int
    """Digits after the point, negative for "1.2 million" (-5)."""
    exact: bool
    """Written in full: `1,204`, not "1.2 million"."""

    @property
    def size(self) -> float:
        """The value in the first unit of its dimension."""
        return self.value * (self.unit[1] if self.unit is not None else 1.0)


def numbers(text: str) -> list[Number]:
    """The numbers of a text in order; the first of "3–5 days" has the unit of the second."""
    found = list(_numbers(text))
    for at in range(len(found) - 2, -1, -1):
        first, second = found[at], found[at + 1]
        if first.unit is None and second.unit is not None and _APART.fullmatch(text[first.end : second.start]):
            found[at] = msgspec.structs.replace(first, unit=second.unit)
    return found


def _numbers(text: str) -> Iterator[Number]:
    for match in _NUMBER.finditer(text):
        value, decimals = _value(match)
        if value is None:
            continue
        unit, noun = _unit_after(text, match.end())
        if match["currency"]:
            unit = (_SIGNS[match["currency"].casefold()], 1.0)
        scale = _SCALES.get(
            (match["scale"] or ("k" if (match["suffix"] or "").casefold() == "k" else "")).casefold(), 1
        )
        if scale > 1:
            decimals -= len(str(scale)) - 1
        yield Number(
            value * scale, unit, noun, match.start(), match.end(), decimals, scale == 1 or match["digits"] is None
        )


def _value(match: re.Match[str]) -> tuple[float | None, int]:
    if match["one"]:
        return 1.0, 0
    if match["words"]:
        return _spoken(match["words"]), 0
    digits = match["digits"]
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+,\d+", digits):
        digits = digits.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"\d+,\d{1,2}", digits):
        digits = digits.replace(",", ".")
    cleaned = re.sub(r"[,\u202f\u00a0]", "", digits)
    value = float(cleaned) * (-1 if match["sign"] else 1)
    return value, len(cleaned.partition(".")[2])


def _spoken(words: str) -> float:
    """`twenty-five` as 25, `two hundred and ten` as 210."""
    total, current = 0.0, 0.0
    for word in re.split(r"[\s-]+(?:and\s)?", words.casefold()):
        number = _WORDS.get(word, 0)
        if number in (100, 1000, 12) and current and word in ("hundred", "thousand", "dozen"):
            current *= number
        else:
            current += number
        if number == 1000:
            total, current = total + current, 0.0
    return total + current


def _unit_after(text: str, end: int) -> tuple[tuple[str, float] | None, str]:
    """The unit that stands after a number, and the word that does."""
    match = _UNIT.match(text, end)
    if match is None:
        return None, ""
    return unit_of(match["unit"], working=bool(match["working"])), match["unit"]


def unit_of(word: str, *, working: bool = False) -> tuple[str, float] | None:
    """What a word is a unit of; None where it is none."""
    said = word.casefold()
    said = _PLURALS.get(said, said)
    single = said.removesuffix("s")
    if said in _SIGNS:
        return _SIGNS[said], 1.0
    if single in _MONTHS or said in _MONTHS:
        return "months", float(_MONTHS.get(said, _MONTHS.get(single, 1)))
    if said in _DAYS:
        factor = _DAYS[said]
        return ("nights", 1.0) if factor < 0 else ("time", float(factor))
    for number, dimension in enumerate(FACTORS):
        if said in dimension:
            if number == _TIME:
                return ("working days" if working else "time"), dimension[said]
            currency = next((_SIGNS[name] for name in dimension if name in _SIGNS), None)
            return currency or f"unit {number}", dimension[said]
    return None


def agrees(claimed: Number, given: Number, *, rounded: bool = False) -> bool:
    """Whether a number says what a given one does: the same amount, or a rounded form of it where that is allowed."""
    if claimed.unit is not None and given.unit is not None:
        if claimed.unit[0] != given.unit[0]:
            return False
        if abs(claimed.size - given.size) <= 1e-9 * max(1.0, abs(given.size)):
            return True
        return rounded and claimed.unit == given.unit and _is_rounded(claimed, given.value)
    if abs(claimed.value - given.value) <= 1e-9 * max(1.0, abs(given.value)):
        return True
    return rounded and _is_rounded(claimed, given.value)


def _is_rounded(claimed: Number, value: float) -> bool:
    """Whether the number is the value rounded to the digits that it gives."""
    return abs(claimed.value - value) <= 0.5 * 10.0**-claimed.decimals * (1 + 1e-9)
