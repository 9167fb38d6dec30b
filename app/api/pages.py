"""`GET /`: a plain page that names the endpoints."""

from __future__ import annotations

from litestar import MediaType, get

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Answerable</title></head>
<body>
<h1>Answerable</h1>
<p>Ask your own documents and tables; every claim is cited.</p>
<dl>
<dt><code>POST /v1/ask</code></dt><dd>a question, answered from documents, tables or both</dd>
<dt><code>POST /v1/search</code></dt><dd>passages for a query</dd>
<dt><code>POST /v1/sql/check</code></dt><dd>validate SQL without running it</dd>
<dt><code>GET <a href="/v1/sources">/v1/sources</a></code></dt><dd>what can be asked about</dd>
<dt><code>GET /v1/answers/{id}</code></dt><dd>an earlier answer</dd>
<dt><code>GET /v1/answers/{id}/chart.svg</code></dt><dd>its chart as a picture</dd>
<dt><code>GET <a href="/schema/openapi.json">/schema</a></code></dt><dd>OpenAPI description</dd>
<dt><code>GET <a href="/healthz">/healthz</a></code>, <code><a href="/readyz">/readyz</a></code>,
<code><a href="/metrics">/metrics</a></code></dt><dd>operations</dd>
</dl>
</body>
</html>
"""


@get("/", media_type=MediaType.HTML, include_in_schema=False, sync_to_thread=False)
def front_page() -> str:
    """The page."""
    return PAGE
