"""`GET /widget.js`: the support widget, loadable from any page, and `GET /widget.sri`: its integrity hash."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from litestar import Request, Response, get

from app.web.static_files import packaged, sent

WIDGET = Path(__file__).parent / "widget.js"
HEADERS = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
"""Integrity hashes need a response that any origin may read; it is the same for everyone."""
FOREVER = "public, max-age=31536000, immutable"


@get("/widget.js", include_in_schema=False, sync_to_thread=False)
def widget_js(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The widget; kept for good by readers that name its hash (`?v=`), for five minutes by others."""
    named = request.query_params.get("v", "").replace(" ", "+")
    return sent(request, WIDGET, HEADERS | ({"Cache-Control": FOREVER} if named == integrity() else {}))


@get("/widget.sri", include_in_schema=False, media_type="text/plain", sync_to_thread=False)
def widget_sri() -> str:
    """What `integrity` of the script tag must be for the widget as it is served now."""
    return integrity() + "\n"


def integrity() -> str:
    """The widget's hash as in Subresource Integrity."""
    digest = hashlib.sha384(packaged(WIDGET).content).digest()
    return "sha384-" + base64.b64encode(digest).decode()
