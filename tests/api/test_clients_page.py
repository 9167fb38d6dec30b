"""docs/clients.md: its Python and curl examples run against a server, its configurations are what they should be."""

import asyncio
import contextlib
import io
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from mcp import Client

from app.api.mcp.tools import TOOLS
from app.api.openai_compat.wire import Wishes
from app.api.provenance import Provenance

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
HERE = "http://127.0.0.1:8000"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(3))
def test_a_python_example_runs(service, number):
    examples = blocks("python")
    assert len(examples) == 3
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(examples[number].replace(HERE, service), f"clients.md:{number}", "exec"), {})
    expected = ("SELECT", "**Sources**", "orders")[number]
    assert expected in printed.getvalue()


def test_each_curl_example_answers(service):
    commands = [line for block in blocks("bash") for line in block.splitlines() if line]
    assert len(commands) == 3 and all(command.startswith("curl ") for command in commands)
    for command in commands:
        ran = subprocess.run(command.replace(HERE, service), shell=True, capture_output=True, text=True, timeout=30)
        assert ran.returncode == 0
        body = ran.stdout
        assert '"error"' not in body and ("[DONE]" in body if "-sN" in command else json.loads(body)["object"])


def test_the_configurations_can_be_read():
    (endpoints,) = map(yaml.safe_load, blocks("yaml"))
    assert endpoints["endpoints"]["custom"][0]["baseURL"].endswith("/v1")
    (servers,) = map(json.loads, blocks("json"))
    assert servers["mcpServers"]["answerable"]["url"].endswith("/mcp")
    assert servers["mcpServers"]["answerable-local"]["args"][0] == "mcp"


def test_the_tables_name_what_there_is(service):
    async def listed():
        async with Client(f"{service}/mcp") as client:
            return [tool.name for tool in (await client.list_tools()).tools]

    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE.partition("| tool |")[2].partition("\n\n")[0], re.MULTILINE)
    assert [name for name, _ in rows] == asyncio.run(listed())
    for (_, takes), tool in zip(rows, TOOLS, strict=True):
        assert re.findall(r"`(\w+)`", takes) == list(tool.takes.__struct_fields__)
    for field in (*Wishes.__struct_fields__, *Provenance.__struct_fields__):
        assert f"`{field}`" in PAGE
