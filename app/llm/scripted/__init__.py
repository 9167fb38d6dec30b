"""A scripted OpenAI-compatible server: real HTTP on loopback, answers and faults as a script says.

    request -> key? -> first rule that matches -> reply -> whole or piece by piece -> log and totals

    with scripted_server([{"match": {"schema": "route"}, "reply": {"json": {"route": "tables"}}}]) as server:
        ...                         # server.url is a base URL, server.received and server.tokens tell what came

It is an ordinary part: tests, benchmarks and `answerable dev llm` use it alike. docs/scripted-models.md describes
scripts.
"""

from app.llm.scripted.counting import count_message_tokens, count_tokens
from app.llm.scripted.received import Received, Sums
from app.llm.scripted.serving import ScriptedServer, scripted_server

__all__ = ["Received", "ScriptedServer", "Sums", "count_message_tokens", "count_tokens", "scripted_server"]
