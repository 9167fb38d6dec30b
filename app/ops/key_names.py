"""What the keys and sites that questions were asked with are called."""

from __future__ import annotations

from pathlib import Path

from app.ops.keys import KeyStore
from app.ops.sites import SiteStore


def key_names(state: Path) -> dict[str, str]:
    """Id of each key and site, revoked ones too -> its name."""
    sites = {site.id: site.options.name for site in SiteStore(state).all()}
    return {key.id: key.name for key in KeyStore(state).all()} | sites
