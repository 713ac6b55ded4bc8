"""The page of one task and of one case: deciding, drafts, being late, being led on, and the applicant's own pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web_office import LONG_ID, Office
from workflows.business_calendar import FrozenClock

JSON = {"Accept": "application/json"}


@pytest.fixture
def office(tmp_path: Path, clock: FrozenClock, database: str) -> Iterator[Office]:
    built = Office(tmp_path, clock)
    yield built
    built.close()


def decide(browser: Any, seat: Any, outcome: str, query: str = "", **values: Any) -> Any:
    body = {"outcome": outcome, "revision": seat.revision, "data": values}
    return browser.post(f"/tasks/{seat.id}/complete{query}", json=body, headers=JSON)


def test_the_page_shows_facts_form_outcomes_history_and_diagram(office: Office) -> None:
    seat = office.submitted(1, amount=5000)[0]
    page = office.browser(office.clerk).get(f"/tasks/{seat.id}").text
    for text in ("审核报销单", "赵申请0", "金额较大", 'data-outcome="approve"', 'data-outcome="refuse"', 'id="form-schema"', "data-diagram-state", "填写报销单"):
        assert text in page, text
    assert LONG_ID not in page


def test_deciding_leads_to_the_next_task_of_the_view(office: Office) -> None:
    first, second, third = office.submitted(3)
    browser = office.browser(office.clerk)
    answer = decide(browser, first, "approve", f"?queue={second.id},{third.id}&view=todo&sort=due")
    assert answer.status_code == 200 and answer.json["ok"] is True
    assert answer.json["location"] == f"/tasks/{second.id}?queue={third.id}&view=todo&sort=due"
    assert "/inbox/undo" in browser.get(answer.json["location"]).text
    assert decide(browser, second, "approve", "?view=pool").json["location"] == "/inbox?view=pool"


def test_wrong_fields_are_named_and_nothing_is_kept(office: Office) -> None:
    seat = office.submitted()[0]
    answer = decide(office.browser(office.clerk), seat, "return")
    assert answer.status_code == 422
    assert answer.json["ok"] is False and set(answer.json["fields"]) == {"return_reason", "return_text"}
    assert answer.json["errors"]["return_text"] and answer.json["fields"]["return_text"]["en"]
    assert office.seat_by_id(seat.id).status == "open"


def test_whoever_comes_too_late_is_told_who_decided_and_when(office: Office) -> None:
    seat = office.submitted()[0]
    decide(office.browser(office.clerk), seat, "approve")
    late = office.browser(office.other)
    answer = decide(late, seat, "approve")
    assert answer.status_code == 409 and "钱经办" in answer.json["message"] and "06-18 09:01" in answer.json["message"]
    page = late.get(f"/tasks/{seat.id}")
    assert page.status_code == 200 and "已由钱经办于 06-18 09:01 办理" in page.text and 'data-outcome="approve"' not in page.text


def test_an_older_state_on_the_screen_is_refused(office: Office) -> None:
    seat = office.submitted()[0]
    browser = office.browser(office.clerk)
    browser.post(f"/tasks/{seat.id}/claim", data={"revision": seat.revision})
    assert decide(browser, seat, "approve").status_code == 409
    assert decide(browser, office.seat_by_id(seat.id), "approve").status_code == 200


def test_a_draft_is_kept_for_the_person_and_shown_again(office: Office) -> None:
    seat = office.submitted()[0]
    browser = office.browser(office.clerk)
    saved = browser.post(f"/tasks/{seat.id}/draft", json={"revision": seat.revision, "data": {"return_text": "先记一笔"}}, headers=JSON)
    assert saved.json == {"ok": True, "saved_at": "09:01"}
    assert "\\u5148\\u8bb0\\u4e00\\u7b14" in browser.get(f"/tasks/{seat.id}").text
    assert "\\u5148\\u8bb0\\u4e00\\u7b14" not in office.browser(office.other).get(f"/tasks/{seat.id}").text


def test_claim_and_release_from_the_page(office: Office) -> None:
    seat = office.submitted()[0]
    browser = office.browser(office.clerk)
    answer = browser.post(f"/tasks/{seat.id}/claim?view=pool", data={"revision": seat.revision})
    assert answer.status_code == 303 and answer.location == f"/tasks/{seat.id}?view=pool"
    assert "由您办理" in browser.get(answer.location).text
    browser.post(f"/tasks/{seat.id}/release")
    assert office.seat_by_id(seat.id).owner_id is None


def test_an_outsider_is_refused_with_the_rule_by_page_and_by_request_and_each_attempt_is_logged(office: Office) -> None:
    seat = office.submitted()[0]
    browser = office.browser(office.stranger)
    page = browser.get(f"/tasks/{seat.id}")
    assert page.status_code == 403 and "报销单由本单位审核" in page.text and "Traceback" not in page.text
    assert decide(browser, seat, "approve").status_code == 403
    assert browser.post(f"/tasks/{seat.id}/claim", headers={"HX-Request": "true"}).status_code == 403
    assert office.seat_by_id(seat.id) == seat
    rows = [row for row in office.log_rows() if row.kind == "refused"]
    assert len(rows) == 3 and {row.person_id for row in rows} == {office.stranger} and rows[0].address == "127.0.0.1"


def test_a_case_shows_its_history_and_withdrawal_to_the_applicant_only(office: Office) -> None:
    seat = office.submitted()[0]
    instance_id = office.row("SELECT instance_id FROM seat WHERE id = :id", seat.id)[0]
    clerk, applicant = office.browser(office.clerk), office.browser(office.applicant)
    assert "撤回" not in clerk.get(f"/cases/{instance_id}").text.replace("撤回申请", "撤回")
    assert "withdraw-dialog" in applicant.get(f"/cases/{instance_id}").text
    assert office.browser(office.stranger).get(f"/cases/{instance_id}").status_code == 404
    assert clerk.post(f"/cases/{instance_id}/withdraw").status_code == 403
    answer = applicant.post(f"/cases/{instance_id}/withdraw", data={"next": "mine"})
    assert answer.status_code == 303 and answer.location == "/mine"
    assert office.seat_by_id(seat.id).status == "cancelled" and "此待办已取消" in clerk.get(f"/tasks/{seat.id}").text


def test_the_applicant_sees_where_his_case_stands_and_what_to_do(office: Office) -> None:
    instance_id = office.start(1)[0]
    browser = office.browser(office.applicant)
    page = browser.get("/mine").text
    assert "差旅报销" in page and "填写报销单" in page and f"/tasks/{office.seat(instance_id).id}?view=own" in page
    seat = office.seat(instance_id)
    answer = decide(browser, seat, "submit", "?view=own", text="去省城参加培训", amount=300)
    assert answer.json["location"] == "/mine"
    assert json.loads(browser.get("/inbox/undo").headers["HX-Trigger"])["undo"]["text"] == "已提交。"
    page = browser.get("/mine").text
    assert "已交到办理单位" in page and "待审核" in page and f'id="withdraw-{instance_id}"' in page


def test_what_changed_since_the_last_round_is_shown_to_the_reviewer(office: Office) -> None:
    seat = office.submitted()[0]
    decide(office.browser(office.clerk), seat, "return", return_reason="R1", return_text="请写明培训名称")
    instance_id = office.row("SELECT instance_id FROM seat WHERE id = :id", seat.id)[0]
    office.submit(instance_id, text="参加省资助中心续贷业务培训")
    page = office.browser(office.clerk).get(f"/tasks/{office.seat(instance_id).id}").text
    assert "与上一轮相比" in page and "去省城参加培训" in page and "参加省资助中心续贷业务培训" in page and "第 2 轮" in page
    assert "事由不清，请补充" in page.split("办理经过", 1)[1], "the history names the chosen reason in words"


def test_urging_counts_on_the_row_and_reaches_the_notices(office: Office) -> None:
    seat = office.submitted()[0]
    answer = office.browser(office.applicant).post(f"/tasks/{seat.id}/urge", data={"next": "/mine"})
    assert answer.status_code == 303 and answer.location == "/mine" and office.seat_by_id(seat.id).urged == 1
    browser = office.browser(office.clerk)
    assert "催 1 次" in browser.get("/inbox").text
    page = browser.get("/notices").text
    assert "催办" in page and "is-new" in page
    newest = page.split('name="up_to" value="', 1)[1].split('"')[0]
    browser.post("/notices/read", data={"up_to": newest})
    assert "is-new" not in browser.get("/notices").text
    assert "is-new" in office.browser(office.other).get("/notices").text


def test_cases_are_found_by_name_number_status_and_stage(office: Office) -> None:
    seats = office.submitted(3)
    number = office.row("SELECT p.number FROM process_instance p JOIN seat s ON s.instance_id = p.id WHERE s.id = :id", seats[0].id)[0]
    browser = office.browser(office.clerk)
    assert browser.get(f"/cases?text={number}").text.count('class="stack-title"') == 1
    assert browser.get("/cases?text=赵申请2").text.count('class="stack-title"') == 1
    assert browser.get("/cases?status=completed").text.count('class="stack-title"') == 0
    assert browser.get("/cases?stage=submitted").text.count('class="stack-title"') == 3
    assert LONG_ID not in browser.get("/cases").text


@pytest.mark.parametrize("path", ["/tasks/{seat}", "/cases/{case}", "/mine"])
def test_a_single_page_costs_few_statements(office: Office, path: str) -> None:
    seat = office.submitted()[0]
    instance_id = office.row("SELECT instance_id FROM seat WHERE id = :id", seat.id)[0]
    browser = office.browser(office.applicant if path == "/mine" else office.clerk)
    address = path.format(seat=seat.id, case=instance_id)
    browser.get(address)
    with office.statements() as seen:
        assert browser.get(address).status_code == 200
    assert len(seen) <= (10 if path == "/mine" else 16), f"{len(seen)}\n" + "\n\n".join(seen)


def test_a_reviewer_starts_each_round_with_a_clean_sheet_the_applicant_with_what_he_wrote(office: Office) -> None:
    seat = office.submitted()[0]
    instance_id = office.row("SELECT instance_id FROM seat WHERE id = :id", seat.id)[0]
    clerk = office.browser(office.clerk)
    decide(clerk, seat, "return", return_reason="R1", return_text="请写明培训名称")
    back = form_data(office.browser(office.applicant).get(f"/tasks/{office.seat(instance_id).id}?view=own").text)
    assert back["text"] == "去省城参加培训，往返车票"
    office.submit(instance_id)
    assert form_data(clerk.get(f"/tasks/{office.seat(instance_id).id}").text) == {}


def test_a_form_is_given_only_what_its_schema_names(office: Office) -> None:
    seat = office.submitted()[0]
    assert form_data(office.browser(office.clerk).get(f"/tasks/{seat.id}").text) == {}


def test_numbers_of_people_are_masked_wherever_a_text_holds_them(office: Office) -> None:
    instance_id = office.start(1)[0]
    office.submit(instance_id, text=f"联系电话13800138000，证件{LONG_ID}，车票")
    browser = office.browser(office.clerk)
    for path in ("/inbox", "/inbox/list", f"/tasks/{office.seat(instance_id).id}", f"/cases/{instance_id}", "/cases"):
        page = browser.get(path).text
        assert "13800138000" not in page and LONG_ID not in page, path
    assert "138****8000" in browser.get("/inbox").text


def form_data(page: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page.split('id="form-data">', 1)[1].split("</script>", 1)[0])
    return found
