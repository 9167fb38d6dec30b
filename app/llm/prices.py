"""What tokens cost: the configuration's prices first, then the list that the package genai-prices carries.

The list is the one inside the installed package; nothing is fetched. A model is looked for under the provider whose
public address the endpoint has: the same name at another address (a proxy, a machine of one's own) has no price until
`prices` in the configuration gives it one. No known price is None, never 0.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from app.errors import ConfigurationError
from app.llm.alerts import Alert, Alerts
from app.llm.config import LlmConfig, Price
from app.llm.money import nano, usd
from app.llm.token_bound import input_bound, plausible
from app.llm.values import Outgoing, TokenCount

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, ModelPrice

MILLION = Decimal(1_000_000)
MOST_USD = Decimal(1_000_000)
"""US dollars a million tokens beyond which a configured price is taken for a mistake."""
LONGEST_CALL = timedelta(minutes=15)
"""Time of day may change a price while a call runs; the dearer one is reserved."""
UNCOUNTED = ("output_reasoning_mtok", "output_citation_mtok")
"""Parts of an output with a price of their own that a `TokenCount` does not tell apart: no price is known then."""


class ListedPrices:
    """Prices of one configuration. Thread-safe."""

    def __init__(self, config: LlmConfig, alerts: Alerts) -> None:
        self._config = config
        self._alerts = alerts
        self._opening = threading.Lock()

    def cost(self, provider: str, model: str, tokens: TokenCount) -> Decimal | None:
        """US dollars, rounded up to whole nano-dollars; None, and an alert the first time, where no price is known."""
        found = self._cost(provider, model, plausible(tokens), datetime.now(UTC))
        if found is None:
            self._tell_of_unknown(provider, model)
            return None
        return usd(nano(found))

    def worst_case(self, provider: str, model: str, outgoing: Outgoing) -> Decimal | None:
        """The most that an attempt can cost: all of the input, counted from above, and `max_tokens` of output.

        None, and an alert the first time, where no price is known.
        """
        bound = input_bound(outgoing)
        output = 0 if outgoing.task == "embed" else outgoing.parameters.max_tokens
        now = datetime.now(UTC)
        cases = (
            self._cost(provider, model, TokenCount(input=bound, output=output, cached_input=cached), at)
            for cached in (0, bound)
            for at in (now, now + LONGEST_CALL)
        )
        known = [case for case in cases if case is not None]
        if not known:
            self._tell_of_unknown(provider, model)
            return None
        return usd(nano(max(known)))

    def _cost(self, provider: str, model: str, tokens: TokenCount, at: datetime) -> Decimal | None:
        price = self._config.prices.get(f"{provider}/{model}") or self._config.prices.get(model)
        if price is not None:
            return _configured_cost(price, tokens)
        listed = self._listed(provider, model)
        return None if listed is None else _listed_cost(listed.get_prices(at), tokens)

    def _listed(self, provider: str, model: str) -> ModelInfo | None:
        endpoint = self._config.providers.get(provider)
        if endpoint is None or not model:
            return None
        try:
            if endpoint.kind == "azure":
                return self._snapshot.find_provider_model(model, None, "azure", None)[1]
            return self._snapshot.find_provider_model(model, None, None, endpoint.base_url)[1]
        except LookupError:
            return None

    @cached_property
    def _snapshot(self) -> DataSnapshot:
        """The list inside the package (0.3 s and 30 MB to load)."""
        with self._opening:
            from genai_prices.data_snapshot import get_snapshot

            return get_snapshot()

    def _tell_of_unknown(self, provider: str, model: str) -> None:
        name = f"{provider}/{model}"
        message = f"No price is known for {name}; give it one under `prices` in the configuration of models."
        self._alerts.once(f"price {name}", Alert(kind="price_unknown", message=message, details={"model": name}))


def open_prices(config: LlmConfig, alerts: Alerts) -> ListedPrices:
    """The prices of a configuration. Raises `ConfigurationError` for one that cannot be."""
    for name, field, amount in _amounts(config):
        if not amount.is_finite() or not 0 <= amount <= MOST_USD:
            raise ConfigurationError(
                f"prices: {field} of {name!r} is {amount}.",
                hint=f"Give US dollars a million tokens from 0 to {MOST_USD:,}.",
            )
    return ListedPrices(config, alerts)


def _amounts(config: LlmConfig) -> Iterator[tuple[str, str, Decimal]]:
    for name, price in config.prices.items():
        yield name, "input", price.input
        yield name, "output", price.output
        if price.cached_input is not None:
            yield name, "cached_input", price.cached_input


def _configured_cost(price: Price, tokens: TokenCount) -> Decimal:
    cached = price.input if price.cached_input is None else price.cached_input
    whole = (tokens.input - tokens.cached_input) * price.input + tokens.cached_input * cached
    return (whole + tokens.output * price.output) / MILLION


def _listed_cost(price: ModelPrice, tokens: TokenCount) -> Decimal | None:
    """The cost by the list; None for a model that is listed without prices of what was used."""
    from genai_prices import Usage

    if price.input_mtok is None or (tokens.output and price.output_mtok is None):
        return None
    if any(getattr(price, name) is not None for name in UNCOUNTED):
        return None
    usage = Usage(input_tokens=tokens.input, cache_read_tokens=tokens.cached_input, output_tokens=tokens.output)
    return price.calc_price(usage)["total_price"]
