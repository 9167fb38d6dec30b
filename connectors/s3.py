"""A folder of an S3-compatible object store: `s3://bucket/prefix`.

Objects are told apart by what the listing says of them (entity tag, size, time), so unchanged ones are not downloaded.
Credentials come from the environment, an AWS profile or the machine's role, never from the location.

The client is minio's: it finds credentials where AWS tools keep them, and boto3 cannot be installed beside
python-dateutil 4.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from connectors.base import Discovered, Document, Item, Problem, Unchanged
from connectors.errors import ConnectorError, SourceEmpty, SourceNotFound, SourceUnreadable
from connectors.exporting import safe_name, whole_number, yes_or_no
from connectors.files import ITEM_FAULTS, items_of, known_parts, patterns_of, reads_views, require_known_options
from connectors.files import OPTIONS as FILE_OPTIONS
from connectors.formats.registry import SUFFIXES, format_of, reader
from connectors.formats.source_file import SourceFile
from connectors.walking import is_left_out

if TYPE_CHECKING:
    from minio import Minio

OPTIONS: dict[str, str] = {
    "endpoint_url": "address of the object store (unset: Amazon S3)",
    "region": "region of the bucket (unset: AWS_REGION, else asked for)",
    "profile": "profile of the AWS credentials file (unset: AWS_PROFILE)",
    "anonymous": "`yes` for a bucket that is read without credentials",
    "include": "comma-separated patterns of paths to read (unset: all)",
    "exclude": FILE_OPTIONS["exclude"],
    "base_url": FILE_OPTIONS["base_url"],
    "views": FILE_OPTIONS["views"],
    "max_object_mb": "most megabytes of one object (unset: 512)",
    "max_objects": "most objects to list (unset: 100000)",
}
_OF_SEVERAL_PARTS = frozenset({"xlsx", "duckdb", "sqlite"})
_BLOCK = 1 << 20
_AMAZON = "https://s3.amazonaws.com"
_CONNECT_S, _READ_S = 10.0, 60.0
_REFUSED = frozenset({"AccessDenied", "AllAccessDisabled", "InvalidObjectState", "Forbidden"})
_WRONG_KEY = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"})
_GONE = frozenset({"NoSuchKey", "NoSuchObject", "ResourceNotFound"})


@dataclass(frozen=True, slots=True)
class _Object:
    """An object as the listing names it."""

    key: str
    path: str
    """Its key below the prefix: the path within the source."""
    size: int
    etag: str
    modified: datetime

    @property
    def fingerprint(self) -> str:
        """Identity of its content."""
        return hashlib.sha256(f"{self.etag}\n{self.size}\n{self.modified.isoformat()}".encode()).hexdigest()


class S3Connector:
    """Reads the objects below a prefix."""

    kind = "s3"
    discovery_reads = True

    def __init__(self, location: str, options: Mapping[str, str]) -> None:
        require_known_options(self.kind, options, OPTIONS)
        self.location = location
        self._bucket, self._prefix = _bucket_and_prefix(location)
        self._options = options
        self._endpoint = _endpoint(options.get("endpoint_url", ""))
        self._anonymous = yes_or_no("anonymous", options, default=False)
        self._include = patterns_of(options.get("include", ""))
        self._exclude = patterns_of(options.get("exclude", ""))
        self._base_url = options.get("base_url", "")
        self._views = reads_views(options)
        self._most_bytes = whole_number("max_object_mb", options, 512, 1 << 20) << 20
        self._most_objects = whole_number("max_objects", options, 100_000, 10_000_000)
        self._opened: Minio | None = None

    def check(self) -> None:
        """Raise a `ConnectorError` unless the bucket can be listed and holds something below the prefix."""
        if next(self._listed(), None) is None:
            raise SourceEmpty(f"{self.location} holds no object to read.", hint="Check the prefix and the patterns.")

    def discover(self) -> Iterator[Discovered]:
        """Name the documents and tables; workbooks, databases and objects of no known suffix are fetched for it."""
        for entry in self._listed():
            if isinstance(entry, Problem):
                continue
            name = SUFFIXES.get(PurePosixPath(entry.path).suffix.lower())
            if name is not None and name not in _OF_SEVERAL_PARTS:
                yield Discovered(entry.path, reader(name).kind, entry.size)
                continue
            with self._downloaded(entry) as file:
                if isinstance(file, SourceFile):
                    yield from _parts(file, entry.size)

    def read(self, known: Mapping[str, str]) -> Iterator[Item]:
        """Yield each object's items, `Unchanged` for those whose listing is known; those are not downloaded."""
        for entry in self._listed():
            if isinstance(entry, Problem):
                yield entry
                continue
            if same := known_parts(entry.path, entry.fingerprint, known):
                yield from (Unchanged(part) for part in same)
                continue
            with self._downloaded(entry) as file:
                if isinstance(file, Problem):
                    yield file
                elif file is not None:
                    for item in items_of(file, known):
                        yield self._with_url(item) if isinstance(item, Document) else item

    def _with_url(self, document: Document) -> Document:
        if document.url or not self._base_url:
            return document
        return replace(document, url=self._base_url.rstrip("/") + "/" + quote(document.path))

    def _listed(self) -> Iterator[_Object | Problem]:
        """What lies below the prefix, by path."""
        found: list[_Object | Problem] = []
        with _named_faults(self.location):
            for each in self._client.list_objects(self._bucket, prefix=self._prefix, recursive=True):
                if len(found) >= self._most_objects:
                    raise SourceUnreadable(
                        f"{self.location} holds more than {self._most_objects} objects.",
                        hint="Choose a longer prefix, or raise the option max_objects.",
                    )
                if (entry := self._entry(each)) is not None:
                    found.append(entry)
        yield from sorted(found, key=lambda entry: entry.path)

    def _entry(self, listed: Any) -> _Object | Problem | None:
        """An object of the listing as it concerns us; None for what is left out."""
        key = str(listed.object_name)
        size = int(listed.size or 0)
        path = _below(key, self._prefix)
        if path is None or listed.is_dir or (key.endswith("/") and not size):
            return None
        if not _is_plain(path):
            text = "The object's key has parts that mean something else in a path (`.`, `..`, empty): rename it."
            return Problem(path.encode("utf-8", "replace").decode(), "unsafe_key", text)
        if is_left_out(path) or any(fnmatch(path, pattern) for pattern in self._exclude):
            return None
        if self._include and not any(fnmatch(path, pattern) for pattern in self._include):
            return None
        modified = listed.last_modified or datetime.fromtimestamp(0, tz=UTC)
        return _Object(key, path, size, str(listed.etag or ""), modified)

    @contextmanager
    def _downloaded(self, entry: _Object) -> Iterator[SourceFile | Problem | None]:
        """The object as a temporary file; a problem where it cannot be had, None where it is gone meanwhile."""
        if entry.size > self._most_bytes:
            text = f"The object has {entry.size >> 20} MB, over the limit of {self._most_bytes >> 20} MB."
            yield Problem(entry.path, "too_large", f"{text} Raise the option max_object_mb, or split it.")
            return
        folder = Path(tempfile.mkdtemp(prefix="answerable-s3-"))
        try:
            target = folder / safe_name(entry.path)
            fault = self._download(entry, target)
            if fault is None:
                os.utime(target, (entry.modified.timestamp(),) * 2)
                yield SourceFile(target, entry.path, entry.fingerprint, views=self._views)
            else:
                yield None if fault.code == "gone" else fault
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _download(self, entry: _Object, target: Path) -> Problem | None:
        from minio.error import MinioException, S3Error
        from urllib3.exceptions import HTTPError

        try:
            headers: dict[str, str | list[str] | tuple[str]] = {"If-Match": f'"{entry.etag}"'}
            response = self._client.get_object(self._bucket, entry.key, request_headers=headers)
            try:
                _copy(response, target, entry.size)
            finally:
                response.close()
                response.release_conn()
        except S3Error as error:
            return _object_problem(entry.path, str(error.code))
        except (MinioException, HTTPError, OSError, _Broken) as error:
            text = f"The object could not be downloaded ({type(error).__name__}). It is tried again at the next sync."
            return Problem(entry.path, "unreadable", text)
        return None

    @property
    def _client(self) -> Minio:
        if self._opened is None:
            self._opened = _client(self._endpoint, self._options, anonymous=self._anonymous)
        return self._opened


class _Broken(Exception):
    """A download that ended early, or went on after the size that the listing named."""


def _bucket_and_prefix(location: str) -> tuple[str, str]:
    parts = urlsplit(location)
    if "@" in parts.netloc or ":" in parts.netloc:
        raise ConnectorError(
            "The location of an S3 source holds no credentials.",
            hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and give s3://bucket/prefix.",
        )
    if parts.scheme.lower() != "s3" or not parts.netloc:
        raise ConnectorError(f"{location!r} is not the location of a bucket.", hint="Give s3://bucket/prefix.")
    rest = location.partition("://")[2].partition("/")[2]  # a key may hold `?` and `#`
    return parts.netloc, rest


def _endpoint(url: str) -> tuple[str, bool]:
    """Host with port, and whether TLS is spoken."""
    parts = urlsplit(url or _AMAZON)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.path.strip("/"):
        raise ConnectorError(
            "The option endpoint_url is not the address of an object store.", hint="For example https://s3.example.org."
        )
    return parts.netloc, parts.scheme == "https"


def _below(key: str, prefix: str) -> str | None:
    """The key below the prefix as a folder, its name where the prefix is the key itself; None for neighbours."""
    folder = prefix.rstrip("/")
    if not folder:
        return key
    if key == folder:
        return key.rpartition("/")[2]
    return key[len(folder) + 1 :] if key.startswith(folder + "/") else None


def _is_plain(path: str) -> bool:
    parts = path.split("/")
    printable = path.isprintable() and "\\" not in path
    return printable and not any(part in ("", ".", "..") for part in parts) and ".." not in unquote(path).split("/")


def _client(endpoint: tuple[str, bool], options: Mapping[str, str], *, anonymous: bool) -> Minio:
    try:
        import urllib3
        from minio import Minio
    except ImportError as error:
        hint = "Install it: pip install 'answerable[s3]'."
        raise ConnectorError("Reading S3 needs the package minio, which is not installed.", hint=hint) from error
    host, secure = endpoint
    region = options.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region and "endpoint_url" in options:
        region = "us-east-1"
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
        retries=urllib3.Retry(total=3, redirect=0, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
    )
    provider = None if anonymous else _credentials(options.get("profile"))
    return Minio(host, secure=secure, region=region, http_client=pool, credentials=provider)


def _credentials(profile: str | None) -> Any:
    """The usual places in the usual order: environment, profile, role of the container or machine."""
    import urllib3
    from minio.credentials.providers import AWSConfigProvider, ChainedProvider, EnvAWSProvider, IamAwsProvider

    providers: list[Any] = [AWSConfigProvider(profile=profile)] if profile else [EnvAWSProvider(), AWSConfigProvider()]
    if not profile and os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true":
        asking = urllib3.PoolManager(timeout=urllib3.Timeout(total=2.0), retries=urllib3.Retry(total=1))
        providers.append(IamAwsProvider(http_client=asking))
    return ChainedProvider(providers)


@contextmanager
def _named_faults(location: str) -> Iterator[None]:
    """Turn what the client raises of the bucket as a whole into errors that say what to do."""
    from minio.error import MinioException, S3Error
    from urllib3.exceptions import HTTPError

    try:
        yield
    except S3Error as error:
        raise _bucket_fault(location, str(error.code)) from error
    except (MinioException, HTTPError) as error:
        hint = "Check the option endpoint_url and the network."
        raise SourceUnreadable(f"{location} cannot be listed: {type(error).__name__}.", hint=hint) from error
    except ValueError as error:  # no provider has credentials; a bucket name that cannot be
        said = "There are no credentials for" if "credential" in str(error).lower() else "This is no bucket:"
        hint = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for a public bucket anonymous=yes."
        raise SourceUnreadable(f"{said} {location}.", hint=hint) from error


def _bucket_fault(location: str, code: str) -> ConnectorError:
    if code == "NoSuchBucket":
        return SourceNotFound(f"There is no bucket at {location}.", hint="Check its name, region and endpoint_url.")
    if code in _REFUSED:
        hint = "The credentials need s3:ListBucket and s3:GetObject on it."
        return SourceUnreadable(f"{location} may not be listed.", hint=hint)
    if code in _WRONG_KEY:
        return SourceUnreadable(f"The credentials for {location} are not accepted ({code}).", hint="Renew them.")
    return SourceUnreadable(f"{location} cannot be listed ({code}).", hint="Check the bucket, region and endpoint_url.")


def _object_problem(path: str, code: str) -> Problem:
    if code in _GONE:
        return Problem(path, "gone", "The object was deleted meanwhile.", "noted")
    if code in _REFUSED:
        text = "The object may not be read: give the credentials s3:GetObject on it, or restore it from the archive."
        return Problem(path, "unreadable", text)
    if code == "PreconditionFailed":
        return Problem(path, "changed_meanwhile", "The object changed while it was read; sync again.")
    return Problem(path, "unreadable", f"The object cannot be read ({code}). It is tried again at the next sync.")


def _copy(response: Any, target: Path, size: int) -> None:
    """Write what the listing promised, and not a byte more."""
    written = 0
    with target.open("wb") as stream:
        while chunk := response.read(_BLOCK):
            written += len(chunk)
            if written > size:
                break
            stream.write(chunk)
    if written != size:
        raise _Broken


def _parts(file: SourceFile, size: int) -> Iterator[Discovered]:
    try:
        format_reader = reader(format_of(file.location))
        parts = list(format_reader.parts(file))
    except ITEM_FAULTS:
        return
    yield from (Discovered(part, format_reader.kind, size) for part in parts)
