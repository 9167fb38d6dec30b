"""Labels: audited pointers at stored versions, whatever the files hold now."""

import sqlite3
import threading

import pytest

from app.errors import ConfigurationError, InvalidRequest, NotFound
from app.llm.config import LlmConfig, TaskConfig
from app.llm.errors import NotConfigured, NotRendered, Unavailable
from app.llm.prompts import labels_of
from app.llm.prompts.labels import LabelStore
from tests.llm.prompt_folder import EXAMPLES, SPLIT, folder, opened, scrubbed, version

CHANGED = SPLIT.replace("At most three.", "Two at most.")


@pytest.fixture
def prompts(tmp_path):
    found = opened(tmp_path / "home")
    yield found
    found.close()


def later(tmp_path, text=CHANGED):
    """The same installation after its files changed."""
    return opened(tmp_path / "home", folder(tmp_path / "own", split_md=text))


def point(prompts, label, which="file", name="split", by="ann", note=""):
    return prompts.point(name, label, which, by=by, note=note)


def test_production_is_what_the_files_hold_until_it_is_labelled(prompts, tmp_path):
    assert prompts.get("split").id == prompts.of_file("split").id
    changed = later(tmp_path)
    assert changed.get("split").id == changed.of_file("split").id != prompts.get("split").id


def test_once_labelled_production_stays_when_the_files_change(prompts, tmp_path):
    point(prompts, "production")
    old = prompts.get("split")
    changed = later(tmp_path)
    assert changed.get("split").id == old.id != changed.of_file("split").id
    assert changed.get("split").render(scrubbed(question="a?")) == old.render(scrubbed(question="a?"))
    assert changed.find("split", "file").id == changed.of_file("split").id


def test_a_used_version_can_be_rendered_after_the_file_changed(prompts, tmp_path):
    used = prompts.get("split").id
    changed = later(tmp_path)
    assert changed.find("split", used).id == used
    assert changed.find("split", used.split("@")[1][:6]).id == used


def test_a_version_that_was_only_looked_at_is_not_stored(prompts):
    prompts.find("split", "file")
    assert prompts.store.ids("split") == ()


def test_labels_by_task_are_in_force(tmp_path):
    point(opened(tmp_path / "home"), "candidate")
    changed = opened(tmp_path / "home", folder(tmp_path / "own", split_md=CHANGED), {"split": "candidate"})
    assert changed.get("split").id != changed.of_file("split").id
    assert changed.get("split", label="production").id == changed.of_file("split").id
    assert changed.get("rewrite").id == changed.of_file("rewrite").id


def test_another_process_sees_a_new_label_with_its_next_call(prompts, tmp_path):
    served = later(tmp_path)
    first = served.get("split").id
    point(prompts, "production")
    assert served.get("split").id == prompts.of_file("split").id != first


def test_each_change_is_kept_with_who_when_from_and_to(prompts, tmp_path):
    first = point(prompts, "production", note="measured")
    changed = later(tmp_path)
    second = point(changed, "production", by="bob")
    removed = changed.point("split", "production", None, by="bob", note="back to the file")
    assert [(c.before, c.after, c.by, c.note) for c in changed.store.history("split")] == [
        (None, first.after, "ann", "measured"),
        (first.after, second.after, "bob", ""),
        (second.after, None, "bob", "back to the file"),
    ]
    assert first.at <= second.at <= removed.at
    assert changed.store.current("split") == {}
    assert changed.get("split").id == changed.of_file("split").id
    assert changed.store.history("rewrite") == ()


def test_changes_by_many_at_once_are_one_chain(prompts, tmp_path):
    stores = [LabelStore(tmp_path / "home" / "state.db") for _ in range(4)]
    versions = [version(tmp_path / str(n), SPLIT.replace("0.0", f"0.{n + 1}")) for n in range(4)]
    made = []

    def move(store, found):
        made.extend(store.point("split", "production", found, by="x", note="") for _ in range(5))

    threads = [threading.Thread(target=move, args=pair) for pair in zip(stores, versions, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    changes = prompts.store.history("split", "production")
    assert [change.before for change in changes] == [None, *[change.after for change in changes[:-1]]]
    assert sorted(made, key=lambda change: change.at) == sorted(changes, key=lambda change: change.at)
    assert len(changes) == 20


def test_an_unknown_label_is_an_error_that_names_the_known_ones(prompts, tmp_path):
    point(prompts, "candidate")
    with pytest.raises(ConfigurationError, match=r"no label 'canary'; it has candidate, production\."):
        prompts.get("split", label="canary")
    with pytest.raises(ConfigurationError, match="The prompt rewrite has no label 'candidate'; it has production"):
        prompts.get("rewrite", label="candidate")
    with pytest.raises(ConfigurationError, match="no label 'canary'"):
        opened(tmp_path / "home", labels={"split": "canary"})


@pytest.mark.parametrize("label", ["", "file", "Production", "a b", "deadbeef", "-x", "ä", "x" * 41, "a/b", "1st"])
def test_names_that_cannot_be_labels_are_refused(prompts, label):
    with pytest.raises(InvalidRequest, match="cannot be a label"):
        point(prompts, label)


def test_prompts_and_versions_that_are_not_there_are_named(prompts):
    with pytest.raises(NotFound, match="There is no prompt 'splits'") as error:
        prompts.get("splits")
    assert error.value.hint == "Did you mean split?"
    with pytest.raises(NotFound, match="No version of split begins with 'ffff0000'"):
        prompts.find("split", "ffff0000")
    with pytest.raises(NotFound, match="no label 'old' to remove"):
        prompts.point("split", "old", None, by="ann", note="")


def test_a_beginning_that_several_versions_share_is_refused(prompts):
    digest = prompts.of_file("split").id.split("@")[1]
    for number in range(2):  # two stored ids that begin alike
        with sqlite3.connect(prompts.store._engine.url.database) as connection:
            connection.execute(
                "INSERT INTO prompt_versions VALUES (?, 'split', 0, '{}')", (f"split@{digest[:4]}{number}",)
            )
    with pytest.raises(NotFound, match="Several versions of split begin"):
        prompts.find("split", digest[:4])


def test_a_stored_version_that_the_code_cannot_rely_on_any_more_stops_the_start(prompts, tmp_path):
    older = version(tmp_path / "old", SPLIT.replace("required: [questions]", "required: []"), None)
    prompts.store.point("split", "production", older, by="ann", note="")
    with pytest.raises(ConfigurationError, match="need not hold `questions`") as error:
        opened(tmp_path / "home")
    assert "prompts label split" in error.value.hint


def test_a_label_without_its_version_stops_the_start(prompts, tmp_path):
    point(later(tmp_path), "production")
    with sqlite3.connect(prompts.store._engine.url.database) as connection:
        connection.execute("DELETE FROM prompt_versions")
    with pytest.raises(ConfigurationError, match="is not stored any more"):
        opened(tmp_path / "home")


def test_where_the_state_file_cannot_be_read_no_model_is_asked(prompts):
    with sqlite3.connect(prompts.store._engine.url.database) as connection:
        connection.execute("DROP TABLE prompt_labels")
    with pytest.raises(Unavailable):
        prompts.get("split")


def test_a_label_that_is_taken_away_while_it_is_in_force_costs_the_model_not_the_answer(tmp_path):
    point(opened(tmp_path / "home"), "candidate")
    served = opened(tmp_path / "home", labels={"split": "candidate"})
    assert served.get("split")
    served.point("split", "candidate", None, by="ann", note="")
    with pytest.raises(NotConfigured, match="no label 'candidate'"):
        served.get("split")


def test_the_labels_in_force_are_those_of_the_configuration():
    config = LlmConfig(tasks={"split": TaskConfig(label="candidate"), "write": TaskConfig()})
    assert labels_of(config) == {"split": "candidate", "write": "production"}


def test_inputs_that_do_not_fit_are_refused_without_being_quoted(prompts):
    prompt = prompts.get("split")
    for wrong in ({}, {"question": ""}, {"question": 3}, {"question": "a", "secret": "Anna Schmidt"}):
        with pytest.raises(NotRendered) as error:
            prompt.render(scrubbed(**wrong))
        assert "Anna" not in error.value.reason
        assert "split@" in error.value.reason


def test_what_is_left_out_is_null_and_other_kinds_become_json(prompts):
    from datetime import date
    from decimal import Decimal

    prompt = prompts.get("write")
    table = {"columns": ("day", "sum"), "rows": [(date(2026, 1, 2), Decimal("1.50"), float("nan"))]}
    said = prompt.render(scrubbed(question="a?", passages=(), table=table)).messages[-1].content
    assert '["2026-01-02", "1.50", null]' in said
    assert "What was computed" not in said


def test_a_prompt_keeps_its_examples_and_parameters(prompts):
    outgoing = prompts.get("split").render(scrubbed(question="Why?"))
    roles = [message.role for message in outgoing.messages]
    assert roles == ["system", *["user", "assistant"] * len(EXAMPLES.splitlines()), "user"]
    assert outgoing.messages[2].content.startswith('{"questions":[')
    assert outgoing.task == "split"
    assert outgoing.prompt == prompts.get("split").id
    assert outgoing.parameters.max_tokens == 300
    assert outgoing.schema["required"] == ["questions"]
