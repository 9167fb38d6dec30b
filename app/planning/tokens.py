"""Words of questions and identifiers: tokens with offsets, stems, and identifiers split into words."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any, Literal

import msgspec

_TOKEN = re.compile(
    r"""(?P<quoted>"[^"\n]{1,200}"|“[^”\n]{1,200}”|(?<!\w)'[^'\n]{1,200}'(?!\w)|‘[^’\n]{1,200}’)
    |(?P<iso>\d{4}-\d{2}-\d{2}(?!\d))
    |(?P<number>(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[kKmM](?!\w))?(?![\w]))
    |(?P<word>[^\W_]+(?:[.&'’/+-][^\W_]+)*)
    |(?P<mark>[^\s\w]|_)""",
    re.VERBOSE,
)
_MULTIPLIERS = {"k": 1_000, "m": 1_000_000}


class Token(msgspec.Struct, frozen=True):
    """A word, number, quoted string or mark; `start`/`end` are character offsets into the question."""

    text: str
    start: int
    end: int
    kind: Literal["word", "number", "quoted", "iso", "mark"]
    lower: str
    stem: str

    @property
    def value(self) -> int | float | None:
        """The number that the token stands for, if it is one."""
        return parse_number(self.text) if self.kind == "number" else NUMBER_WORDS.get(self.lower)


NUMBER_WORDS: dict[str, int] = {
    word: number
    for number, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "hundred": 100, "thousand": 1000, "dozen": 12}


def parse_number(text: str) -> int | float:
    """The number written as `1,204`, `3.5` or `10k`."""
    cleaned = text.replace(",", "")
    factor = _MULTIPLIERS.get(cleaned[-1].lower(), 1)
    if factor != 1:
        cleaned = cleaned[:-1]
    number = float(cleaned) * factor
    return int(number) if number.is_integer() and "." not in cleaned else number


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")


_IRREGULAR = {
    "people": "person",
    "persons": "person",
    "men": "man",
    "women": "woman",
    "children": "child",
    "lives": "life",
    "countries": "countri",
    "spent": "spend",
    "sold": "sale",
    "sell": "sale",
    "sells": "sale",
    "selling": "sale",
    "bought": "buy",
    "paid": "paid",
    "staff": "staff",
    "data": "data",
    "series": "seri",
    "feet": "foot",
    "aircrafts": "aircraft",
    "taught": "teach",
    "wrote": "write",
    "written": "write",
    "won": "win",
    "born": "birth",
}


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The English (Snowball) stem of a lower-cased word, accents removed."""
    folded = fold(word)
    if folded in _IRREGULAR:
        return _IRREGULAR[folded]
    return str(_stemmer().stemWord(folded)) if folded.isalpha() else folded


def fold(text: str) -> str:
    """Lower case without accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _tokens_of(match: re.Match[str]) -> list[Token]:
    kind: Any = match.lastgroup
    text, start = match.group(), match.start()
    if kind == "quoted":
        inner = text[1:-1].strip()
        return [Token(inner, start, match.end(), kind, fold(inner), fold(inner))]
    if kind != "word":
        return [Token(text, start, match.end(), kind, text.lower(), text.lower())]
    text = text.replace("’", "'")
    for suffix in ("'s", "s'"):
        if text.lower().endswith(suffix) and len(text) > len(suffix) + 1:
            text = text[: -len(suffix)] + ("s" if suffix == "s'" else "")
            break
    return [Token(text, start, match.end(), kind, fold(text), stem(text.lower()))]


def tokenize(question: str) -> list[Token]:
    """Tokens of a question in order; possessive endings are dropped, hyphenated words stay whole."""
    tokens = [token for match in _TOKEN.finditer(question) for token in _tokens_of(match)]
    return [part for token in tokens for part in _split_hyphen(token)]


def _split_hyphen(token: Token) -> list[Token]:
    if token.kind != "word" or not re.search(r"[-/]", token.text):
        return [token]
    parts: list[Token] = []
    for match in re.finditer(r"[^-/]+", token.text):
        word = match.group()
        start = token.start + match.start()
        kind: Literal["number", "word"] = "number" if word.isdigit() else "word"
        parts.append(Token(word, start, start + len(word), kind, fold(word), stem(word.lower())))
    return parts


ABBREVIATIONS: dict[str, tuple[str, ...]] = {
    "qty": ("quantity",),
    "amt": ("amount",),
    "dob": ("date", "of", "birth"),
    "fname": ("first", "name"),
    "lname": ("last", "name"),
    "mname": ("middle", "name"),
    "cname": ("name",),
    "pname": ("name",),
    "cred": ("credit",),
    "inst": ("institution",),
    "prereq": ("prerequisite",),
    "enr": ("enrollment",),
    "bal": ("balance",),
    "dest": ("destination",),
    "src": ("source",),
    "msg": ("message",),
    "img": ("image",),
    "doc": ("document",),
    "req": ("request",),
    "trans": ("transaction",),
    "txn": ("transaction",),
    "supp": ("supplier",),
    "mfr": ("manufacturer",),
    "cnt": ("count",),
    "wt": ("weight",),
    "ht": ("height",),
    "lat": ("latitude",),
    "lng": ("longitude",),
    "lon": ("longitude",),
    "sal": ("salary",),
    "comm": ("commission",),
    "dist": ("distance",),
    "pos": ("position",),
    "qtr": ("quarter",),
    "std": ("standard",),
    "ttl": ("total",),
    "univ": ("university",),
    "gov": ("government",),
    "mgmt": ("management",),
    "dev": ("development",),
    "grp": ("group",),
    "seq": ("sequence",),
    "ref": ("reference",),
    "addr1": ("address",),
    "ph": ("phone",),
    "sname": ("name",),
    "addr": ("address",),
    "num": ("number",),
    "no": ("number",),
    "nr": ("number",),
    "nbr": ("number",),
    "desc": ("description",),
    "descr": ("description",),
    "dept": ("department",),
    "emp": ("employee",),
    "cust": ("customer",),
    "prod": ("product",),
    "yr": ("year",),
    "mon": ("month",),
    "acc": ("account",),
    "acct": ("account",),
    "avg": ("average",),
    "tot": ("total",),
    "pct": ("percent",),
    "perc": ("percent",),
    "mgr": ("manager",),
    "org": ("organization",),
    "loc": ("location",),
    "cat": ("category",),
    "stu": ("student",),
    "prof": ("professor",),
    "crs": ("course",),
    "lang": ("language",),
    "temp": ("temperature",),
    "pop": ("population",),
    "min": ("minimum",),
    "max": ("maximum",),
    "tel": ("telephone",),
    "ctry": ("country",),
    "inv": ("invoice",),
    "ord": ("order",),
    "uom": ("unit",),
    "sku": ("sku",),
    "hq": ("headquarters",),
    "firstname": ("first", "name"),
    "lastname": ("last", "name"),
    "fullname": ("full", "name"),
    "zipcode": ("zip", "code"),
    "birthdate": ("birth", "date"),
    "hiredate": ("hire", "date"),
    "username": ("user", "name"),
    "unitprice": ("unit", "price"),
    "phonenumber": ("phone", "number"),
}

_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_a-zA-Z]+")


@lru_cache(maxsize=65_536)
def identifier_words(name: str) -> tuple[str, ...]:
    """The lower-case words of an identifier: `CustomerID` -> customer id, `order_qty` -> order quantity."""
    words: list[str] = []
    for part in re.split(r"[^\w]+|_", name):
        whole = part.islower() or part.isupper() or fold(part) in ABBREVIATIONS
        pieces = [part] if whole else _CAMEL.findall(part)
        for piece in pieces:
            lowered = fold(piece)
            words.extend(ABBREVIATIONS.get(lowered, (lowered,)) if lowered else ())
    return tuple(words)


@lru_cache(maxsize=65_536)
def identifier_stems(name: str) -> tuple[str, ...]:
    """Stems of an identifier's words."""
    return tuple(stem(word) for word in identifier_words(name))
