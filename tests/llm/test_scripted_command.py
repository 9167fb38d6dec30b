"""`answerable dev llm` as its users start it: a process of its own, stopped by a signal."""

import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE_SCRIPT = ROOT / "data" / "sample" / "llm-script.yaml"
ASK = {"model": "scripted", "messages": [{"role": "user", "content": "Are we doing well?"}]}
ROUTE = {"response_format": {"type": "json_schema", "json_schema": {"name": "route", "schema": {}}}}


@contextmanager
def served(*arguments):
    """(base URL, process) of the command on a free port; it must end with code 0 on SIGTERM."""
    command = [sys.executable, "-m", "app.cli", "dev", "llm", "--port", "0", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith("Listening on "), line + process.stderr.read()
            yield line.removeprefix("Listening on ").strip(), process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=10) == 0


def test_a_script_is_served_recorded_and_replayed(tmp_path):
    recording = tmp_path / "talk.jsonl"
    with served("--script", SAMPLE_SCRIPT) as (base, process):
        assert base.startswith("http://127.0.0.1:")
        with served("--record-from", base, "--out", recording, "--quiet") as (proxy, _):
            said = httpx.post(f"{proxy}/chat/completions", json=ASK | ROUTE, timeout=60).json()
        assert httpx.get(base.removesuffix("/v1") + "/_totals").json()["models"]["scripted"]["completed"] == 1
        process.send_signal(signal.SIGTERM)
        told = process.stderr.read()
    assert "ANSWERABLE_LLM_BASE_URL=http://127.0.0.1:" in told
    assert re.search(r"scripted route -> rule \d+, 200, completed", told)
    assert "doing well" not in told, "lines hold nothing of the content"
    with served("--replay", recording) as (base, _):
        assert httpx.post(f"{base}/chat/completions", json=ASK | ROUTE, timeout=60).json() == said
        assert httpx.post(f"{base}/chat/completions", json=ASK, timeout=60).json()["error"]["code"] == "not_recorded"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--script", "a", "--replay", "b"),
        ("--record-from", "http://127.0.0.1:9/v1"),
        ("--script", "a", "--out", "b"),
    ],
)
def test_exactly_one_thing_is_served(cli, tmp_path, arguments):
    run = cli(tmp_path, "dev", "llm", *arguments)
    assert run.returncode == 1
    assert "--script FILE" in run.stderr


def test_a_mistake_or_a_taken_port_is_told(cli, tmp_path):
    script = tmp_path / "script.yaml"
    script.write_text("rules:\n- reply: {txt: hello}\n")
    run = cli(tmp_path, "dev", "llm", "--script", str(script))
    assert run.returncode == 1
    assert "script.yaml, rules 1, reply: there is no `txt`; did you mean `text`?" in " ".join(run.stderr.split())
    with served("--script", SAMPLE_SCRIPT) as (base, _):
        port = base.removesuffix("/v1").rpartition(":")[2]
        run = cli(tmp_path, "dev", "llm", "--script", str(SAMPLE_SCRIPT), "--port", port)
    assert run.returncode == 1
    assert f"port {port}" in run.stderr
