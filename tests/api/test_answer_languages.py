"""The language of the service's own words over HTTP: the question's, else what `Accept-Language` prefers, else English."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request

import httpx
import pytest

from app.accepted_languages import liked_best, preferred_language
from app.ops.site import SiteOptions
from app.ops.sites import SiteStore
from tests.conftest import run_cli

UNTOLD = "Zeppelin"
"""A word that says nothing of the asker's language, and of which the sample data say nothing."""
UNKNOWN = {
    "en": "I don't know: neither the documents nor the tables say anything about this.",
    "de": "Ich weiß es nicht: Weder die Dokumente noch die Tabellen sagen etwas dazu.",
    "es": "No lo sé: ni los documentos ni las tablas dicen nada al respecto.",
    "fr": "Je ne sais pas\N{NO-BREAK SPACE}: ni les documents ni les tables n’en disent quoi que ce soit.",
    "ar": "لا أعرف: لا تذكر المستندات ولا الجداول شيئًا عن هذا.",
}


def asked(service: str, question: str, accepted: str | None = None, **more: object) -> dict:
    headers = {"accept-language": accepted} if accepted is not None else {}
    reply = httpx.post(f"{service}/v1/ask", json={"question": question, **more}, headers=headers, timeout=60)
    assert reply.status_code == 200, reply.text
    return reply.json()


@pytest.mark.parametrize("language", [*UNKNOWN, None])
def test_a_browsers_language_is_spoken_where_the_question_does_not_tell(service: str, language: str | None) -> None:
    found = asked(service, UNTOLD, language)
    assert found["refusal"]["code"] in ("not_in_data", "not_understood")
    assert found["text"].startswith(found["refusal"]["reason"])
    assert found["refusal"]["reason"] == UNKNOWN[language or "en"]


@pytest.mark.parametrize(
    ("question", "accepted", "code", "begins"),
    [
        ("Who is the zeppelin's captain?", "de", "not_in_data", "I don't know"),
        ("Wer ist der Kapitän des Zeppelins?", "en", "other_language", "Die Dokumente sagen nichts dazu."),
        ("¿Quién es el capitán del zepelín?", "de", "other_language", "Los documentos no dicen nada"),
        ("Qui est le capitaine du zeppelin ?", None, "other_language", "Les documents n’en disent rien."),
        ("من هو قبطان المنطاد؟", "en", "not_in_data", UNKNOWN["ar"]),
        ("Chi è il capitano del dirigibile?", "de", "other_language", "Die Dokumente sagen nichts dazu. Die Frage scheint auf Italienisch"),
        ("Chi è il capitano del dirigibile?", None, "other_language", "This looks like Italian."),
        ("DROP TABLE orders", "fr-CH, de;q=0.5", "unsafe", "Ceci est du SQL"),
    ],
)  # fmt: skip
def test_the_questions_own_language_comes_first(
    service: str, question: str, accepted: str | None, code: str, begins: str
) -> None:
    found = asked(service, question, accepted)
    assert found["status"] == "refused" and found["text"].startswith(begins), found["text"]
    assert found["refusal"]["code"] == code


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.1", "de"),
        ("nl, fr;q=0.3, es;q=0.8", "es"),
        ("de;q=0, en;q=0.1", "en"),
        ("ar-EG", "ar"),
        ("zh-CN,zh", "en"),
        ("*", "en"),
        ("", "en"),
        (",,;;q=,=", "en"),
        ("de;q=two", "en"),
        ("de;q=1.5e3, fr", "fr"),
        ("fr\t,de", "fr"),
        ("x" * 4000, "en"),
        ("a," * 2000 + "de", "en"),
        ("de_DE", "en"),
        ("../../etc/passwd", "en"),
        ("language", "en"),
    ],
)
def test_headers_of_any_shape(service: str, header: str, language: str) -> None:
    assert asked(service, UNTOLD, header)["refusal"]["reason"] == UNKNOWN[language]


@pytest.mark.parametrize("header", ["\x00", "dé", "de;q=0." + "0" * 400, ";q=1", "q=1;de"])
def test_what_is_no_language_is_passed_over(header: str) -> None:
    assert preferred_language(header) is None and liked_best(f"{header}, fr", {"fr"}) == "fr"


def test_a_stream_and_the_openai_endpoint_speak_it_too(service: str) -> None:
    headers = {"accept-language": "fr"}
    body = {"question": UNTOLD, "stream": True}
    told = httpx.post(f"{service}/v1/ask", json=body, headers=headers, timeout=60).text
    done = json.loads(re.search(r"event: done\ndata: (.*)", told.replace("\r\n", "\n"))[1])
    assert done["refusal"]["reason"] == UNKNOWN["fr"]
    chat = {"model": "answerable", "messages": [{"role": "user", "content": UNTOLD}]}
    reply = httpx.post(f"{service}/v1/chat/completions", json=chat, headers=headers, timeout=60).json()
    assert reply["choices"][0]["message"]["content"].startswith(UNKNOWN["fr"])


def test_a_session_is_refused_in_the_language_of_each_request(service: str) -> None:
    first = asked(service, "How many customers are there?", "de", session="language-test")
    assert first["status"] == "answered"
    for language, begins in (("de", "Das liest sich wie eine Nachfrage"), ("es", "Esto parece continuar")):
        assert asked(service, "per zeppelin?", language, session="language-test")["text"].startswith(begins)


def test_a_plain_page_and_its_answer_speak_one_language(serve, sample_home, tmp_path) -> None:
    for name in ("store", "cache"):
        (tmp_path / name).symlink_to(sample_home / name)
    assert run_cli(tmp_path, "keys", "add", "--role", "owner").returncode == 0
    site, _ = SiteStore(tmp_path / "state.db").add(SiteOptions(name="shop", origins=("https://shop.example.com",)))
    with serve(tmp_path, ANSWERABLE_REQUIRE_KEY="true") as base:
        for language, title in (("fr", "Votre question"), ("de", "Ihre Frage"), ("ar", "You asked")):
            page = opened(f"{base}/ask?site={site.key}", language)
            form = re.search(r'name="form" value="([^"]+)"', page)[1]
            field, page = form, opened(f"{base}/ask", language, base, form=form, q=UNTOLD)
            shown = UNKNOWN[language if language != "ar" else "en"].replace("'", "&#39;")
            assert title in page and shown in page
        assert "La pregunta está vacía." in opened(f"{base}/ask", "es", base, form=field, q=" ")
        assert "Die Frage hat 5000 Zeichen, möglich sind 4000." in opened(
            f"{base}/ask", "de", base, form=field, q="x" * 5000
        )
        in_english = opened(f"{base}/ask", "en", base, form=field, q="x" * 5000)
        assert "The question has 5000 characters; 4000 are allowed. Shorten it, or raise ANSWERABLE_" in in_english


def opened(url: str, language: str, origin: str = "", **form: str) -> str:
    data = urllib.parse.urlencode(form).encode() if form else None
    headers = {"Accept-Language": language, **({"Origin": origin} if origin else {})}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as response:
            return response.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.read().decode()
