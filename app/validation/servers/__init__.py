"""From a validated DuckDB statement to the statement that means the same on a database server, or a finding why not.

translated    the main path: types, rewriting, tables, text, and a second look at the text
expressions   one rewriting for each kind of expression; a kind without one is refused
functions     rewritings of functions and aggregates
columns       columns of stored tables become their readings
"""

from app.validation.servers.translated import Translated, translated

__all__ = ["Translated", "translated"]
