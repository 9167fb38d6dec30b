"""Keys: shown once, stored hashed, ended at once."""

import hmac

import pytest
import sqlalchemy as sa

from app.errors import NotFound
from app.ops.keys import KeyStore
from app.ops.state import held_state


def test_a_key_is_found_by_its_token_and_not_stored(tmp_path):
    keys = KeyStore(tmp_path / "state.db")
    key, token = keys.add("analyst", name="dashboards", sources=["shop"])
    assert keys.find(token) == key
    assert key.sources == ("shop",)
    secret = token.split("_", 2)[2]
    assert all(secret.encode() not in path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t + "x", lambda t: "", lambda t: "ak__", lambda t: "ak_1_2"]
)
def test_other_tokens_are_not(tmp_path, change):
    keys = KeyStore(tmp_path / "state.db")
    _, token = keys.add("owner")
    assert keys.find(change(token)) is None


def test_every_check_is_one_indexed_lookup_and_one_comparison(tmp_path, monkeypatch):
    state = tmp_path / "state.db"
    keys = KeyStore(state)
    key, token = keys.add("owner")
    statements, compared = [], []
    engine = held_state(state)
    sa.event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2:4]))
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda *both: compared.append(both) or compare(*both))
    for sent in (token, f"ak_{key.id}_{'x' * 43}", f"ak_00000000_{'x' * 43}", "nonsense", ""):
        statements.clear()
        compared.clear()
        assert (keys.matching(sent) is not None) == (sent == token)
        assert len(statements) == len(compared) == 1
        assert [len(each) for each in compared[0]] == [64, 64]
        with engine.connect() as connection:
            plan = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statements[0][0], statements[0][1]).all()
        assert [row.detail.split(" (")[0] for row in plan] == ["SEARCH keys USING INDEX sqlite_autoindex_keys_1"]


def test_a_revoked_key_opens_nothing(tmp_path):
    keys = KeyStore(tmp_path / "state.db")
    key, token = keys.add("owner")
    assert keys.any_valid()
    keys.revoke(key.id)
    assert keys.find(token) is None
    assert not keys.any_valid()
    assert keys.all()[0].revoked_at is not None


def test_revoking_an_unknown_key_says_how_to_list(tmp_path):
    with pytest.raises(NotFound, match="no key") as raised:
        KeyStore(tmp_path / "state.db").revoke("nope")
    assert "keys list" in raised.value.hint
