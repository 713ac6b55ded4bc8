"""Failures as people and programs see them: a page, a toast or JSON of one shape; never a stack trace.

A refused command is written to the security log in a transaction of its own, after the command's was rolled back.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, g, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from tasks.security_log import HIDDEN_FIELD, REFUSED, record
from web.context import abandon, house, is_htmx, reopen_for_reading, wants_json
from web.i18n import translate, words
from workflows.errors import Forbidden, Rejection

log = logging.getLogger("banjie.web")

Sentence = Mapping[str, str]

HTTP_WORDS: dict[int, tuple[Sentence, Sentence]] = {
    400: (
        {"zh": "请求无法理解", "en": "The request could not be understood"},
        {"zh": "请返回上一页，刷新后重试。", "en": "Go back, reload the page and try again."},
    ),
    401: ({"zh": "请先登录", "en": "Please sign in"}, {"zh": "登录后可继续刚才的操作。", "en": "You can continue after signing in."}),
    403: (
        {"zh": "您无权进行此操作", "en": "You may not do this"},
        {"zh": "如确需办理，请切换身份，或联系本单位的管理员。", "en": "Switch to another identity, or ask your office's administrator."},
    ),
    404: (
        {"zh": "没有找到", "en": "Not found"},
        {"zh": "该页面或事项不存在，或者不在您可查看的范围内。", "en": "It does not exist, or it lies outside what you may see."},
    ),
    405: (
        {"zh": "此地址不支持该操作", "en": "This address does not support that"},
        {"zh": "请从页面上的按钮进入。", "en": "Use the buttons of the page."},
    ),
    413: ({"zh": "文件过大", "en": "The file is too large"}, {"zh": "请拆分后分次上传。", "en": "Split it and upload the parts."}),
    429: (
        {"zh": "操作过于频繁", "en": "Too many requests"},
        {"zh": "请稍等一分钟再试。", "en": "Wait a minute and try again."},
    ),
}
CSRF_WORDS: tuple[Sentence, Sentence] = (
    {"zh": "页面已失效", "en": "This page has expired"},
    {
        "zh": "页面打开时间过长，或登录身份已改变，操作没有执行。请刷新后重试。",
        "en": "It was open for too long or your sign-in changed. Nothing was done; reload and try again.",
    },
)
BUG_WORDS: tuple[Sentence, Sentence] = (
    {"zh": "系统出错了", "en": "Something went wrong on our side"},
    {
        "zh": "您的操作没有保存，数据没有改变。请稍后重试；若仍出现，请把下面的编号告诉管理员。",
        "en": "Nothing was saved and no data changed. Try again; if it happens again, tell the administrator the code below.",
    },
)


def register(app: Flask) -> None:
    """Answer every failure of `app` here, and give the house its log of refusals."""
    app.extensions["banjie"].security_log = security_log
    app.register_error_handler(Rejection, refused)
    app.register_error_handler(CSRFError, expired)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Exception, bug)


def refused(error: Rejection) -> Response:
    """The caller's mistake: nothing was changed; the words say what is wrong and what to do."""
    abandon(error)
    if isinstance(error, Forbidden):
        house().security_log(g.get("actor"), error, _instance_of(error))
    elif error.detail.get("hidden_fields"):
        _log_hidden_fields(error)
    reopen_for_reading()
    title = {403: HTTP_WORDS[403][0], 404: HTTP_WORDS[404][0]}.get(error.status, {"zh": "操作未生效", "en": "Nothing was changed"})
    return answer(error.status, title, error.both, fields=error.fields, clause=getattr(error, "clause", None))


def expired(_error: CSRFError) -> Response:
    """The form's token does not fit the session any more."""
    reopen_for_reading()
    return answer(400, *CSRF_WORDS)


def http_error(error: HTTPException) -> Response:
    """An HTTP error of the framework, in our words."""
    if error.code is None or error.code < 400:
        return make_response(error.get_response())
    reopen_for_reading()
    title, text = HTTP_WORDS.get(error.code, HTTP_WORDS[400] if error.code < 500 else BUG_WORDS)
    response = answer(error.code, title, text)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After", "WWW-Authenticate"):
            response.headers[name] = value
    return response


def bug(error: Exception) -> Response:
    """Our mistake: rolled back, logged with a code that the page shows; the page shows nothing else of it."""
    code = secrets.token_hex(4)
    log.error("bug %s at %s %s", code, request.method, request.path, exc_info=error)
    reopen_for_reading()
    return answer(500, *BUG_WORDS, code=code)


def answer(
    status: int, title: Sentence, text: Sentence, *, fields: Mapping[str, Sentence] | None = None, clause: Sentence | None = None,
    code: str | None = None,
) -> Response:
    """The one shape of a failure: JSON for programs and htmx (with a toast), a page for everybody else."""
    if wants_json() or is_htmx():
        return _data(status, text, fields or {}, code)
    page = render_template("errors/error.html", status=status, title=words(title), text=words(text), clause=words(clause), code=code, fields=fields)
    return make_response(page, status)


def _data(status: int, text: Sentence, fields: Mapping[str, Sentence], code: str | None) -> Response:
    message = words(text) + (translate("（编号 {code}）", code=code) if code else "")
    response = make_response({
        "ok": False, "error": dict(text), "message": message, "fields": {key: dict(pair) for key, pair in fields.items()},
        "errors": {key: words(pair) for key, pair in fields.items()}, **({"code": code} if code else {}),
    }, status)
    if is_htmx():
        response.headers["HX-Reswap"] = "none"
        response.headers["HX-Trigger"] = json.dumps({"toast": {"text": message, "kind": "danger"}})
    return response


def security_log(actor: Any, error: Forbidden, instance_id: int | None) -> None:
    """Write down a refused attempt, in a transaction of its own: the refused command's must be over."""
    with house().store.transaction() as connection:
        record(
            connection, house().clock.now(), REFUSED, person_id=getattr(actor, "person_id", None), instance_id=instance_id,
            address=request.remote_addr, detail=_attempt(actor, error),
        )


def _log_hidden_fields(error: Rejection) -> None:
    """A refused decision that carried values for hidden fields: what the command itself noted is rolled back with it."""
    with house().store.transaction() as connection:
        record(
            connection, house().clock.now(), HIDDEN_FIELD, person_id=getattr(g.get("actor"), "person_id", None), instance_id=_instance_of(error),
            address=request.remote_addr, detail={"fields": list(error.detail["hidden_fields"]), "path": request.path},
        )


def _attempt(actor: Any, error: Forbidden) -> dict[str, Any]:
    return {
        "clause": dict(error.clause) if error.clause else None, "words": error.both, "method": request.method,
        "path": request.path, "role": getattr(actor, "role", None), "organisation": getattr(actor, "organisation_code", None),
        **{key: value for key, value in error.detail.items() if isinstance(value, (int, str))},
    }


def _instance_of(error: Rejection) -> int | None:
    found = error.detail.get("instance_id", (request.view_args or {}).get("instance_id"))
    return int(found) if found is not None else None
