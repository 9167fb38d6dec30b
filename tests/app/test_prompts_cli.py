"""`answerable prompts`: list, show, diff, label, history, test."""

import json
import subprocess
import sys
import time

import msgspec
import pytest
from typer.testing import CliRunner

from app.commands.prompts import app
from app.errors import AppError, ConfigurationError, InvalidRequest, NotFound
from app.llm.prompts.reading import PACKAGED
from app.llm.prompts.trials.answers import Taken
from tests.llm.prompt_folder import EXAMPLES, SPLIT, folder, lines_of

CASES = lines_of(
    {"id": "one", "input": {"question": "How many tents?"}, "expect": {"count": {"questions[]": 1}}},
    {"id": "two", "input": {"question": "What is a tent and who sells one?"}, "expect": {"count": {"questions[]": 2}}},
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command in this process; errors of the service are raised, as `main` prints them."""
    monkeypatch.setenv("ANSWERABLE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments, code=0):
        result = CliRunner().invoke(app, arguments)
        if isinstance(result.exception, AppError):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.stdout

    return command


@pytest.fixture
def own(tmp_path, monkeypatch):
    """An override folder with cases, and with another prompt once it is asked for."""
    path = folder(tmp_path / "own", split_cases_jsonl=CASES)
    monkeypatch.setenv("ANSWERABLE_PROMPTS", str(path))
    return path


def version_of(run, which="file"):
    return json.loads(run("show", "split", which, "--json"))["id"]


def replies(path, prompt, *outputs, model="main/small", seconds=0.5):
    """A file with a reply for each case, as `--record` writes it."""
    taken = [
        Taken(prompt=prompt, case=case, model=model, output=output, seconds=seconds, cost_usd="0.01", input_tokens=7)
        for case, output in zip(("one", "two"), outputs, strict=True)
    ]
    with path.open("ab") as file:
        file.write(b"".join(msgspec.json.encode(each) + b"\n" for each in taken))
    return str(path)


RIGHT = ({"questions": ["a"]}, {"questions": ["a", "b"]})
WRONG = ({"questions": ["a"]}, {"questions": ["a b"]})


def test_help_is_quick_and_imports_nothing_heavy(cli, tmp_path):
    heavy = ["jinja2", "jsonschema", "sqlalchemy", "sqlglot", "duckdb", "frontmatter"]
    code = f"import sys, app.commands.prompts; print(sorted(set({heavy}) & set(sys.modules)))"
    started = time.perf_counter()
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr
    assert time.perf_counter() - started < 5


def test_as_its_users_run_it(cli, tmp_path):
    listed = cli(tmp_path, "prompts", "list")
    assert listed.returncode == 0, listed.stderr
    assert "plan_sql@" in listed.stdout
    unknown = cli(tmp_path, "prompts", "label", "splits", "candidate")
    assert unknown.returncode == 1
    assert unknown.stderr.splitlines() == ["error: There is no prompt 'splits'.", "       Did you mean split?"]


def test_list_shows_production_labels_and_whether_the_files_differ(run, own):
    first = version_of(run)
    rows = {row["name"]: row for row in json.loads(run("list", "--json"))}
    assert set(rows) == {file.stem for file in PACKAGED.glob("*.md")}
    assert rows["split"]["production"] == rows["split"]["file"] == first
    assert not rows["split"]["differs"]
    run("label", "split", "production")
    folder(own, split_md=SPLIT.replace("At most three.", "Two at most."))
    row = next(row for row in json.loads(run("list", "--json")) if row["name"] == "split")
    assert row["production"] == first != row["file"]
    assert row["differs"]
    assert row["overridden"]
    assert row["labels"] == {"production": first}
    said = run("list")
    assert f"the files hold {row['file']}" in said
    assert "from the override folder" in said


def test_show_tells_all_that_a_version_holds(run):
    said = run("show", "split")
    assert said.startswith("# split@")
    for part in ("# system", "# user", "# example two", "max_tokens: 300", "additionalProperties: false"):
        assert part in said


def test_diff_is_a_readable_unified_diff(run, own):
    run("label", "split", "production")
    assert "are the same: split@" in run("diff", "split", "production", "file")
    folder(own, split_md=SPLIT.replace("- At most three.", "- Two at most."))
    lines = run("diff", "split", "production", "file").splitlines()
    assert lines[0].endswith("(production)")
    assert lines[1].endswith("(file)")
    assert [line for line in lines[3:] if line[:1] in "+-"] == [
        "-- At most three. If there are more, keep parts that belong together as one.",
        "+- Two at most. If there are more, keep parts that belong together as one.",
    ]
    told = json.loads(run("diff", "split", "production", "file", "--json"))
    assert told["before"] != told["after"]
    with pytest.raises(ConfigurationError, match="no label 'canary'; it has production"):
        run("diff", "split", "canary", "file")


def test_labels_are_set_moved_and_removed_with_a_history(run, own):
    first = version_of(run)
    assert "candidate" in run("label", "split", "candidate", "--note", "try it", "--by", "ann")
    folder(own, split_md=SPLIT.replace("At most three.", "Two at most."))
    run("label", "split", "candidate", "file", "--by", "bob")
    run("label", "split", "candidate", first.split("@")[1][:7], "--by", "bob", "--json")
    run("label", "split", "candidate", "--remove", "--by", "ann")
    changes = json.loads(run("history", "split", "--json"))
    assert [(change["before"] == first, change["after"] == first, change["by"]) for change in changes] == [
        (False, True, "ann"),
        (True, False, "bob"),
        (False, True, "bob"),
        (True, False, "ann"),
    ]
    assert changes[0]["note"] == "try it"
    assert changes[-1]["after"] is None
    assert len(run("history", "split", "--label", "candidate").splitlines()) == 4
    assert "No label of rewrite was ever set" in run("history", "rewrite")
    with pytest.raises(InvalidRequest, match="cannot be a label"):
        run("label", "split", "file")
    with pytest.raises(NotFound):
        run("label", "split", "candidate", "0123456")


def test_a_broken_override_stops_the_command_with_its_file(run, own):
    folder(own, split_md=SPLIT.replace("{{ question", "{{ questions"))
    with pytest.raises(ConfigurationError, match=r"split\.md.*questions is not an input"):
        run("list")


def test_a_label_on_a_version_that_cannot_be_used_can_be_put_right(run, own, tmp_path):
    import sqlite3

    folder(own, split_md=SPLIT.replace("At most three.", "Two at most."))
    run("label", "split", "production")
    folder(own, split_md=SPLIT)
    with sqlite3.connect(tmp_path / "home" / "state.db") as connection:
        connection.execute("DELETE FROM prompt_versions")
    assert "(unusable)" in run("list")
    run("label", "split", "production", "--remove")
    assert "(unusable)" not in run("list")


def test_recorded_replies_are_tested_and_failures_are_exit_code_1(run, own, tmp_path):
    good = replies(tmp_path / "good.jsonl", version_of(run), *RIGHT)
    said = run("test", "split", "--replies", good)
    assert "2/2" in said
    assert "0.0200" in said
    bad = replies(tmp_path / "bad.jsonl", version_of(run), *WRONG)
    said = run("test", "split", "--replies", bad, "--out", str(tmp_path / "report.json"), code=1)
    assert "split: two failed: questions[] has 1 values, expected 2" in said
    report = json.loads((tmp_path / "report.json").read_text())[0]
    assert report["summary"]["failed"] == 1
    assert report["summary"]["cost_usd"] == "0.02"
    assert report["summary"]["p95_s"] == 0.5
    assert json.loads(run("test", "split", "--replies", bad, "--json", code=1))[0]["results"][1]["passed"] is False


def test_only_the_first_cases_are_put_where_a_limit_is_given(run, own, tmp_path):
    bad = replies(tmp_path / "bad.jsonl", version_of(run), *WRONG)
    assert "1/1" in run("test", "split", "--replies", bad, "--limit", "1"), "the case that fails is the second"
    assert "1/2" in run("test", "split", "--replies", bad, "--limit", "2", code=1)
    run("test", "split", "--replies", bad, "--limit", "0", code=2)


def test_versions_and_models_are_compared_side_by_side(run, own, tmp_path):
    run("label", "split", "production")
    first = version_of(run)
    folder(own, split_md=SPLIT.replace("At most three.", "Two at most."))
    run("label", "split", "candidate")
    second = version_of(run)
    file = replies(tmp_path / "r.jsonl", first, *WRONG)
    replies(tmp_path / "r.jsonl", second, *RIGHT)
    said = run("test", "split", "--label", "candidate", "--against", "production", "--replies", file)
    assert "compared with production, better: two" in said
    assert first in said
    assert second in said
    replies(tmp_path / "r.jsonl", second, *WRONG, model="main/large", seconds=2.0)
    compared = ("--model", "main/large", "--against", "main/small", "--replies", file)
    said = run("test", "split", "--label", "candidate", *compared, code=1)
    assert "compared with candidate, main/small, worse: two" in said
    assert "2.00" in said


def test_all_prompts_with_the_label_are_tested(run, own, tmp_path):
    run("label", "split", "candidate")
    good = replies(tmp_path / "good.jsonl", version_of(run), *RIGHT)
    reports = json.loads(run("test", "--label", "candidate", "--replies", good, "--json"))
    assert [report["name"] for report in reports] == ["split"]
    with pytest.raises(InvalidRequest, match="No prompt has the label 'canary'"):
        run("test", "--label", "canary", "--replies", good)


def test_a_leaked_case_stops_the_test(run, own, tmp_path):
    shown = json.loads(EXAMPLES.splitlines()[0])["input"]
    folder(own, split_cases_jsonl=lines_of({"id": "x", "input": shown, "expect": {"count": {"questions[]": 2}}}))
    good = replies(tmp_path / "good.jsonl", version_of(run), *RIGHT)
    with pytest.raises(ConfigurationError, match=r"case x .* is shown by two"):
        run("test", "split", "--replies", good)


def test_files_that_cannot_be_read_or_written_are_named(run, own, tmp_path):
    with pytest.raises(InvalidRequest, match=r"nowhere\.jsonl cannot be read"):
        run("test", "split", "--replies", str(tmp_path / "nowhere.jsonl"))
    good = replies(tmp_path / "good.jsonl", version_of(run), *RIGHT)
    with pytest.raises(InvalidRequest, match="cannot be written"):
        run("test", "split", "--replies", good, "--out", str(tmp_path / "no" / "folder.json"))
    with pytest.raises(InvalidRequest, match="cannot be read as JSON"):
        run("render", "split", "--input", str(tmp_path / "nowhere.json"))
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(InvalidRequest, match="must hold a JSON object"):
        run("render", "split", "--input", str(tmp_path / "list.json"))


def test_examples_are_told_with_what_leaving_them_out_changes(run, own, tmp_path):
    example = json.loads(EXAMPLES.splitlines()[0])
    folder(own, split_examples_jsonl="")
    without = version_of(run)
    folder(own, split_examples_jsonl=lines_of(example))
    file = replies(tmp_path / "r.jsonl", version_of(run), *RIGHT)
    replies(tmp_path / "r.jsonl", without, *WRONG)
    shown = Taken(prompt=version_of(run), case="example two", model="main/small", output=example["output"])
    with (tmp_path / "r.jsonl").open("ab") as out:
        out.write(msgspec.json.encode(shown))
    said = run("test", "split", "--examples", "--replies", file)
    assert "example two is answered right only if it is shown; left out, worse: two" in said
