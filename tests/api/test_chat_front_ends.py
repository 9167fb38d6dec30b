"""What chat front ends expect: models on connecting, streams with the fields they read, prompts they send unseen.

The prompts are worded as the defaults of Open WebUI (`config.py`) and LibreChat (`@librechat/agents`, `title.ts`) are.
"""

import asyncio
import json
import time

import httpx
import pytest

from app.api.openai_compat.background import background
from app.api.openai_compat.completion import Completion
from app.api.openai_compat.conversation import Turn
from app.api.openai_compat.streaming import chunks
from app.errors import RateLimited
from app.values import Answer, Clarify, Versions

TALK = "USER: How many orders were placed in 2025?\nASSISTANT: There were 12."
HISTORY = f"### Chat History:\n<chat_history>\n{TALK}\n</chat_history>"
TASKS = {
    "title": '### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history.\n### Output:\nJSON format: { "title": "your concise title here" }\n### Examples:\n- { "title": "Stock Market Trends" }\n',
    "tags": '### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat history.\n### Output:\nJSON format: { "tags": ["tag1", "tag2", "tag3"] }\n\n',
    "follow_ups": '### Task:\nSuggest 3-5 relevant follow-up questions.\n### Output:\nJSON format: { "follow_ups": ["Question 1?", "Question 2?"] }\n',
    "queries": '### Task:\nAnalyze the chat history to determine the necessity of generating search queries.\n- respond in the format: { "queries": ["query1", "query2"] }\n',
    "prompt": '### Task:\nGenerate a detailed prompt for an image.\n### Output:\nStrictly return in JSON format:\n{\n    "prompt": "Your detailed description here."\n}\n',
}  # fmt: skip
WANTED = {
    "title": "How many orders were placed in 2025",
    "tags": ["General"],
    "follow_ups": [],
    "queries": [],
    "prompt": "",
}
LIBRECHAT = (
    "Provide a concise, 5-word-or-less title for the conversation, using title case conventions. Only return the title itself.\n\nConversation:\nUser: {}\nAI: Yes.",
    "Analyze this conversation and provide:\n1. The detected language of the conversation\n2. A concise title in the detected language (5 words or less, no punctuation or quotation)\n\nUser: {}\nAI: Yes.",
)  # fmt: skip


def asked(base, text, **more):
    body = {"model": "answerable", "messages": [{"role": "user", "content": text}]} | more
    return httpx.post(base + "/v1/chat/completions", json=body, timeout=30)


def answers_made(base):
    lines = httpx.get(base + "/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("answerable_answers_total{"))


def test_on_connecting_the_models_are_listed(service):
    reply = httpx.get(service + "/v1/models", headers={"Authorization": "Bearer sk-none"}).json()
    assert reply["object"] == "list"
    assert all({"id", "object", "created", "owned_by"} <= set(model) for model in reply["data"])


@pytest.mark.parametrize("task", TASKS)
def test_a_background_task_gets_its_json_without_a_look_at_the_data(service, task):
    before = answers_made(service)
    reply = asked(service, TASKS[task] + HISTORY, max_completion_tokens=1000).json()
    assert json.loads(reply["choices"][0]["message"]["content"]) == {task: WANTED[task]}
    assert "answerable" not in reply["choices"][0]["message"]
    assert answers_made(service) == before


def test_a_background_task_may_be_streamed(service):
    lines = [line for line in asked(service, TASKS["title"] + HISTORY, stream=True).text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    pieces = [json.loads(line.removeprefix("data: "))["choices"][0]["delta"].get("content", "") for line in lines[:-1]]
    assert json.loads("".join(pieces))["title"]


@pytest.mark.parametrize("prompt", LIBRECHAT)
def test_a_title_alone_is_plain_text(prompt):
    assert (
        background(prompt.format("How long do I have to return a tent that I bought?")).reply
        == "How long do I have to return a…"
    )
    as_json = background(prompt.format("How?"), as_json=True)
    assert json.loads(as_json.reply) == {"title": "How"}


@pytest.mark.parametrize("text", [
    "How many orders were placed in 2025?", "Generate a title", "Write a title for the tent page", "### Task: count orders",
    '### Task:\nRespond to the user query using the provided context.\n<context>{ "title": "x" }</context>\nHow many orders?',
    "<chat_history>USER: x</chat_history>", 'What does { "title": "x" } mean?', "User: how many titles are there?",
])  # fmt: skip
def test_what_a_person_asks_is_no_task(text):
    assert background(text) is None


@pytest.mark.parametrize("text", [
    "### Task:\n" + "<chat_history>" * 18_000, '### Task: { "title": [' + "\n" * 200_000, "generate a title\n" + "user:\n" * 40_000,
    "### Task: " + '{ "' * 80_000,
])  # fmt: skip
def test_a_hostile_prompt_takes_no_time(text):
    began = time.monotonic()
    background(text)
    assert time.monotonic() - began < 1


def test_a_stream_has_the_fields_that_front_ends_read(service):
    with httpx.stream(
        "POST",
        service + "/v1/chat/completions",
        json={
            "model": "answerable",
            "stream": True,
            "messages": [{"role": "user", "content": "Number of orders by status"}],
        },
    ) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in reply.iter_lines() if line]
    assert lines[-1] == "data: [DONE]" and all(line.startswith("data: ") for line in lines)
    first, *_, last = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert last["choices"][0]["finish_reason"] == "stop" and first["choices"][0]["finish_reason"] is None
    assert first["object"] == "chat.completion.chunk" and first["model"] == "answerable"


# -- streams, without a server -------------------------------------------------------------------

ANSWER = Answer(id="a", status="answered", route="passages", text="two! [1]\nlines", versions=Versions(manifest=None))
COMPLETION = Completion(model="answerable", turns=(Turn("user", "q"),))


def streamed(answered, **options):
    kept = []

    async def keep(content):
        kept.append(content)

    async def collect():
        return [chunk async for chunk in chunks(COMPLETION, answered, keep, usage=False, **options)]

    return asyncio.run(collect()), kept


def content_of(sent):
    events = [json.loads(piece.removeprefix(b"data: ")) for piece in sent if piece.startswith(b"data: {")]
    return "".join(event["choices"][0]["delta"].get("content", "") for event in events if "choices" in event), events


def told(*pieces, answer=ANSWER, after=0.0):
    async def answered(progress):
        await asyncio.to_thread(lambda: [progress.tell("delta", piece) for piece in pieces])
        await asyncio.sleep(after)
        return answer

    return answered


@pytest.mark.parametrize("pieces", [(), ("two! ",), ("two!", " [1]", "\nlines")])
def test_the_pieces_are_the_text_that_is_remembered(pieces):
    sent, kept = streamed(told(*pieces))
    assert kept == [content_of(sent)[0]] == ["two! [1]\nlines"]
    assert sent[-1] == b"data: [DONE]\n\n"


def test_a_question_back_lists_its_options():
    back = Answer(id="a", status="clarify", route="none", text="Which? For example: a; b",
                  clarify=Clarify(question="Which?", options=("a", "b")), versions=Versions(manifest=None))  # fmt: skip
    assert content_of(streamed(told(answer=back))[0])[0] == "Which?\n\n- a\n- b"


def test_a_heartbeat_is_a_comment():
    sent, _ = streamed(told(after=0.2), heartbeat_s=0.05)
    assert sent.count(b": heartbeat\n\n") >= 2


def test_an_error_after_the_start_is_an_event():
    async def refused(_progress):
        raise RateLimited("full", hint="later")

    sent, kept = streamed(refused)
    error = content_of(sent)[1][-1]["error"]
    assert error["code"] == "rate_limited" and error["type"] == "rate_limit_error" and not kept


def test_a_reader_who_goes_stops_the_work():
    seen = []

    async def slow(progress):
        seen.append(progress)
        await asyncio.sleep(10)
        return ANSWER

    async def keep(_content):
        raise AssertionError("nothing was answered")

    async def leave():
        events = chunks(COMPLETION, slow, keep, usage=False)
        assert b"assistant" in await anext(events)
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await events.aclose()

    asyncio.run(leave())
    assert seen[0].stopped()
