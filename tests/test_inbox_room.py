"""What makes the inbox quick to work in: snoozing, presence, saved views, last looks, blocks, the day's figures, signing in again over the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select, text, update

from tasks.models import Seat, SeatExclusion, SeatOffer
from tasks.passwords import hash_password
from tests.web_office import Office
from workflows.business_calendar import FrozenClock
from workflows.errors import Conflict, Forbidden, InvalidForm, NotFound, Rejection
from workflows.models import ProcessInstance

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://localhost/inbox?view=todo"}


@pytest.fixture
def office(tmp_path: Path, clock: FrozenClock, database: str) -> Iterator[Office]:
    built = Office(tmp_path, clock)
    yield built
    built.close()


def actor(office: Office, person: int) -> Any:
    with office.house.store.read() as connection:
        return office.house.people.actor(connection, person)


def listed(office: Office, person: int, view: str = "todo") -> list[int]:
    with office.house.store.read() as connection:
        return [row.seat_id for row in office.house.worklist.page(connection, actor(office, person), view, size=100).rows]


def badge(office: Office, person: int) -> str:
    with office.house.store.read() as connection:
        return str(office.house.worklist.counts(connection, actor(office, person))["todo"])


def pulse(browser: FlaskClient, **sent: Any) -> Any:
    return browser.post("/inbox/pulse", json={"looking": None, "sequence": None, "shown": [], **sent}).json["others"]


# snoozing


def test_a_snoozed_item_leaves_list_and_badge_until_then(office: Office) -> None:
    first, second = office.submitted(2)
    browser = office.browser(office.clerk)
    answer = browser.post("/inbox/bulk", data={"verb": "snooze", "task": f"{first.id}:{first.revision}", "until": "hour"}, headers=HTMX)
    assert answer.status_code == 200 and "已收起 1 件" in json.loads(answer.headers["HX-Trigger"])["toast"]["text"]
    assert listed(office, office.clerk) == [second.id] and badge(office, office.clerk) == "1"
    assert listed(office, office.clerk, "later") == [first.id]
    assert set(listed(office, office.other)) == {first.id, second.id}, "a colleague's list is his own"
    office.clock.advance(timedelta(minutes=61))
    assert set(listed(office, office.clerk)) == {first.id, second.id} and badge(office, office.clerk) == "2"
    assert listed(office, office.clerk, "later") == []


def test_nothing_is_snoozed_past_its_due_date_or_into_the_past(office: Office) -> None:
    seat = office.submitted()[0]
    perform = office.house.tasks.operations.perform
    for until in ((office.clock.now() + timedelta(days=3)).isoformat(), (office.clock.now() - timedelta(hours=1)).isoformat(), "morning"):
        with office.house.store.transaction() as connection, pytest.raises(InvalidForm):
            perform(connection, actor(office, office.clerk), "snooze", seat.id, {"until": until})
    with office.house.store.transaction() as connection, pytest.raises(Rejection):
        perform(connection, actor(office, office.stranger), "snooze", seat.id, {"until": "hour"})
    assert listed(office, office.clerk) == [seat.id]
    with office.house.store.read() as connection:
        offered = office.house.tasks.operations.choices(connection, actor(office, office.clerk), "snooze", seat.id)["until"]
    assert [bool(choice.refused) for choice in offered] == [False, False, True], "the next working day is after the holiday, and after the due date"


def test_an_item_put_aside_can_be_taken_up_now(office: Office) -> None:
    seat = office.submitted()[0]
    browser = office.browser(office.clerk)
    browser.post("/inbox/bulk", data={"verb": "snooze", "task": f"{seat.id}:{seat.revision}", "until": "hour"}, headers=HTMX)
    assert "回来" in browser.get("/inbox?view=later").text
    browser.post("/inbox/bulk", data={"verb": "wake", "task": f"{seat.id}:{seat.revision}"}, headers=HTMX)
    assert listed(office, office.clerk) == [seat.id]


def test_items_of_a_suspended_case_are_not_in_the_list(office: Office) -> None:
    first, second = office.submitted(2)
    with office.house.store.transaction() as connection:
        case = select(Seat.instance_id).where(Seat.id == first.id).scalar_subquery()
        connection.execute(update(ProcessInstance).where(ProcessInstance.id == case).values(status="suspended"))
    assert listed(office, office.clerk) == [second.id] and badge(office, office.clerk) == "1"


# list ⇔ guards


def test_the_list_is_exactly_what_the_guards_accept(office: Office) -> None:
    seats = office.submitted(6)
    waiting = [office.seat(case) for case in office.start(2)]
    with office.house.store.transaction() as connection:
        clerk = office.house.people.actor(connection, office.clerk)
        office.house.tasks.claim(connection, clerk, seats[0].id)
        office.house.tasks.complete(connection, clerk, seats[1].id, {}, "approve")
        case = select(Seat.instance_id).where(Seat.id == seats[2].id).scalar_subquery()
        connection.execute(update(ProcessInstance).where(ProcessInstance.id == case).values(status="suspended"))
        connection.execute(insert(SeatExclusion).values(seat_id=seats[3].id, person_id=office.other, reason="fill_in_claim"))
    everything = [seat.id for seat in (*seats, *waiting)]
    for person in (office.clerk, office.other, office.stranger, office.applicant):
        accepted = {seat for seat in everything if accepts(office, person, seat)}
        assert set(listed(office, person)) == accepted, person
        assert badge(office, person) == str(len(accepted))
    assert len(listed(office, office.clerk)) == 4 and len(listed(office, office.other)) == 2 and listed(office, office.stranger) == []


def accepts(office: Office, person: int, seat_id: int) -> bool:
    """Whether the guards let this person complete or answer the seat; the form's own wishes do not count. Nothing is kept."""

    class Dropped(Exception):
        pass

    try:
        with office.house.store.transaction() as connection:
            who = office.house.people.actor(connection, person)
            try:
                office.house.tasks.complete(connection, who, seat_id, {"text": "去省城参加培训，往返车票", "amount": 10}, "approve")
            except (Forbidden, Conflict, NotFound):
                raise
            except Rejection:
                pass  # the form, or an outcome this step does not have: the person himself is let in
            raise Dropped
    except Dropped:
        return True
    except Rejection:
        return False


def test_whom_the_reader_acts_for_is_shown(office: Office) -> None:
    seat = office.submitted()[0]
    with office.house.store.transaction() as connection:
        connection.execute(insert(SeatOffer).values(
            candidate=f"person:{office.stranger}", seat_id=seat.id, due_at=office.clock.now(), created_at=office.clock.now(), priority=50,
            principal_id=office.clerk,
        ))
    assert "代钱经办" in office.browser(office.stranger).get("/inbox").text
    assert "代钱经办" not in office.browser(office.other).get("/inbox").text


def test_a_snooze_whose_moment_has_passed_leaves_nothing_behind(office: Office) -> None:
    seat = office.submitted()[0]
    browser = office.browser(office.clerk)
    browser.post("/inbox/bulk", data={"verb": "snooze", "task": f"{seat.id}:{seat.revision}", "until": "hour"}, headers=HTMX)
    assert office.house.inbox.sweep() is False and office.row("SELECT count(*) FROM snooze WHERE :id = :id", 1)[0] == 1
    office.clock.advance(timedelta(hours=2))
    office.house.work_off()
    assert office.row("SELECT count(*) FROM snooze WHERE :id = :id", 1)[0] == 0


# presence and looks


def test_colleagues_are_named_while_they_look_and_not_after(office: Office) -> None:
    seat = office.submitted()[0]
    mine, other, stranger = (office.browser(person) for person in (office.clerk, office.other, office.stranger))
    assert pulse(mine, looking=seat.id) == {}
    assert pulse(other, shown=[seat.id]) == {str(seat.id): ["钱经办"]}
    assert pulse(mine, shown=[seat.id]) == {}, "nobody is told about himself"
    assert pulse(stranger, looking=seat.id, shown=[seat.id]) == {}, "who has no business there neither sees nor is seen"
    assert pulse(other, shown=[seat.id]) == {str(seat.id): ["钱经办"]}
    office.clock.advance(timedelta(seconds=9))
    assert pulse(other, shown=[seat.id]) == {}
    assert office.house.inbox.sweep() is False
    office.clock.advance(timedelta(minutes=1))
    assert office.house.inbox.sweep() is True
    assert office.row("SELECT count(*) FROM presence WHERE :id = :id", 1)[0] == 0


def test_a_beat_of_nonsense_is_refused_in_words_or_ignored(office: Office) -> None:
    browser = office.browser(office.clerk)
    assert browser.post("/inbox/pulse", json=[1]).status_code == 400
    assert browser.post("/inbox/pulse", json={"looking": "x", "shown": "all", "sequence": -1}).json["others"] == {}


def test_what_others_changed_since_my_last_look_is_shown_field_by_field(office: Office) -> None:
    seat = office.submitted(1, amount=100)[0]
    browser = office.browser(office.clerk)
    page = browser.get(f"/tasks/{seat.id}/preview").text
    assert "上次查看后的变化" not in page
    sequence = int(page.split('data-sequence="')[1].split('"')[0])
    pulse(browser, looking=seat.id, sequence=sequence + 1000)
    data = {"verb": "return", "task": f"{seat.id}:{seat.revision}", "reason_key": "return_reason", "reason": "R1", "text_key": "return_text",
            "text": "事由不清，请补充培训名称"}
    assert office.browser(office.other).post("/inbox/bulk", data=data, headers=HTMX).status_code == 200
    case = int(office.row("SELECT instance_id FROM seat WHERE id = :id", seat.id).instance_id)
    office.submit(case, amount=250)
    fresh = office.seat(case)
    changed = browser.get(f"/tasks/{fresh.id}/preview").text.split("上次查看后的变化")[1].split("</section>")[0]
    assert "100" in changed and "250" in changed
    assert "上次查看后的变化" in browser.get(f"/tasks/{fresh.id}").text
    assert "上次查看后的变化" not in office.browser(office.other).get(f"/tasks/{fresh.id}/preview").text, "he never looked"


def test_a_preview_costs_a_304_while_nothing_changed(office: Office) -> None:
    seat = office.submitted()[0]
    browser = office.browser(office.clerk)
    first = browser.get(f"/tasks/{seat.id}/preview")
    assert browser.get(f"/tasks/{seat.id}/preview", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert office.browser(office.stranger).get(f"/tasks/{seat.id}/preview").status_code == 403


def test_what_differs_from_last_year_stands_in_the_row_and_beside_it(office: Office) -> None:
    old, new = office.start(1)[0], office.start(1)[0]
    long = "去省城参加为期三天的业务培训，往返乘坐火车，住宿两晚，培训由主管部门组织，凭通知和车票报销，本人承诺内容真实，票据齐全，没有重复报销。"
    office.submit(old, amount=100, text=long)
    office.submit(new, amount=180, text=long)
    with office.house.store.transaction() as connection:
        for case, cycle in ((old, "2025"), (new, "2026")):
            connection.execute(update(ProcessInstance).where(ProcessInstance.id == case).values(cycle=cycle))
    seat, browser = office.seat(new), office.browser(office.clerk)
    row = browser.get("/inbox").text.split(f'data-task="{seat.id}"')[1].split("</tr>")[0]
    assert "较上年" in row and "未变" in row
    beside = browser.get(f"/tasks/{seat.id}/preview").text.split("与上年度相比")[1].split("</section>")[0]
    assert "100" in beside and "180" in beside and "一字不差" in beside
    assert "与上年度相比" not in browser.get(f"/tasks/{office.seat(old).id}/preview").text


# blocks, views, figures


def test_a_block_takes_twenty_in_the_order_shown_and_leaves_the_rest(office: Office) -> None:
    office.submitted(23)
    order = listed(office, office.clerk, "pool")
    browser = office.browser(office.clerk)
    answer = browser.post("/inbox/block", data={"view": "pool", "sort": "due"})
    assert answer.status_code == 303 and "view=mine" in answer.location
    assert listed(office, office.clerk, "mine") == order[:20] and listed(office, office.other) == order[20:]
    assert browser.post("/inbox/block", data={"text": "无此人"}).status_code == 400


def test_saved_views_are_ones_own_and_shared_with_the_unit(office: Office) -> None:
    office.submitted(2)
    mine, other, stranger = (office.browser(person) for person in (office.clerk, office.other, office.stranger))
    saved = mine.post("/inbox/views", data={"name": "急件", "view": "todo", "light": "yellow", "sort": "arrival", "shared": "1"})
    assert saved.status_code == 303 and "light=yellow" in saved.location
    mine.post("/inbox/views", data={"name": "私用", "text": "赵申请1"})
    assert all(name in mine.get("/inbox").text for name in ("急件", "私用"))
    assert "急件" in other.get("/inbox").text and "私用" not in other.get("/inbox").text and "急件" not in stranger.get("/inbox").text
    number = office.row("SELECT id FROM saved_view WHERE owner_id = :id ORDER BY id", office.clerk).id
    assert other.post(f"/inbox/views/{number}", data={"change": "delete"}).status_code == 403
    assert stranger.post(f"/inbox/views/{number}", data={"change": "delete"}).status_code == 404
    assert mine.post(f"/inbox/views/{number}", data={"change": "rename", "name": "私用"}).status_code == 422
    mine.post(f"/inbox/views/{number}", data={"change": "rename", "name": "加急"})
    mine.post(f"/inbox/views/{number}", data={"change": "keep"})
    assert "加急" in mine.get("/inbox").text and "加急" not in other.get("/inbox").text
    mine.post(f"/inbox/views/{number}", data={"change": "delete"})
    assert "加急" not in mine.get("/inbox").text


def test_the_days_figures_count_what_the_person_did_today(office: Office) -> None:
    seats = office.submitted(4)
    browser = office.browser(office.clerk)
    for seat in seats[:3]:
        browser.post("/inbox/bulk", data={"verb": "approve", "task": f"{seat.id}:{seat.revision}"}, headers=HTMX)
        office.clock.advance(timedelta(seconds=10))
    figures = browser.get("/inbox/counts").json
    assert (figures["done_today"], figures["todo"], figures["pace"]) == ("3", "1", "10")
    office.clock.advance(timedelta(days=1))
    assert office.browser(office.clerk).get("/inbox/counts").json["done_today"] == "0"


@pytest.mark.parametrize("view", ["later", "drafts", "copies", "watched", "others"])
def test_the_rarer_views_answer_for_everybody(office: Office, view: str) -> None:
    seat = office.submitted()[0]
    with office.house.store.transaction() as connection:
        clerk = office.house.people.actor(connection, office.clerk)
        office.house.tasks.claim(connection, clerk, seat.id)
        office.house.tasks.save_draft(connection, clerk, seat.id, {"return_text": "草稿"})
        instance = connection.execute(select(Seat.instance_id).where(Seat.id == seat.id)).scalar_one()
        office.house.tasks.operations.perform(connection, clerk, "watch", instance, {})
    page = office.browser(office.clerk).get(f"/inbox?view={view}")
    assert page.status_code == 200 and ("赵申请0" in page.text) == (view in ("drafts", "watched"))
    assert "赵申请0" not in office.browser(office.other).get(f"/inbox?view={view}").text


@pytest.mark.parametrize("path", ["/inbox", "/inbox/list"])
def test_the_inbox_costs_at_most_eight_statements(office: Office, path: str) -> None:
    office.submitted(26)
    browser = office.browser(office.clerk)
    browser.get(path)
    with office.statements() as seen:
        assert browser.get(path).status_code == 200
    assert len([one for one in seen if "data_version" not in one]) <= 8, "\n\n".join(seen)


def test_a_beat_is_three_statements(office: Office) -> None:
    seat = office.submitted()[0]
    browser = office.browser(office.clerk)
    pulse(browser, looking=seat.id, shown=[seat.id])
    with office.statements() as seen:
        pulse(browser, looking=seat.id, shown=[seat.id])
    assert len([one for one in seen if "data_version" not in one]) <= 4, "\n\n".join(seen)  # who asks, who is there, is it his, the beat


# the page that outlives its session


def key_of(page: str) -> str:
    return page.split('name="painted-key" content="')[1].split('"')[0]


def test_the_same_person_signs_in_again_over_the_page(office: Office) -> None:
    with office.house.store.transaction() as connection:
        connection.execute(text("UPDATE person SET password_hash = :hash WHERE id = :id"), {"hash": hash_password("right-password-1"), "id": office.clerk})
    browser = office.browser(office.clerk)
    key = key_of(browser.get("/inbox").text)
    office.clock.advance(timedelta(minutes=31))
    assert browser.get("/inbox/list", headers={"HX-Request": "true", "X-Poll": "1"}).status_code == 401
    wrong = browser.post("/login/again", json={"key": key, "password": "wrong"})
    assert wrong.status_code == 401 and "不正确" in wrong.json["message"]
    assert browser.post("/login/again", json={"key": key[:-2] + "xx", "password": "right-password-1"}).status_code == 400
    right = browser.post("/login/again", json={"key": key, "password": "right-password-1"})
    assert right.json["ok"] is True and right.json["person"].startswith(f"{office.clerk}:") and right.json["csrf"]
    assert browser.get("/inbox/list", headers={"HX-Request": "true"}).status_code == 200


def test_signing_in_again_locks_like_signing_in(office: Office) -> None:
    with office.house.store.transaction() as connection:
        connection.execute(text("UPDATE person SET password_hash = :hash WHERE id = :id"), {"hash": hash_password("right-password-1"), "id": office.clerk})
    browser = office.browser(office.clerk)
    key = key_of(browser.get("/inbox").text)
    for _ in range(5):
        browser.post("/login/again", json={"key": key, "password": "wrong"})
    assert browser.post("/login/again", json={"key": key, "password": "right-password-1"}).status_code == 401


def test_a_page_painted_for_somebody_else_decides_nothing(office: Office) -> None:
    seat = office.submitted()[0]
    browser = office.browser(office.other)
    data = {"verb": "approve", "task": f"{seat.id}:{seat.revision}"}
    answer = browser.post("/inbox/bulk", data=data, headers=HTMX | {"X-Painted-For": f"{office.clerk}:1"})
    assert answer.status_code == 409 and "登录身份已改变" in answer.json["message"] and office.seat_by_id(seat.id).status == "open"
    painted = browser.get("/inbox").headers["X-Person"]
    assert browser.post("/inbox/bulk", data=data, headers=HTMX | {"X-Painted-For": painted}).status_code == 200


def test_a_whole_case_before_ones_eyes_may_be_decided_although_it_must_be_opened(office: Office) -> None:
    seat = office.submitted(1, amount=5000)[0]
    browser = office.browser(office.clerk)
    data = {"verb": "approve", "task": f"{seat.id}:{seat.revision}"}
    assert browser.post("/inbox/bulk", data=data, headers=HTMX).status_code == 400
    assert browser.post("/inbox/bulk", data=data | {"opened": "1"}, headers=HTMX).status_code == 200
    assert office.seat_by_id(seat.id).status == "completed"


def test_pages_go_out_packed_to_who_takes_that(office: Office) -> None:
    office.submitted(3)
    plain, packed = office.browser(office.clerk).get("/inbox"), office.browser(office.clerk).get("/inbox", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip" and len(packed.data) * 3 < len(plain.data)
    assert "Content-Encoding" not in plain.headers and "Accept-Encoding" in plain.headers["Vary"]
