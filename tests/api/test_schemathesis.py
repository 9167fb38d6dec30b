"""Requests that schemathesis makes from the OpenAPI description: nothing breaks, and everything is as described."""

import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.conftest import new_key

CONFIG = Path(__file__).with_name("schemathesis.toml")
SEED = "20260301"


def tried(base, folder, *options):
    """Runs it; the report says what failed."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
    ran = subprocess.run(
        [*command, f"{base}/schema/openapi.json", "--seed", SEED, "--no-color", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    assert "No issues found" in ran.stdout


@pytest.fixture
def home(sample_home, tmp_path):
    """A copy: requests may add verified queries to it."""
    shutil.copytree(sample_home, tmp_path / "home", symlinks=True)
    return tmp_path / "home"


def test_on_loopback_without_a_key(home, serve, tmp_path):
    with serve(home) as base:
        tried(base, tmp_path)


def test_where_a_key_is_needed(home, serve, tmp_path):
    token = new_key(home, "analyst")
    with serve(home, "--host", "0.0.0.0", ANSWERABLE_RATE_PER_KEY="off", ANSWERABLE_RATE_PER_ADDRESS="off") as base:
        assert httpx.get(base + "/schema/openapi.json").json()["security"] == [{"key": []}]
        tried(base, tmp_path, "-H", f"Authorization: Bearer {token}", "--phases", "coverage")


def test_every_operation_describes_its_errors_in_the_one_shape(service):
    described = httpx.get(service + "/schema/openapi.json").json()
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            for status in ("400", "401", "403", "404", "429", "500", "503", "504"):
                schema = operation["responses"][status]["content"]["application/json"]["schema"]
                assert schema["$ref"].endswith("/ErrorResponse"), (method, path, status)


@pytest.mark.parametrize("method", ["OPTIONS", "PATCH"])
@pytest.mark.parametrize(
    ("path", "allowed"), [("/v1/verified", {"GET", "OPTIONS", "POST"}), ("/v1/ask", {"OPTIONS", "POST"})]
)
def test_what_a_path_allows_is_said(service, path, method, allowed):
    assert set(httpx.request(method, service + path).headers["allow"].split(", ")) == allowed
