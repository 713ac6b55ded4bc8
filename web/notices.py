"""The notices page: what was sent to a person or his office, and marking it as read."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from tasks import notices
from tasks.permissions import may
from web.context import actor, connection
from web.i18n import translate as _
from workflows.errors import Rejection

blueprint = Blueprint("notices", __name__, url_prefix="/notices")


@blueprint.get("")
def page() -> str:
    """Newest first; each leads to its task or case."""
    after = request.args.get("after", "")
    found = notices.page(connection(), actor(), after=int(after) if after.isdigit() else None)
    return render_template(
        "notices/notices.html", rows=found.rows, names_only=may(actor(), "class.list") and not may(actor(), "cases.list"),
        supervises=may(actor(), "cases.supervise"), next_url=url_for("notices.page", after=found.next) if found.next else "",
        first_url=url_for("notices.page") if after else "", unread=sum(not row.read for row in found.rows),
    )


@blueprint.post("/read")
def read() -> Any:
    """Everything up to the newest notice that was on the page counts as read."""
    up_to = request.form.get("up_to", "")
    if not up_to.isdigit():
        raise Rejection("请求不完整，请刷新后重试。", "The request was incomplete; reload and try again.")
    notices.mark_read(connection(), actor(), int(up_to))
    flash(_("已全部标为已读。"), "success")
    return redirect(url_for("notices.page"), code=303)
