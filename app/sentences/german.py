"""The service's sentences in German."""

from app.sentences.template import Sentences

GERMAN = Sentences(
    language="de",
    quotes=("„", "“"),
    either=" oder ",
    neither=" oder ",
    languages={
        "german": "Deutsch",
        "spanish": "Spanisch",
        "french": "Französisch",
        "italian": "Italienisch",
        "portuguese": "Portugiesisch",
        "dutch": "Niederländisch",
    },
    sql="Das ist SQL und keine Frage. Bitte fragen Sie in eigenen Worten; SQL aus einer Frage wird nie ausgeführt.",
    writes="Ich kann nur lesen: Durch eine Frage lässt sich nichts ändern oder löschen.",
    instructions="Ich beantworte Fragen zu den Daten; Anweisungen an mich befolge ich nicht.",
    no_words="Die Frage enthält keine Wörter. Bitte fragen Sie in einem Satz.",
    no_sources="Es gibt noch nichts, wonach man fragen könnte. Fügen Sie eine Quelle hinzu: answerable ingest add"
    " PATH.",
    unknown="Ich weiß es nicht: Weder die Dokumente noch die Tabellen sagen etwas dazu.",
    unsure="Mir ist nicht klar, wonach in den Tabellen gefragt ist, und die Dokumente sagen es nicht. Bitte nennen Sie"
    " Tabelle und Spalte.",
    unfit_words="Aus den Daten kann ich das nicht beantworten: Zu {words:quoted} passt nichts in den Tabellen, und die"
    " Dokumente sagen nichts dazu.",
    other_language="Die Dokumente sagen nichts dazu. Die Frage scheint auf {language} gestellt zu sein; Tabellen"
    " werden auf Englisch befragt, mit den Wörtern der Tabellen.",
    other_language_documents="Ich weiß es nicht: Die Dokumente sagen nichts dazu.",
    contradictory="Diese Bedingungen schließen einander aus: Keine Zeile kann beide erfüllen. Fragen Sie mit einer von"
    " beiden oder mit „or“.",
    no_rows="Die Tabellen enthalten keine Zeile, auf die das zutrifft.",
    outside_the_data="Für diesen Zeitraum enthalten die Daten nichts: „{column}“ reicht von {first} bis {last}.",
    not_permitted="Die geplante Abfrage ist nicht erlaubt.",
    query_failed="Die Abfrage ist fehlgeschlagen. Bitte fragen Sie auf andere Weise.",
    source_unavailable="Diese Daten sind gerade nicht erreichbar. Bitte versuchen Sie es später noch einmal.",
    several_verified="Mehrere Quellen haben darauf eine geprüfte Antwort: {names}. Fragen Sie eine davon mit `sources`"
    " (--source).",
    not_held="In „{table}“ kommt „{value}“ als {columns:quoted or} nicht vor.",
    not_held_known="{not_held} Die Daten enthalten {known:quoted}{more}.",
    one_more=" und 1 weiteren Wert",
    more=" und {count} weitere Werte",
    not_in_tables="Aus den Daten kann ich das nicht beantworten: Die Tabellen ({tables}) sagen es nicht, und die"
    " Dokumente auch nicht.",
    unfit_followup="Das liest sich wie eine Nachfrage, aber ich kann nicht erkennen, wie sie die Frage davor ändert."
    " Bitte stellen Sie sie als ganze Frage.",
    no_choice="Damit wird etwas ausgewählt, aber es steht nichts zur Wahl. Bitte stellen Sie eine ganze Frage.",
    no_context="Das liest sich wie eine Nachfrage, aber es gibt keine Antwort davor. Bitte stellen Sie sie als ganze"
    " Frage.",
    time_up="Die Zeit war um, bevor es eine Antwort gab. Bitte fragen Sie nach weniger auf einmal.",
    time_limit="Die Zeit war um, bevor es eine Antwort gab. Die Grenze liegt bei {seconds} s. Bitte fragen Sie nach"
    " weniger auf einmal.",
    not_waited="Die Antwort wurde nicht abgewartet.",
    what_about="Worum geht es in der Frage?",
    which_table="Meinen Sie {tables:quoted or} mit „{mention}“?",
    which_column="Was ist mit „{mention}“ gemeint: {columns:, or}?",
    column_of="„{column}“ aus „{table}“",
    unknown_names="Nichts heißt {words:quoted nor}. Meinten Sie eine dieser Fragen?",
    two_ways="Das kann auf zwei Arten gemeint sein.",
    several_ways="Das lässt sich verschieden verstehen. Was meinen Sie?",
    one_at_a_time="Diese Fragen beantworte ich eine nach der anderen.",
    for_example="{question} Zum Beispiel: {options:;}",
    could_ask="{text} Sie könnten fragen: {questions:quoted or}.",
    nearest="{text} Am nächsten kommen diese Dokumente: {documents:;}.",
    section="{title} (Abschnitt „{section}“)",
    nothing_on_part="Zu „{part}“ habe ich keine Antwort gefunden.",
    rule_not_told="Die Tabellen sagen nicht, für welche davon diese Regel gilt.",
    outdated="Das sagt nur eine ältere Fassung („{title}“); es gilt vielleicht nicht mehr:",
    outdated_since="Das sagt nur eine ältere Fassung („{title}“, zuletzt geändert: {date}); es gilt vielleicht nicht"
    " mehr:",
)
