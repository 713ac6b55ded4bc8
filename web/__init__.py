"""HTTP: pages and JSON. The only package, with app.py, that imports Flask.

Each module of this package that has `register(app)` or a `blueprint` is a part of the site: a new page is a new file.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from flask import Flask

from web.context import abandon, house, keep, open_connection

__all__ = ["house", "register"]


def register(app: Flask) -> None:
    """Hang every page on `app`; the connection opens before, and closes after, all else a request does."""
    app.before_request(open_connection)
    app.after_request(keep)
    app.teardown_request(lambda _error: abandon())
    for module in sorted(iter_modules(__path__), key=lambda found: found.name):
        part = import_module(f"{__name__}.{module.name}")
        if hasattr(part, "register"):
            part.register(app)
        elif hasattr(part, "blueprint"):
            app.register_blueprint(part.blueprint)
