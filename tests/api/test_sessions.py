"""Sessions over HTTP and across synchronisations: whose they are, how long they last, and what they survive."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.answer import answer
from app.asking import question_from
from app.engine import Engine
from app.ops.keys import KeyStore
from app.settings import Settings
from app.values import Answer, Caller

FIRST, NEXT = "How many orders were placed in 2025?", "and in 2024?"
IN_2024 = [[6739]]


@pytest.fixture(scope="module")
def home(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's stores with a state of their own."""
    made = tmp_path_factory.mktemp("sessions-home")
    for name in ("store", "cache"):
        (made / name).symlink_to(sample_home / name)
    return made


@pytest.fixture(scope="module")
def keys(home: Path) -> dict[str, str]:
    store = KeyStore(home / "state.db")
    made = {name: store.add("owner", name=name)[1] for name in ("ada", "bo")}
    return made | {"guest": store.add("visitor", name="guest")[1]}


@pytest.fixture(scope="module")
def base(home: Path, keys: dict[str, str], serve: Callable[..., AbstractContextManager[str]]) -> Iterator[str]:
    with serve(home, ANSWERABLE_REQUIRE_KEY="true", ANSWERABLE_WORKERS="2") as url:
        yield url


def ask(base: str, key: str, question: str, session: Any) -> httpx.Response:
    body = {"question": question, "session": session}
    return httpx.post(f"{base}/v1/ask", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=60)


def test_a_session_is_followed_by_whichever_process_answers(base: str, keys: dict[str, str]) -> None:
    for number in range(4):
        assert ask(base, keys["ada"], FIRST, f"w{number}").json()["status"] == "answered"
    for number in range(4):
        found = ask(base, keys["ada"], NEXT, f"w{number}").json()
        assert found["table"]["rows"] == IN_2024
        assert "2024" in found["understood_as"]


def test_another_key_with_the_same_name_sees_nothing(base: str, keys: dict[str, str]) -> None:
    assert ask(base, keys["ada"], FIRST, "shared").json()["understood_as"] is None
    for other in ("bo", "guest"):
        found = ask(base, keys[other], NEXT, "shared").json()
        assert (found["status"], found["table"], found["understood_as"]) == ("refused", None, None)
    assert ask(base, keys["ada"], NEXT, "shared").json()["table"]["rows"] == IN_2024


@pytest.mark.parametrize("session", ["🙂 ‮ x", "'; DROP TABLE sessions; --", "a\x00b", "../../etc", " ", "\n" * 200])
def test_any_text_may_name_a_session(base: str, keys: dict[str, str], session: str) -> None:
    assert ask(base, keys["ada"], FIRST, session).status_code == 200
    assert ask(base, keys["ada"], NEXT, session).json()["table"]["rows"] == IN_2024


@pytest.mark.parametrize("session", ["x" * 201, 7, ["a"], {"a": 1}])
def test_what_is_no_name_of_a_session_is_invalid(base: str, keys: dict[str, str], session: Any) -> None:
    reply = ask(base, keys["ada"], FIRST, session)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_request")


def test_sessions_at_the_same_time_stay_apart(base: str, keys: dict[str, str]) -> None:
    years = [2023, 2024, 2025, 2026] * 2

    def talk(at: int) -> tuple[int, str]:
        ask(base, keys["ada"], f"How many orders were placed in {years[at]}?", f"c{at}")
        return years[at], ask(base, keys["ada"], "only express", f"c{at}").json()["understood_as"]

    with ThreadPoolExecutor(4) as pool:
        assert all(str(year) in said and "express" in said for year, said in pool.map(talk, range(len(years))))


def test_without_a_session_nothing_is_kept(base: str, keys: dict[str, str]) -> None:
    ask(base, keys["ada"], FIRST, None)
    assert ask(base, keys["ada"], NEXT, None).json()["status"] == "refused"


def said(engine: Engine, question: str, caller: Caller | None = None) -> Answer:
    asked = question_from(question, engine, caller or Caller(), session="s", today=date(2026, 6, 30))
    return answer(asked, engine)


def test_an_expired_session_is_forgotten(home: Path) -> None:
    engine = Engine(Settings(home=home, session_ttl_s=1.0))
    assert said(engine, FIRST).status == "answered"
    assert said(engine, NEXT).status == "answered"
    time.sleep(1.1)
    assert said(engine, NEXT).status == "refused"
    engine.close()


def test_who_may_see_less_now_follows_up_on_nothing(home: Path) -> None:
    engine = Engine(Settings(home=home))
    for less in (Caller(role="visitor"), Caller(sources=("help-centre",))):
        assert said(engine, FIRST).status == "answered"
        assert said(engine, NEXT, less).table is None
    engine.close()


def test_a_session_after_a_synchronisation(tmp_path: Path, home: Path, cli: Callable[..., Any]) -> None:
    """New rows are counted, and a column that is gone drops the context without an error."""
    own, data = tmp_path / "home", tmp_path / "data"
    own.mkdir()
    data.mkdir()
    (own / "cache").symlink_to((home / "cache").resolve())
    (data / "parcels.csv").write_text("parcel_id,colour,weight\n1,red,5\n2,red,7\n3,blue,9\n")
    assert cli(own, "ingest", "add", str(data), "--name", "depot").returncode == 0
    engine = Engine(Settings(home=own))
    assert said(engine, "How many parcels are there?").status == "answered"
    assert said(engine, "only red").table.rows == ((2,),)
    (data / "parcels.csv").write_text("parcel_id,colour,weight\n1,red,5\n2,red,7\n3,red,9\n4,blue,1\n")
    assert cli(own, "ingest", "sync").returncode == 0
    assert said(engine, "and blue").table.rows == ((1,),)
    (data / "parcels.csv").write_text("parcel_id,shade,weight\n1,red,5\n2,red,7\n")
    assert cli(own, "ingest", "sync").returncode == 0
    found = said(engine, "by weight")
    assert (found.status, found.table) == ("refused", None)
    engine.close()


CLARIFIED = [
    "How many last month?",
    "How do I clean it?",
    "Show me the numbers",
    "How many customers are from Germny?",
    "list the cities",
    "how many orders were there in 2025 and how many in 2024?",
]


@pytest.mark.parametrize("question", CLARIFIED)
def test_every_option_offered_is_answered_when_asked_without_a_session(home: Path, question: str) -> None:
    engine = Engine(Settings(home=home))
    asked = question_from(question, engine, Caller(), today=date(2026, 6, 30))
    found = answer(asked, engine)
    assert found.status == "clarify" and found.clarify is not None
    for option in found.clarify.options:
        again = question_from(option, engine, Caller(), today=date(2026, 6, 30))
        assert answer(again, engine).status == "answered", option
    engine.close()
