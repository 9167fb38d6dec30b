"""The `git` program, run so that a repository can make it do nothing but hand over objects.

No shell, no hooks, no configuration but our own, no prompt, no submodules, no filters (LFS), one protocol; within a
time and a size limit. Nothing is ever checked out: trees are listed and blobs are read by their id.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from connectors.errors import ConnectorError, SourceUnreadable

_KEPT_ENV = (
    "PATH", "HOME", "TMPDIR", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "GIT_SSL_CAINFO", "https_proxy", "HTTPS_PROXY",
    "no_proxy", "NO_PROXY",
)  # fmt: skip
_SSH = "ssh -oBatchMode=yes -oConnectTimeout=20 -oClearAllForwardings=yes -oPermitLocalCommand=no"
_CONFIG = """[core]
    hooksPath = /dev/null
    attributesFile = /dev/null
    excludesFile = /dev/null
    symlinks = false
    fsmonitor = false
[protocol]
    allow = never
[protocol "{protocol}"]
    allow = always
[http]
    followRedirects = false
    lowSpeedLimit = 1000
    lowSpeedTime = 30
[credential]
    helper =
[fetch]
    recurseSubmodules = false
[submodule]
    recurse = false
[gc]
    auto = 0
[maintenance]
    auto = false
[uploadpack]
    allowFilter = true
    allowAnySHA1InWant = true
[safe]
    directory = *
"""
_POLL_S = 0.05


class GitFailed(Exception):
    """A `git` command failed; `said` is what it wrote to standard error, without secrets."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


@dataclass(frozen=True)
class Git:
    """Runs `git` on one bare repository of our own, in a folder that is deleted with `close`."""

    folder: Path
    protocol: str
    """The only one allowed: `https`, `ssh` or `file`."""
    timeout_s: float
    most_bytes: int
    secret_config: Mapping[str, str] = field(default_factory=dict)
    """Configuration with secrets, given through the environment: never on the disk or a command line."""
    secrets: Sequence[str] = ()

    @property
    def repository(self) -> Path:
        """The bare repository."""
        return self.folder / "repository.git"

    def run(self, *arguments: str, given: bytes = b"", remote: bool = False) -> bytes:
        """Standard output of a command; `remote` allows it to use the network.

        Raises `GitFailed`, and `SourceUnreadable` where it takes too long or fetches too much.
        """
        with tempfile.TemporaryFile(dir=self.folder) as out, tempfile.TemporaryFile(dir=self.folder) as errors:
            with self._started(arguments, out, errors, remote=remote) as process:
                _write(process, given)
                self._wait(process)
            errors.seek(0)
            if process.returncode:
                raise GitFailed(self._without_secrets(errors.read(1 << 16)))
            out.seek(0)
            return out.read()

    @contextmanager
    def streaming(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """A local command whose pipes the caller reads and writes; it is killed at the end if it still runs."""
        with self._started(arguments, subprocess.PIPE, subprocess.DEVNULL, remote=False) as process:
            yield process

    @contextmanager
    def _started(
        self, arguments: Sequence[str], out: IO[bytes] | int, errors: IO[bytes] | int, *, remote: bool
    ) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(
            ["git", f"--git-dir={self.repository}", *arguments],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=errors,
            cwd=self.folder,
            env=self._env(remote=remote),
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
            process.wait()

    def _env(self, *, remote: bool) -> dict[str, str]:
        env = {name: os.environ[name] for name in _KEPT_ENV if name in os.environ}
        env |= {
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(self.folder / "config"),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "false",
            "SSH_ASKPASS": "false",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_SSH_COMMAND": _SSH,
            "GIT_ALLOW_PROTOCOL": self.protocol if remote else "none",
        }
        if remote:
            env["GIT_CONFIG_COUNT"] = str(len(self.secret_config))
            for number, (key, value) in enumerate(self.secret_config.items()):
                env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return env

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        give_up = time.monotonic() + self.timeout_s
        next_look = 0.0
        while process.poll() is None:
            now = time.monotonic()
            if now > give_up:
                hint = "Raise the option timeout_s, or lower history."
                raise SourceUnreadable(f"git did not finish within {self.timeout_s:.0f} s.", hint=hint)
            if now > next_look:
                next_look = now + 1.0
                self._require_bounded()
            time.sleep(_POLL_S)
        self._require_bounded()

    def _require_bounded(self) -> None:
        size = 0
        for path in self.repository.rglob("*"):
            with suppress(OSError):
                size += path.stat().st_size
        if size > self.most_bytes:
            raise SourceUnreadable(
                f"The repository is larger than {self.most_bytes >> 20} MB.",
                hint="Raise the option max_mb, lower history, or choose a path.",
            )

    def _without_secrets(self, said: bytes) -> str:
        text = " ".join(said.decode("utf-8", "replace").split())
        for secret in filter(None, self.secrets):
            text = text.replace(secret, "***")
        return text

    def close(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def new_repository(
    protocol: str, *, timeout_s: float, most_bytes: int, secret_config: Mapping[str, str], secrets: Sequence[str]
) -> Git:
    """An empty bare repository in a temporary folder. Raises `ConnectorError` where `git` is missing."""
    if shutil.which("git") is None:
        raise ConnectorError("The program git is not installed.", hint="Install it, e.g. `apt-get install git`.")
    folder = Path(tempfile.mkdtemp(prefix="answerable-git-"))
    (folder / "config").write_text(_CONFIG.format(protocol=protocol), encoding="utf-8")
    git = Git(folder, protocol, timeout_s, most_bytes, secret_config, secrets)
    try:
        git.run("init", "--quiet", "--bare", "--template=", "--", str(git.repository))
    except GitFailed as error:
        git.close()
        raise SourceUnreadable(f"git cannot make a repository: {error.said}", hint="Update git to 2.36.") from error
    return git


def _write(process: subprocess.Popen[bytes], given: bytes) -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.write(given)
            process.stdin.close()
