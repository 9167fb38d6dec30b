"""Where a Git repository is: a local folder or a URL, its credentials, its web pages, and what its refusals mean."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from connectors.errors import ConnectorError, SourceNotFound, SourceUnreadable
from connectors.secrets import expanded, has_placeholder

_PROTOCOLS = ("https", "ssh", "file")
_NAME = re.compile(r"[A-Za-z0-9_\[][A-Za-z0-9._:\[\]-]*")
# Host -> path of a file's page below the repository's.
_PAGES = {
    "github.com": "blob/{commit}/{path}",
    "gitlab.com": "-/blob/{commit}/{path}",
    "bitbucket.org": "src/{commit}/{path}",
    "codeberg.org": "src/commit/{commit}/{path}",
    "gitea.com": "src/commit/{commit}/{path}",
}
_FAULTS: tuple[tuple[str, type[ConnectorError], str, str], ...] = (
    (r"couldn't find remote ref|not our ref|unadvertised object", SourceUnreadable,
     "{where} has no branch, tag or commit {ref}.", "Check the option ref."),
    (r"could not read (?:username|password)|authentication failed|permission denied|\b40[13]\b", SourceUnreadable,
     "{where} does not let this user read it.",
     "Give a token in the URL as ${{NAME}}: git+https://user:${{GIT_TOKEN}}@host/repository."),
    (r"host key verification failed", SourceUnreadable, "The host key of {where} is not known.",
     "Add it to known_hosts of the user that runs Answerable."),
    (r"redirect", SourceUnreadable, "{where} has moved.", "Use the address that it redirects to."),
    (r"not found|does not exist|not appear to be a git repository|\b404\b", SourceNotFound,
     "There is no repository at {where}.", "Check the address; a private repository needs a token."),
    (r"could not resolve host|couldn't connect|connection refused|timed? out|failed to connect", SourceUnreadable,
     "{where} cannot be reached.", "Check the host name and the network."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a fetch shows the server, as git's configuration, and the texts that no message may hold."""

    config: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Address:
    """A repository's address. `url` is what git is given and holds no secret; `user_info` may hold placeholders."""

    protocol: str
    url: str
    shown: str
    host: str = ""
    repository: str = ""
    """Path on the host without `.git`, e.g. `owner/name`."""
    user_info: str = ""

    def credentials(self) -> Credentials:
        """The credentials, expanded now. Raises `SecretMissing`."""
        if self.protocol != "https" or not self.user_info:
            return Credentials()
        user, _, password = self.user_info.partition(":")
        user, password = unquote(expanded(user)), unquote(expanded(password))
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        scope = urlunsplit((*urlsplit(self.url)[:2], "/", "", ""))
        return Credentials({f"http.{scope}.extraHeader": f"Authorization: Basic {basic}"}, (password, basic))


def address_of(location: str) -> Address:
    """The address of a path or URL (`git+https://…`, `https://….git`, `ssh://…`, `git+file:///…`).

    Raises `ConnectorError` for another protocol, and for a password that is written out.
    """
    if "://" not in location:
        return _local(Path(location).expanduser())
    parts = urlsplit(location.removeprefix("git+"))
    protocol = parts.scheme.lower()
    if protocol not in _PROTOCOLS:
        hint = f"Allowed: {', '.join(f'git+{each}://' for each in _PROTOCOLS)}, or a folder with --kind git."
        raise ConnectorError(f"Repositories are not fetched over {protocol!r}.", hint=hint)
    if protocol == "file":
        return _local(Path(unquote(parts.path)))
    user_info, _, host = parts.netloc.rpartition("@")
    if not _NAME.fullmatch(host) or parts.query or parts.fragment or not parts.path.strip("/"):
        raise ConnectorError("This is not the URL of a repository.", hint="For example git+https://host/owner/name.")
    _require_no_secret(user_info, protocol)
    repository = parts.path.strip("/").removesuffix(".git")
    kept = f"{user_info}@" if protocol == "ssh" and user_info else ""
    url = f"{protocol}://{kept}{host}{parts.path}"
    name = host.lower().partition(":")[0]
    return Address(protocol, url, f"{protocol}://{host}{parts.path}", name, repository, user_info)


def _require_no_secret(user_info: str, protocol: str) -> None:
    """A password, and over HTTPS a lone user name too (it is a token then), must come from the environment."""
    user, colon, password = user_info.partition(":")
    written_out = (colon and not has_placeholder(password)) or (protocol == "https" and user and not colon)
    if user.startswith("-") or (protocol == "ssh" and colon):
        raise ConnectorError("This user name is not allowed in a repository's URL.", hint="Use a key with ssh-agent.")
    if written_out and not (has_placeholder(user) and not colon):
        raise ConnectorError(
            "The repository's URL holds a password or token.",
            hint="Write it as ${NAME} and set that environment variable: git+https://user:${GIT_TOKEN}@host/name.",
        )


def _local(path: Path) -> Address:
    absolute = path.absolute()
    return Address("file", absolute.as_uri(), str(absolute))


def web_url(address: Address, template: str | None, commit: str, ref: str, path: str) -> str | None:
    """The address of a file's page: by the template, else as the host is known to make them; None elsewhere."""
    page = _PAGES.get(address.host)
    if template is None and page is None:
        return None
    pattern = template or f"https://{address.host}/{quote(address.repository)}/{page}"
    for name, value in (("{commit}", commit), ("{ref}", quote(ref)), ("{path}", quote(path))):
        pattern = pattern.replace(name, value)
    return pattern


def fault_of(said: str, where: str, ref: str) -> ConnectorError:
    """The error that git's words on standard error mean."""
    for pattern, kind, message, hint in _FAULTS:
        if re.search(pattern, said, re.IGNORECASE):
            return kind(message.format(where=where, ref=ref), hint=hint.format())
    return SourceUnreadable(f"{where} cannot be fetched: {said[:300]}", hint="Try `git ls-remote` with this address.")
