"""`answerable mcp`: the SDK's own client over standard input and output."""

import asyncio
import sys

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.conftest import ROOT, clean_env

COUNT = "How many orders were placed in 2025?"


def over_stdio(home, work, *options, mode="auto", **env):
    """What `work(client)` returns, and what the server wrote to standard error."""
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "app.cli", "mcp", *options],
        env=clean_env(home, **env),
        cwd=ROOT,
    )

    async def run():
        log = home / f"mcp-{len(list(home.glob('mcp-*.log')))}.log"
        with log.open("w+") as errors:
            async with Client(stdio_client(parameters, errlog=errors), mode=mode) as client:
                found = await work(client)
        return found, log.read_text()

    return asyncio.run(run())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_owner_of_the_home_uses_every_tool(sample_home, mode):
    async def work(client):
        tools = [tool.name for tool in (await client.list_tools()).tools]
        heard = []

        async def listening(_progress, _total, message):
            heard.append(message)

        asked = await client.call_tool("ask", {"question": COUNT}, progress_callback=listening)
        explained = await client.call_tool("explain_answer", {"id": asked.structured_content["id"]})
        rows = await client.call_tool("run_readonly_sql", {"sql": "SELECT count(*) AS n FROM orders", "source": "shop"})
        return tools, heard, asked, explained, rows

    (tools, heard, asked, explained, rows), _ = over_stdio(sample_home, work, mode=mode)
    assert tools == ["ask", "search_docs", "list_tables", "run_readonly_sql", "explain_answer"]
    assert asked.structured_content["status"] == "answered" and "planning" in heard
    assert explained.structured_content["sql"] == asked.structured_content["sql"]
    assert rows.structured_content["table"]["rows"][0][0] > 1000


def test_it_can_be_limited_to_what_visitors_see(sample_home):
    async def work(client):
        tools = [tool.name for tool in (await client.list_tools()).tools]
        return tools, await client.call_tool("ask", {"question": COUNT})

    (tools, asked), _ = over_stdio(sample_home, work, "--role", "visitor")
    assert "run_readonly_sql" not in tools and asked.structured_content["sql"] is None


def test_it_can_be_limited_to_a_source(sample_home):
    async def work(client):
        asked = await client.call_tool("ask", {"question": "How long do I have to return something?"})
        explained = await client.call_tool("explain_answer", {"id": asked.structured_content["id"]})
        return asked, explained, await client.call_tool("list_tables", {})

    (asked, explained, listed), _ = over_stdio(sample_home, work, "--role", "analyst", "--source", "help-centre")
    assert asked.structured_content["citations"] and not explained.is_error
    assert [source["name"] for source in listed.structured_content["sources"]] == ["help-centre"]


def test_logs_go_to_standard_error_and_say_nothing_of_questions(sample_home):
    async def work(client):
        await client.call_tool("ask", {"question": "Who is Perdita Quillfeather?"})
        return await client.call_tool("run_readonly_sql", {"sql": "SELECT nonsense FROM", "source": "shop"})

    result, log = over_stdio(sample_home, work, ANSWERABLE_LOG_LEVEL="debug")
    assert result.is_error
    assert "Quillfeather" not in log and "nonsense" not in log


@pytest.mark.parametrize(("options", "said"), [(("--role", "king"), "--role"), (("--source", "nowhere"), "nowhere")])
def test_a_wrong_option_stops_it(sample_home, cli, options, said):
    ended = cli(sample_home, "mcp", *options)
    assert ended.returncode == 1 and ended.stdout == ""
    assert ended.stderr.startswith("error: ") and said in ended.stderr
