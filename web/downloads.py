"""Files a person takes home: spreadsheets with a readable name, never kept by a cache. It builds none."""

from __future__ import annotations

from urllib.parse import quote

from flask import Response

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def workbook(name: str, content: bytes) -> Response:
    """An .xlsx for download; `name` without ending."""
    response = Response(content, mimetype=XLSX)
    safe = "".join(sign if sign.isalnum() or sign in "-_ " else "-" for sign in name) or "export"
    response.headers["Content-Disposition"] = f"attachment; filename=\"export.xlsx\"; filename*=UTF-8''{quote(safe + '.xlsx')}"
    response.headers["Cache-Control"] = "no-store"
    return response
