"""Refusals in words for the person who sees them, in Chinese and English. They know no HTTP page, only a status number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Words = Mapping[str, str]


class Rejection(Exception):
    """The caller asked for something that cannot be done; nothing was changed.

    `zh` and `en` say what is wrong and what to do, `status` is the matching HTTP status, `fields` maps a form key
    to its own words, `detail` carries facts for programs.
    """

    status = 400

    def __init__(
        self, zh: str, en: str, *, status: int | None = None, fields: Mapping[str, Words] | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(zh)
        self.zh = zh
        self.en = en
        self.status = status or type(self).status
        self.fields = dict(fields or {})
        self.detail = dict(detail or {})

    def words(self, language: str) -> str:
        """The sentence in `language` ("zh…" or anything else for English)."""
        return self.zh if language.startswith("zh") else self.en

    @property
    def both(self) -> dict[str, str]:
        """The sentence in both languages."""
        return {"zh": self.zh, "en": self.en}


class NotFound(Rejection):
    """There is no such thing, or the asker may not know of it."""

    status = 404


class Forbidden(Rejection):
    """The person may not do this; `clause` names the rule."""

    status = 403

    def __init__(self, zh: str, en: str, *, clause: Words | None = None, detail: Mapping[str, Any] | None = None) -> None:
        super().__init__(zh, en, detail=detail)
        self.clause = clause


class Conflict(Rejection):
    """Somebody else was faster; the words say who and when."""

    status = 409


class InvalidForm(Rejection):
    """Fields of a submitted form are wrong; `fields` says which and why."""

    status = 422

    def __init__(self, fields: Mapping[str, Words]) -> None:
        first = next(iter(fields.values()), {"zh": "", "en": ""})
        super().__init__(
            f"表单有 {len(fields)} 处需要更正：{first['zh']}", f"{len(fields)} field(s) need correction: {first['en']}", fields=fields
        )


class CalendarMissing(Rejection):
    """A date computation reached a year whose working days are not official yet; nobody may guess them."""

    status = 409

    def __init__(self, year: int) -> None:
        super().__init__(
            f"{year} 年的工作日历尚未录入，无法计算期限。请日历管理员先在“日历”页导入国务院办公厅通知。",
            f"The working days of {year} are not in the calendar, so the deadline cannot be computed. "
            "Ask the calendar administrator to import the yearly notice first.",
            detail={"year": year},
        )
        self.year: int | None = year
        self.alarm = f"calendar:{year}"


class DeadlineMissing(CalendarMissing):
    """A timer stands for a deadline that the calendar does not have for this organisation and cycle; nobody may guess it."""

    def __init__(self, key: str, organisation: str | None, cycle: str | None) -> None:
        whose, when = organisation or "?", cycle or "?"
        Rejection.__init__(
            self,
            f"日历中没有 {whose} 在 {when} 周期的期限“{key}”，定时事件无法确定时间。请日历管理员先在“日历”页录入。",
            f"The calendar has no deadline {key} for {whose} in the cycle {when}, so the timer has no time. Ask the calendar administrator to enter it.",
            detail={"key": key, "organisation": organisation, "cycle": cycle},
        )
        self.year = None
        self.alarm = f"deadline:{when}:{key}:{whose}"


class DeploymentRefused(Rejection):
    """A model cannot run here; `findings` lists every reason at once."""

    status = 422

    def __init__(self, findings: list[Any]) -> None:
        errors = [finding for finding in findings if finding.severity == "error"]
        super().__init__(f"模型未通过检查，共 {len(errors)} 处错误。", f"The model was refused: {len(errors)} error(s).")
        self.findings = findings
