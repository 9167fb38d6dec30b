"""The words of pages without scripts, in English, German, Spanish and French."""

from __future__ import annotations

import msgspec

from app.accepted_languages import liked_best


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What the pages say themselves; documents and answers keep their language."""

    language: str
    title: str
    question: str
    ask: str
    follow_up: str
    you_asked: str
    answer: str
    sources: str
    nearest: str
    options: str
    suggestions: str
    table: str
    cut_off: str
    chart: str
    as_of: str
    person: str
    message: str
    contact: str
    send: str
    passed_on: str
    again: str
    new: str
    examples: str
    original: str
    show_all: str
    shortened: str
    error: str
    empty: str
    too_long: str
    """With `{count}` and `{limit}`."""
    wait: str
    """With `{seconds}`."""


ENGLISH = Words(
    language="en",
    title="Ask a question",
    question="Your question",
    ask="Ask",
    follow_up="Ask a follow-up question",
    you_asked="You asked",
    answer="Answer",
    sources="Sources",
    nearest="Worth reading",
    options="Which one do you mean?",
    suggestions="You could ask",
    table="Table",
    cut_off="More rows are not shown.",
    chart="Chart of the answer:",
    as_of="Data as of",
    person="Talk to a person",
    message="Your message",
    contact="How to reach you (e-mail)",
    send="Send",
    passed_on="Your conversation was passed on. Reference:",
    again="This form was open for too long. Send it again, please.",
    new="Start a new conversation",
    examples="For example",
    original="Open the original",
    show_all="Show all of it",
    shortened="This is a part of a long document.",
    error="This did not work",
    empty="The question is empty. Ask something in a sentence.",
    too_long="The question has {count} characters; {limit} are allowed. Shorten it, or raise"
    " ANSWERABLE_QUESTION_MAX_CHARS.",
    wait="Too many requests. Please wait {seconds} seconds and try again.",
)
GERMAN = Words(
    language="de",
    title="Frage stellen",
    question="Ihre Frage",
    ask="Fragen",
    follow_up="Nachfrage stellen",
    you_asked="Ihre Frage",
    answer="Antwort",
    sources="Quellen",
    nearest="Lesenswert",
    options="Was meinen Sie?",
    suggestions="Sie könnten fragen",
    table="Tabelle",
    cut_off="Weitere Zeilen werden nicht gezeigt.",
    chart="Diagramm zur Antwort:",
    as_of="Stand der Daten",
    person="Mit einem Menschen sprechen",
    message="Ihre Nachricht",
    contact="Wie wir Sie erreichen (E-Mail)",
    send="Senden",
    passed_on="Ihr Gespräch wurde weitergegeben. Referenz:",
    again="Dieses Formular war zu lange offen. Bitte senden Sie es noch einmal.",
    new="Neues Gespräch beginnen",
    examples="Zum Beispiel",
    original="Original öffnen",
    show_all="Alles zeigen",
    shortened="Dies ist ein Teil eines langen Dokuments.",
    error="Das hat nicht geklappt",
    empty="Die Frage ist leer. Bitte fragen Sie in einem Satz.",
    too_long="Die Frage hat {count} Zeichen, möglich sind {limit}. Bitte kürzen Sie sie.",
    wait="Zu viele Anfragen. Bitte warten Sie {seconds} Sekunden und versuchen Sie es erneut.",
)
SPANISH = Words(
    language="es",
    title="Haga una pregunta",
    question="Su pregunta",
    ask="Preguntar",
    follow_up="Haga otra pregunta",
    you_asked="Su pregunta",
    answer="Respuesta",
    sources="Fuentes",
    nearest="Puede interesarle",
    options="¿A qué se refiere?",
    suggestions="Podría preguntar",
    table="Tabla",
    cut_off="Hay más filas que no se muestran.",
    chart="Gráfico de la respuesta:",
    as_of="Datos a fecha de",
    person="Hablar con una persona",
    message="Su mensaje",
    contact="Cómo contactarle (correo electrónico)",
    send="Enviar",
    passed_on="Su conversación se ha transmitido. Referencia:",
    again="El formulario estuvo abierto demasiado tiempo. Envíelo de nuevo, por favor.",
    new="Empezar otra conversación",
    examples="Por ejemplo",
    original="Abrir el original",
    show_all="Mostrar todo",
    shortened="Esto es una parte de un documento largo.",
    error="No ha funcionado",
    empty="La pregunta está vacía. Pregunte algo en una frase.",
    too_long="La pregunta tiene {count} caracteres, el máximo es {limit}. Acórtela, por favor.",
    wait="Demasiadas solicitudes. Espere {seconds} segundos y vuelva a intentarlo.",
)
FRENCH = Words(
    language="fr",
    title="Posez une question",
    question="Votre question",
    ask="Demander",
    follow_up="Posez une autre question",
    you_asked="Votre question",
    answer="Réponse",
    sources="Sources",
    nearest="À lire",
    options="Que voulez-vous dire ?",
    suggestions="Vous pourriez demander",
    table="Tableau",
    cut_off="D’autres lignes ne sont pas affichées.",
    chart="Graphique de la réponse :",
    as_of="Données du",
    person="Parler à une personne",
    message="Votre message",
    contact="Comment vous joindre (e-mail)",
    send="Envoyer",
    passed_on="Votre conversation a été transmise. Référence :",
    again="Ce formulaire est resté ouvert trop longtemps. Veuillez l’envoyer à nouveau.",
    new="Nouvelle conversation",
    examples="Par exemple",
    original="Ouvrir l’original",
    show_all="Tout afficher",
    shortened="Ceci est une partie d’un long document.",
    error="Cela n’a pas fonctionné",
    empty="La question est vide. Demandez quelque chose en une phrase.",
    too_long="La question compte {count} caractères, le maximum est {limit}. Veuillez la raccourcir.",
    wait="Trop de demandes. Patientez {seconds} secondes, puis réessayez.",
)
LANGUAGES = {words.language: words for words in (ENGLISH, GERMAN, SPANISH, FRENCH)}


def words_for(accepted: str) -> Words:
    """The words in the language that an `Accept-Language` header likes best; English if it likes none of ours."""
    return LANGUAGES.get(liked_best(accepted, LANGUAGES) or "", ENGLISH)
