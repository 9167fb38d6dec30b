"""The SDK's own client at `/mcp`: tools with schemas, calls, errors, who sees what, progress, a call that is given up."""

import asyncio
import shutil
import subprocess
import sys
import threading
import time
from contextlib import asynccontextmanager, contextmanager

import httpx
import jsonschema
import pytest
import uvicorn
from litestar import Litestar
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPError

from app.api.answering import Answering
from app.api.callers import Callers
from app.api.mcp.endpoint import McpEndpoint
from app.ops.metrics import Metrics
from tests.app.hire_pages import ingest_hire
from tests.conftest import ROOT, new_key
from tests.llm.scripted_writer import ScriptedEngine

TOOLS = ["ask", "search_docs", "list_tables", "run_readonly_sql", "explain_answer"]
COUNT = "How many orders were placed in 2025?"
MODES = ["auto", "legacy"]
"""The protocol of 2026 and the one with a handshake."""


@asynccontextmanager
async def connected(base, token=None, mode="auto"):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with create_mcp_http_client(headers=headers) as http:
        transport = streamable_http_client(f"{base}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


def called(base, name, arguments, *, token=None, mode="auto"):
    async def call():
        async with connected(base, token, mode) as client:
            return await client.call_tool(name, arguments)

    return asyncio.run(call())


@pytest.mark.parametrize("mode", MODES)
def test_the_tools_are_listed_with_schemas_and_instructions(service, mode):
    async def listed():
        async with connected(service, mode=mode) as client:
            return (await client.list_tools()).tools, client.instructions

    tools, instructions = asyncio.run(listed())
    assert [tool.name for tool in tools] == TOOLS
    for tool in tools:
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        assert tool.input_schema["type"] == tool.output_schema["type"] == "object"
        assert tool.annotations.read_only_hint and not tool.annotations.open_world_hint
    assert "untrusted" in instructions and "[1]" in instructions


@pytest.mark.parametrize("mode", MODES)
def test_each_tool_answers_in_its_schema(service, mode):
    async def all_of_them():
        async with connected(service, mode=mode) as client:
            schemas = {tool.name: tool.output_schema for tool in (await client.list_tools()).tools}
            asked = await client.call_tool("ask", {"question": COUNT, "sources": ["shop"]})
            found = {
                "ask": asked,
                "search_docs": await client.call_tool("search_docs", {"query": "returns", "limit": 3}),
                "list_tables": await client.call_tool("list_tables", {"source": "shop"}),
                "run_readonly_sql": await client.call_tool(
                    "run_readonly_sql", {"sql": "SELECT status, count(*) AS n FROM orders GROUP BY 1", "source": "shop"}
                ),
                "explain_answer": await client.call_tool("explain_answer", {"id": asked.structured_content["id"]}),
            }
            return schemas, found

    schemas, found = asyncio.run(all_of_them())
    for name, result in found.items():
        assert not result.is_error, result.content
        jsonschema.validate(result.structured_content, schemas[name])
    assert found["ask"].structured_content["text"] in found["ask"].content[0].text
    assert "```sql" in found["ask"].content[0].text
    assert len(found["search_docs"].structured_content["results"]) == 3
    assert [source["name"] for source in found["list_tables"].structured_content["sources"]] == ["shop"]
    assert sum(row[1] for row in found["run_readonly_sql"].structured_content["table"]["rows"]) > 1000
    explained = found["explain_answer"].structured_content
    assert explained["sql"] == found["ask"].structured_content["sql"]
    assert explained["plan"] and explained["stages"] and explained["question"] == COUNT


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("ask", {"question": "  "}, "question_empty"),
        ("ask", {"text": "x"}, "invalid_request"),
        ("ask", {"question": "x", "sources": ["nowhere"]}, "not_found"),
        ("ask", {"question": "x", "max_rows": 0}, "invalid_request"),
        ("search_docs", {"query": "x", "filters": {"colour": "red"}}, "invalid_request"),
        ("list_tables", {"source": "nowhere"}, "not_found"),
        ("run_readonly_sql", {"sql": "DELETE FROM orders", "source": "shop"}, "sql_rejected"),
        ("run_readonly_sql", {"sql": "SELECT * FROM read_csv('/etc/passwd')", "source": "shop"}, "sql_rejected"),
        ("run_readonly_sql", {"sql": "SELECT 1; SELECT 2", "source": "shop"}, "sql_rejected"),
        ("run_readonly_sql", {"sql": "SELECT 1", "source": "help-centre"}, "invalid_request"),
        ("run_readonly_sql", {"sql": "SELECT 1", "source": "shop", "max_rows": 99999}, "invalid_request"),
        ("explain_answer", {"id": "nothing"}, "not_found"),
    ],
)
def test_an_error_is_a_result_with_a_code_and_what_to_do(service, name, arguments, code):
    result = called(service, name, arguments)
    assert result.is_error and result.content[0].text.startswith(f"{code}: ")
    assert result.structured_content is None


def test_an_unknown_tool_is_a_protocol_error(service):
    async def call():
        async with connected(service) as client:
            with pytest.raises(MCPError, match="drop_tables"):
                await client.call_tool("drop_tables", {})

    asyncio.run(call())


def test_personal_data_in_rows_is_masked(service):
    result = called(
        service, "run_readonly_sql", {"sql": "SELECT email FROM customers", "source": "shop", "max_rows": 5}
    )
    cells = [row[0] for row in result.structured_content["table"]["rows"]]
    assert cells and not any("@" in cell for cell in cells)
    assert result.structured_content["table"]["truncated"]


@pytest.mark.parametrize("mode", MODES)
def test_progress_is_told_while_a_question_is_answered(service, mode):
    heard = []

    async def listening(progress, _total, message):
        heard.append((progress, message))

    async def ask():
        async with connected(service, mode=mode) as client:
            return await client.call_tool("ask", {"question": COUNT}, progress_callback=listening)

    assert not asyncio.run(ask()).is_error
    assert [number for number, _ in heard] == sorted({number for number, _ in heard})
    assert "planning" in [message for _, message in heard]


def test_three_clients_at_once(service):
    async def ask(year):
        async with connected(service) as client:
            return (
                await client.call_tool("ask", {"question": f"How many orders were placed in {year}?"})
            ).structured_content

    async def three():
        return await asyncio.gather(*(ask(year) for year in (2023, 2024, 2025)))

    texts = [found["text"] for found in asyncio.run(three())]
    assert [str(year) in text for year, text in zip((2023, 2024, 2025), texts, strict=True)] == [True] * 3
    assert len(set(texts)) == 3


def test_a_session_follows_up(service):
    async def talk():
        async with connected(service) as client:
            await client.call_tool("ask", {"question": COUNT, "session": "mcp-talk"})
            return await client.call_tool("ask", {"question": "and in 2024?", "session": "mcp-talk"})

    assert "2024" in asyncio.run(talk()).structured_content["understood_as"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_without_sessions_there_is_nothing_to_listen_to_or_delete(service, method):
    reply = httpx.request(method, service + "/mcp", headers={"Accept": "text/event-stream"})
    assert reply.status_code == 405 and reply.headers["allow"] == "POST"
    assert reply.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize("headers", [{"Host": "attacker.example"}, {"Origin": "https://attacker.example"}])
def test_a_page_elsewhere_cannot_reach_it(service, headers):
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert httpx.post(service + "/mcp", json=call, headers=headers).status_code == 403


def test_a_body_over_the_limit_is_refused(service):
    reply = httpx.post(service + "/mcp", content=b"x" * 300_000, headers={"Content-Type": "application/json"})
    assert reply.status_code == 413 and reply.json()["error"]["code"] == "too_large"


def test_the_sdk_is_imported_by_the_first_call_only():
    code = "import sys, app.asgi; sys.exit('mcp' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


# -- who calls ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keyed(tmp_path_factory, sample_home, serve):
    home = tmp_path_factory.mktemp("mcp-keyed") / "home"
    shutil.copytree(sample_home, home, symlinks=True)
    tokens = {role: new_key(home, role) for role in ("owner", "analyst", "visitor")}
    with serve(home, "--host", "0.0.0.0") as base:
        yield base, tokens


@pytest.mark.parametrize("token", [None, "ak_0_wrong", "wt_forged.ticket.x"])
def test_without_a_key_it_is_closed(keyed, token):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    reply = httpx.post(keyed[0] + "/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, headers=headers)
    assert reply.status_code == 401 and reply.headers["www-authenticate"].startswith("Bearer")


def test_a_visitor_sees_only_what_is_public(keyed):
    base, tokens = keyed

    async def as_visitor():
        async with connected(base, tokens["visitor"]) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            asked = await client.call_tool("ask", {"question": COUNT})
            listed = await client.call_tool("list_tables", {})
            run = await client.call_tool("run_readonly_sql", {"sql": "SELECT 1 AS n", "source": "shop"})
            return tools, asked, listed, run

    tools, asked, listed, run = asyncio.run(as_visitor())
    assert tools == [name for name in TOOLS if name != "run_readonly_sql"]
    assert asked.structured_content["sql"] is None
    tables = [table["name"] for source in listed.structured_content["sources"] for table in source["tables"]]
    assert "orders" not in tables and "customers" not in tables
    assert run.is_error and run.content[0].text.startswith("not_permitted")


def test_only_whoever_was_given_an_answer_has_it_explained(keyed):
    base, tokens = keyed
    given = called(base, "ask", {"question": COUNT}, token=tokens["analyst"]).structured_content["id"]
    assert not called(base, "explain_answer", {"id": given}, token=tokens["analyst"]).is_error
    assert not called(base, "explain_answer", {"id": given}, token=tokens["owner"]).is_error
    assert called(base, "explain_answer", {"id": given}, token=tokens["visitor"]).is_error


# -- given up -----------------------------------------------------------------------------------


@contextmanager
def endpoint_over(engine):
    """`/mcp` over an engine in this process, on a port of its own."""
    answering, settings = Answering(engine, Metrics()), engine.settings
    mcp = McpEndpoint(engine, answering, Callers(settings), settings)
    app = Litestar(route_handlers=[mcp.handler], on_shutdown=[mcp.close], openapi_config=None, logging_config=None)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        answering.close()


@pytest.mark.filterwarnings("ignore::litestar.exceptions.LitestarDeprecationWarning")
@pytest.mark.parametrize("mode", MODES)
def test_a_call_that_is_given_up_stops_the_work(tmp_path, mode):
    ingest_hire(tmp_path / "home", tmp_path)
    engine = ScriptedEngine(tmp_path / "home")
    models = engine.script({})
    begun = threading.Event()

    def slow(_inputs):
        consultation = models.last
        begun.set()
        while not consultation._stopped():
            time.sleep(0.02)
        consultation.saw_stop.set()
        return {"sentences": [], "sufficient": False}

    models.outputs = {"write": slow}

    async def give_up(base):
        async with connected(base, mode=mode) as client:
            call = asyncio.ensure_future(client.call_tool("ask", {"question": "What does a kayak cost?"}))
            assert await asyncio.to_thread(begun.wait, 10)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            if mode == "auto":
                assert await asyncio.to_thread(models.last.saw_stop.wait, 5)
        # the older protocol cancels by a request of its own, which no session leads to the first: there, leaving does it
        assert await asyncio.to_thread(models.last.saw_stop.wait, 5)

    with endpoint_over(engine) as base:
        asyncio.run(give_up(base))
    engine.close()
