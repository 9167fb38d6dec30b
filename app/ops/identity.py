"""Who a visitor is, as the site's own server says: a JWT signed with the site's secret.

    {"sub": "<the site's id of the user>", "exp": <at most 24 hours ahead>}      HS256

The user's id is not kept: a visitor's id is a keyed hash of site and id.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

from app.errors import NotAuthenticated

ALGORITHM = "HS256"
"""The one algorithm, pinned: neither `none` nor a public key taken for a secret passes."""
LONGEST_S = 86_400
"""Seconds that an identity token may be valid from now."""
CLOCKS_DIFFER_S = 30
"""Seconds that the clock of the site's server may be off."""
SUBJECT_MAX_CHARS = 500
JWT_MAX_CHARS = 4096
"""Characters of a token that is looked at."""
HINT = "The site's server signs {sub, exp} with the site's secret (HS256), valid for at most 24 hours."


class IdentityNotValid(NotAuthenticated):
    """The identity token is not one that the site's server made for now."""

    code = "identity_not_valid"


def unreadable() -> tuple[type[Exception], ...]:
    """What reading a hostile token raises: deep nesting and infinite numbers come before its signature is looked at."""
    import jwt

    return (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)


def verified_subject(token: str, secret: str) -> str:
    """The `sub` of an identity token; raises `IdentityNotValid` that says why."""
    claims = _claims(token, secret)
    subject = claims["sub"]
    if not subject or len(subject) > SUBJECT_MAX_CHARS:
        raise IdentityNotValid(f"Its sub must have 1 to {SUBJECT_MAX_CHARS} characters.", hint=HINT)
    if int(claims["exp"]) > time.time() + LONGEST_S + CLOCKS_DIFFER_S:
        raise IdentityNotValid("Its exp is more than 24 hours ahead.", hint=HINT)
    return str(subject)


def visitor_of(site_id: str, subject: str, secret: str) -> str:
    """The id of a visitor whom the site knows: a keyed hash, so that lists of user ids cannot be tried against it."""
    named = f"{len(site_id)}:{site_id}:{subject}".encode("utf-8", "surrogatepass")
    return "u_" + hmac.new(secret.encode(), named, hashlib.sha256).hexdigest()[:32]


def _claims(token: str, secret: str) -> dict[str, Any]:
    import jwt  # 19 MB and 0.3 s, with cryptography, that a service without visitors can do without

    if len(token) > JWT_MAX_CHARS:
        raise IdentityNotValid("The identity token is too long.", hint=HINT)
    options: Any = {"require": ["exp", "sub"], "verify_aud": False}
    try:
        return dict(jwt.decode(token, secret, [ALGORITHM], options=options, leeway=CLOCKS_DIFFER_S))
    except jwt.ExpiredSignatureError as error:
        raise IdentityNotValid("The identity token has expired.", hint=HINT) from error
    except jwt.MissingRequiredClaimError as error:
        raise IdentityNotValid(f"The identity token lacks {error.claim}.", hint=HINT) from error
    except unreadable() as error:
        raise IdentityNotValid("The identity token is not valid.", hint=HINT) from error
