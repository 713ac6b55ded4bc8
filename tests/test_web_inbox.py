"""The inbox over HTTP: what a person sees, takes, decides one by one and in bulk, and takes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.web_office import LONG_ID, Office
from workflows.business_calendar import FrozenClock

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://localhost/inbox?view=todo"}


@pytest.fixture
def office(tmp_path: Path, clock: FrozenClock, database: str) -> Iterator[Office]:
    built = Office(tmp_path, clock)
    yield built
    built.close()


def test_nobody_gets_in_without_signing_in(office: Office) -> None:
    stranger = office.app.test_client()
    for path in ("/inbox", "/inbox/list", "/inbox/counts", "/cases", "/mine", "/notices", "/tasks/1", "/cases/1", "/commands/1"):
        answer = stranger.get(path)
        assert answer.status_code == 303 and answer.location.startswith("/login"), path
    for path in ("/inbox/bulk", "/tasks/1/complete", "/tasks/1/claim", "/tasks/1/undo", "/cases/1/withdraw", "/commands/1/undo", "/notices/read"):
        assert stranger.post(path, headers={"HX-Request": "true"}).status_code == 401, path


def test_the_list_shows_what_is_needed_to_judge_and_masks_the_number(office: Office) -> None:
    office.submitted(2)
    page = office.browser(office.clerk).get("/inbox").text
    assert "赵申请0" in page and "去省城参加培训" in page and "1499**********9015" in page and "还剩 2 天" in page
    assert LONG_ID not in page
    assert page.count("data-task=") == 2


def test_a_claim_of_another_office_is_not_listed(office: Office) -> None:
    office.submitted()
    assert "赵申请0" not in office.browser(office.stranger).get("/inbox").text


def test_an_empty_inbox_says_so_and_a_filter_without_hits_offers_to_clear_it(office: Office) -> None:
    browser = office.browser(office.clerk)
    assert "都办完了" in browser.get("/inbox").text
    assert "没有符合条件的事项" in browser.get("/inbox?text=无此人").text


def test_filters_narrow_the_list_and_survive_in_the_form(office: Office) -> None:
    instances = office.start(2)
    office.submit(instances[0], amount=100)
    office.submit(instances[1], amount=5000)
    browser = office.browser(office.clerk)
    assert browser.get("/inbox?flag=large").text.count("data-task=") == 1
    assert browser.get("/inbox?light=red").text.count("data-task=") == 0
    assert browser.get("/inbox?text=赵申请1").text.count("data-task=") == 1
    assert browser.get("/inbox?organisation=U1").text.count("data-task=") == 2
    assert 'value="large" selected' in browser.get("/inbox?flag=large").text


@pytest.mark.parametrize("sort", ["due", "arrival", "priority"])
def test_pages_follow_each_other_without_gap_or_repeat(office: Office, sort: str) -> None:
    seats = {seat.id for seat in office.submitted(30)}
    browser = office.browser(office.clerk)
    first = browser.get(f"/inbox?sort={sort}")
    links = [part.split('"')[0].replace("&amp;", "&") for part in first.text.split('href="/inbox?')[1:] if "after=" in part.split('"')[0]]
    second = browser.get(f"/inbox?{links[0]}")
    shown = [int(part.split('"')[0]) for page in (first, second) for part in page.text.split('data-task="')[1:]]
    assert len(shown) == 30 and set(shown) == seats


def test_an_unchanged_list_and_unchanged_counts_cost_a_304(office: Office) -> None:
    seats = office.submitted(2)
    browser = office.browser(office.clerk)
    for path in ("/inbox/list?view=todo", "/inbox/counts"):
        first = browser.get(path)
        assert first.status_code == 200 and json.loads(first.headers["X-Counts"])["todo"] == "2"
        again = browser.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 304 and again.data == b""
        browser.post("/inbox/bulk", data={"verb": "claim", "task": [f"{seats[0].id}:{office.seat_by_id(seats[0].id).revision}"]}, headers=HTMX)
        browser.post("/inbox/bulk", data={"verb": "release", "task": [f"{seats[0].id}:0"]}, headers=HTMX)
    browser.post("/inbox/bulk", data={"verb": "claim", "task": [f"{seats[1].id}:{office.seat_by_id(seats[1].id).revision}"]}, headers=HTMX)
    assert browser.get("/inbox/counts", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_claiming_from_the_list_takes_the_offer_away_from_the_others(office: Office) -> None:
    seat = office.submitted()[0]
    answer = office.browser(office.clerk).post("/inbox/bulk", data={"verb": "claim", "task": f"{seat.id}:{seat.revision}"}, headers=HTMX)
    assert answer.status_code == 200 and json.loads(answer.headers["HX-Trigger"])["toast"]["text"] == "已领取 1 件"
    assert office.seat_by_id(seat.id).owner_id == office.clerk
    assert "赵申请0" not in office.browser(office.other).get("/inbox").text


def test_the_loser_of_a_claim_is_told_who_won_in_the_row(office: Office) -> None:
    seats = office.submitted(2)
    office.browser(office.clerk).post("/inbox/bulk", data={"verb": "claim", "task": f"{seats[0].id}:{seats[0].revision}"}, headers=HTMX)
    answer = office.browser(office.other).post(
        "/inbox/bulk", data={"verb": "claim", "task": [f"{seat.id}:{seat.revision}" for seat in seats]}, headers=HTMX
    )
    toast = json.loads(answer.headers["HX-Trigger"])["toast"]
    assert toast["kind"] == "warning" and "已由钱经办" in toast["text"] and "已领取 1 件" in toast["text"]
    assert office.seat_by_id(seats[1].id).owner_id == office.other


def test_one_row_is_approved_at_once_and_taken_back_within_thirty_seconds(office: Office) -> None:
    seat = office.submitted()[0]
    browser = office.browser(office.clerk)
    answer = browser.post("/inbox/bulk", data={"verb": "approve", "task": f"{seat.id}:{seat.revision}"}, headers=HTMX)
    undo = json.loads(answer.headers["HX-Trigger"])["undo"]
    assert undo["seconds"] == 30 and office.seat_by_id(seat.id).status == "completed" and "赵申请0" not in answer.text
    assert json.loads(browser.get("/inbox/undo").headers["HX-Trigger"])["undo"]["url"] == undo["url"]
    back = browser.post(undo["url"], headers=HTMX | {"HX-Target": "inbox-list"})
    assert back.status_code == 200 and "赵申请0" in back.text and office.seat_by_id(seat.id).status == "open"
    assert "HX-Trigger" not in browser.get("/inbox/undo").headers


def test_after_thirty_seconds_nothing_is_offered_and_undo_is_refused(office: Office) -> None:
    seat = office.submitted()[0]
    browser = office.browser(office.clerk)
    browser.post("/inbox/bulk", data={"verb": "approve", "task": f"{seat.id}:{seat.revision}"}, headers=HTMX)
    office.clock.advance(timedelta(seconds=31))
    assert "HX-Trigger" not in browser.get("/inbox/undo").headers
    assert browser.post(f"/tasks/{seat.id}/undo", headers=HTMX).status_code == 409
    assert office.seat_by_id(seat.id).status == "completed"


def test_returning_asks_for_the_fields_that_the_model_requires(office: Office) -> None:
    seat = office.submitted()[0]
    browser = office.browser(office.clerk)
    page = browser.get("/inbox").text
    assert 'id="return-dialog"' in page and 'data-digit="1"' in page and "事由不清，请补充" in page and 'id="approve-dialog"' not in page
    assert 'data-text="事由不清，请写明培训名称、时间和地点。"' in page
    refused = browser.post("/inbox/bulk", data={"verb": "return", "task": f"{seat.id}:{seat.revision}"}, headers=HTMX)
    assert refused.status_code == 422 and set(refused.json["errors"]) == {"return_reason", "return_text"}
    data = {
        "verb": "return", "task": f"{seat.id}:{seat.revision}", "reason_key": "return_reason", "reason": "R1", "text_key": "return_text",
        "text": "事由不清，请补充培训名称",
    }
    assert browser.post("/inbox/bulk", data=data, headers=HTMX).status_code == 200
    assert office.seat_by_id(seat.id).outcome == "return"


def test_a_flagged_item_is_not_decided_from_the_list(office: Office) -> None:
    seat = office.submitted(1, amount=5000)[0]
    browser = office.browser(office.clerk)
    row = browser.get("/inbox").text.split('data-can="', 1)[1].split('"', 1)[0]
    assert "approve" not in row and "claim" in row
    answer = browser.post("/inbox/bulk", data={"verb": "approve", "task": f"{seat.id}:{seat.revision}"}, headers=HTMX)
    assert answer.status_code == 400 and "金额较大" in answer.json["message"] and office.seat_by_id(seat.id).status == "open"


def test_a_bulk_decision_runs_as_a_command_and_leaves_the_ineligible_with_reasons(office: Office) -> None:
    seats = [*office.submitted(5), *office.submitted(1, amount=5000)]
    browser = office.browser(office.clerk)
    data = {"verb": "approve", "task": [f"{seat.id}:{seat.revision}" for seat in seats]}
    answer = browser.post("/inbox/bulk", data=data, headers=HTMX)
    url = json.loads(answer.headers["HX-Trigger"])["progress"]["url"]
    assert "every 1s" in browser.get(url, headers=HTMX).text
    assert json.loads(browser.post("/inbox/bulk", data=data, headers=HTMX).headers["HX-Trigger"])["progress"]["url"] == url
    office.house.work_off()
    bar = browser.get(url, headers=HTMX)
    assert "every 1s" not in bar.text and "金额较大" in bar.text and "赵申请0" in bar.text
    events = json.loads(bar.headers["HX-Trigger"])
    assert events["refresh"] == {"target": "#inbox-list"} and events["undo"]["url"] == f"{url}/undo"
    facts = browser.get(f"{url}.json").json
    assert (facts["total"], facts["succeeded"], facts["skipped"], facts["finished"]) == (6, 5, 1, True)
    assert facts["items_left"][0]["seat_id"] == seats[5].id
    undone = browser.post(f"{url}/undo", headers=HTMX | {"HX-Target": "inbox-list"})
    assert "已撤销 5 件" in json.loads(undone.headers["HX-Trigger"])["toast"]["text"]
    assert {office.seat_by_id(seat.id).status for seat in seats} == {"open"}


def test_somebody_elses_command_is_not_shown(office: Office) -> None:
    seats = office.submitted(2)
    data = {"verb": "approve", "task": [f"{seat.id}:{seat.revision}" for seat in seats]}
    url = office.browser(office.clerk).post("/inbox/bulk", data=data).location
    assert office.browser(office.other).get(url).status_code == 403


def test_without_htmx_the_same_buttons_lead_back_to_the_list(office: Office) -> None:
    seat = office.submitted()[0]
    answer = office.browser(office.clerk).post("/inbox/bulk", data={"verb": "claim", "task": f"{seat.id}:{seat.revision}", "view": "pool"})
    assert answer.status_code == 303 and answer.location == "/inbox?view=pool&sort=due"


def test_what_was_ticked_badly_is_refused_in_words(office: Office) -> None:
    browser = office.browser(office.clerk)
    for data in ({"verb": "approve"}, {"verb": "approve", "task": "x:y"}):
        answer = browser.post("/inbox/bulk", data=data, headers=HTMX)
        assert answer.status_code == 400 and answer.json["error"]["en"]


def test_the_english_page_has_no_chinese_of_ours(office: Office) -> None:
    office.submitted()
    browser = office.browser(office.clerk)
    page = browser.get("/inbox", headers={"Accept-Language": "en"}).text
    assert "Unclaimed" in page and "Audit the claim" in page and "The reason is unclear" in page
    assert "待认领" not in page and "审核报销单" not in page


@pytest.mark.parametrize("path", ["/inbox", "/inbox/list", "/cases", "/notices", "/inbox/counts"])
def test_a_page_of_25_costs_at_most_ten_statements(office: Office, path: str) -> None:
    office.submitted(26)
    browser = office.browser(office.clerk)
    browser.get(path)
    with office.statements() as seen:
        assert browser.get(path).status_code == 200
    assert len(seen) <= 10, "\n\n".join(seen)
