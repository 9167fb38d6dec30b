"""The pages and files around the widget, each readable without scripts."""

from __future__ import annotations

from litestar.types import ControllerRouterHandler

from app.web.demo_site import demo_article, demo_home
from app.web.plain_ask import ask_for_person, ask_form, ask_plainly
from app.web.site_files import site_file
from app.web.source_page import source_page
from app.web.widget_file import widget_js, widget_sri

PAGES: tuple[ControllerRouterHandler, ...] = (
    source_page,
    *(ask_form, ask_plainly, ask_for_person),
    *(demo_home, demo_article),
    site_file,
    *(widget_js, widget_sri),
)
"""Handlers; none of them stands in the OpenAPI description."""
