import pytest

from tests.planning.shop import build


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    return build(tmp_path_factory.mktemp("shop"))
