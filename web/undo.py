"""The bar that offers to take a decision back for a few seconds, also on the page one is led to next."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from flask import Response, session

from web.i18n import now


def remember(url: str, text: str, until: datetime | None) -> dict[str, Any] | None:
    """Keep what may be taken back in the session and return the event that shows the bar; None when it is final."""
    if until is None:
        session.pop("undo", None)
        return None
    session["undo"] = {"url": url, "text": text, "until": until.isoformat()}
    return pending()


def pending() -> dict[str, Any] | None:
    """The undo that is still possible: address, words and seconds left."""
    kept = session.get("undo")
    if not kept:
        return None
    seconds = int((datetime.fromisoformat(kept["until"]) - now()).total_seconds())
    if seconds <= 0:
        session.pop("undo", None)
        return None
    return {"url": kept["url"], "text": kept["text"], "seconds": min(seconds, 60)}


def forget() -> None:
    """It was taken back, or something newer took its place."""
    session.pop("undo", None)


def announce(response: Response) -> Response:
    """Add the event that opens the bar, when there is something to take back."""
    event = pending()
    if event:
        response.headers["HX-Trigger"] = json.dumps({"undo": event})
    return response
