"""The service's sentences in French. No-break spaces stand before `: ; ? !` and inside the quotation marks."""

from app.sentences.template import Sentences

FRENCH = Sentences(
    language="fr",
    quotes=("« ", " »"),
    semicolon=" ; ",
    either=" ou ",
    neither=" ni ",
    languages={
        "german": "allemand",
        "spanish": "espagnol",
        "french": "français",
        "italian": "italien",
        "portuguese": "portugais",
        "dutch": "néerlandais",
    },
    sql="Ceci est du SQL et non une question. Demandez avec vos propres mots ; le SQL d’une question n’est jamais"
    " exécuté.",
    writes="Je peux seulement lire : une question ne peut rien modifier ni supprimer.",
    instructions="Je réponds aux questions sur les données ; je ne suis pas les instructions qui me sont adressées.",
    no_words="La question ne contient aucun mot. Demandez quelque chose en une phrase.",
    no_sources="Il n’y a encore rien à demander. Ajoutez une source : answerable ingest add PATH.",
    unknown="Je ne sais pas : ni les documents ni les tables n’en disent quoi que ce soit.",
    unsure="Je ne vois pas clairement ce qui est demandé aux tables, et les documents ne le disent pas. Nommez la"
    " table et la colonne.",
    unfit_words="Je ne peux pas répondre à partir des données : rien dans les tables ne correspond à {words:quoted},"
    " et les documents ne le disent pas.",
    other_language="Les documents n’en disent rien. La question semble être en {language} ; les tables s’interrogent"
    " en anglais, avec les mots des tables.",
    other_language_documents="Je ne sais pas : les documents n’en disent rien.",
    contradictory="Ces conditions s’excluent : aucune ligne ne peut remplir les deux. Demandez avec l’une d’elles, ou"
    " avec « or ».",
    no_rows="Les tables ne contiennent aucune ligne qui y corresponde.",
    outside_the_data="Les données ne contiennent rien pour cette période : « {column} » va du {first} au {last}.",
    not_permitted="La requête prévue n’est pas autorisée.",
    query_failed="La requête a échoué. Posez la question autrement.",
    source_unavailable="Ces données ne sont pas accessibles pour le moment. Réessayez plus tard.",
    several_verified="Plusieurs sources ont une réponse vérifiée à cette question : {names}. Interrogez l’une d’elles"
    " avec `sources` (--source).",
    not_held="Dans « {table} », « {value} » n’apparaît pas comme {columns:quoted or}.",
    not_held_known="{not_held} Les données contiennent {known:quoted}{more}.",
    one_more=" et 1 autre",
    more=" et {count} autres",
    not_in_tables="Je ne peux pas répondre à partir des données : les tables ({tables}) ne le disent pas, et les"
    " documents non plus.",
    unfit_followup="Cela semble prolonger la question précédente, mais je ne vois pas ce que cela y change. Posez la"
    " question en entier.",
    no_choice="Cela choisit parmi des options, et aucune n’est proposée. Posez une question entière.",
    no_context="Cela semble prolonger une conversation, et il n’y a pas de réponse précédente. Posez la question en"
    " entier.",
    time_up="Le temps était écoulé avant qu’il y ait une réponse. Demandez-en moins à la fois.",
    time_limit="Le temps était écoulé avant qu’il y ait une réponse. La limite est de {seconds} s. Demandez-en moins à"
    " la fois.",
    not_waited="La réponse n’a pas été attendue.",
    what_about="Sur quoi porte la question ?",
    which_table="Par « {mention} », entendez-vous {tables:quoted or} ?",
    which_column="Que désigne « {mention} » : {columns:, or} ?",
    column_of="« {column} » de « {table} »",
    unknown_names="Rien ne s’appelle {words:quoted nor}. Vouliez-vous poser l’une de ces questions ?",
    two_ways="Cela peut se comprendre de deux façons.",
    several_ways="Cela peut se comprendre de plusieurs façons. Que voulez-vous dire ?",
    one_at_a_time="Je réponds à ces questions une par une.",
    for_example="{question} Par exemple : {options:;}",
    could_ask="{text} Vous pourriez demander : {questions:quoted or}.",
    nearest="{text} Les documents les plus proches sont : {documents:;}.",
    section="{title} (section « {section} »)",
    nothing_on_part="Sur « {part} », je n’ai trouvé aucune réponse.",
    rule_not_told="Les tables ne disent pas auxquels cette règle s’applique.",
    outdated="Seule une version antérieure le dit (« {title} ») ; cela ne vaut peut-être plus :",
    outdated_since="Seule une version antérieure le dit (« {title} », dernière modification : {date}) ; cela ne vaut"
    " peut-être plus :",
)
