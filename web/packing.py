"""Pages and lists go out packed to whoever takes gzip: an inbox of 25 rows is a tenth of its size. It knows no page."""

from __future__ import annotations

import gzip

from flask import Flask, Response, request

LEAST = 1_000  # bytes below which packing gains nothing
LEVEL = 5
KINDS = ("text/html", "application/json")


def register(app: Flask) -> None:
    """Pack the answers of `app`."""
    app.after_request(packed)


def packed(response: Response) -> Response:
    """The answer, packed when that is worth it and wanted."""
    if response.direct_passthrough or response.is_streamed or response.mimetype not in KINDS or response.status_code in (204, 304):
        return response
    response.vary.add("Accept-Encoding")
    if "gzip" not in request.accept_encodings or "Content-Encoding" in response.headers:
        return response
    body = response.get_data()
    if len(body) >= LEAST:
        response.set_data(gzip.compress(body, LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response
