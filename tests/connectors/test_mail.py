"""Mail as conversations: mbox, maildir and IMAP give the same documents."""

from __future__ import annotations

import mailbox
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from connector_samples import SAMPLES, fingerprints, unchanged
from imap_server import Folder, imap_server

from connectors.base import Connector, Document, Item, Problem
from connectors.errors import ConnectorError, SourceEmpty, SourceUnreadable
from connectors.mail.imap import _quoted
from connectors.mail.message import bare_subject, own_words
from connectors.registry import kind_of, open_connector

FIRST, ANSWER, LATER = "<1@customer.example>", "<2@shop.example>", "<3@customer.example>"


def message(
    identity: str,
    subject: str,
    body: str,
    *,
    sender: str = "Qzu Vrbnsk <qzu@customer.example>",
    day: int = 1,
    **headers: str,
) -> EmailMessage:
    made = EmailMessage()
    made["Message-ID"], made["Subject"], made["From"], made["To"] = identity, subject, sender, "help@shop.example"
    made["Date"] = f"Thu, {day:02} Feb 2024 10:00:00 +0100"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(body)
    return made


def thread() -> list[EmailMessage]:
    return [
        message(FIRST, "Leaking tent", "My tent leaks at the seams.\n\nBest regards,\nQzu Vrbnsk\n+44 20 7946 0958\n"),
        message(
            ANSWER,
            "Re: Leaking tent",
            "Please seal the seams with silicone.\n\nOn Thu, 1 Feb 2024 at 10:00, Qzu Vrbnsk\n<qzu@customer.example> wrote:\n\n> My tent leaks at the seams.\n>\n-- \nThe Shop\n",
            sender="Anna <help@shop.example>",
            day=2,
            In_Reply_To=FIRST,
        ),
        message("<9@other.example>", "Invoice", "Where is my invoice?\n", sender="b@other.example", day=3),
    ]


def write_mbox(path: Path, messages: list[EmailMessage]) -> Path:
    path.unlink(missing_ok=True)
    box = mailbox.mbox(path)
    for each in messages:
        box.add(mailbox.mboxMessage(each))
    box.close()
    return path


def write_maildir(path: Path, messages: list[EmailMessage]) -> Path:
    box = mailbox.Maildir(path, create=True)
    box.clear()
    for each in messages:
        box.add(each)
    return path


Write = Callable[[list[EmailMessage]], Connector]


@pytest.fixture(params=["mbox", "maildir", "imap"])
def source(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Puts messages into a mailbox and opens a connector on it."""
    if request.param == "imap":
        monkeypatch.setenv("MAIL_PW", "s3cret")
        with imap_server() as folder:

            def fill(messages: list[EmailMessage], **options: str) -> Connector:
                folder.messages = {number: each.as_bytes() for number, each in enumerate(messages, 10)}
                location = f"imap://me%40shop.example@127.0.0.1:{folder.port}/Support"
                return open_connector(location, options={"password": "${MAIL_PW}"} | options)

            yield fill
        return
    write = write_mbox if request.param == "mbox" else write_maildir
    name = "box.mbox" if request.param == "mbox" else "box"
    yield lambda messages, **options: open_connector(str(write(tmp_path / name, messages)), options=options)


def documents(items: list[Item]) -> dict[str, Document]:
    return {item.title or "": item for item in items if isinstance(item, Document)}


def test_a_conversation_is_one_document_of_own_words(source: Write) -> None:
    connector = source(thread(), staff="@shop.example")
    assert isinstance(connector, Connector) and connector.personal
    connector.check()
    found = documents(list(connector.read({})))
    assert set(found) == {"Leaking tent", "Invoice"}
    tent = found["Leaking tent"]
    assert tent.text == (
        "# Leaking tent\n\n## Customer, 2024-02-01\n\nMy tent leaks at the seams.\n\n"
        "## Support, 2024-02-02\n\nPlease seal the seams with silicone.\n"
    )
    assert tent.metadata == {"messages": "2", "first_message": "2024-02-01", "last_message": "2024-02-02"}
    assert {"Qzu Vrbnsk", "qzu@customer.example", "Anna"} <= set(tent.people)
    assert tent.path.startswith("conversation-") and "tent" not in tent.path
    assert [each.path for each in connector.discover()] == sorted(each.path for each in found.values())


def test_a_new_message_changes_its_conversation_only(source: Write) -> None:
    known = fingerprints(list(source(thread()).read({})))
    assert unchanged(list(source(thread()).read(known))) == list(known)
    more = [*thread(), message(LATER, "Re: Leaking tent", "That worked.\n", day=5, References=f"{FIRST} {ANSWER}")]
    items = list(source(more).read(known))
    (changed,) = documents(items).values()
    assert changed.title == "Leaking tent" and "That worked" in changed.text and len(unchanged(items)) == 1
    assert known[changed.path] != changed.fingerprint, "the conversation has got another name"


def test_spam_is_left_out_unless_asked_for(source: Write) -> None:
    spam = [*thread(), message("<s@x.example>", "Win", "Win now\n", day=4, X_Spam_Flag="YES")]
    items = list(source(spam).read({}))
    assert "Win" not in documents(items)
    assert [item.code for item in items if isinstance(item, Problem)] == ["spam_left_out"]
    assert "Win" in documents(list(source(spam, spam="yes").read({})))


def test_html_other_encodings_and_attachments(source: Write, tmp_path: Path) -> None:
    html = message("<h@x.example>", "=?iso-8859-1?q?Gr=F6=DFe?=", "", day=6)
    html.set_content(
        "<p>Die Größe passt <b>nicht</b>.</p><blockquote>zitiert</blockquote>", subtype="html", charset="cp1252"
    )
    odd = message("<o@x.example>", "Odd", "", day=7)
    odd.set_payload("Caf\xe9 geschlossen".encode("latin-1"))
    odd.replace_header("Content-Type", 'text/plain; charset="x-unknown"')
    odd.replace_header("Content-Transfer-Encoding", "8bit")
    manual = message("<m@x.example>", "Manual", "See the file.\n", day=8)
    content = SAMPLES[".pdf"](tmp_path / "m.pdf", "stoves").read_bytes()
    manual.add_attachment(content, maintype="application", subtype="pdf", filename="manual of Qzu.pdf")
    manual.set_boundary("b0undary")
    found = documents(list(source([html, odd, manual]).read({})))
    assert "Die Größe passt nicht." in found["Größe"].text and "zitiert" not in found["Größe"].text
    assert "Café geschlossen" in found["Odd"].text
    assert found["Manual"].metadata["attachments"] == "manual of Qzu.pdf"
    read = list(source([manual], attachments="yes").read({}))
    attached = next(item for item in read if isinstance(item, Document) and "/" in item.path)
    assert attached.path.endswith("/attachment-1.pdf") and "stoves" in attached.text
    known = fingerprints(read)
    assert unchanged(list(source([manual], attachments="yes").read(known))) == list(known)


def test_malformed_messages_do_not_stop_the_others(source: Write) -> None:
    broken = EmailMessage()
    broken["Subject"] = "Broken"
    broken.set_payload("text without anything else")
    bad_date = message("<d@x.example>", "Dates", "When?\n")
    bad_date.replace_header("Date", "yesterday")
    loop = message("<l@x.example>", "Loop", "Round.\n", References="<l@x.example> <1@customer.example>")
    found = documents(list(source([broken, bad_date, loop, *thread()]).read({})))
    assert {"Broken", "Dates", "Invoice"} <= set(found)


def test_an_empty_mailbox_is_named(source: Write) -> None:
    with pytest.raises(SourceEmpty):
        source([]).check()


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("Yes.\n\n> No?\n> Really?\n", "Yes."),
        ("Yes.\n\nAm 1. Februar 2024 um 10:00 schrieb Anna:\n> Nein?\n", "Yes."),
        ("Yes.\n\n-----Original Message-----\nFrom: A\nNo?", "Yes."),
        ("Yes.\n\nFrom: Anna <a@x>\nSent: Monday\nTo: B\nSubject: No?\n\nNo?", "Yes."),
        ("Yes.\n-- \nAnna\nShop", "Yes."),
        ("Yes.\n\nSent from my iPhone", "Yes."),
        ("Yes.\n\nKind regards,\nAnna", "Yes."),
        ("> Is it dry?\nYes.\n> Is it warm?\nNo.", "Yes.\nNo."),
        ("On Monday I wrote:\nnothing of note.", "On Monday I wrote:\nnothing of note."),
        ("From: Berlin to Hamburg\nit takes two hours.", "From: Berlin to Hamburg\nit takes two hours."),
        ("Best,\n", "Best,"),
    ],
)
def test_quotes_and_signatures_are_told_from_own_words(text: str, own: str) -> None:
    assert own_words(text) == own


@pytest.mark.parametrize(
    ("subject", "bare"), [("Re: RE: Fwd: Tent", "Tent"), ("AW: [Ticket 5] Zelt", "[Ticket 5] Zelt"), ("Reply", "Reply")]
)
def test_bare_subjects(subject: str, bare: str) -> None:
    assert bare_subject(subject) == bare


def test_mailboxes_are_told_from_other_folders_and_files(tmp_path: Path) -> None:
    assert kind_of(str(write_mbox(tmp_path / "a.mbox", thread()))) == "mailbox"
    assert kind_of(str(write_maildir(tmp_path / "dir", thread()))) == "mailbox"
    assert kind_of("imaps://me@host/INBOX") == "imap"
    (tmp_path / "b.mbox").write_text("nothing like it")
    with pytest.raises(SourceUnreadable, match="no mbox"):
        open_connector(str(tmp_path / "b.mbox")).check()


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    monkeypatch.setenv("MAIL_PW", "s3cret")
    with imap_server() as running:
        running.messages = {10: thread()[0].as_bytes()}
        yield running


def imap(folder: Folder, name: str = "Support", **options: str) -> Connector:
    return open_connector(f"imap://me@127.0.0.1:{folder.port}/{name}", options={"password": "${MAIL_PW}"} | options)


def test_imap_changes_nothing_and_fetches_only_new_bodies(folder: Folder) -> None:
    known = fingerprints(list(imap(folder).read({})))
    folder.commands.clear()
    list(imap(folder).read(known))
    assert not any("BODY.PEEK[]" in command for command in folder.commands)
    assert any(command.startswith("EXAMINE") for command in folder.commands)
    folder.validity += 1
    list(imap(folder).read(known))
    assert any("BODY.PEEK[]" in command for command in folder.commands), "UIDs of another validity were trusted"


def test_imap_faults_are_named_without_the_password(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceUnreadable, match="no folder Nowhere"):
        imap(folder, "Nowhere").check()
    folder.messages[11] = thread()[2].as_bytes()
    with pytest.raises(SourceUnreadable, match="holds 2 messages"):
        imap(folder, max_messages="1").check()
    folder.drops = True
    with pytest.raises(SourceUnreadable):
        list(imap(folder).read({}))
    monkeypatch.setenv("MAIL_PW", "wr0ng")
    with pytest.raises(SourceUnreadable, match="refuses") as caught:
        imap(folder).check()
    assert "wr0ng" not in f"{caught.value} {caught.value.hint}"
    monkeypatch.delenv("MAIL_PW")
    with pytest.raises(ConnectorError, match="MAIL_PW"):
        imap(folder).check()


@pytest.mark.parametrize(
    ("location", "password"),
    [
        ("imaps://me:hunter2@host/x", ""),
        ("imaps://me@host/x", "hunter2"),
        ("imaps://me@host/x", ""),
        ("imaps://host/x", "${P}"),
    ],
)
def test_imap_locations_hold_no_password(location: str, password: str) -> None:
    with pytest.raises(ConnectorError) as caught:
        open_connector(location, kind="imap", options={"password": password})
    assert caught.value.hint and "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_folder_names_are_encoded_and_quoted() -> None:
    assert _quoted('Entwürfe & "Mehr"') == '"Entw&APw-rfe &- \\"Mehr\\""'
