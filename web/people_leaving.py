"""Somebody leaves: his open work, to whom it goes, and the end of his account. Decides nothing."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from tasks.hand_over import open_seats_of
from tasks.keys.references import references
from tasks.left_items import left_items
from web.commands import ENDED
from web.context import actor, connection, house
from web.i18n import translate as _, words
from web.labels import node_label
from web.scope import first_line, tried
from web.security import requires
from workflows.errors import Rejection

blueprint = Blueprint("people_leaving", __name__, url_prefix="/people/<int:person_id>")

MANAGE = "people.manage"
POOL, KEEP = "pool", "keep"
LONGEST_REASON = 200


@blueprint.get("/leave")
@requires(MANAGE)
def page(person_id: int) -> str:
    """What he holds, and what can be done with it."""
    return _page(person_id)


@blueprint.post("/hand-over")
@requires(MANAGE)
def move(person_id: int) -> Any:
    """Give the ticked items to somebody else or back to their pool."""
    chosen = {int(text) for text in request.form.getlist("seat") if text.isdecimal()}
    if not chosen:
        flash(_("请先勾选要移交的事项。"), "warning")
        return _page(person_id), 422
    return _begun(person_id, _hand_over(person_id, chosen))


@blueprint.post("/disable")
@requires(MANAGE)
def disable(person_id: int) -> Any:
    """End the account at once; his open work goes where it was said."""
    def leave() -> int | None:
        command = _hand_over(person_id, None) if request.form.get("to", KEEP) != KEEP else None
        house().people.administration.disable_person(connection(), actor(), person_id)
        return command

    command, errors = tried(leave)
    if errors:
        flash(first_line(errors), "danger")
        return _page(person_id), 422
    flash(_("账号已停用，立即失效。"), "success")
    return _begun(person_id, command)


def _hand_over(person_id: int, only: set[int] | None) -> int:
    to, reason = request.form.get("to", ""), request.form.get("reason", "").strip()[:LONGEST_REASON]
    if to != POOL and not to.isdecimal():
        raise Rejection("请选择移交给谁。", "Choose whom to hand over to.", status=422)
    command: int = house().tasks.hand_over(connection(), actor(), person_id, None if to == POOL else int(to), reason or _("人员离岗交接"), only)
    return command


def _begun(person_id: int, command: int | None) -> Any:
    """The worker goes on with it; the page shows how far it is."""
    house().wake()
    if command is not None:
        flash(_("交接已开始，进度见下。"), "info")
    return redirect(url_for("people_leaving.page", person_id=person_id, command=command), code=303)


def _page(person_id: int) -> str:
    person = house().people.directory.manageable(connection(), actor(), person_id)
    seats = open_seats_of(connection(), person_id)
    return render_template(
        "people/leave.html", person=person, seats=seats, targets=_targets(person_id, seats), node_label=node_label,
        is_self=person_id == actor().person_id, pool=POOL, keep=KEEP, agencies=house().tasks.keys.agencies.live_of(connection(), person_id),
        references=references(connection(), house().definitions, person_id), **_progress(request.args.get("command", "")),
    )


def _progress(text: str) -> dict[str, Any]:
    """The command of this hand-over, as the bar shows it; whoever did not give it sees none."""
    if not text.isdecimal():
        return {"command": None, "left": [], "refused": {}}
    view = house().commands.view(connection(), int(text), actor())
    left = left_items(connection(), view)
    return {
        "command": view, "left": left, "finished": view.status in ENDED, "heading": _heading(view), "refused": {one.seat_id: words(one.reason) for one in left if one.seat_id},
    }


def _heading(view: Any) -> str:
    if view.status not in ENDED:
        return _("正在移交…")
    text = _("已移交 {n} 件。", n=view.succeeded)
    return text + (_("{n} 件未能移交，原因见下表，可改选其他人。", n=view.skipped) if view.skipped else "")


def _targets(person_id: int, seats: Any) -> list[tuple[str, str]]:
    """Who could take at least one of the items, those who could take most first."""
    takes: dict[tuple[int, str], int] = {}
    colleagues = house().tasks.keys.agencies.possible_agents(connection(), person_id)  # of what was given to him by name
    offered = house().supervision.candidates(connection(), seats)
    for seat in seats:
        for one in offered.get(seat.seat_id) or colleagues:
            takes[one] = takes.get(one, 0) + 1
    found = sorted(((count, name, number) for (number, name), count in takes.items() if number != person_id), key=lambda one: (-one[0], one[1]))
    return [(str(number), _("{name}（可接 {n} 件）", name=name, n=count)) for count, name, number in found]
