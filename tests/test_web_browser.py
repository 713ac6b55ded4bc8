"""Daily work in a real browser: the inbox by keyboard, a form with its errors, and an applicant on a phone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from tests.web_office import Office
from workflows.business_calendar import FrozenClock

pytestmark = pytest.mark.browser


class Desk:
    """A served office and a browser whose windows belong to its people; complaints of the browser are collected."""

    def __init__(self, office: Office, browser: Any, address: str) -> None:
        self.office = office
        self.browser = browser
        self.address = address
        self.complaints: list[str] = []
        self.windows: list[Any] = []

    def window(self, person_id: int, path: str, width: int = 1440, height: int = 900) -> Page:
        context = self.browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN", reduced_motion="reduce")
        self.windows.append(context)
        cookie = self.office.browser(person_id).get_cookie("banjie")
        assert cookie is not None
        context.add_cookies([{"name": "banjie", "value": cookie.value, "url": self.address}])
        page: Page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self.complaints.append(line.text) if "Content Security Policy" in line.text else None)
        page.goto(self.address + path)
        return page


@pytest.fixture
def desk(browser: Browser, tmp_path: Path, clock: FrozenClock, database: str) -> Iterator[Desk]:
    office = Office(tmp_path, clock)
    office.app.config["WTF_CSRF_ENABLED"] = True
    server = make_server("127.0.0.1", 0, office.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    built = Desk(office, browser, f"http://127.0.0.1:{server.server_port}")
    yield built
    for window in built.windows:
        window.close()
    server.shutdown()
    thread.join()
    server.server_close()
    office.close()
    assert built.complaints == []


def test_the_inbox_is_worked_off_by_keyboard_and_taken_back(desk: Desk) -> None:
    seats = desk.office.submitted(3)
    page = desk.window(desk.office.clerk, "/inbox")
    rows = page.locator("[data-task]")
    expect(rows).to_have_count(3)
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(rows).to_have_count(2)
    expect(page.locator(".undo-bar")).to_contain_text("已办理 1 件")
    assert desk.office.seat_by_id(seats[1].id).outcome == "approve"
    page.keyboard.press("z")
    expect(rows).to_have_count(3)
    expect(page.locator("#inbox-tabs .tab-count").first).to_have_text("3")
    assert desk.office.seat_by_id(seats[1].id).status == "open"


def test_returning_by_keyboard_asks_for_the_reason(desk: Desk) -> None:
    seat = desk.office.submitted()[0]
    page = desk.window(desk.office.clerk, "/inbox")
    page.keyboard.press("r")
    dialog = page.locator("#return-dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("1")
    expect(dialog.locator("textarea")).to_have_value("事由不清，请写明培训名称、时间和地点。")
    page.keyboard.press("Enter")
    expect(page.locator("[data-task]")).to_have_count(0)
    assert desk.office.seat_by_id(seat.id).outcome == "return"


def test_ticked_rows_are_decided_together_with_a_bar_and_taken_back_as_one(desk: Desk) -> None:
    seats = desk.office.submitted(4)
    page = desk.window(desk.office.clerk, "/inbox")
    page.locator("[data-tick-all]").click()
    page.locator("[data-bulk-bar] [data-verb=approve]").click()
    page.get_by_role("dialog").get_by_role("button", name="确定").click()
    expect(page.locator("#progress-area .progress-box")).to_be_visible()
    desk.office.house.work_off()
    expect(page.locator("#progress-area")).to_contain_text("已办理 4 件")
    expect(page.locator("[data-task]")).to_have_count(0)
    page.locator(".undo-bar button").click()
    expect(page.locator("[data-task]")).to_have_count(4)
    assert {desk.office.seat_by_id(seat.id).status for seat in seats} == {"open"}


def test_a_form_shows_its_errors_at_the_fields_and_then_leads_to_the_next_task(desk: Desk) -> None:
    seats = desk.office.submitted(2)
    page = desk.window(desk.office.clerk, "/inbox")
    page.locator(".row-title").first.click()
    page.locator("[data-outcome=return]").click()
    expect(page.locator(".outcome-hint")).to_be_visible()
    page.locator("[data-outcome=return]").click()
    expect(page.locator("#form")).to_contain_text("请填写此项")
    page.locator("#form input[type=radio]").first.check()
    page.locator("#form textarea").fill("请补充培训名称和地点")
    expect(page.locator("#form")).not_to_contain_text("请填写此项")
    page.locator("[data-outcome=return]").click()
    page.wait_for_url(f"**/tasks/{seats[1].id}?*")
    assert desk.office.seat_by_id(seats[0].id).outcome == "return"
    expect(page.locator(".undo-bar")).to_be_visible()


def test_an_applicant_hands_in_on_a_phone_and_withdraws(desk: Desk) -> None:
    instance_id = desk.office.start(1)[0]
    page = desk.window(desk.office.applicant, "/mine", 390, 844)
    page.locator(".case-card a.btn-primary").click()
    page.locator("#form textarea").fill("去省城参加资助业务培训")
    page.locator("#form input").first.fill("300")
    page.locator("[data-outcome=submit]").click()
    page.wait_for_url("**/mine")
    expect(page.locator(".case-card")).to_contain_text("已交到办理单位")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="撤回", exact=True).first.click()
    page.locator("dialog[open] button[type=submit]").click()
    expect(page.locator(".case-card")).to_contain_text("填写报销单")
    assert desk.office.seat(instance_id).node_id == "fill_claim"
