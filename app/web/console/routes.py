"""The console's router: every page, behind the login and the guard against forged requests."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, Router, get

from app.web.console.answers import answer_chart, answer_page, answers_page
from app.web.console.ask import ask_in_console, ask_page, stop_in_console
from app.web.console.frame import error_page, same_origin
from app.web.console.keys import add_key, confirm_revoke, key_page, keys_page, revoke_key
from app.web.console.login import log_in, log_out, login_page
from app.web.console.prompts import move_label, prompt_page, prompts_page
from app.web.console.sites import (
    add_site,
    change_site,
    confirm_revoke_site,
    new_site,
    revoke_site,
    site_page,
    sites_export,
)  # fmt: skip
from app.web.console.sources.adding import (
    add_source_by_form,
    confirm_removal,
    job_page,
    job_progress,
    new_source,
    remove_by_form,
)  # fmt: skip
from app.web.console.sources.describing import description_page, edit_description
from app.web.console.sources.pages import (
    documents_page,
    quality_page,
    report_page,
    source_history,
    source_page,
    source_progress,
    sources_page,
    sync_now,
)
from app.web.console.sources.tables import table_page
from app.web.console.unanswered import unanswered_page
from app.web.console.usage import usage_page
from app.web.console.verdicts import rate_in_console, verify_in_console
from app.web.console.verified_pages import add_pair, check_pair, remove_pair, verified_page
from app.web.static_files import FOLDER, sent

PAGES = (
    *(login_page, log_in, log_out),
    *(sources_page, source_page, source_progress, source_history, sync_now, documents_page, report_page, quality_page),
    *(new_source, add_source_by_form, job_page, job_progress, confirm_removal, remove_by_form),
    *(table_page, description_page, edit_description),
    *(verified_page, add_pair, remove_pair, check_pair),
    *(ask_page, ask_in_console, stop_in_console, answers_page, answer_page, answer_chart, unanswered_page),
    *(rate_in_console, verify_in_console),
    *(prompts_page, prompt_page, move_label),
    *(usage_page,),
    *(keys_page, add_key, key_page, confirm_revoke, revoke_key),
    *(sites_export, new_site, add_site, site_page, change_site, confirm_revoke_site, revoke_site),
)  # fmt: skip


@get("/static/{name:str}", sync_to_thread=False)
def static_file(name: str, request: Request[Any, Any, Any]) -> Response[bytes]:
    """A style sheet or script of the console."""
    return sent(request, FOLDER / name)


def console_router() -> Router:
    """The pages under `/console`; `create_app` provides what they depend on."""
    return Router(
        path="/console",
        route_handlers=[static_file, *PAGES],
        guards=[same_origin],
        exception_handlers={Exception: error_page},
        include_in_schema=False,
    )
