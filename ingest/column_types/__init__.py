"""Types for tables whose source has none: CSV files and spreadsheets arrive as text in every column.

    all rows -> candidates from a sample -> aggregate probes over all rows -> one typed SELECT expression per column

A column gets a type only if *every* value fits it; otherwise it stays text and the report says what did not fit.
No value is ever dropped: what becomes NULL is blank or one of `NULL_WORDS`, and the latter is reported.

Decided defaults:

- Day before month in dates such as `03/04/2024` that nothing settles; month first if the table's other
  dates are so or its amounts are in dollars. All cases are reported as `ambiguous_dates`.
- The point is the decimal sign in numbers such as `1.234`, the comma groups thousands in `1,234`, unless another
  column of the table can only be read the other way round. Reported as `ambiguous_numbers` where it matters.
- Numbers that begin with 0 (`01234`) or have more than 18 digits are codes and stay text.
- `$` alone means USD.
"""

from ingest.column_types.forms import NULL_WORDS
from ingest.column_types.typing_pass import TypedColumn, TypedTable, type_table

__all__ = ["NULL_WORDS", "TypedColumn", "TypedTable", "type_table"]
