"""A Git repository of documents: a branch's files, read from its objects without a checkout.

Commits and trees of one branch are fetched without file contents, then only the blobs that an earlier sync did not
have. A document's fingerprint is its blob's id, its time that of the last commit which changed it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import IO

from connectors.base import Discovered, Document, Item, Problem, Unchanged
from connectors.errors import ConnectorError, SourceEmpty, SourceUnreadable
from connectors.exporting import safe_name, whole_number
from connectors.files import ITEM_FAULTS, items_of, known_parts, patterns_of, reads_views, require_known_options
from connectors.files import OPTIONS as FILE_OPTIONS
from connectors.formats.registry import SUFFIXES, reader
from connectors.formats.source_file import SourceFile
from connectors.git_address import Address, address_of, fault_of, web_url
from connectors.git_command import Git, GitFailed, new_repository
from connectors.walking import is_left_out

OPTIONS: dict[str, str] = {
    "ref": "branch, tag or commit (unset: the repository's default branch)",
    "path": "folder of the repository to read (unset: all of it)",
    "include": "comma-separated patterns of paths to read (unset: all files of known formats)",
    "exclude": FILE_OPTIONS["exclude"],
    "url": "web address of a file, with {path}, {commit} and {ref} (unset: known for GitHub, GitLab, Bitbucket, Gitea)",
    "views": FILE_OPTIONS["views"],
    "history": "commits in which to look for a file's last change (1 to 100000; unset: 500)",
    "max_mb": "most megabytes to fetch (unset: 2048)",
    "timeout_s": "most seconds that one git command may take (unset: 300)",
}
_LARGEST_FILE_BYTES = 512 << 20
_MOST_FILES = 200_000
_TIP = "refs/answerable/tip"
_LFS = b"version https://git-lfs.github.com/spec/"
_OF_SEVERAL_PARTS = frozenset({"xlsx", "duckdb", "sqlite"})
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class _Blob:
    """A file of the tree."""

    path: str
    oid: str


class GitConnector:
    """Reads one branch of a repository."""

    kind = "git"
    discovery_reads = True

    def __init__(self, location: str, options: Mapping[str, str]) -> None:
        require_known_options(self.kind, options, OPTIONS)
        self.location = location
        self._address: Address = address_of(location)
        self._ref = _plain_option("ref", options.get("ref", "HEAD"))
        self._path = _plain_option("path", options.get("path", "").strip("/"))
        self._include = patterns_of(options.get("include", ""))
        self._exclude = patterns_of(options.get("exclude", ""))
        self._views = reads_views(options)
        self._url = options.get("url")
        self._history = whole_number("history", options, 500, 100_000)
        self._most_bytes = whole_number("max_mb", options, 2048, 1 << 20) << 20
        self._timeout_s = whole_number("timeout_s", options, 300, 86_400)
        self._fetched: _Fetched | None = None

    def check(self) -> None:
        """Raise a `ConnectorError` unless the branch can be fetched and holds a file to read."""
        fetched = self._tree()
        if not fetched.blobs:
            where = f" under {self._path}" if self._path else ""
            raise SourceEmpty(
                f"{self._address.shown} has no file to read{where} at {self._ref}.",
                hint="Check the options path, include and exclude. Without include, files of known formats are read.",
            )

    def discover(self) -> Iterator[Discovered]:
        """Name the documents and tables; only workbooks and databases are fetched for it."""
        fetched = self._tree()
        self._fetch_blobs([blob for blob in fetched.blobs if _format(blob.path) in _OF_SEVERAL_PARTS])
        for blob in fetched.blobs:
            name = _format(blob.path) or "text"
            if name not in _OF_SEVERAL_PARTS:
                yield Discovered(blob.path, reader(name).kind)
                continue
            for file in self._exported([blob]):
                if isinstance(file, SourceFile):
                    yield from _parts(file, name)

    def read(self, known: Mapping[str, str]) -> Iterator[Item]:
        """Yield each file's items, `Unchanged` for those whose blob is known; those are not fetched."""
        fetched = self._tree()
        same = {blob.path: known_parts(blob.path, blob.oid, known) for blob in fetched.blobs}
        changed = [blob for blob in fetched.blobs if not same[blob.path]]
        self._fetch_blobs(changed)
        yield from fetched.problems
        files = self._exported(changed)
        for blob in fetched.blobs:
            if same[blob.path]:
                yield from (Unchanged(part) for part in same[blob.path])
                continue
            file = next(files)
            if isinstance(file, Problem):
                yield file
                continue
            for item in items_of(file, known):
                yield self._with_url(item) if isinstance(item, Document) else item

    def _with_url(self, document: Document) -> Document:
        if document.url:
            return document
        return replace(document, url=web_url(self._address, self._url, self._tree().commit, self._ref, document.path))

    def _tree(self) -> _Fetched:
        """The fetched branch; fetched at the first call."""
        if self._fetched is None:
            git = self._new_repository()
            weakref.finalize(self, shutil.rmtree, git.folder, ignore_errors=True)
            try:
                self._fetched = self._fetch(git)
            except GitFailed as error:
                raise fault_of(error.said, self._address.shown, self._ref) from error
        return self._fetched

    def _new_repository(self) -> Git:
        credentials = self._address.credentials()
        return new_repository(
            self._address.protocol,
            timeout_s=self._timeout_s,
            most_bytes=self._most_bytes,
            secret_config=credentials.config,
            secrets=credentials.secrets,
        )

    def _fetch(self, git: Git) -> _Fetched:
        git.run("remote", "add", "--", "origin", self._address.url)
        git.run(
            "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--filter=blob:none",
            f"--depth={self._history}", "--", "origin", f"+{self._ref}:{_TIP}", remote=True,
        )  # fmt: skip
        commit = git.run("rev-parse", "--verify", "--quiet", f"{_TIP}^{{commit}}").decode().strip()
        blobs, problems = self._listed(git.run("ls-tree", "-r", "-z", "--full-tree", commit))
        missing = {line[1:] for line in _missing(git, commit)}
        return _Fetched(git, commit, blobs, problems, missing, _times(git, commit, blobs))

    def _listed(self, listing: bytes) -> tuple[list[_Blob], list[Problem]]:
        """The files to read, by path, and what of the tree cannot be followed."""
        blobs: list[_Blob] = []
        problems: list[Problem] = []
        for entry in filter(None, listing.split(b"\0")):
            head, _, name = entry.partition(b"\t")
            mode, _, oid = head.decode("ascii").split(" ")
            try:
                path = name.decode()
            except UnicodeDecodeError:
                shown = name.decode("utf-8", "replace")
                problems.append(Problem(shown, "unreadable", "The file's name is not valid UTF-8: rename it."))
                continue
            if self._is_wanted(path, is_file=mode.startswith("100")):
                if mode.startswith("100"):
                    blobs.append(_Blob(path, oid))
                else:
                    problems.append(_not_followed(path, mode))
        if len(blobs) > _MOST_FILES:
            hint = "Choose a path, or patterns to include."
            raise SourceUnreadable(f"The repository has {len(blobs)} files to read.", hint=hint)
        return sorted(blobs, key=lambda blob: blob.path), problems

    def _is_wanted(self, path: str, *, is_file: bool) -> bool:
        if is_left_out(path) or (self._path and path != self._path and not path.startswith(self._path + "/")):
            return False
        if any(fnmatch(path, pattern) for pattern in self._exclude):
            return False
        if self._include:
            return any(fnmatch(path, pattern) for pattern in self._include)
        return not is_file or _format(path) is not None

    def _fetch_blobs(self, blobs: Sequence[_Blob]) -> None:
        """Fetch the contents that are not here yet, in one request."""
        fetched = self._tree()
        wanted = sorted({blob.oid for blob in blobs} & fetched.missing)
        if not wanted:
            return
        try:
            fetched.git.run(
                "-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
                "--no-recurse-submodules", "--filter=blob:none", "--stdin", "--", "origin",
                given="".join(f"{oid}\n" for oid in wanted).encode(), remote=True,
            )  # fmt: skip
        except GitFailed as error:
            raise fault_of(error.said, self._address.shown, self._ref) from error
        fetched.missing.difference_update(wanted)

    def _exported(self, blobs: Sequence[_Blob]) -> Iterator[SourceFile | Problem]:
        """Each blob as a temporary file with its own name and time, deleted when the next one is asked for."""
        if not blobs:
            return
        git, times = self._tree().git, self._tree().times
        sizes = _sizes(git, blobs)
        folder = Path(tempfile.mkdtemp(dir=git.folder))
        try:
            with git.streaming("cat-file", "--batch") as process:
                for blob in blobs:
                    size = sizes.get(blob.oid, 0)
                    if size > _LARGEST_FILE_BYTES:
                        limit = _LARGEST_FILE_BYTES >> 20
                        yield Problem(blob.path, "too_large", f"The file is over {limit} MB: split it into parts.")
                        continue
                    target = folder / safe_name(blob.path)
                    _copy_blob(process, blob, target)
                    os.utime(target, (times.get(blob.path, 0),) * 2)
                    yield _pointer_problem(blob, target) or SourceFile(target, blob.path, blob.oid, views=self._views)
                    target.unlink()
        except OSError as error:
            raise SourceUnreadable(f"A file of the repository cannot be written: {error}.", hint=str(folder)) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A branch's tree in our own repository."""

    git: Git
    commit: str
    blobs: list[_Blob]
    problems: list[Problem]
    missing: set[str]
    """Blobs of the tree whose content was not fetched."""
    times: dict[str, int]
    """Seconds since 1970 of each file's last change, as far as the history goes."""


def _plain_option(name: str, value: str) -> str:
    """An option that is given to git; refused where git could take it for something else."""
    unsafe = value.startswith("-") or ".." in value or any(sign in value for sign in ":^~*?[\\ ")
    if unsafe or not value.isprintable():
        raise ConnectorError(f"The option {name} cannot be {value!r}.", hint=f"{name}: {OPTIONS[name]}.")
    return value


def _format(path: str) -> str | None:
    return SUFFIXES.get(PurePosixPath(path).suffix.lower())


def _parts(file: SourceFile, name: str) -> Iterator[Discovered]:
    try:
        parts = list(reader(name).parts(file))
    except ITEM_FAULTS:
        return
    yield from (Discovered(part, reader(name).kind) for part in parts)


def _not_followed(path: str, mode: str) -> Problem:
    if mode == "160000":
        text = "The submodule was not followed: add its repository as a source of its own."
        return Problem(path, "submodule", text, "noted")
    return Problem(path, "link_not_followed", "The symbolic link was not followed.", "noted")


def _missing(git: Git, commit: str) -> list[str]:
    listed = git.run("rev-list", "--objects", "--no-walk", "--missing=print", "--end-of-options", commit)
    return [line for line in listed.decode("utf-8", "replace").split("\n") if line.startswith("?")]


def _times(git: Git, commit: str, blobs: Sequence[_Blob]) -> dict[str, int]:
    """Time of the last commit that changed each file; of the oldest known commit where none did."""
    wanted = {blob.path for blob in blobs}
    times: dict[str, int] = {}
    moment = 0
    with git.streaming("log", "-z", "--no-renames", "--name-only", "--format=%x01%ct", commit, "--") as process:
        for token in _tokens(process.stdout):
            if token.startswith(b"\x01") and token[1:].isdigit():
                if len(times) == len(wanted):
                    break
                moment = int(token[1:])
                continue
            path = token.decode("utf-8", "replace")
            if path in wanted:
                times.setdefault(path, moment)
    return {path: times.get(path, moment) for path in wanted}


def _tokens(stream: IO[bytes] | None) -> Iterator[bytes]:
    """The parts of a stream that NUL separates, without line feeds before them."""
    rest = b""
    while stream is not None and (chunk := stream.read(_BLOCK)):
        *whole, rest = (rest + chunk).split(b"\0")
        yield from filter(None, (token.lstrip(b"\n") for token in whole))
    if rest.strip(b"\n"):
        yield rest.lstrip(b"\n").rstrip(b"\n")


def _sizes(git: Git, blobs: Sequence[_Blob]) -> dict[str, int]:
    """Bytes of each blob by id."""
    given = "".join(f"{blob.oid}\n" for blob in blobs).encode()
    lines = git.run("cat-file", "--batch-check=%(objectname) %(objectsize)", given=given).decode().split("\n")
    return {oid: int(size) for oid, _, size in (line.partition(" ") for line in lines) if size.isdigit()}


def _copy_blob(process: subprocess.Popen[bytes], blob: _Blob, target: Path) -> None:
    """Write a blob's content to a file."""
    asks, answers = process.stdin, process.stdout
    if asks is None or answers is None:
        raise ValueError("the process has no pipes")
    asks.write(blob.oid.encode() + b"\n")
    asks.flush()
    head = answers.readline().split()
    if len(head) != 3 or head[1] != b"blob":
        raise SourceUnreadable(f"git does not give the content of {blob.path}.", hint="Sync again.")
    left = int(head[2])
    with target.open("wb") as stream:
        while left:
            chunk = answers.read(min(left, _BLOCK))
            if not chunk:
                raise SourceUnreadable(f"git stopped while it gave the content of {blob.path}.", hint="Sync again.")
            stream.write(chunk)
            left -= len(chunk)
    answers.read(1)


def _pointer_problem(blob: _Blob, target: Path) -> Problem | None:
    """A problem for a file whose content lies in Git LFS, which is not asked."""
    with target.open("rb") as stream:
        if not stream.read(len(_LFS)).startswith(_LFS):
            return None
    text = "The file's content lies in Git LFS and was not fetched: add it from where it is stored."
    return Problem(blob.path, "lfs_pointer", text)
