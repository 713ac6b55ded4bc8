"""When a membership counts: both ends included, an open end is open. One condition for every query."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BindParameter, ColumnElement, and_, or_

from tasks.models import Membership


def valid_on(day: date | BindParameter[date]) -> ColumnElement[bool]:
    """SQL over Membership: valid on `day` (or on the day a prepared statement is given)."""
    return and_(
        or_(Membership.valid_from.is_(None), Membership.valid_from <= day), or_(Membership.valid_to.is_(None), Membership.valid_to >= day)
    )
