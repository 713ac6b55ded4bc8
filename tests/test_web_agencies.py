"""The page 代理设置: my absences, for whom I act, and the same for an administrator's people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.web_office import Office
from workflows.business_calendar import FrozenClock


def typed(office: Office, agent: int, days: int = 3) -> dict[str, str]:
    now = office.house.clock.now() + timedelta(hours=8)
    return {
        "agent": str(agent), "process": "", "valid_from": now.strftime("%Y-%m-%dT%H:%M"), "valid_to": (now + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M"),
        "reason": "休假",
    }


@pytest.fixture
def office(tmp_path: Path, clock: FrozenClock, database: str) -> Iterator[Office]:
    built = Office(tmp_path, clock)
    yield built
    built.close()


@pytest.fixture
def clerk(office: Office) -> FlaskClient:
    return office.browser(office.clerk)


def test_somebody_sets_changes_and_revokes_his_own(office: Office, clerk: FlaskClient) -> None:
    assert "没有设置代理人" in clerk.get("/agencies").text
    assert clerk.post(f"/agencies/people/{office.clerk}", data=typed(office, office.other)).status_code == 303
    page = clerk.get("/agencies").text
    assert "进行中" in page and "休假" in page
    assert "代谁办理" in office.browser(office.other).get("/agencies").text
    changed = {f"{name}-1": value for name, value in typed(office, office.other, 9).items()}
    assert clerk.post("/agencies/1/change", data=changed).status_code == 303
    assert clerk.post("/agencies/1/revoke").status_code == 303 and "已结束" in clerk.get("/agencies").text
    assert clerk.post("/agencies/1/revoke").status_code == 422


def test_a_wrong_form_comes_back_with_the_reason(office: Office, clerk: FlaskClient) -> None:
    answer = clerk.post(f"/agencies/people/{office.clerk}", data={**typed(office, office.other), "valid_to": "x", "agent": ""})
    assert answer.status_code == 422 and "请填写日期和时间" in answer.text and "请选择代理人" in answer.text
    same = clerk.post(f"/agencies/people/{office.clerk}", data=typed(office, office.clerk))
    assert same.status_code == 422 and "代理人不能是本人" in same.text


def test_nobody_looks_after_a_stranger_s_agencies(office: Office, clerk: FlaskClient) -> None:
    assert clerk.get(f"/agencies/people/{office.other}").status_code == 403
    refused = clerk.post(f"/agencies/people/{office.other}", data=typed(office, office.clerk))
    assert refused.status_code in (403, 422) and "没有设置代理人" in office.browser(office.other).get("/agencies").text
