"""The function words of languages, and by them which language a text is in, of those that stores and reading know."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, TypeAlias

from ingest.folding import fold

Language: TypeAlias = Literal["english", "german", "spanish", "french"]

_SAMPLE = 1500
"""Characters looked at."""
_WORD = re.compile(r"[^\W\d_]+")

# Function and question words that a passage need not hold to answer; folded: without case and accents.
_GERMAN = """
    aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim bekomme bekommen bin bis bitte
    brauche brauchen da damit dann das dass dein deine dem den denn der des die dies diese diesem diesen dieser dieses
    dir doch du durch ein eine einem einen einer eines er es etwas euch euer eure fur gegen geht gibt hab habe haben hat
    hatte ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in ins ist ja jede jeden jeder jedes kann kannst kein keine
    keinen konnen konnt konnte lang lange man mein meine meinem meinen meiner mich mir mit muss mussen nach nicht noch
    nun nur ob oder ohne pro sein seine seit sich sie sind so soll sollte uber um und uns unser unsere unter vom von vor
    wann war warum was weg welche welchem welchen welcher welches wenn wer werde werden weshalb wie wieder wieso wieviel
    viel viele will wir wird wo woher wohin wurde zu zum zur zwischen
"""
_SPANISH = """
    a al algo algun alguna ante antes aqui asi aun aunque cada como con contra cual cuales cuando cuanta cuantas cuanto
    cuantos cuesta cuestan de debe debo del desde donde dos durante e el ella ellas ellos en entre era es esa ese eso
    esta estan estas este esto estos estoy fue ha han has hasta hay he la las le les lo los mas me mi mis mucho muy nada
    ni no nos nosotros nuestra nuestro o os otra otro para pero por porque puede pueden puedo que quien quienes se sea
    ser si sin sobre son soy su sus tambien te tengo tiene tienen todo todos tu tus un una uno unos usted ustedes va y
    ya yo
"""
_FRENCH = """
    a ai ainsi alors apres au aucun aussi aux avant avec avez avoir c ce cela ces cet cette ceux chez combien comme
    comment coute d dans de des dois doit donc du elle elles en entre est et etes etre eu fait faut il ils j je jusque l
    la le les leur leurs lors lorsque lui m ma mais me mes moi mon n ne ni nos notre nous on ont ou par pas pendant peut
    peux plus pour pourquoi puis qu quand que quel quelle quelles quels qui quoi s sa sans se ses si son sont sous sur t
    ta te tes toi ton tous tout toute toutes tres tu un une vers vos votre vous y
"""
_ENGLISH = """
    the of and is are to in a an for on with by from at as it this that be was were not or how what when where who which
    why can do does did my your our i you we they if will have has much many long there be may should
"""
ENGLISH = frozenset(_ENGLISH.split())
"""The words that tell English; each store chooses English stop words for itself."""
STOP_WORDS: dict[Language, frozenset[str]] = {
    "german": frozenset(_GERMAN.split()),
    "spanish": frozenset(_SPANISH.split()),
    "french": frozenset(_FRENCH.split()),
}
"""Of the languages besides English, whose stop words each store chooses for itself."""

# What only a question has ("show", "were there"), and languages of which nothing else is known here.
_ALSO_ASKING = """
    german: gab waren wurden zeig zeige
    spanish: muestra tenemos todas
    french: avons chaque ete montre montrez
    italian: abbiamo che chi con dei del della di dove gli il lo mostra nel nella ogni per quale quali quante quanti
        quanto sono tutte tutti una
    portuguese: as cada com da das de do dos em foi ha mostre na no onde os por quais qual quantas quantos que quem sao
        temos todos um uma
    dutch: alle de een elke en er geef hebben het hoeveel met naar niet toon uit van voor waar wat we welke wie wij zijn
"""
_ASKING = {name: words.split() for name, words in re.findall(r"(\w+): ([^:]+)(?=\n|\s\w+:)", _ALSO_ASKING)}
FUNCTION_WORDS: dict[str, frozenset[str]] = {
    name: STOP_WORDS.get(name, frozenset()) | frozenset(words) for name, words in _ASKING.items()
}
"""By language, which may be one whose texts are read as English; folded."""
_TELLING: dict[Language, frozenset[str]] = {"english": ENGLISH, **STOP_WORDS}


def language_of(text: str) -> Language:
    """The language that a text's beginning is in; English where nothing tells."""
    return told_language(text) or "english"


@lru_cache(maxsize=4096)
def told_language(text: str) -> Language | None:
    """The language with the most function words in the text's beginning, each counted once; None without any.

    Where English has as many it is English.
    """
    words = set(_WORD.findall(fold(text[:_SAMPLE])))
    counts = {language: len(words & telling) for language, telling in _TELLING.items()}
    best = max(counts, key=lambda language: (counts[language], language == "english"))
    return best if counts[best] else None
