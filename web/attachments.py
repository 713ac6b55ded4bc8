"""Files on cases over HTTP: attach by a plain body, look at or download, remove. Who may is the service's matter."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import Blueprint, Flask, Response, jsonify, redirect, render_template, request, url_for

from tasks.attached_files import MEDIA_TYPES, SHOWN, too_large
from tasks.attachments import AttachedFile
from web.context import actor, connection, house, wants_json
from web.i18n import same_site
from workflows.attachment_settings import MEGABYTE, MOST_MEGABYTES, AttachmentRule

blueprint = Blueprint("attachments", __name__)

LARGEST = MOST_MEGABYTES * MEGABYTE  # what any model may take
# A file is somebody else's content: whatever is in it may load nothing, run nothing and talk to nobody.
SEALED = "default-src 'none'; sandbox"


def register(app: Flask) -> None:
    """Hang the routes on `app` and give templates the filters `filesize` and `accepted`."""
    app.register_blueprint(blueprint)
    app.jinja_env.filters.update(filesize=size_words, accepted=accepted)


@blueprint.post("/tasks/<int:seat_id>/attachments")
def attach(seat_id: int) -> Response:
    """Keep the request's body as a file for `field`, or for the opinion without one; `name` is what the person calls it."""
    if (request.content_length or 0) > LARGEST:
        raise too_large(AttachmentRule(most=LARGEST))
    content = request.stream.read(LARGEST + 1)
    field, name = request.args.get("field") or None, request.args.get("name", "")
    file = house().tasks.attachments.attach(connection(), actor(), seat_id, field, name, content)
    return jsonify(ok=True, file=file_facts(file), html=render_template("attachments/_item.html", file=file))


@blueprint.post("/attachments/<int:attachment_id>/remove")
def remove(attachment_id: int) -> Any:
    """Take a file back before the step is decided."""
    house().tasks.attachments.remove(connection(), actor(), attachment_id)
    if wants_json():
        return jsonify(ok=True)
    return redirect(same_site(request.form.get("next", ""), "/"), code=303)


@blueprint.get("/attachments/<int:attachment_id>")
def content(attachment_id: int) -> Response:
    """The file itself: images and PDF may be shown in place, everything else, and whatever is asked for with `download`, is saved."""
    name, media_type, data = house().tasks.attachments.content(connection(), actor(), attachment_id)
    shown = media_type in SHOWN and "download" not in request.args
    response = Response(data, mimetype=media_type)
    response.headers["Content-Disposition"] = f"{'inline' if shown else 'attachment'}; filename=\"{_plain(name)}\"; filename*=UTF-8''{quote(name, safe='')}"
    response.headers["Content-Security-Policy"] = SEALED
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def file_facts(file: AttachedFile) -> dict[str, Any]:
    """A file as the page's scripts know it."""
    return {
        "reference": file.reference, "name": file.name, "size": file.size, "image": file.media_type.startswith("image/"), "shown": file.shown,
        "removable": file.removable, "url": url_for("attachments.content", attachment_id=file.id),
        "remove_url": url_for("attachments.remove", attachment_id=file.id),
    }


def size_words(size: int) -> str:
    """A size as people read it: 1.4 MB, 320 KB."""
    return f"{size / MEGABYTE:.1f}".removesuffix(".0") + " MB" if size >= MEGABYTE else f"{max(1, round(size / 1024))} KB"


def accepted(rule: AttachmentRule) -> str:
    """The `accept` of a file field; with pictures among them a phone offers its camera."""
    return ",".join(MEDIA_TYPES[kind] for kind in rule.kinds) + "," + ",".join(f".{kind}" for kind in rule.kinds)


def _plain(name: str) -> str:
    """The name for programs that know no RFC 5987: its ASCII signs, or "file" with its ending."""
    ascii_name = "".join(sign for sign in name if sign.isascii() and (sign.isalnum() or sign in "-_. "))
    return ascii_name if ascii_name.rpartition(".")[0].strip() else f"file.{name.rpartition('.')[2]}"
