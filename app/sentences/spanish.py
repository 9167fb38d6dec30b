"""The service's sentences in Spanish. "o bien" is right before any word, where "o" becomes "u" before another "o"."""

from app.sentences.template import Sentences

SPANISH = Sentences(
    language="es",
    quotes=("«", "»"),
    either=" o bien ",
    neither=" ni ",
    languages={
        "german": "alemán",
        "spanish": "español",
        "french": "francés",
        "italian": "italiano",
        "portuguese": "portugués",
        "dutch": "neerlandés",
    },
    sql="Esto es SQL y no una pregunta. Pregunte con sus propias palabras; el SQL de una pregunta nunca se ejecuta.",
    writes="Solo puedo leer: con una pregunta no se puede cambiar ni borrar nada.",
    instructions="Respondo a preguntas sobre los datos; no sigo instrucciones dirigidas a mí.",
    no_words="La pregunta no contiene palabras. Pregunte algo en una frase.",
    no_sources="Todavía no hay nada que preguntar. Añada una fuente: answerable ingest add PATH.",
    unknown="No lo sé: ni los documentos ni las tablas dicen nada al respecto.",
    unsure="No está claro qué se pregunta a las tablas, y los documentos no lo dicen. Indique la tabla y la columna.",
    unfit_words="No puedo responder a esto con los datos: en las tablas nada corresponde a {words:quoted}, y los"
    " documentos no lo dicen.",
    other_language="Los documentos no dicen nada al respecto. La pregunta parece estar en {language}; a las tablas se"
    " les pregunta en inglés, con las palabras de las tablas.",
    other_language_documents="No lo sé: los documentos no dicen nada al respecto.",
    contradictory="Estas condiciones se excluyen entre sí: ninguna fila puede cumplir las dos. Pregunte con una de"
    " ellas, o con «or».",
    no_rows="Las tablas no contienen ninguna fila que corresponda a esto.",
    outside_the_data="Los datos no contienen nada en ese período: «{column}» va de {first} a {last}.",
    not_permitted="La consulta prevista no está permitida.",
    query_failed="La consulta ha fallado. Pregunte de otra manera.",
    source_unavailable="Estos datos no están disponibles en este momento. Inténtelo de nuevo más tarde.",
    several_verified="Varias fuentes tienen una respuesta verificada a esto: {names}. Pregunte a una de ellas con"
    " `sources` (--source).",
    not_held="En «{table}» no aparece «{value}» como {columns:quoted or}.",
    not_held_known="{not_held} Los datos contienen {known:quoted}{more}.",
    one_more=" y 1 más",
    more=" y {count} más",
    not_in_tables="No puedo responder a esto con los datos: las tablas ({tables}) no lo dicen, y los documentos"
    " tampoco.",
    unfit_followup="Esto parece continuar la pregunta anterior, pero no veo cómo la cambia. Haga la pregunta completa.",
    no_choice="Esto elige entre opciones, y no hay ninguna abierta. Haga una pregunta completa.",
    no_context="Esto parece continuar una conversación, y no hay ninguna respuesta anterior. Haga la pregunta"
    " completa.",
    time_up="Se acabó el tiempo antes de que hubiera una respuesta. Pregunte por menos cosas a la vez.",
    time_limit="Se acabó el tiempo antes de que hubiera una respuesta. El límite es de {seconds} s. Pregunte por"
    " menos cosas a la vez.",
    not_waited="No se esperó la respuesta.",
    what_about="¿De qué trata la pregunta?",
    which_table="¿Se refiere a {tables:quoted or} con «{mention}»?",
    which_column="¿A qué se refiere «{mention}»: {columns:, or}?",
    column_of="«{column}» de «{table}»",
    unknown_names="Nada se llama {words:quoted nor}. ¿Quiso hacer una de estas preguntas?",
    two_ways="Eso puede entenderse de dos maneras.",
    several_ways="Eso puede entenderse de varias maneras. ¿Qué quiere decir?",
    one_at_a_time="Respondo a estas preguntas de una en una.",
    for_example="{question} Por ejemplo: {options:;}",
    could_ask="{text} Podría preguntar: {questions:quoted or}.",
    nearest="{text} Los documentos más cercanos son: {documents:;}.",
    section="{title} (sección «{section}»)",
    nothing_on_part="Sobre «{part}» no he encontrado ninguna respuesta.",
    rule_not_told="Las tablas no dicen a cuáles se aplica esa regla.",
    outdated="Solo lo dice una versión anterior («{title}»); puede que ya no sea válido:",
    outdated_since="Solo lo dice una versión anterior («{title}», última modificación: {date}); puede que ya no sea"
    " válido:",
)
