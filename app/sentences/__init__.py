"""What the service itself says to whoever asks, in the reader's language: refusals, questions back, joining words.

A stage says *which* sentence and what is put into it (`said("no_rows")`); where the answer is put together, `say` puts
it into words. Documents, cells, names of tables and questions that are offered stay as they are.
"""

from app.sentences.saying import ReaderLanguage, reader_language, say
from app.sentences.values import LanguageName, Said, said

__all__ = ["LanguageName", "ReaderLanguage", "Said", "reader_language", "said", "say"]
