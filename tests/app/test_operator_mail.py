"""Mail to the operator: sent over STARTTLS or TLS, retried, given up; no header or body can be forged by a visitor."""

import email
import email.policy
import socket
import ssl
import time

import pytest

from app.errors import ConfigurationError
from app.ops.mail import Letter, Mailer, MailServer, composed, mail_server, plain_address
from app.settings import Settings
from tests.app.smtp_server import smtp_server
from tests.connectors import tls

SENDER = "answers@shop.example.com"
LETTER = Letter(reference="H-TEST", to="help@shop.example.com", subject="A visitor asks", text="Grüße\n.\nFrom here")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return tls.made(tmp_path_factory.mktemp("authority"))


def trusting(authority):
    return ssl.create_default_context(cafile=str(authority.bundle))


def server_of(server, *, scheme="smtp", user="", password="", host="localhost"):
    return MailServer(scheme=scheme, host=host, port=server.port, user=user, password=password, sender=SENDER)


def read(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_a_mail_goes_out_encrypted_by_starttls_and_the_password_too(authority):
    with smtp_server(context=authority.server_context(), login=("u", "p w")) as server:
        mailer = Mailer(server_of(server, user="u", password="p w"), context=trusting(authority))
        assert mailer.send(LETTER)
        mailer.close()
        assert server.logins == [(("u", "p w"), True)]
        ((raw, encrypted),) = server.mails
    mail = read(raw)
    assert encrypted and mailer.sent == 1
    assert mail.get_content().replace("\r\n", "\n") == "Grüße\n.\nFrom here\n"
    assert mail.get_content_type() == "text/plain" and not mail.is_multipart()
    assert (mail["From"], mail["To"], mail["Reply-To"]) == (SENDER, "help@shop.example.com", None)
    assert "H-TEST" in mail["Message-ID"]


def test_smtps_is_encrypted_from_the_start(authority):
    with smtp_server(context=authority.server_context(), tls_from_start=True) as server:
        mailer = Mailer(server_of(server, scheme="smtps"), context=trusting(authority))
        mailer.send(LETTER)
        mailer.close()
        assert [encrypted for _, encrypted in server.mails] == [True]


def test_a_certificate_that_is_not_trusted_gets_nothing(authority):
    with smtp_server(context=authority.server_context(), login=("u", "p")) as server:
        mailer = Mailer(server_of(server, user="u", password="p"), pauses_s=(0.01,))
        mailer.send(LETTER)
        mailer.close()
        assert server.mails == [] and server.logins == [] and mailer.dropped == 1
        assert server.connections == 1


def test_a_server_elsewhere_without_starttls_gets_nothing_and_one_on_this_machine_does(monkeypatch):
    with smtp_server() as server:
        mailer = Mailer(server_of(server))
        mailer.send(LETTER)
        mailer.close()
        assert len(server.mails) == 1
        look_up = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *a, **k: look_up("127.0.0.1", *a, **k))
        mailer = Mailer(server_of(server, host="mail.shop.example.com", user="u", password="p"), pauses_s=(0.01,))
        mailer.send(LETTER)
        mailer.close()
        assert len(server.mails) == 1 and server.logins == [] and mailer.dropped == 1


def test_a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not():
    with smtp_server() as server:
        server.recipients = ["451 later", "250 ok"]
        mailer = Mailer(server_of(server), pauses_s=(0.01, 0.01))
        mailer.send(LETTER)
        until(lambda: mailer.sent == 1)
        server.recipients = ["550 no such user", "250 ok"]
        mailer.send(LETTER)
        until(lambda: mailer.dropped == 1)
        mailer.close()
        assert len(server.mails) == 1 and server.connections == 3


def test_a_mail_that_was_taken_is_not_sent_again_for_a_bad_farewell():
    with smtp_server() as server:
        server.farewell = "500 no"
        mailer = Mailer(server_of(server), pauses_s=(0.01,))
        mailer.send(LETTER)
        mailer.close()
        assert len(server.mails) == 1 and mailer.sent == 1


def test_a_server_that_is_down_is_tried_until_the_last_pause(caplog):
    with smtp_server() as server:
        down = server_of(server)
    mailer = Mailer(down, pauses_s=(0.01, 0.01))
    mailer.send(LETTER)
    until(lambda: mailer.dropped == 1)
    mailer.close()
    assert "H-TEST" in caplog.text and "Grüße" not in caplog.text


def test_a_letter_that_cannot_be_composed_does_not_keep_back_the_next():
    with smtp_server() as server:
        mailer = Mailer(server_of(server), pauses_s=(0.01,))
        mailer.send(Letter(reference="H-1", to="help@shop.example.com\r\nBcc: x@y.example", subject="x", text="y"))
        mailer.send(Letter(reference="H-2", to="hälp@shop.example.com", subject="x", text="y"))
        mailer.send(LETTER)
        mailer.close()
        assert mailer.dropped == 2 and len(server.mails) == 1


def test_the_queue_is_bounded_and_sending_waits_for_nothing():
    with smtp_server() as server:
        server.greeting = "421 busy"
        mailer = Mailer(server_of(server), pauses_s=(30.0,))
        started = time.perf_counter()
        taken = [mailer.send(LETTER) for _ in range(150)]
        assert time.perf_counter() - started < 1
        assert taken.count(True) in (100, 101) and taken[-1] is False
        mailer.close(wait_s=0.1)
        until(mailer._queue.empty)


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example\r\nBcc: x@y.example", "a@b.example, c@d.example", "<a@b.example>", '"a b"@c.example', "a@b", "@b.example",
        "a@b.example ", "a..b@c.example", "a" * 70 + "@b.example", "a@b.example;c@d.example", "ä@b.example", "", "a@-", "a\x00@b.example",
    ],
)  # fmt: skip
def test_only_one_plain_address_is_replied_to(address):
    assert not plain_address(address)
    letter = Letter(reference="H", to="help@shop.example.com", subject="x", text="y", reply_to=address)
    mail = read(composed(letter, SENDER, "d1").as_bytes())
    assert mail["Reply-To"] is None and mail["Bcc"] is None


def test_a_plain_address_is_replied_to():
    letter = Letter(
        reference="H", to="help@shop.example.com", subject="x", text="y", reply_to="ada.l+x@b-c.example.com"
    )
    assert read(composed(letter, SENDER, "d1").as_bytes())["Reply-To"] == "ada.l+x@b-c.example.com"


def test_nothing_in_subject_or_text_becomes_a_header_or_html():
    text = "</pre><script>alert(1)</script>\r\nBcc: evil@example.com\r\n\r\n.\r\nQUIT\r\n\u202eabc\x1b[2J\ud800"
    letter = Letter(
        reference="H", to="help@shop.example.com", subject="Hi\r\nBcc: evil@example.com\u2028x" + "y" * 500, text=text
    )
    with smtp_server() as server:
        mailer = Mailer(server_of(server))
        mailer.send(letter)
        mailer.close()
        ((raw, _),) = server.mails
    mail = read(raw)
    assert sorted(mail.keys()) == sorted(
        [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "Content-Type",
            "Content-Transfer-Encoding",
            "MIME-Version",
        ]
    )
    assert mail["Subject"].startswith("Hi Bcc: evil@example.com x") and len(mail["Subject"]) <= 200
    content = mail.get_content()
    assert "<script>alert(1)</script>" in content and mail.get_content_type() == "text/plain"
    assert not set(content) & {"\u202e", "\x1b"}


@pytest.mark.parametrize(
    "url", ["mail.example.com", "http://mail.example.com", "smtp://", "smtp://h:99999", "smtp://h/path", "smtp://h h", "smtp://h\nx"]
)  # fmt: skip
def test_a_wrong_address_of_the_server_stops_the_start(url):
    with pytest.raises(ConfigurationError, match="SMTP_URL"):
        mail_server(Settings(smtp_url=url, mail_from=SENDER))


def test_the_server_is_read_from_its_url():
    server = mail_server(Settings(smtp_url="smtps://me%40x:p%3Aw@mail.example.com", mail_from=SENDER))
    assert (server.scheme, server.port, server.user, server.password) == ("smtps", 465, "me@x", "p:w")
    assert "p:w" not in repr(server)
    assert mail_server(Settings()) is None
    with pytest.raises(ConfigurationError, match="MAIL_FROM"):
        mail_server(Settings(smtp_url="smtp://mail.example.com"))
