"""What a server process costs, and that the command works without a network."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_MEMORY_BYTES = 600_000_000


def test_it_is_small_and_without_torch(sample_home, serve):
    with serve(sample_home, fresh=True) as base:
        for question in ("How long do I have to return something?", "How many orders were placed in 2025?"):
            answer = httpx.post(base + "/v1/ask", json={"question": question}, timeout=60).json()
            assert httpx.get(f"{base}/v1/answers/{answer['id']}", timeout=60).status_code == 200
        port = int(base.rpartition(":")[2])
        server = next(child for child in psutil.Process().children() if str(port) in child.cmdline())
        loaded = {Path(region.path).name for region in server.memory_maps()}
        assert not [name for name in loaded if name.startswith("libtorch")]
        assert server.memory_info().rss < MOST_MEMORY_BYTES


def test_answering_imports_neither_torch_nor_transformers(sample_home):
    code = (
        "import sys, os\n"
        "from app.engine import Engine\n"
        "from app.settings import load_settings\n"
        "from app.asking import question_from\n"
        "from app.answer import answer\n"
        "from app.values import Caller\n"
        "import app.asgi\n"
        "engine = Engine(load_settings(os.environ))\n"
        "for text in ('How many orders were placed in 2025?', 'How do I wash a down jacket?'):\n"
        "    engine.traces.record(text, answer(question_from(text, engine, Caller()), engine))\n"
        "engine.close()\n"
        "print([name for name in ('torch', 'transformers', 'sentence_transformers') if sys.modules.get(name)])"
    )
    env = {"ANSWERABLE_HOME": str(sample_home), "PATH": "/usr/bin:/bin", "HOME": str(sample_home)}
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "[]"


@pytest.mark.network_namespace
def test_questions_are_answered_without_a_network(sample_home, tmp_path):
    def ask(question):
        command = f"ip link set lo up 2>/dev/null; exec {sys.executable} -m app.cli ask --json '{question}'"
        env = {"ANSWERABLE_HOME": str(sample_home), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(tmp_path)}
        run = subprocess.run(
            ["unshare", "--net", "sh", "-c", command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120
        )
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)

    assert ask("How many orders were placed in 2025?")["route"] == "tables"
    assert ask("How long do I have to return something?")["citations"]


def test_the_terminal_prints_text_citations_and_explains(sample_home, cli):
    run = cli(sample_home, "ask", "How many orders were placed in 2025?", "--explain", fresh=True)
    assert run.returncode == 0, run.stderr
    assert "SELECT" in run.stdout
    assert "timing (ms):" in run.stdout
    run = cli(sample_home, "ask", "How long do I have to return something?")
    assert run.returncode == 0, run.stderr
    assert "[1]" in run.stdout
    assert "help-centre: " in run.stdout


def test_the_doctor_finds_nothing_wrong(sample_home, cli):
    run = cli(sample_home, "doctor", "--json", fresh=True)
    levels = {finding["check"]: finding["level"] for finding in json.loads(run.stdout)}
    assert run.returncode == 0, run.stdout
    checks = {"versions", "home", "disk", "memory", "stores", "model", "keys", "verified", "language models"}
    checks |= {"prompts", "spending", "cache", "alerts", "webhook", "mail"}
    checks |= {"state file", "expiring keys", "sites", "address", "port", "limits", "scheduled syncs"}
    assert set(levels) == checks
    assert levels["stores"] == levels["model"] == "ok"
