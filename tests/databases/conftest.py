"""The sample shop in a PostgreSQL and a MariaDB database, ingested copied and live."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from shop_servers import SAMPLE, SCHEMES, database, load_shop, without

from ingest.pipeline import ingest_source
from ingest.request import SourceRequest


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a server that is not there; in CI it must be there."""
    if item.get_closest_marker("service") is None:
        return
    for scheme in SCHEMES:
        reason = _missing.setdefault(scheme, without(scheme))
        if reason is not None:
            (pytest.fail if os.environ.get("ANSWERABLE_CI") == "1" else pytest.skip)(reason)


_missing: dict[str, str | None] = {}


@pytest.fixture(scope="session")
def shop_urls() -> Iterator[dict[str, str]]:
    """Scheme -> URL of a database with the sample shop's tables."""
    with ExitStack() as stack:
        urls = {scheme: stack.enter_context(database(scheme)) for scheme in SCHEMES}
        for url in urls.values():
            load_shop(url)
        yield urls


@pytest.fixture(scope="session")
def shop_home(shop_urls: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the shop's files as `files`, and each database as `<scheme>-copy` and `<scheme>-live`."""
    home = tmp_path_factory.mktemp("shop-servers")
    described = str(SAMPLE / "shop" / "describe.yaml")
    ingest_source(home, SourceRequest(str(SAMPLE / "shop"), name="files", description_path=described))
    for scheme, url in shop_urls.items():
        for mode in ("copy", "live"):
            request = SourceRequest(url, name=f"{scheme}-{mode}", options={"mode": mode}, description_path=described)
            ingest_source(home, request)
    return home
