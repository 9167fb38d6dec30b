"""What `answerable doctor` looks at where people come in: the address and the port, keys, sites, limits, mail."""

from __future__ import annotations

import errno
import os
import socket
import stat
import time
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from app.ops.findings import Finding
from app.settings import Settings, is_loopback

SOON_S = 14 * 86_400.0
"""Seconds before its end that a key is named."""
REACH_S = 3.0
"""Seconds that a server may take to answer."""
NAMED = 5
"""Of what is wrong; the rest is counted."""


def state_file(settings: Settings) -> Finding:
    """The state file, with keys' hashes and secrets in it, can be read by this user only."""
    check, path = "state file", settings.state_path
    if not path.exists():
        return Finding(check=check, level="ok", message="there is none yet")
    files = [path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))]
    opened = [file.name for file in files if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077]
    if opened:
        remedy = f"`chmod 600 {path}*`: it holds secrets, hashes of keys and what people asked."
        return Finding(
            check=check, level="warning", message=f"others may read {', '.join(opened)} in {path.parent}", remedy=remedy
        )
    if not os.access(path, os.R_OK | os.W_OK):
        remedy = f"Give it to the user that runs the service: `chown USER {path}*`."
        return Finding(check=check, level="failure", message=f"{path} cannot be read and written", remedy=remedy)
    return Finding(check=check, level="ok", message=f"{path}, {path.stat().st_size / 1e6:.1f} MB")


def expiring_keys(settings: Settings) -> Finding:
    """No valid key ends within two weeks or asks a source that is not there, and one that is an owner's stays."""
    from app.ops.keys import KeyStore

    check = "expiring keys"
    if not settings.state_path.exists():
        return Finding(check=check, level="ok", message="there are no keys")
    valid = [key for key in KeyStore(settings.state_path).all() if key.valid]
    soon = [key for key in valid if key.expires_at is not None and key.expires_at - time.time() < SOON_S]
    if soon:
        shown = _some(f"{key.name} {key.id} on {_day(key.expires_at)}" for key in soon)
        remedy = "Make others in time: `answerable keys add`, or /console/keys."
        return Finding(check=check, level="warning", message=f"valid for days only: {shown}", remedy=remedy)
    known = _sources(settings) if any(key.sources for key in valid) else set()
    lost = [f"{key.name} {key.id} asks {name}" for key in valid for name in key.sources or () if name not in known]
    if lost:
        remedy = "Ingest the source under that name, or make another key and revoke this one: `answerable keys`."
        return Finding(check=check, level="warning", message=f"not ingested: {_some(lost)}", remedy=remedy)
    if valid and settings.needs_key and not any(key.role == "owner" and key.sources is None for key in valid):
        remedy = "`answerable keys add --role owner` makes one; without it nobody sees keys, prompts and usage."
        return Finding(check=check, level="warning", message="no key is an owner's of all sources", remedy=remedy)
    return Finding(check=check, level="ok", message=f"{len(valid)} valid keys")


def sites(settings: Settings) -> Finding:
    """Each site that is not revoked can be used: not expired, with origins that browsers trust, sources that exist."""
    from app.ops.sites import SiteStore

    if not settings.state_path.exists():
        return Finding(check="sites", level="ok", message="no page may show the widget")
    found = [site for site in SiteStore(settings.state_path).all() if site.revoked_at is None]
    known = _sources(settings)
    faults = []
    for site in found:
        name = site.options.name
        left = None if site.expires_at is None else site.expires_at - time.time()
        if left is not None and left < SOON_S:
            faults.append(f"{name} {'has expired' if left <= 0 else f'ends on {_day(site.expires_at)}'}")
        if not site.options.origins:
            faults.append(f"{name} has no origin")
        clear = [each for each in site.options.origins if each.startswith("http:") and not _own(each)]
        faults += [f"{name} may be shown by {clear[0]}, in clear text"] if clear else []
        lost = [each for each in site.options.sources or () if each not in known]
        faults += [f"{name} asks {lost[0]}, which is not ingested"] if lost else []
        kind = site.options.handover.kind
        if kind == "mail" and not (settings.smtp_url and settings.mail_from):
            faults.append(f"{name} hands over by mail, and ANSWERABLE_SMTP_URL and ANSWERABLE_MAIL_FROM are not set")
        if kind == "webhook" and not settings.webhook_url:
            faults.append(f"{name} hands over by webhook, and ANSWERABLE_WEBHOOK_URL is not set")
    if faults:
        remedy = "Change or revoke them at /console/keys, or by `answerable keys`; set what hand-overs need."
        return Finding(check="sites", level="warning", message=_some(faults, "; "), remedy=remedy)
    return Finding(check="sites", level="ok", message=f"{len(found)} sites" if found else "no page may show the widget")


def address(settings: Settings) -> Finding:
    """Where others reach the service, it knows under which name, and answers to that name only."""
    check = "address"
    url = urlsplit(settings.public_url)
    if settings.public_url and (url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment):
        remedy = "Write it as https://answers.example.com, without a query."
        return Finding(check=check, level="failure", message="ANSWERABLE_PUBLIC_URL is no address", remedy=remedy)
    if (
        url.hostname
        and settings.allowed_hosts
        and url.hostname not in {name.casefold() for name in settings.allowed_hosts}
    ):
        message = f"ANSWERABLE_ALLOWED_HOSTS does not name {url.hostname}, which ANSWERABLE_PUBLIC_URL does"
        return Finding(check=check, level="failure", message=message, remedy=f"Add {url.hostname} to it.")
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        remedy = "Put a reverse proxy with a certificate in front: keys and tickets travel in clear text."
        return Finding(check=check, level="warning", message=f"{settings.public_url} is not https", remedy=remedy)
    if settings.on_loopback and (not settings.public_url or is_loopback(url.hostname or "")):
        return Finding(check=check, level="ok", message=f"{settings.host}, for this machine only")
    missing = [] if settings.public_url else ["ANSWERABLE_PUBLIC_URL"]
    missing += [] if settings.allowed_hosts else ["ANSWERABLE_ALLOWED_HOSTS"]
    if missing:
        remedy = "Set what is missing: links in mails need the address, and any other name in a request is refused."
        message = f"others may reach it, and {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
        return Finding(check=check, level="warning", message=message, remedy=remedy)
    return Finding(check=check, level="ok", message=settings.public_url)


def port(settings: Settings) -> Finding:
    """The port is free, or a server runs there already."""
    host = settings.host.strip("[]")
    if settings.port == 0:
        return Finding(check="port", level="ok", message="a free one is taken")
    try:
        family = socket.getaddrinfo(host, settings.port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, settings.port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            remedy = "If that is not this service, set ANSWERABLE_PORT to another port."
            message = f"something listens on {settings.host}:{settings.port}, this service perhaps"
            return Finding(check="port", level="ok", message=message, remedy=remedy)
        remedy = "Set ANSWERABLE_HOST to an address of this machine, and ANSWERABLE_PORT to a port above 1023."
        message = f"{settings.host}:{settings.port} cannot be bound: {error.strerror or type(error).__name__}"
        return Finding(check="port", level="failure", message=message, remedy=remedy)
    return Finding(check="port", level="ok", message=f"{settings.host}:{settings.port} is free")


def limits(settings: Settings) -> Finding:
    """The Redis that counts requests, if one is set, answers; several processes share one."""
    if not settings.limits_url:
        if settings.workers > 1:
            remedy = "Set ANSWERABLE_LIMITS_URL to a Redis that they share, or set rates for one process."
            message = (
                f"{settings.workers} processes count each for itself, so that {settings.workers} times as many pass"
            )
            return Finding(check="limits", level="warning", message=message, remedy=remedy)
        return Finding(check="limits", level="ok", message="counted in the server process")
    import redis

    remedy = "Start it, or correct ANSWERABLE_LIMITS_URL: redis://user:password@host:6379/0."
    try:
        client = redis.Redis.from_url(settings.limits_url, socket_timeout=REACH_S, socket_connect_timeout=REACH_S)
        client.ping()
        client.close()
    except ValueError:
        message = "ANSWERABLE_LIMITS_URL is no address of a Redis"
        return Finding(check="limits", level="failure", message=message, remedy=remedy)
    except redis.RedisError as error:
        message = f"Redis does not answer: {type(error).__name__}"
        return Finding(check="limits", level="failure", message=message, remedy=remedy)
    return Finding(check="limits", level="ok", message=f"Redis at {urlsplit(settings.limits_url).hostname} answers")


def mail(settings: Settings) -> Finding:
    """The mail server, if one is set, can be reached, encrypts and lets this service in; nothing is sent."""
    if not settings.smtp_url:
        return Finding(check="mail", level="ok", message="no mail server is set")
    url = urlsplit(settings.smtp_url)
    try:
        wrong = url.scheme not in ("smtp", "smtps") or not url.hostname or (url.port or 0) < 0
    except ValueError:
        wrong = True
    if wrong:
        remedy = "Write it as smtp://user:password@host:587 or smtps://user:password@host:465."
        return Finding(check="mail", level="failure", message="ANSWERABLE_SMTP_URL is no address", remedy=remedy)
    if "@" not in settings.mail_from:
        remedy = "Set it to the address that mails come from, such as answers@example.com."
        return Finding(check="mail", level="failure", message="ANSWERABLE_MAIL_FROM is not set", remedy=remedy)
    said = _greeted(settings)
    if said is not None:
        remedy = "See that host, port, user and password are right, and that this machine may connect to it."
        return Finding(check="mail", level="failure", message=f"{url.hostname}: {said}", remedy=remedy)
    return Finding(check="mail", level="ok", message=f"{url.hostname} answers, from {settings.mail_from}")


def scheduled_syncs(settings: Settings) -> Finding:
    """The last scheduled sync of each source succeeded, and somebody runs those that are due."""
    from ingest.layout import Layout
    from ingest.stores.schedule import read_attempt
    from ingest.stores.snapshot import Store

    check = "scheduled syncs"
    manifest = Store(settings.home).snapshot().manifest
    scheduled = [entry.name for entry in (manifest.sources if manifest else ()) if entry.every_s is not None]
    if not scheduled:
        return Finding(check=check, level="ok", message="no source has an interval")
    attempts = {name: read_attempt(Layout(settings.home), name) for name in scheduled}
    failed = {name: attempt for name, attempt in attempts.items() if attempt is not None and attempt.failures}
    if failed:
        shown = _some(
            (f"{name} {each.failures} times in a row ({each.code}): {each.message}" for name, each in failed.items()),
            "; ",
        )
        remedy = "`answerable ingest sync NAME` tries now and says what is wrong; answers come from the last sync."
        return Finding(check=check, level="warning", message=f"failed: {shown}", remedy=remedy)
    if settings.scheduler == "off":
        remedy = "Set ANSWERABLE_SCHEDULER to on in one server, or run `answerable ingest sync` by a timer."
        message = f"{len(scheduled)} sources have an interval, and ANSWERABLE_SCHEDULER is off here"
        return Finding(check=check, level="warning", message=message, remedy=remedy)
    return Finding(check=check, level="ok", message=f"{len(scheduled)} sources, none failing")


def _greeted(settings: Settings) -> str | None:
    """What keeps the mail server from taking mails; None if nothing does."""
    import smtplib
    import ssl

    url = urlsplit(settings.smtp_url)
    context = ssl.create_default_context()
    host = url.hostname or ""
    try:
        if url.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, url.port or 465, timeout=REACH_S, context=context)
        else:
            server = smtplib.SMTP(host, url.port or 587, timeout=REACH_S)
        with server:
            server.ehlo()
            if url.scheme == "smtp" and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
            elif url.scheme == "smtp" and not is_loopback(host):
                return "it offers no STARTTLS"
            if url.username:
                server.login(unquote(url.username), unquote(url.password or ""))
    except smtplib.SMTPAuthenticationError:
        return "it does not accept user and password"
    except (OSError, smtplib.SMTPException) as error:
        return f"it does not answer ({type(error).__name__})"
    return None


def _sources(settings: Settings) -> set[str]:
    from ingest.stores.snapshot import Store

    return set(Store(settings.home).snapshot().sources)


def _own(origin: str) -> bool:
    return is_loopback(urlsplit(origin).hostname or "")


def _day(seconds: float | None) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds or 0.0))


def _some(faults: Iterable[str], between: str = ", ") -> str:
    named = list(faults)
    more = f"{between}and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return between.join(named[:NAMED]) + more
