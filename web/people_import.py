"""Staff from an Excel sheet: template, upload, and what became of each row. Decides nothing."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, render_template

from tasks.people_import import COLUMNS, REQUIRED, import_people, template
from web.context import actor, connection, house, reopen_for_reading
from web.downloads import workbook
from web.i18n import chinese, language, translate as _, words
from web.security import requires
from web.sheet_upload import counted, headings, uploaded_rows
from workflows.errors import Rejection

blueprint = Blueprint("people_import", __name__, url_prefix="/people/import")

MOST_PEOPLE = 1000  # rows entered in one transaction, about two seconds of the only writer


@blueprint.get("")
@requires("people.manage")
def page() -> str:
    """Choose a file."""
    return _page([], {})


@blueprint.get("/template")
@requires("people.manage")
def blank() -> Response:
    """The blank sheet."""
    return workbook(_("人员导入模板"), template(chinese()))


@blueprint.post("")
@requires("people.manage")
def upload() -> Any:
    """Enter the good rows; codes of new accounts are on the answer and nowhere else. The file is read outside the transaction."""
    reopen_for_reading()
    try:
        rows = uploaded_rows(COLUMNS, REQUIRED, MOST_PEOPLE)
    except Rejection as error:
        return _page([], {"file": error.words(language())}), 422
    with house().store.transaction() as writing:
        results = import_people(writing, actor(), house().people.administration, rows)
    reopen_for_reading()  # the page shows what was just written
    return _page(results, {})


def _page(results: Any, errors: dict[str, str]) -> str:
    logins = house().people.logins(connection(), [row.person_id for row in results if row.person_id])
    return render_template(
        "people/import.html", results=results, counts=counted(results), errors=errors, headings=headings(COLUMNS, REQUIRED), words=words,
        logins=logins,
    )
