"""Invents the shop's tables from one seed.

Only `random.Random.random` is drawn from, whose stream Python keeps stable.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from datetime import date, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any

from catalogue import CATALOGUE
from names import FIRST_NAMES, LAST_NAMES

Row = tuple[Any, ...]
FIRST_DAY, LAST_DAY = date(2023, 1, 1), date(2026, 6, 30)
CUSTOMERS, ORDERS, TICKETS = 4_500, 24_000, 5_200

COLUMNS: dict[str, tuple[str, ...]] = {
    "customers": (
        "customer_id",
        "full_name",
        "email",
        "phone",
        "street_address",
        "postcode",
        "city",
        "country",
        "signup_date",
        "loyalty_tier",
        "marketing_opt_in",
    ),
    "products": (
        "product_id",
        "product_name",
        "category",
        "brand",
        "list_price",
        "unit_cost",
        "weight_g",
        "season",
        "waterproof",
        "launch_date",
        "discontinued_on",
    ),
    "orders": (
        "order_id",
        "customer_id",
        "store_id",
        "order_date",
        "channel",
        "status",
        "payment_method",
        "shipping_method",
        "shipping_fee",
        "promo_code",
    ),
    "order_items": ("order_id", "line_number", "product_id", "quantity", "unit_price", "discount", "returned_quantity"),
    "returns": ("return_id", "order_id", "product_id", "quantity", "return_date", "reason", "refund_amount"),
    "support_tickets": (
        "ticket_id",
        "customer_id",
        "order_id",
        "opened_at",
        "closed_at",
        "contact_channel",
        "topic",
        "priority",
        "satisfaction",
        "subject",
    ),
    "stores": ("store_id", "store_name", "city", "country", "opened_on", "floor_area_m2", "repair_bench"),
    "employees": ("employee_id", "full_name", "work_email", "store_id", "job_title", "hired_on", "salary"),
}

STREETS = (
    "Birkenweg",
    "Mill Lane",
    "Rue des Tilleuls",
    "Bergstraße",
    "Harbour Road",
    "Lindenlaan",
    "Church Street",
    "Chemin du Lac",
    "Talgasse",
    "Station Road",
    "Kastanienallee",
    "Orchard Close",
    "Maple Avenue",
    "Fell View",
)
COUNTRIES: dict[str, tuple[float, tuple[str, ...]]] = {
    "Germany": (28, ("Munich", "Berlin", "Hamburg", "Freiburg", "Cologne", "Leipzig")),
    "United Kingdom": (22, ("London", "Edinburgh", "Manchester", "Sheffield", "Bristol", "Kendal")),
    "Austria": (12, ("Innsbruck", "Vienna", "Salzburg", "Graz")),
    "France": (11, ("Annecy", "Paris", "Grenoble", "Lyon")),
    "Netherlands": (9, ("Amsterdam", "Utrecht", "Eindhoven")),
    "Switzerland": (8, ("Zurich", "Bern", "Chur")),
    "Ireland": (4, ("Dublin", "Galway", "Cork")),
    "United States": (4, ("Denver", "Seattle", "Boston")),
    "Canada": (2, ("Vancouver", "Calgary")),
}
STORES: list[Row] = [
    (1, "Ridgeline Innsbruck", "Innsbruck", "Austria", date(2011, 4, 9), 820, True),
    (2, "Ridgeline Munich", "Munich", "Germany", date(2013, 9, 21), 1150, True),
    (3, "Ridgeline Annecy", "Annecy", "France", date(2015, 5, 16), 640, False),
    (4, "Ridgeline Edinburgh", "Edinburgh", "United Kingdom", date(2016, 3, 12), 710, True),
    (5, "Ridgeline Kendal", "Kendal", "United Kingdom", date(2018, 6, 2), 480, True),
    (6, "Ridgeline Amsterdam", "Amsterdam", "Netherlands", date(2019, 10, 5), 560, False),
    (7, "Ridgeline Zurich", "Zurich", "Switzerland", date(2021, 11, 13), 900, True),
    (8, "Ridgeline Dublin", "Dublin", "Ireland", date(2024, 3, 23), 430, False),
]
MONTH_WEIGHT = (0.8, 0.75, 0.85, 1.0, 1.15, 1.2, 1.1, 0.95, 0.9, 1.05, 1.45, 1.6)
YEAR_WEIGHT = {2023: 1.0, 2024: 1.22, 2025: 1.41, 2026: 1.52}
RETURN_CHANCE = {"Footwear": 0.15, "Jackets": 0.11, "Trousers": 0.10, "Base Layers": 0.05, "Tents": 0.045}
REASONS = (
    ("wrong size", 38),
    ("changed mind", 24),
    ("faulty", 14),
    ("not as described", 11),
    ("damaged in transit", 8),
    ("arrived late", 5),
)
TOPICS = (("delivery", 33), ("returns", 24), ("product question", 18), ("warranty", 11), ("payment", 9), ("account", 5))
SUBJECTS = {
    "delivery": ("Where is my parcel?", "Tracking has not moved for days", "Parcel left with the wrong neighbour"),
    "returns": ("How do I send this back?", "Refund has not arrived", "Wrong size, can I swap it?"),
    "product question": ("Is the {} true to size?", "Does the {} come in other colours?", "How warm is the {}?"),
    "warranty": ("Zip broke on my {}", "Seam tape peeling on my {}", "Buckle snapped on my {}"),
    "payment": ("Card was charged twice", "Gift card will not apply", "Need an invoice with VAT number"),
    "account": ("Cannot sign in", "Please delete my account", "Change my e-mail address"),
}


class Dice:
    """Draws that depend on nothing but the seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed).random

    def integer(self, low: int, high: int) -> int:
        return low + int(self.random() * (high - low + 1))

    def pick(self, options: Any) -> Any:
        return options[int(self.random() * len(options))]

    def weighted(self, options: Any) -> Any:
        """One of (value, weight) pairs."""
        at = self.random() * sum(weight for _, weight in options)
        for value, weight in options:
            at -= weight
            if at < 0:
                return value
        return options[-1][0]

    def chance(self, probability: float) -> bool:
        return self.random() < probability


def build(seed: int = 20260630) -> dict[str, list[Row]]:
    """All tables, name -> rows in the order of `COLUMNS`."""
    dice = Dice(seed)
    products = make_products(dice)
    customers = make_customers(dice)
    orders = make_orders(dice, customers)
    items, returns = make_items(dice, orders, products)
    return {
        "customers": customers,
        "products": products,
        "orders": orders,
        "order_items": items,
        "returns": returns,
        "support_tickets": make_tickets(dice, orders, products),
        "stores": list(STORES),
        "employees": make_employees(dice),
    }


def make_products(dice: Dice) -> list[Row]:
    rows: list[Row] = []
    for category, listed in CATALOGUE.items():
        for name, brand, price, weight, season, waterproof in listed:
            cost = round(price * (0.42 + 0.2 * dice.random()), 2)
            launched = FIRST_DAY - timedelta(days=dice.integer(60, 1500))
            if dice.chance(0.18):
                launched = FIRST_DAY + timedelta(days=dice.integer(30, 1100))
            gone = date(2024, 6, 1) + timedelta(days=dice.integer(0, 600)) if dice.chance(0.1) else None
            gone = gone if gone is None or gone > launched + timedelta(days=180) else None
            rows.append(
                (1001 + len(rows), name, category, brand, price, cost, weight, season, waterproof, launched, gone)
            )
    return rows


def person(dice: Dice) -> tuple[str, str]:
    """A full name and the ASCII local part of an e-mail address."""
    name = f"{dice.pick(FIRST_NAMES)} {dice.pick(LAST_NAMES)}"
    folded = unicodedata.normalize("NFKD", name.lower().replace("ø", "o").replace("ß", "ss").replace("ı", "i"))
    ascii_name = folded.encode("ascii", "ignore").decode().replace("'", "")
    return name, ".".join(ascii_name.split())


def make_customers(dice: Dice) -> list[Row]:
    days = (LAST_DAY - date(2022, 3, 1)).days
    signups = sorted(date(2022, 3, 1) + timedelta(days=int(days * dice.random() ** 1.2)) for _ in range(CUSTOMERS))
    rows: list[Row] = []
    for number, signup in enumerate(signups, start=1):
        name, local = person(dice)
        country = dice.weighted([(c, w) for c, (w, _) in COUNTRIES.items()])
        cities = COUNTRIES[country][1]
        city = dice.weighted([(c, 1 / (i + 1)) for i, c in enumerate(cities)])
        email = f"{local}{number}@example.{dice.weighted((('com', 6), ('org', 3), ('net', 1)))}"
        phone = f"+1 {dice.integer(201, 989)}-555-01{dice.integer(0, 99):02d}" if dice.chance(0.88) else None
        tier = dice.weighted(((None, 55), ("bronze", 26), ("silver", 13), ("gold", 6)))
        address = f"{dice.integer(1, 180)} {dice.pick(STREETS)}"
        rows.append(
            (
                number,
                name,
                email,
                phone,
                address,
                f"{dice.integer(1000, 9999)}",
                city,
                country,
                signup,
                tier,
                dice.chance(0.43),
            )
        )
    return rows


def make_orders(dice: Dice, customers: list[Row]) -> list[Row]:
    days = [FIRST_DAY + timedelta(days=n) for n in range((LAST_DAY - FIRST_DAY).days + 1)]
    weights = list(
        accumulate(MONTH_WEIGHT[d.month - 1] * YEAR_WEIGHT[d.year] * (1.3 if d.weekday() >= 5 else 1.0) for d in days)
    )
    dates = sorted(days[bisect_right(weights, dice.random() * weights[-1])] for _ in range(ORDERS))
    signups = [row[8] for row in customers]
    appetite = list(accumulate((1 - dice.random()) ** -0.42 if dice.chance(0.86) else 0.0 for _ in customers))
    rows: list[Row] = []
    for number, day in enumerate(dates, start=50_001):
        known = bisect_right(signups, day)
        customer = customers[min(bisect_right(appetite, dice.random() * appetite[known - 1]), known - 1)]
        rows.append(make_order(dice, number, day, customer))
    return rows


def make_order(dice: Dice, number: int, day: date, customer: Row) -> Row:
    channel = dice.weighted((("web", 68), ("store", 24), ("phone", 8)))
    open_stores = [(s[0], s[5] * (6 if s[3] == customer[7] else 1)) for s in STORES if s[4] <= day]
    store = dice.weighted(open_stores) if channel == "store" else None
    status = "X" if dice.chance(0.046) else "D"
    if status == "D" and channel != "store" and day > date(2026, 6, 20):
        status = (
            dice.weighted((("P", 45), ("S", 55))) if day > date(2026, 6, 24) else dice.weighted((("S", 6), ("D", 4)))
        )
    shipping = (
        None if channel == "store" else dice.weighted((("standard", 72), ("express", 18), ("click and collect", 10)))
    )
    fee = {None: 0.0, "standard": dice.weighted(((0.0, 55), (4.95, 45))), "express": 9.95, "click and collect": 0.0}[
        shipping
    ]
    payment = dice.weighted((("card", 58), ("paypal", 22), ("bank transfer", 9), ("gift card", 6), ("invoice", 5)))
    promo = dice.weighted(((None, 79), ("WELCOME5", 8), ("SPRING10", 6), ("WINTER15", 5), ("TRAIL20", 2)))
    return number, customer[0], store, day, channel, status, payment, shipping, fee, promo


def make_items(dice: Dice, orders: list[Row], products: list[Row]) -> tuple[list[Row], list[Row]]:
    popularity = [(1 - dice.random()) ** -0.5 * (60 / p[4]) ** 0.4 for p in products]
    items: list[Row] = []
    returns: list[Row] = []
    for order in orders:
        day, status, promo = order[3], order[5], order[9]
        share = int(promo[-2:] if promo[-2:].isdigit() else promo[-1]) / 100 if promo else 0.0
        lines = dice.weighted(((1, 33), (2, 30), (3, 19), (4, 10), (5, 5), (6, 3)))
        for line, product in enumerate(basket(dice, lines, day, products, popularity), start=1):
            quantity = dice.weighted(((1, 78), (2, 15), (3, 4), (4, 2), (6, 1)))
            price = round(product[4] * (1.04 if day.year >= 2025 else 1.0), 2)
            sent_back = 0
            if status == "D" and dice.chance(RETURN_CHANCE.get(product[2], 0.03)):
                returned_on = day + timedelta(days=dice.integer(4, 60))
                if returned_on <= LAST_DAY:
                    sent_back = dice.integer(1, quantity)
                    refund = round(sent_back * price * (1 - share), 2)
                    pending = returned_on > date(2026, 6, 17) and dice.chance(0.7)
                    returns.append(
                        (
                            0,
                            order[0],
                            product[0],
                            sent_back,
                            returned_on,
                            dice.weighted(REASONS),
                            None if pending else refund,
                        )
                    )
            items.append((order[0], line, product[0], quantity, price, share, sent_back))
    returns.sort(key=lambda row: (row[4], row[1], row[2]))
    return items, [(number, *row[1:]) for number, row in enumerate(returns, start=1)]


def basket(dice: Dice, size: int, day: date, products: list[Row], popularity: list[float]) -> list[Row]:
    """`size` different products that were on sale that day, the seasonal ones likelier."""
    season = ("winter", "spring", "summer", "autumn")[(day.month % 12) // 3]
    cumulative = list(
        accumulate(
            0.0 if p[9] > day or (p[10] and p[10] <= day) else w * (1.7 if p[7] == season else 1.0)
            for p, w in zip(products, popularity, strict=True)
        )
    )
    chosen: dict[int, Row] = {}
    while len(chosen) < size:
        product = products[bisect_right(cumulative, dice.random() * cumulative[-1])]
        chosen[product[0]] = product
    return list(chosen.values())


def make_tickets(dice: Dice, orders: list[Row], products: list[Row]) -> list[Row]:
    rows: list[Row] = []
    for _ in range(TICKETS):
        order = dice.pick(orders)
        topic = dice.weighted(TOPICS)
        opened = datetime.combine(order[3], datetime.min.time()) + timedelta(
            days=dice.integer(0, 25), minutes=dice.integer(7 * 60, 21 * 60)
        )
        if opened.date() > LAST_DAY:
            continue
        hours = 0.5 + (1 - dice.random()) ** -1.1 * 6
        closed = opened + timedelta(minutes=int(min(hours, 400) * 60))
        still_open = closed.date() > LAST_DAY or dice.chance(0.015)
        rating = (
            dice.weighted(((5, 40), (4, 27), (3, 14), (2, 9), (1, 10)))
            if dice.chance(0.55) and not still_open
            else None
        )
        priority = dice.weighted((("normal", 62), ("low", 20), ("high", 14), ("urgent", 4)))
        contact = dice.weighted((("e-mail", 51), ("chat", 34), ("phone", 15)))
        subject = dice.pick(SUBJECTS[topic]).format(dice.pick(products)[1])
        about = order[0] if topic in ("delivery", "returns", "warranty") or dice.chance(0.2) else None
        rows.append(
            (0, order[1], about, opened, None if still_open else closed, contact, topic, priority, rating, subject)
        )
    rows.sort(key=lambda row: (row[3], row[1]))
    return [(number, *row[1:]) for number, row in enumerate(rows, start=1)]


def make_employees(dice: Dice) -> list[Row]:
    rows: list[Row] = []
    titles = (
        ("store manager", 1, 52_000),
        ("deputy manager", 1, 44_000),
        ("repair technician", 1, 38_500),
        ("sales adviser", 5, 31_000),
    )
    for store in STORES:
        for title, heads, pay in titles:
            if title == "repair technician" and not store[6]:
                continue
            for _ in range(heads):
                name, local = person(dice)
                hired = store[4] + timedelta(days=int((LAST_DAY - store[4]).days * dice.random() * 0.9))
                salary = round(pay * (0.92 + 0.2 * dice.random()), -2)
                rows.append(
                    (len(rows) + 1, name, f"{local}@ridgeline.example.com", store[0], title, hired, int(salary))
                )
    return rows
