"""The language of a text, told by its commonest words, or by its script; no model and no network.

Words of the closed classes (articles, prepositions, pronouns) make up a third of running text and hardly overlap
between these languages.
"""

from __future__ import annotations

import re

_WORDS = {
    "en": "the of and to in is that for it with as was on are be this by at from have or not you your we can will if",
    "de": "der die das und ist nicht ein eine zu den mit von für auf im dem des sich auch wird werden sie ich wir oder",
    "fr": "le la les des et est une dans pour que qui sur pas par avec vous nous du au sont ce cette ne ou aux",
    "es": "el la los las de y es en una para que con por se del no su al lo como más este son está si",
    "it": "il la di che e è un una per non con del della sono le gli dei nel alla si da questo anche come",
    "nl": "de het een van en is in op te dat niet voor met zijn die aan er ook als bij door naar wordt je uw",
    "pt": "o a os as de e é em um uma para que com não do da dos das por se mais como ao você são",
    "pl": "w i na z do nie się jest to że o dla od po za przez jak lub oraz są być ten przy",
}
_SCRIPTS = (
    ("ru", re.compile("[\u0400-\u04ff]")), ("el", re.compile("[\u0370-\u03ff]")), ("ar", re.compile("[\u0600-\u06ff]")),
    ("he", re.compile("[\u0590-\u05ff]")), ("ja", re.compile("[\u3040-\u30ff]")), ("ko", re.compile("[\uac00-\ud7af]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
)  # fmt: skip
"""Script -> the language that is most often written in it."""
_WORD = re.compile(r"[^\W\d_]+")
_SAMPLE = 20_000  # characters
_LEAST_WORDS = 12
_LEAST_SHARE = 0.08
"""Share of words that must be common ones of the language; tables and code have fewer."""
_LANGUAGES_OF: dict[str, list[str]] = {}
for _language, _listed in _WORDS.items():
    for _each in _listed.split():
        _LANGUAGES_OF.setdefault(_each, []).append(_language)


def language_of(text: str) -> str | None:
    """ISO 639-1 code of the language, e.g. `en`; None where the text is too short or no prose."""
    sample = text[:_SAMPLE]
    letters = sum(map(str.isalpha, sample))
    for code, script in _SCRIPTS:
        if letters >= _LEAST_WORDS and len(script.findall(sample)) > letters * (0.1 if code == "ja" else 0.4):
            return code
    words = _WORD.findall(sample.casefold())
    if len(words) < _LEAST_WORDS:
        return None
    counts: dict[str, float] = {}
    for word in words:
        listed = _LANGUAGES_OF.get(word, ())
        for language in listed:
            counts[language] = counts.get(language, 0.0) + 1 / len(listed)
    best = max(counts, key=lambda language: counts[language], default=None)
    return best if best is not None and counts[best] >= _LEAST_SHARE * len(words) else None
