"""Somebody leaves: his open work, to whom it goes, and the end of his account. Decides nothing."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, flash, render_template, request

from tasks.hand_over import Handed, hand_over, open_seats_of
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
    return _page(person_id, [])


@blueprint.post("/hand-over")
@requires(MANAGE)
def move(person_id: int) -> Any:
    """Give the ticked items to somebody else or back to their pool."""
    chosen = {int(text) for text in request.form.getlist("seat") if text.isdecimal()}
    if not chosen:
        flash(_("请先勾选要移交的事项。"), "warning")
        return _page(person_id, []), 422
    handed = _hand_over(person_id, chosen)
    _tell(handed)
    return _page(person_id, handed)


@blueprint.post("/disable")
@requires(MANAGE)
def disable(person_id: int) -> Any:
    """End the account at once; his open work goes where it was said."""
    handed: list[Handed] = []

    def leave() -> None:
        if request.form.get("to", KEEP) != KEEP:
            handed.extend(_hand_over(person_id, None))
        house().people.administration.disable_person(connection(), actor(), person_id)

    _answer, errors = tried(leave)
    if errors:
        flash(first_line(errors), "danger")
        return _page(person_id, []), 422
    flash(_("账号已停用，立即失效。"), "success")
    _tell(handed)
    return _page(person_id, handed)


def _hand_over(person_id: int, only: set[int] | None) -> list[Handed]:
    to, reason = request.form.get("to", ""), request.form.get("reason", "").strip()[:LONGEST_REASON]
    if to != POOL and not to.isdecimal():
        raise Rejection("请选择移交给谁。", "Choose whom to hand over to.", status=422)
    move_seat = partial(_move_seat, person_id, reason or _("人员离岗交接"))
    return hand_over(connection(), actor(), person_id, None if to == POOL else int(to), move_seat, only)


def _move_seat(from_person: int, reason: str, opened: Any, who: Any, seat_id: int, to: int | None) -> None:
    house().tasks.hand_over(opened, who, seat_id, to, from_person, reason)


def _tell(handed: list[Handed]) -> None:
    moved = sum(one.refused is None for one in handed)
    if moved:
        flash(_("已移交 {n} 件。", n=moved), "success")
    if moved < len(handed):
        flash(_("{n} 件未能移交，原因见下表，可改选其他人。", n=len(handed) - moved), "warning")


def _page(person_id: int, handed: list[Handed]) -> str:
    person = house().people.directory.manageable(connection(), actor(), person_id)
    seats = open_seats_of(connection(), person_id)
    refused = {one.seat_id: words(one.refused) for one in handed if one.refused is not None}
    return render_template(
        "people/leave.html", person=person, seats=seats, targets=_targets(person_id, seats), refused=refused, node_label=node_label,
        is_self=person_id == actor().person_id, pool=POOL, keep=KEEP,
    )


def _targets(person_id: int, seats: Any) -> list[tuple[str, str]]:
    """Who could take at least one of the items, those who could take most first."""
    takes: dict[tuple[int, str], int] = {}
    for people in house().supervision.candidates(connection(), seats).values():
        for one in people:
            takes[one] = takes.get(one, 0) + 1
    found = sorted(((count, name, number) for (number, name), count in takes.items() if number != person_id), key=lambda one: (-one[0], one[1]))
    return [(str(number), _("{name}（可接 {n} 件）", name=name, n=count)) for count, name, number in found]
