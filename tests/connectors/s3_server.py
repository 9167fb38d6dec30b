"""A small object store on loopback that speaks as much of S3 as reading needs, and misbehaves where it is told to."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI"
PAGE = 3
"""Objects in one page of a listing, few so that there are several pages."""


@dataclass
class Bucket:
    """The objects of the one bucket, `docs`, and how the server treats some of them."""

    objects: dict[str, bytes] = field(default_factory=dict)
    times: dict[str, str] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    vanished: set[str] = field(default_factory=set)
    """Listed, and deleted before they are asked for."""
    cut: set[str] = field(default_factory=set)
    """Their content breaks off."""
    claimed_sizes: dict[str, int] = field(default_factory=dict)
    listing_denied: bool = False
    downloads: list[str] = field(default_factory=list)
    url: str = ""

    def etag(self, key: str) -> str:
        return hashlib.md5(self.objects[key], usedforsecurity=False).hexdigest()


@contextmanager
def object_store() -> Iterator[Bucket]:
    """A running store; its address is `bucket.url`."""
    bucket = Bucket()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"bucket": bucket}))
    bucket.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    bucket: Bucket
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        name, _, key = unquote(parts.path).lstrip("/").partition("/")
        signed = self.headers.get("Authorization", "")
        if signed and f"Credential={ACCESS}/" not in signed:
            self._fail(403, "InvalidAccessKeyId")
        elif not signed:
            self._fail(403, "AccessDenied")
        elif name != "docs":
            self._fail(404, "NoSuchBucket")
        elif not key:
            self._list({key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()})
        else:
            self._get(key)

    def _list(self, query: dict[str, str]) -> None:
        bucket = self.bucket
        if bucket.listing_denied:
            self._fail(403, "AccessDenied")
            return
        keys = [key for key in sorted(bucket.objects) if key.startswith(query.get("prefix", ""))]
        start = int(query.get("continuation-token", "0"))
        more = len(keys) > start + PAGE
        listed = "".join(map(self._entry, keys[start : start + PAGE]))
        token = f"<NextContinuationToken>{start + PAGE}</NextContinuationToken>" if more else ""
        body = (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>docs</Name>'
            f"<EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>{token}{listed}"
            "</ListBucketResult>"
        )
        self._send(200, body.encode(), "application/xml")

    def _entry(self, key: str) -> str:
        bucket = self.bucket
        size = bucket.claimed_sizes.get(key, len(bucket.objects[key]))
        moment = bucket.times.get(key, "2024-05-01T10:00:00.000Z")
        return (
            f"<Contents><Key>{escape(quote(key))}</Key><LastModified>{moment}</LastModified>"
            f"<ETag>&quot;{bucket.etag(key)}&quot;</ETag><Size>{size}</Size></Contents>"
        )

    def _get(self, key: str) -> None:
        bucket = self.bucket
        bucket.downloads.append(key)
        if key in bucket.denied:
            self._fail(403, "AccessDenied")
        elif key in bucket.vanished or key not in bucket.objects:
            self._fail(404, "NoSuchKey")
        elif self.headers.get("If-Match", "").strip('"') != bucket.etag(key):
            self._fail(412, "PreconditionFailed")
        else:
            content = bucket.objects[key]
            self._send(200, content[: len(content) // 2] if key in bucket.cut else content, "application/octet-stream")

    def _fail(self, status: int, code: str) -> None:
        body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>no</Message><Resource>/</Resource></Error>'
        self._send(status, body.encode(), "application/xml")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
