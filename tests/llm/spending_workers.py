"""What other processes do in the tests of budgets; imports little, as each of them imports it again."""

import random
import time
from decimal import Decimal

import sqlalchemy as sa
from spending_stores import Clock, Heard, asking, attempt, limits, outgoing

from app.llm.budgets import StoredBudgets
from app.llm.errors import BudgetSpent
from app.llm.ledger import open_ledger
from app.llm.spending_store import open_spending
from app.ops.state import BUDGET_ACCOUNTS

EACH = 50
LIMIT = Decimal("0.423456789")
A = BUDGET_ACCOUNTS.c


def worker(spending, number, results, start):
    """Reserve `EACH` times, with what a gateway does next: settle and write the ledger, or release."""
    dice = random.Random(number)
    heard = Heard()
    config = limits(("all", "month", LIMIT), ("key:*", "month", LIMIT / 2), ("source:*", "month", LIMIT))
    budgets = StoredBudgets(open_spending(spending), config, heard)
    ledger = open_ledger(spending, heard)
    start.wait()
    settled, refused, highest = 0, 0, 0
    for turn in range(EACH):
        amount = Decimal(dice.randint(1, 20_000_000)) / 10**9
        asked = asking(key=f"k{turn % 3}", sources=("shop", "help")[: 1 + turn % 2])
        try:
            reservation = budgets.reserve(outgoing(), asked, amount)
        except BudgetSpent:
            refused += 1
            continue
        on_all = budgets.store.read(
            lambda c: c.execute(sa.select(A.spent_nano + A.reserved_nano).where(A.scope == "all")).scalar()
        )
        highest = max(highest, on_all)
        time.sleep(0.002)  # the call
        if dice.random() < 0.2:
            reservation.release()
            continue
        cost = (amount * dice.randint(1, 100) / 100).quantize(Decimal("1e-9"), rounding="ROUND_DOWN")
        reservation.settle(cost)
        ledger.append(attempt(at=time.time(), cost_usd=cost, key_id=asked.key_id, sources=asked.sources))
        settled += int(cost * 10**9)
    results.put((settled, refused, highest, heard.kinds()))
    budgets.close()
    ledger.close()


def reserve_and_wait(spending, ready):
    budgets = StoredBudgets(open_spending(spending), limits(("all", "month", 2)), Heard(), clock=Clock())
    budgets.reserve(outgoing(), asking(seconds=20), Decimal("1.5"))
    ready.set()
    time.sleep(60)
