"""The built front end: addresses of hashed files for templates, and their delivery packed and cacheable for ever.

It knows the manifest that frontend/build.mjs writes, and no page.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask, Response, request, send_from_directory, url_for
from markupsafe import Markup

FOREVER = 31_536_000
PACKINGS = (("br", ".br"), ("gzip", ".gz"))  # the smaller first
PACKED_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class FrontEndNotBuilt(RuntimeError):
    """The manifest is missing or does not name the file; the message says what to run."""


@dataclass
class Assets:
    """Names of the built files below `folder` (…/static/dist), read from manifest.json and again when a new build replaced it.

    Source: the manifest of frontend/build.mjs, `{"files": {"app.js": "app-HASH.js"}, "imports": {"app.js": ["chunk-HASH.js"]}}`.
    """

    folder: Path
    built_at: int = field(default=0, init=False)
    manifest: dict[str, Any] = field(default_factory=dict, init=False)

    @property
    def files(self) -> dict[str, str]:
        """Built file by plain name, as `{"app.js": "app-HASH.js"}`. Raises FrontEndNotBuilt."""
        path = self.folder / "manifest.json"
        try:
            built_at = path.stat().st_mtime_ns
            if built_at != self.built_at:
                self.manifest, self.built_at = json.loads(path.read_text("utf-8")), built_at
        except FileNotFoundError:
            raise FrontEndNotBuilt(_advice("no manifest.json")) from None
        files: dict[str, str] = self.manifest["files"]
        return files

    def chunks(self, script: str) -> list[str]:
        """The shared files that a script imports, to be loaded along with it."""
        return list(self.manifest["imports"].get(script, []))

    def name(self, plain: str) -> str:
        """The built file for `plain`, such as "app.css". Raises FrontEndNotBuilt when the build has none."""
        built = self.files.get(plain)
        if built is None:
            raise FrontEndNotBuilt(_advice(f"no {plain}"))
        return built


def register(app: Flask) -> None:
    """Give templates `asset(name)` and `entry(name)`, and serve the built files packed under the usual static address."""
    assets = Assets(Path(app.static_folder or "static") / "dist")

    def asset(name: str) -> str:
        """Address of one built file, e.g. `asset('app.css')`."""
        return url_for("static", filename=f"dist/{assets.name(name)}")

    def entry(name: str) -> Markup:
        """Style sheet, module preloads and script tag of one entry, e.g. `entry('inbox')`."""
        script = asset(f"{name}.js")
        styles = [asset(f"{name}.css")] if f"{name}.css" in assets.files else []
        preloads = [url_for("static", filename=f"dist/{chunk}") for chunk in assets.chunks(f"{name}.js")]
        tags = [Markup('<link rel="stylesheet" href="{}">').format(address) for address in styles]
        tags += [Markup('<link rel="modulepreload" href="{}">').format(address) for address in preloads]
        return Markup("\n").join([*tags, Markup('<script type="module" src="{}"></script>').format(script)])

    app.jinja_env.globals.update(asset=asset, entry=entry)
    if "static" in app.view_functions:
        app.view_functions["static"] = lambda filename: send_static(app, filename)
    app.register_error_handler(FrontEndNotBuilt, _not_built)


def send_static(app: Flask, filename: str) -> Response:
    """A file of the static folder; hashed ones below dist/ are cached for ever and sent packed to who takes that."""
    folder = Path(app.static_folder or "static")
    if not filename.startswith("dist/"):
        return send_from_directory(folder, filename)
    kind = PACKED_TYPES.get(Path(filename).suffix)
    ending, encoding = next(
        ((ending, name) for name, ending in PACKINGS if kind and name in request.accept_encodings and (folder / f"{filename}{ending}").is_file()), ("", "")
    )
    response = send_from_directory(folder, f"{filename}{ending}", mimetype=kind if ending else None, max_age=FOREVER)
    if encoding:
        response.headers["Content-Encoding"] = encoding
    response.headers["Vary"] = "Accept-Encoding"
    response.cache_control.public = True
    response.cache_control.immutable = True
    return response


def _not_built(failure: FrontEndNotBuilt) -> Response:
    return Response(f"{failure}\n", status=503, mimetype="text/plain")


def _advice(what: str) -> str:
    return (
        f"前端文件还没有构建（static/dist: {what}）。请运行 python3 run.py，或在 frontend/ 目录运行 npm ci --ignore-scripts 和 node build.mjs。\n"
        "The front end has not been built. Run python3 run.py, or in frontend/ run npm ci --ignore-scripts and node build.mjs."
    )
