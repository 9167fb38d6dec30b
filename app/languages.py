"""Which language a question is in, by its function words: enough to say why it was not understood."""

from __future__ import annotations

import re

from app.terms import STOP_WORDS

_LISTED = """
    German: wie viele welche welcher welches der die das den dem und von im zum haben hat gab gibt es wir ist sind waren
        nach mit für aus pro bei zeige alle ein eine nicht wurden jede jeder jeden wo wer zeig mir
    French: combien quel quelle quels quelles est sont le la les des du de et par pour dans avec nous avons ont chaque
        montre montrez en au aux qui une un sur où été tous toutes y
    Spanish: cuántos cuántas cuál cuáles qué hay el la los las de del en y por para con muestra cada son es fue una un
        tenemos cuanto todos todas que cuantos cuantas tienen más mas
    Italian: quanti quante quanto quale quali che il lo gli di del della dei per con sono abbiamo ogni mostra nel nella
        tutti tutte una dove chi
    Portuguese: quantos quantas qual quais há os as do da dos das em no na por com temos mostre cada são uma um todos
        quem onde foi de que
    Dutch: hoeveel welke het een van zijn hebben wij we voor met elke toon naar geef wat wie waar er alle niet uit de en
"""
_FUNCTION_WORDS = {
    language: frozenset(words.split()) for language, words in re.findall(r"(\w+): ([^:]+)(?=\n|\s\w+:)", _LISTED)
}
_LEAST = 2
"""Function words of a language without which a question may be in any."""


def other_language(text: str) -> str | None:
    """The language of a question that is not in English: "German", "French", … ; None if it may be English."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    english = sum(word in STOP_WORDS for word in words)
    counts = {language: sum(word in known for word in words) for language, known in _FUNCTION_WORDS.items()}
    likeliest = max(counts, key=lambda language: counts[language])
    return likeliest if counts[likeliest] >= _LEAST and counts[likeliest] > english else None
