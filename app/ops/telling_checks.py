"""What `answerable doctor` looks at where the operator is told of something: the webhook."""

from __future__ import annotations

from urllib.parse import urlsplit

from app.ops.findings import Finding
from app.settings import Settings, is_loopback


def webhook(settings: Settings) -> Finding:
    """The webhook of events, if there is one, is a URL that can be called; nothing is sent to it."""
    if not settings.webhook_url:
        return Finding(check="webhook", level="ok", message="none is set: nobody is told of events")
    from app.ops.webhook import open_webhook

    open_webhook(settings.webhook_url, settings.webhook_secret).close()
    url = urlsplit(settings.webhook_url)
    message = f"{url.hostname} is told of {', '.join(settings.webhook_events) or 'nothing'}"
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        remedy = "Use https: whoever is in between could read what is told, and the webhook's address."
        return Finding(check="webhook", level="warning", message=f"{message}, in clear text", remedy=remedy)
    if not settings.webhook_secret:
        remedy = "Set ANSWERABLE_WEBHOOK_SECRET, so that the receiver can tell our events from forged ones."
        return Finding(check="webhook", level="warning", message=f"{message}, not signed", remedy=remedy)
    return Finding(check="webhook", level="ok", message=f"{message}, signed")
