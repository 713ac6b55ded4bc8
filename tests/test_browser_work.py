"""The product in a real browser: what clerks, students, supervisors and administrators do, with no error in the console and no barrier on the page."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, expect

from tests.browser_desk import AXE, BrowserDesk, Desk, id_number, rename_and_deploy

pytestmark = pytest.mark.browser
OpenDesk = Callable[..., Desk]


@pytest.fixture(scope="session")
def office(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserDesk]:
    served = BrowserDesk(tmp_path_factory.mktemp("office"))
    yield served
    served.close()


@pytest.fixture
def desk(browser: Browser, office: BrowserDesk) -> Iterator[OpenDesk]:
    """Opens windows; at the end none may have complained."""
    opened: list[Desk] = []

    def open_desk(login: str | None, width: int = 1440, english: bool = False) -> Desk:
        opened.append(Desk(browser, office, login, width, english))
        return opened[-1]

    yield open_desk
    complaints = [complaint for one in opened for complaint in one.complaints]
    for one in opened:
        one.close()
    assert complaints == []


def test_a_clerk_approves_with_the_keyboard_alone(office: BrowserDesk, desk: OpenDesk) -> None:
    case = office.borrower("键盘甲")
    page = desk("gaojingban").open("/inbox?text=键盘")
    expect(page.locator("tr[data-task]")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.locator(".undo-bar")).to_contain_text("已办理 1 件")
    expect(page.locator("tr[data-task]")).to_have_count(0)
    assert office.stage(case) == "approved"
    page.keyboard.press("z")
    expect(page.locator("tr[data-task]")).to_have_count(1)
    assert office.stage(case) == "submitted"


def test_an_outcome_opens_its_fields_and_writes_the_reasons_sentences(office: BrowserDesk, desk: OpenDesk) -> None:
    case = office.borrower("按钮丙")
    seat = office.seat(case)
    clerk = desk("gaojingban").open(f"/tasks/{seat}")
    text = clerk.locator("#form textarea").nth(1)
    expect(clerk.get_by_label("R01 字数不符合要求")).to_have_count(0)
    back = clerk.get_by_role("button", name="退回修改")
    back.click()
    expect(clerk.get_by_label("R01 字数不符合要求")).to_be_visible()
    expect(clerk.locator(".outcome-hint")).to_contain_text("再按一次“退回修改”")
    assert office.stage(case) == "submitted"
    back.click()
    expect(clerk.locator(".fjs-form-field-error").first).to_contain_text("请填写此项")
    clerk.get_by_label("R01 字数不符合要求").check()
    clerk.get_by_label("R04 抄袭或雷同").check()
    expect(text).to_have_value(re.compile("请充实到 100–200 字后重新提交。\n声明与以往或他人内容雷同"))
    text.fill("太短")
    clerk.get_by_label("R05 内容不当").check()
    expect(text).to_have_value("太短")
    back.click()
    expect(clerk.locator(".error-summary")).to_be_visible()
    assert office.stage(case) == "submitted"
    text.fill("请写明本学年参加社会实践的具体情况。")
    back.click()
    clerk.wait_for_url(lambda address: f"/tasks/{seat}" not in address)
    assert office.stage(case) == "returned"


def test_an_outcome_without_fields_is_sent_at_once(office: BrowserDesk, desk: OpenDesk) -> None:
    case = office.borrower("按钮丁")
    seat = office.seat(case)
    clerk = desk("gaojingban").open(f"/tasks/{seat}")
    clerk.get_by_role("button", name="通过", exact=True).click()
    clerk.wait_for_url(lambda address: f"/tasks/{seat}" not in address)
    assert office.stage(case) == "approved"


def test_a_returned_student_corrects_on_the_phone_and_resubmits(office: BrowserDesk, desk: OpenDesk) -> None:
    case = office.student("K1")
    clerk = desk("gaojingban").open("/inbox?text=张测一")
    clerk.locator("tr[data-task]").press("r")
    dialog = clerk.locator("#return-dialog")
    expect(dialog).to_be_visible()
    clerk.keyboard.press("1")
    expect(dialog.locator("textarea")).not_to_have_value("")
    clerk.keyboard.press("Control+Enter")
    expect(clerk.locator(".undo-bar")).to_be_visible()
    assert office.stage(case) == "returned"
    phone = desk("zhangceyi", 390).open("/mine")
    expect(phone.locator(".my-task")).to_contain_text("字数")
    phone.locator(".my-task a.btn").click()
    phone.locator("#form textarea").first.fill("这一年我认真完成学业，积极参加志愿服务，家庭经济情况没有改善，申请继续贷款。" * 4)
    phone.locator("button[data-outcome=resubmit]").click()
    phone.wait_for_url("**/mine")
    assert office.stage(case) == "submitted"
    clerk.goto("/inbox?text=张测一")
    expect(clerk.locator("tr[data-task]")).to_contain_text("第 2 轮")


def test_a_student_takes_his_declaration_back(office: BrowserDesk, desk: OpenDesk) -> None:
    case = office.student("K7")
    phone = desk("zhouniqi", 390).open("/mine")
    phone.get_by_role("button", name="撤回").click()
    phone.locator("dialog[open] .btn-danger").click()
    expect(phone.locator(".flash-success")).to_contain_text("已撤回")
    expect(phone.locator(".my-task a.btn")).to_be_visible()
    expect(phone.locator(".undo-bar")).to_have_count(0)
    assert office.stage(case) == "draft"
    phone.get_by_role("link", name="办理经过").click()
    expect(phone.get_by_text("申请人撤回")).to_be_visible()
    expect(phone.get_by_role("button", name="催办")).to_have_count(0)


def test_a_county_notes_that_the_student_came_to_the_counter(office: BrowserDesk, desk: OpenDesk) -> None:
    case = office.borrower("柜台甲", county="C429999")
    page = desk("dengjingban").open(f"/cases/{case}")
    page.get_by_role("button", name="学生到县级柜台").click()
    page.locator("dialog[open] .btn-primary").click()
    expect(page.locator(".flash-success")).to_be_visible()
    page.goto("/inbox?text=柜台")
    expect(page.locator("tr[data-task]")).to_have_count(1)


def test_approving_many_skips_what_must_be_opened_and_can_be_undone(office: BrowserDesk, desk: OpenDesk) -> None:
    plain = [office.borrower(f"批量{name}") for name in "甲乙丙"]
    flagged = office.borrower("批量丁", statement="我认真学习。")
    page = desk("gaojingban").open("/inbox?text=批量")
    expect(page.locator("tr[data-task]")).to_have_count(4)
    page.locator("[data-tick-all]").check()
    page.locator("[data-bulk-bar] [data-verb=approve]").click()
    page.locator("dialog[open] .btn-primary").click()
    expect(page.locator(".undo-bar")).to_be_visible(timeout=20_000)
    expect(page.locator("tr[data-task]")).to_have_count(1, timeout=20_000)
    assert [office.stage(case) for case in plain] == ["approved"] * 3
    assert office.stage(flagged) == "submitted"
    page.locator(".undo-bar button").click()
    expect(page.locator("tr[data-task]")).to_have_count(4, timeout=20_000)
    assert [office.stage(case) for case in plain] == ["submitted"] * 3


def test_a_roster_is_imported_with_its_bad_rows_named(office: BrowserDesk, desk: OpenDesk, tmp_path: Path) -> None:
    heads = ["姓名", "身份证号", "学号", "高校代码", "院系代码", "班级代码", "生源地县级中心代码"]
    good = [[f"导入{'甲乙丙丁戊己庚辛壬癸子丑'[n]}", id_number(700 + n), f"202307{n:02d}", "U1401", "U1401-CS", "U1401-CS-2301", "C149999"] for n in range(12)]
    bad = ["导入坏", "149999200401017001", "20230799", "U1401", "", "", "C149999"]
    file = tmp_path / "roster.csv"
    file.write_text("\n".join(",".join(row) for row in [heads, *good, bad, good[0]]), encoding="utf-8")
    page = desk("gaojingban").open("/import")
    page.set_input_files("#file", file)
    page.get_by_role("button", name="上传并检查").click()
    expect(page.locator(".stats")).to_contain_text("12")
    expect(page.locator("#problems")).to_contain_text("B14")
    with page.expect_download() as download:
        page.get_by_role("link", name="下载错误表").click()
    assert download.value.suggested_filename.endswith(".xlsx")
    page.get_by_role("button", name="确认导入").click()
    expect(page.locator(".progress-box")).to_be_visible()
    expect(page.locator(".progress-done")).to_be_visible(timeout=20_000)
    page.goto("/cases?text=导入")
    expect(page.locator("tbody tr")).not_to_have_count(0)


def test_a_supervisor_reassigns_from_the_list_behind_a_figure(office: BrowserDesk, desk: OpenDesk) -> None:
    case = office.borrower("改派甲")
    page = desk("zhouzhuren").open("/supervisor")
    page.locator("a.stat").first.click()
    row = page.locator("tr", has_text="改派甲")
    row.get_by_role("button", name="改派").click()
    dialog = page.locator("dialog[open]")
    dialog.locator("select").select_option(label="高经办")
    dialog.locator("input[name=reason]").fill("请优先办理")
    dialog.get_by_role("button", name="改派").click()
    expect(page.locator(".flash-success")).to_contain_text("已改派")
    expect(page.locator("tr", has_text="改派甲")).to_contain_text("高经办")
    assert office.owner(case) is not None


def test_an_administrator_deploys_a_new_version_and_running_cases_stay(office: BrowserDesk, desk: OpenDesk) -> None:
    running = office.borrower("版本甲")
    page = desk("liuchengguanli").open("/processes/renewal_declaration_audit/edit")
    rename_and_deploy(page, "audit_declaration", "核审续贷声明")
    fresh = office.borrower("版本乙")
    assert office.version(fresh) != office.version(running)
    page = desk("gaojingban").open("/inbox?text=版本")
    expect(page.locator("tr", has_text="版本乙")).to_be_visible()
    expect(page.locator("tr", has_text="版本甲")).to_contain_text("审核续贷声明")


def test_a_broken_diagram_shows_its_findings_and_is_not_deployed(office: BrowserDesk, desk: OpenDesk) -> None:
    page = desk("liuchengguanli").open("/processes/renewal_declaration_audit/edit")
    page.wait_for_selector("[data-modeler][data-ready]")
    expect(page.locator("[data-findings] li")).to_have_count(0)
    page.locator("[data-element-id=cohort_imported]").first.click()
    page.keyboard.press("Delete")
    expect(page.locator("[data-findings] li").first).to_be_visible()


PAGES = {
    "gaojingban": ("/inbox", "/cases", "/lists/audit", "/not-yet", "/import", "/counter", "/notices", "/password"),
    "zhouzhuren": ("/supervisor", "/supervisor/list?reason=open"),
    "liuchengguanli": ("/processes", "/processes/renewal_declaration_audit", "/calendar", "/calendar/deadlines"),
    "renyuanguanli": ("/people", "/organisations"),
    "xiaobanzhang": ("/class",),
    "liyanger": ("/mine",),
}


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("login", PAGES)
def test_the_main_pages_fit_the_window_and_bar_nobody(office: BrowserDesk, desk: OpenDesk, login: str, width: int) -> None:
    case = office.borrower(f"无障碍{login}{width}"[:12], statement="我认真学习。")
    window = desk(login, width)
    extra = (f"/tasks/{office.seat(case)}", f"/cases/{case}") if login == "gaojingban" else ()
    for path in (*PAGES[login], *extra):
        page = window.open(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than {width} pixels"
        if AXE.exists():
            assert window.barriers() == [], path
    if not AXE.exists():
        warnings.warn("axe-core is not installed: accessibility rules were not checked", stacklevel=1)


CHINESE = "[...document.querySelectorAll('main label, main th, main button, main h1, main h2, nav a')].map(e => e.innerText).filter(t => /[\\u4e00-\\u9fff]/.test(t))"


def test_a_clerk_works_in_english(office: BrowserDesk, desk: OpenDesk) -> None:
    case = office.borrower("Li Wei")
    window = desk("gaojingban", english=True)
    for path in ("/inbox?text=Li", f"/tasks/{office.seat(case)}", "/cases?text=Li", "/import", "/notices"):
        page = window.open(path)
        assert page.locator("html").get_attribute("lang") == "en"
        page.wait_for_load_state("networkidle")
        assert page.evaluate(CHINESE) == [], path


def test_a_closed_door_says_why_and_leads_home(office: BrowserDesk, desk: OpenDesk) -> None:
    case = office.borrower("别校甲")
    window = desk("xujingban")
    answer = window.page.goto(f"/tasks/{office.seat(case)}")
    assert answer is not None and answer.status in (403, 404)
    expect(window.page.locator(".error-page")).to_be_visible()
    window.page.get_by_role("link", name="回到首页").click()
    expect(window.page).to_have_url(f"{office.address}/inbox")
    window.complaints.clear()  # the browser itself notes the refused page


def test_a_form_without_its_token_is_refused(desk: OpenDesk) -> None:
    window = desk("gaojingban")
    with pytest.raises(Error, match="refused"):
        window.page.evaluate("fetch('/logout', {method: 'POST'}).then(answer => { if (!answer.ok) throw new Error('refused ' + answer.status) })")
    window.complaints.clear()  # the browser itself notes the refusal
    window.open("/inbox")
