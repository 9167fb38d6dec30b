"""Renders the help centre's PDF and DOCX documents, byte for byte the same each time."""

from __future__ import annotations

import re
import zipfile
from datetime import datetime
from pathlib import Path

import docx
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

FIXED_TIME = (2026, 1, 15, 9, 0, 0)
FIXED_STAMP = "2026-01-15T09:00:00Z"

LAYERING = (
    ("h", "The three layers"),
    (
        "p",
        "Clothing for the hills works as a system. The base layer moves sweat away from the skin, the mid layer "
        "holds warm air, and the outer layer keeps wind and rain out. Taking one off before you sweat matters "
        "more than how dear it was.",
    ),
    ("h", "Base layer"),
    (
        "p",
        "Merino of 150 g per square metre suits summer and hard work; 200 g is the choice for most of the year; "
        "260 g is for cold days with little movement. Cotton holds up to 27 times its weight in water and stays "
        "cold for hours: leave it at home.",
    ),
    ("h", "Mid layer"),
    (
        "p",
        "A grid fleece weighs about 310 g and breathes best while you move. Down gives the most warmth for its "
        "weight at rests but loses it when wet. Synthetic insulation is the safe choice in damp places such as "
        "Scotland or Norway.",
    ),
    ("h", "Outer layer"),
    (
        "p",
        "A windshirt of 105 g is enough on nine dry days out of ten. For steady rain you need a jacket with taped"
        " seams and a water column of at least 10,000 mm. Pit zips let out more heat than any membrane.",
    ),
    ("h", "What to wear when"),
    (
        "t",
        (
            ("Temperature", "Moving", "Resting"),
            ("above 15 °C", "base layer 150", "add a windshirt"),
            ("5 to 15 °C", "base layer 200", "add a fleece"),
            ("-5 to 5 °C", "base layer 200 and fleece", "add a down jacket"),
            ("below -5 °C", "base layer 260 and softshell", "add an expedition parka"),
        ),
    ),
    ("h", "Start cold"),
    (
        "p",
        "Set off feeling slightly chilly. After ten minutes of walking uphill the body gives off about 400 watts,"
        " and whoever starts warm has a wet shirt by the first stop.",
    ),
)
BUSINESS = (
    ("p", "Companies, schools, clubs and mountain-rescue teams can order on account. This sheet sums up the terms."),
    ("h", "Who can have an account?"),
    (
        "p",
        "Any organisation with a VAT number or a certificate of charitable status in a country that we deliver "
        "to. Applications take three working days.",
    ),
    ("h", "Discounts"),
    (
        "t",
        (
            ("Order value before VAT", "Discount"),
            ("from €1,000", "8 %"),
            ("from €2,500", "12 %"),
            ("from €10,000", "18 %"),
        ),
    ),
    ("p", "Mountain-rescue teams get 25 % from the first euro. Discounts do not apply to gas, books and electronics."),
    ("h", "Payment terms"),
    (
        "p",
        "Invoices are due within 30 days. The credit limit is €5,000 in the first year and is reviewed every "
        "January. Two per cent may be deducted for payment within 8 days.",
    ),
    ("h", "Logos and printing"),
    (
        "p",
        "Jackets, fleeces and packs can be embroidered from 20 pieces, at €6.50 a piece with a one-off setup fee "
        "of €45. Production takes four weeks. Personalised goods cannot be returned.",
    ),
    ("h", "Samples"),
    ("p", "We lend sets of sizes for 10 days, free of charge, against a deposit of the list price."),
    ("h", "Contact"),
    ("p", "The business team is at business@ridgeline.example.com, Monday to Thursday from 9:00 to 16:00."),
)


def write_office_documents(folder: Path) -> None:
    """Write `choosing/layering-guide.pdf` and `policies/business-accounts.docx`."""
    for part in ("choosing", "policies"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    write_pdf(folder / "choosing" / "layering-guide.pdf")
    write_docx(folder / "policies" / "business-accounts.docx")


def write_pdf(path: Path) -> None:
    styles = getSampleStyleSheet()
    flow: list[Flowable] = [Paragraph("Layering guide", styles["Title"])]
    for kind, content in LAYERING:
        if kind == "h":
            flow.append(Paragraph(content, styles["Heading2"]))
        elif kind == "p":
            flow.append(Paragraph(content, styles["BodyText"]))
        else:
            flow.append(
                Table([list(row) for row in content], style=TableStyle([("GRID", (0, 0), (-1, -1), 0.5, "grey")]))
            )
    flow.append(Spacer(1, 12))
    document = SimpleDocTemplate(
        str(path), pagesize=A4, title="Layering guide", author="Ridgeline Outfitters", invariant=1
    )
    document.build(flow)


def write_docx(path: Path) -> None:
    document = docx.Document()
    document.core_properties.title = "Business accounts"
    document.core_properties.author = "Ridgeline Outfitters"
    document.core_properties.modified = datetime(*FIXED_TIME)
    document.add_heading("Business accounts", level=0)
    for kind, content in BUSINESS:
        if kind == "h":
            document.add_heading(content, level=1)
        elif kind == "p":
            document.add_paragraph(content)
        else:
            table = document.add_table(rows=0, cols=len(content[0]))
            for row in content:
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
    document.save(str(path))
    fix_zip(path)


def fix_zip(path: Path) -> None:
    """Rewrite an Office file with one fixed time for every member and in its properties."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    core = members["docProps/core.xml"]
    stamp = rb"\g<1>" + FIXED_STAMP.encode() + rb"\g<2>"
    members["docProps/core.xml"] = re.sub(rb"(<dcterms:\w+[^>]*>)[^<]*(<)", stamp, core)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, FIXED_TIME), content, zipfile.ZIP_DEFLATED)
