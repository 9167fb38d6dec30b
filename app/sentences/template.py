"""The sentences of one language: what a translation consists of."""

from __future__ import annotations

import msgspec


class Sentences(msgspec.Struct, frozen=True, kw_only=True):
    """The service's sentences in one language.

    `{place}` is what is put in; `{place:quoted}` stands in quotation marks; of several, `{place:quoted or}` joins with
    "or", `nor` with the word for names that do not exist, `;` with semicolons, `, or` with commas and "or" before the
    last, and nothing with commas. English hands on the messages of engines and servers (`{detail}`); the other
    languages say what they mean for the reader.
    """

    language: str
    """ISO 639-1."""
    quotes: tuple[str, str]
    comma: str = ", "
    semicolon: str = "; "
    either: str
    """" or ", with its spaces."""
    neither: str
    languages: dict[str, str]
    """Names of languages as `other_language` puts them in, by what `ingest.languages` calls them."""

    # Why a question is not answered
    sql: str
    writes: str
    instructions: str
    no_words: str
    no_sources: str
    unknown: str
    unsure: str
    unfit_words: str
    other_language: str
    other_language_documents: str
    """The same where no tables are asked."""
    contradictory: str
    no_rows: str
    outside_the_data: str
    not_permitted: str
    query_failed: str
    source_unavailable: str
    several_verified: str
    not_held: str
    not_held_known: str
    one_more: str
    more: str
    not_in_tables: str
    unfit_followup: str
    no_choice: str
    no_context: str
    time_up: str
    time_limit: str
    """With the limit: `{seconds}`."""
    not_waited: str

    # Questions back
    what_about: str
    which_table: str
    which_column: str
    column_of: str
    unknown_names: str
    two_ways: str
    several_ways: str
    one_at_a_time: str

    # Beside what documents and tables say
    for_example: str
    could_ask: str
    nearest: str
    section: str
    nothing_on_part: str
    rule_not_told: str
    outdated: str
    outdated_since: str
    """With the day of its last change, ISO 8601."""
