"""代理 in a real browser: an absence set up on its page, the second key in both lists, 乙 代 甲 in what both read, and its end."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.browser_desk import AXE
from tests.document_desk import DocumentDesk
from tests.document_windows import Windows, decide, operate

pytestmark = pytest.mark.browser


def absent(documents: DocumentDesk, windows: Windows, principal: str, agent: str) -> None:
    """The principal names who stands in, on his own page; the worker then gives out the keys."""
    page = windows.of(principal).open("/agencies")
    page.locator("#form select[name=agent]").select_option(label=agent)
    page.locator("#form input[name=reason]").fill("外出开会")
    page.get_by_role("button", name="设置代理").click()
    expect(page.locator(".flash-success")).to_contain_text("代理已设置")
    expect(page.locator("table", has_text=agent).first).to_contain_text("进行中")
    documents.pass_time(timedelta(seconds=5))


def revoke(documents: DocumentDesk, windows: Windows, principal: str) -> None:
    page = windows.of(principal).open("/agencies")
    page.get_by_role("button", name="撤销代理").first.click()
    page.locator("dialog[open]").get_by_role("button", name="撤销代理").click()
    expect(page.locator(".flash-success")).to_contain_text("代理已撤销")
    documents.pass_time(timedelta(seconds=5))


def test_an_agent_sees_and_decides_and_both_read_on_whose_behalf(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于代理的通知", "sign_document")
    absent(documents, windows, "zhouzhuren", "马管理")
    expect(windows.of("maguanli").open("/notices").locator("main")).to_contain_text("周主任：请您代理办理")
    expect(windows.of("maguanli").open("/agencies").locator("main")).to_contain_text("周主任")
    row = windows.inbox("maguanli", "签发：关于代理的通知")
    expect(row).to_contain_text("代周主任")
    late = windows.work("zhouzhuren", "签发：关于代理的通知")
    page = windows.work("maguanli", "签发：关于代理的通知")
    expect(page.locator("main")).to_contain_text("您将代周主任办理")
    decide(page, "approve", "同意签发。")
    assert documents.nodes(case) == ["file_document"]
    windows.refused("zhouzhuren", late.locator("[data-outcome=approve]").click)
    expect(late.locator("body")).to_contain_text("马管理")
    for login in ("zhouzhuren", "maguanli"):
        expect(windows.case(login, case).locator(".timeline-list")).to_contain_text(re.compile("签发：签发.*马管理（.*） 代 周主任"))
    expect(windows.inbox("zhouzhuren", "签发：关于代理的通知")).to_have_count(0)
    expect(windows.inbox("maguanli", "签发：关于代理的通知", "done")).to_have_count(1)
    expect(windows.inbox("zhouzhuren", "签发：关于代理的通知", "others")).to_have_count(1)
    revoke(documents, windows, "zhouzhuren")


def test_what_the_agent_claimed_stays_with_him_until_the_principal_takes_it_back(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于收回代理的通知", "sign_document")
    absent(documents, windows, "zhouzhuren", "马管理")
    page = windows.work("maguanli", "签发：关于收回代理的通知")
    page.get_by_role("button", name="领取").click()
    expect(page.locator(".task-head")).to_contain_text("由您办理")
    revoke(documents, windows, "zhouzhuren")
    expect(windows.inbox("maguanli", "签发：关于收回代理的通知")).to_have_count(1)
    page = windows.of("zhouzhuren").open("/agencies")
    page.get_by_role("link", name="公文（何辅导）").first.click()
    expect(page.locator("main")).to_contain_text("由马管理办理")
    operate(page, "take_back_from_agent", (), "收回")
    expect(windows.inbox("maguanli", "签发：关于收回代理的通知")).to_have_count(0)
    expect(windows.of("maguanli").open("/notices").locator("main")).to_contain_text("收回")
    decide(windows.work("zhouzhuren", "签发：关于收回代理的通知"), "approve")
    assert documents.nodes(case) == ["file_document"]


def test_an_absence_that_cannot_be_is_refused_beside_its_field(documents: DocumentDesk, windows: Windows) -> None:
    window = windows.of("lvcaiwu")
    page = window.open("/agencies")
    page.locator("#form select[name=agent]").select_option(label="马管理")
    page.locator("#form input[name=valid_to]").fill("2026-06-01T08:00")
    page.get_by_role("button", name="设置代理").click()
    expect(page.locator("#form .field-error")).to_contain_text("结束时间须晚于开始时间")
    expect(page.locator("#form select[name=agent]")).not_to_have_value("")
    assert not AXE.exists() or window.barriers() == []
    window.complaints.clear()  # the browser itself notes the 422


@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_of_absences_fits_and_bars_nobody(windows: Windows, width: int) -> None:
    window = windows.of("zhouzhuren", width)
    page = window.open("/agencies")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not AXE.exists() or window.barriers() == []
