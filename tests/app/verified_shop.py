"""A small ingested shop in which verified queries are added and asked, through the real stores and sandbox."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from app.answer import answer
from app.asking import question_from
from app.engine import Engine
from app.settings import Settings
from app.values import Answer, Caller
from app.verified.checking import Proposal, add_verified
from app.verified.values import VerifiedQuery
from ingest.hooks import IngestHooks, IngestOptions
from ingest.pipeline import ingest_source
from ingest.request import SourceRequest

TODAY = date(2025, 4, 15)
OWNER, ANALYST, VISITOR = Caller(role="owner"), Caller(role="analyst"), Caller(role="visitor")
HOSTILE = "Atlantis'; DROP TABLE orders; --"
FILES = {
    "orders.csv": "order_id,customer_id,order_date,shipped_at,status,year_sold,amount\n"
    + "".join(
        f"{n},{n % 6 + 1},{day},{day} 10:30:00,{status},{day[:4]},{amount}\n"
        for n, (day, status, amount) in enumerate(
            (day, status, 10.5 * (1 + i % 7))
            for i, (day, status) in enumerate(
                (f"{year}-{month:02}-{d:02}", status)
                for year in (2023, 2024, 2025)
                for month in range(1, 13)
                for d, status in ((1, "paid"), (28, "unpaid"), (15, "cancelled"))
            )
        )
    ),
    "customers.csv": "customer_id,full_name,email,country,city,signup_date\n"
    "1,Ada King,ada@example.com,Germany,Berlin,2023-01-05\n"
    "2,Bo Lind,bo@example.com,France,Paris,2024-02-01\n"
    "3,Cy Moss,cy@example.com,Luxembourg,Luxembourg,2024-03-09\n"
    "4,Di Noor,di@example.com,United Kingdom,York,2025-01-02\n"
    f'5,Ed Park,ed@example.com,"{HOSTILE}",Poseidonis,2025-02-01\n'
    "6,Fi Quy,fi@example.com,Germany,Bonn,2025-02-02\n",
    "products.csv": "product_id,product_name,category,list_price,unit_cost,weight_g\n"
    "1,Fell Tent,tents,320,200,2100\n2,Ridge Tent,tents,180,90,3000\n3,Fox Jacket,jackets,150,70,620\n"
    "4,Ember Stove,stoves,60,20,240\n5,Moor Jacket,jackets,90,40,800\n",
}
DESCRIPTION = """
tables:
  orders: {default_date: order_date, key: [order_id], columns: {amount: {unit: EUR}}}
  customers:
    key: [customer_id]
    columns:
      full_name: {pii: person}
      email: {pii: email}
      country: {pii: none}
      city: {pii: none}
  products:
    visibility: public
    key: [product_id]
    columns:
      list_price: {unit: EUR}
      unit_cost: {visibility: internal}
      weight_g: {hidden: true}
"""


def ingest_shop(home: Path, folder: Path, name: str = "shop", **replaced: str) -> None:
    """Write the shop's files, some replaced (`orders="…"`), and ingest them as a source."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in FILES.items():
        (folder / file).write_text(replaced.get(file.removesuffix(".csv"), text))
    description = folder.parent / f"{name}.yaml"
    description.write_text(replaced.get("description", DESCRIPTION))
    request = SourceRequest(str(folder), name=name, description_path=str(description))
    ingest_source(home, request, IngestHooks(), IngestOptions())


class Shop:
    """An engine over a home, with short ways to add and to ask."""

    def __init__(self, home: Path, **settings: object) -> None:
        self.home = home
        self.engine = Engine(Settings(home=home, trace_retention_days=0, **settings))  # type: ignore[arg-type]

    def add(self, question: str, sql: str, **fields: object) -> VerifiedQuery:
        caller, today = fields.pop("caller", OWNER), fields.pop("today", TODAY)
        proposal = Proposal(**({"source": "shop", "question": question, "sql": sql} | fields))
        return add_verified(proposal, self.engine, caller, today)

    def ask(self, text: str, caller: Caller = OWNER, **fields: object) -> Answer:
        fields.setdefault("today", TODAY)
        return answer(question_from(text, self.engine, caller, **fields), self.engine)

    def rows(self, text: str, **fields: object) -> tuple[tuple[object, ...], ...] | None:
        """The rows of an answer if a verified query gave it."""
        found = self.ask(text, **fields)
        return found.table.rows if found.verified is not None and found.table is not None else None
