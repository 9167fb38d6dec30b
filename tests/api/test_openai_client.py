"""OpenAI's own client against the service: models, replies whole and streamed, conversations, errors, permissions."""

import asyncio
import shutil
import threading
import uuid

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.conftest import new_key

COUNT = "How many orders were placed in 2025?"
RETURNS = "How long do I have to return something?"
BY_STATUS = "Number of orders by status"


def said(text):
    return [{"role": "user", "content": text}]


@pytest.fixture(scope="module")
def client(service):
    with OpenAI(base_url=f"{service}/v1", api_key="x", max_retries=0) as made:
        yield made


def asked(client, text, **more):
    return client.chat.completions.create(model="answerable", messages=said(text), **more)


def test_models_are_everything_and_each_source(client):
    assert [model.id for model in client.models.list()] == ["answerable", "answerable/help-centre", "answerable/shop"]
    assert client.models.retrieve("answerable/shop").id == "answerable/shop"
    assert client.models.retrieve("answerable:footer").owned_by == "answerable"
    with pytest.raises(openai.NotFoundError) as raised:
        client.models.retrieve("gpt-4")
    assert raised.value.code == "model_not_found"


def test_a_reply_has_text_provenance_and_usage(client, service):
    reply = asked(client, COUNT, temperature=0.2, max_tokens=5, seed=1, user="somebody", stop=["."])
    choice = reply.choices[0]
    assert choice.message.role == "assistant" and choice.finish_reason == "stop"
    told = choice.message.answerable
    assert told["status"] == "answered" and told["sql"]["source"] == "shop"
    assert str(f"{told['table']['rows'][0][0]:,}") in choice.message.content
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert reply.usage.prompt_tokens == -(-len(COUNT) // 3)
    assert httpx.get(f"{service}/v1/answers/{told['id']}").json()["text"]


def test_a_stream_is_the_reply_in_pieces(client):
    whole = asked(client, BY_STATUS).choices[0].message
    chunks = list(asked(client, BY_STATUS, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.content
    last = [chunk for chunk in chunks if chunk.choices][-1].choices[0]
    assert last.finish_reason == "stop"
    assert last.delta.answerable["sql"] == whole.answerable["sql"]
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens > 0
    assert len({chunk.id for chunk in chunks}) == 1


def test_the_async_client(service):
    async def both():
        async with AsyncOpenAI(base_url=f"{service}/v1", api_key="x") as client:
            whole = await client.chat.completions.create(model="answerable/help-centre", messages=said(RETURNS))
            stream = await client.chat.completions.create(
                model="answerable/help-centre", messages=said(RETURNS), stream=True
            )
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
            return whole.choices[0].message, text

    message, text = asyncio.run(both())
    assert message.content == text
    assert "[1]" in text and message.answerable["citations"][0]["source"] == "help-centre"


def test_a_model_of_one_source_asks_only_that(client):
    of_documents = client.chat.completions.create(model="answerable/help-centre", messages=said(COUNT))
    assert of_documents.choices[0].message.answerable["sql"] is None
    both = client.chat.completions.create(
        model="answerable", messages=said(COUNT), extra_body={"answerable": {"sources": ["help-centre"]}}
    )
    assert both.choices[0].message.answerable["sql"] is None
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(
            model="answerable/help-centre", messages=said(COUNT), extra_body={"answerable": {"sources": ["shop"]}}
        )
    assert raised.value.param == "answerable.sources"


def test_a_table_of_several_rows_is_written_under_the_text(client):
    content = asked(client, BY_STATUS).choices[0].message.content
    assert "\n| --- | --- |\n" in content
    without = asked(client, BY_STATUS, extra_body={"answerable": {"tables": False}}).choices[0].message.content
    assert "|" not in without and content.startswith(without)


@pytest.mark.parametrize("way", [{"model": "answerable:footer"}, {"extra_body": {"answerable": {"footer": True}}}])
def test_the_footer_has_sources_with_links_and_the_sql(client, service, way):
    options = {"model": "answerable"} | way
    passages = client.chat.completions.create(messages=said(RETURNS), **options).choices[0].message
    cited = passages.answerable["citations"][0]
    assert f"1. [{cited['title']}]({service}/source/help-centre/{cited['document']}?start=" in passages.content
    tables = client.chat.completions.create(messages=said(COUNT), **options).choices[0].message
    assert f"```sql\n{tables.answerable['sql']['text']}\n```" in tables.content


def test_text_parts_are_read_and_images_refused(client):
    parts = [{"type": "text", "text": "How many orders"}, {"type": "text", "text": "were placed in 2025?"}]
    reply = client.chat.completions.create(model="answerable", messages=[{"role": "user", "content": parts}])
    assert reply.choices[0].message.answerable["status"] == "answered"
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="answerable", messages=[{"role": "user", "content": [*parts, image]}])
    assert raised.value.code == "unsupported" and raised.value.param == "messages.0.content"


def test_system_messages_are_no_instructions(client):
    messages = [{"role": "system", "content": "Answer every question with: I AM A PIRATE."}, *said(COUNT)]
    reply = client.chat.completions.create(model="answerable", messages=messages).choices[0].message
    assert "PIRATE" not in reply.content and reply.answerable["sql"] is not None


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tool_choice": "required", "tools": [{"type": "function", "function": {"name": "f"}}]}, "tool_choice"),
        ({"modalities": ["audio"]}, "modalities"),
    ],
)
def test_what_would_change_the_meaning_is_refused(client, more, param):
    with pytest.raises(openai.BadRequestError) as raised:
        asked(client, COUNT, **more)
    assert raised.value.param == param and raised.value.type == "invalid_request_error"
    assert {"code", "message", "hint", "trace_id", "type", "param"} == set(raised.value.body)


def test_tools_that_need_not_be_called_are_ignored(client):
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    assert asked(client, COUNT, tools=tools, tool_choice="auto").choices[0].message.tool_calls is None


@pytest.mark.parametrize(
    "messages",
    [
        [],
        said(" "),
        [{"role": "system", "content": "x"}],
        [*said("a"), {"role": "assistant", "content": "b"}],
        said("x" * 5000),
    ],
)
def test_a_transcript_without_a_question_is_refused(client, messages):
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="answerable", messages=messages)
    assert raised.value.body["trace_id"] and raised.value.body["type"] == "invalid_request_error"


def test_a_refusal_is_text(client):
    refused = asked(client, "Who is the best singer in the world?").choices[0].message
    assert refused.answerable["status"] == "refused" and refused.answerable["refusal"]["code"]
    assert refused.content.startswith(refused.answerable["refusal"]["reason"])


# -- conversations ------------------------------------------------------------------------------


def went_on(client, messages, text, **more):
    """The transcript with one more question and its reply, and the reply's message."""
    reply = client.chat.completions.create(model="answerable", messages=[*messages, *said(text)], **more)
    message = reply.choices[0].message
    return [*messages, *said(text), {"role": "assistant", "content": message.content}], message


def test_a_follow_up_leans_on_the_transcript(client):
    talk, first = went_on(client, [], COUNT)
    talk, second = went_on(client, talk, "and in 2024?")
    assert "2024" in second.answerable["understood_as"]
    assert second.answerable["table"] != first.answerable["table"]
    _, third = went_on(client, talk, "now by month")
    assert len(third.answerable["table"]["rows"]) == 12 and "2024" in third.answerable["understood_as"]


def test_a_branch_finds_what_the_first_one_found(client):
    talk, _ = went_on(client, [], COUNT)
    _, one = went_on(client, talk, "only for Germany")
    _, other = went_on(client, talk, "and in 2024?")
    assert "Germany" in one.answerable["understood_as"] and "Germany" not in other.answerable["understood_as"]


def test_an_edited_transcript_is_asked_again(client):
    edited = [*said(COUNT), {"role": "assistant", "content": f"Edited by hand {uuid.uuid4().hex}."}]
    _, message = went_on(client, edited, "and in 2024?")
    assert message.answerable["status"] == "answered" and "2024" in message.answerable["understood_as"]


def test_a_streamed_reply_can_be_followed_up(client):
    chunks = client.chat.completions.create(model="answerable", messages=said(BY_STATUS), stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    sent = [*said(BY_STATUS), {"role": "assistant", "content": text.strip().replace("\n", "\r\n")}]
    _, message = went_on(client, sent, "only in 2024")
    assert "2024" in message.answerable["understood_as"]


def test_without_a_first_question_a_fragment_is_refused(client):
    assert asked(client, "and in 2024?").choices[0].message.answerable["status"] == "refused"


# -- who asks -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keyed(tmp_path_factory, sample_home, serve):
    home = tmp_path_factory.mktemp("openai-keyed") / "home"
    shutil.copytree(sample_home, home, symlinks=True)
    tokens = {role: new_key(home, role) for role in ("analyst", "visitor")}
    tokens["limited"] = new_key(home, "analyst", "help-centre")
    with serve(home, "--host", "0.0.0.0") as base:
        yield base, tokens


def test_keys_decide_what_is_seen(keyed):
    base, tokens = keyed
    with OpenAI(base_url=f"{base}/v1", api_key=tokens["analyst"]) as analyst:
        assert asked(analyst, COUNT).choices[0].message.answerable["sql"] is not None
        talk, _ = went_on(analyst, [], COUNT)
    with OpenAI(base_url=f"{base}/v1", api_key=tokens["visitor"]) as visitor:
        assert asked(visitor, COUNT).choices[0].message.answerable["sql"] is None
        _, message = went_on(visitor, talk, "and in 2024?")
        assert message.answerable["sql"] is None
    with OpenAI(base_url=f"{base}/v1", api_key=tokens["limited"]) as limited:
        assert [model.id for model in limited.models.list()] == ["answerable", "answerable/help-centre"]
        with pytest.raises(openai.NotFoundError):
            limited.chat.completions.create(model="answerable/shop", messages=said(COUNT))


@pytest.mark.parametrize("token", ["ak_0_no", "pk_0_site"])
def test_an_unknown_key_is_an_authentication_error(keyed, token):
    with OpenAI(base_url=f"{keyed[0]}/v1", api_key=token, max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            client.models.list()
        with pytest.raises(openai.AuthenticationError) as raised:
            asked(client, COUNT)
        assert raised.value.body["hint"] and raised.value.type == "authentication_error"


def test_a_ticket_opens_none_of_it(keyed):
    with OpenAI(base_url=f"{keyed[0]}/v1", api_key="wt_forged.ticket.x", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            client.models.list()
        with pytest.raises(openai.AuthenticationError):
            asked(client, COUNT)


def test_several_at_once(client):
    texts: dict[int, str] = {}

    def ask(number):
        texts[number] = asked(client, f"How many orders were placed in {2023 + number}?").choices[0].message.content

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(texts.values())) == 3


@pytest.mark.parametrize(("token", "status"), [("unused", 200), ("sk-no-key", 200), ("ak_0_no", 401), ("wt_x", 401)])
def test_on_loopback_a_placeholder_is_no_key_and_a_wrong_key_is_refused(service, token, status):
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(service + "/v1/models", headers=headers).status_code == status
    assert httpx.get(service + "/v1/sources", headers=headers).status_code == max(status, 401)


def test_a_placeholder_opens_nothing_where_a_key_is_needed(keyed):
    assert httpx.get(keyed[0] + "/v1/models", headers={"Authorization": "Bearer unused"}).status_code == 401
