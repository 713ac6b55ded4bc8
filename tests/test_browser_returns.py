"""Going back, steering and undoing in a real browser: previews, returns, resubmission, withdrawal, jump, suspension, endings, bulk. Each test ends with what the next person sees."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from tests.browser_desk import AXE
from tests.document_desk import DocumentDesk
from tests.document_windows import Windows, decide, dialog_of, operate

pytestmark = pytest.mark.browser


def resubmit(windows: Windows, documents: DocumentDesk, case: int) -> None:
    """The drafter sends his document again, unchanged."""
    page = windows.task("hefudao", case, "draft_document")
    decide(page, "submit")


def test_r01_a_return_before_the_fork_names_whose_work_is_cancelled_and_takes_the_sibling_branch_along(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于退回的通知")
    documents.complete(case, "countersign", "songxueyuan", "approve")
    voter = windows.task("lvcaiwu", case, "countersign")
    voter.get_by_role("button", name="领取").click()
    expect(voter.locator(".task-head")).to_contain_text("由您办理")
    page = windows.task("gaojingban", case, "check_compliance")
    dialog = dialog_of(page, "return")
    lines = dialog.locator(".preview-lines")
    expect(lines).to_contain_text("“部门会签”取消：宋学院已表决、吕财务正在办理")
    expect(lines).to_contain_text("“合规审查”的待办取消")
    expect(lines).to_contain_text("“拟稿”成为待办：何辅导")
    dialog.locator("button[type=submit]").click()
    expect(dialog.locator(".field-error")).to_contain_text("退回理由")
    windows.of("gaojingban").complaints.clear()  # the browser itself notes the 422
    page.locator("#operation-place dialog[open] textarea[name=reason]").fill("文种应为请示")
    page.locator("#operation-place dialog[open] button[type=submit]").click()
    expect(page.locator(".flash-success")).to_contain_text("已退回到“拟稿”")
    assert documents.nodes(case) == ["draft_document"]
    expect(windows.of("lvcaiwu").open("/notices").locator("main")).to_contain_text("文种应为请示")
    drafter = windows.task("hefudao", case, "draft_document")
    expect(drafter.locator(".timeline-list")).to_contain_text("退回到“拟稿”：文种应为请示")
    expect(drafter.get_by_label("标题")).to_have_value("关于退回的通知")
    decide(drafter, "submit")
    assert documents.nodes(case) == ["check_compliance", "countersign"]
    expect(windows.task("gaojingban", case, "check_compliance").locator(".task-head")).to_contain_text("第 2 轮")


def test_a_straight_resubmission_goes_back_to_whoever_returned_it(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于直达的通知", "sign_document")
    page = windows.task("zhouzhuren", case, "sign_document")
    operate(page, "return", ["拟稿", "直接回到我这里"], "已退回", reason="请改为加急")
    resubmit(windows, documents, case)
    assert documents.nodes(case) == ["sign_document"]
    expect(windows.case("hefudao", case).locator(".timeline-list")).to_contain_text("跳过“部门会签”")
    decide(windows.task("zhouzhuren", case, "sign_document"), "approve")
    assert documents.nodes(case) == ["file_document"]


def test_a_resubmission_of_every_step_is_decided_anew(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于逐级的通知", "sign_document")
    page = windows.task("zhouzhuren", case, "sign_document")
    operate(page, "return", ["拟稿", "逐级重新办理"], "已退回", reason="请补充依据")
    resubmit(windows, documents, case)
    assert documents.nodes(case) == ["check_compliance", "countersign"]


def test_a_return_into_one_branch_lets_the_others_wait_at_the_join(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于汇合的通知", "sign_document")
    page = windows.task("zhouzhuren", case, "sign_document")
    dialog = dialog_of(page, "return")
    dialog.locator(".choices label", has_text="合规审查").click()
    expect(dialog.locator(".preview-lines")).to_contain_text("其他分支在“会签与审查完成”处继续等待汇合")
    dialog.locator("textarea[name=reason]").fill("请补充合规依据")
    dialog.locator("button[type=submit]").click()
    expect(page.locator(".flash-success")).to_contain_text("已退回到“合规审查”")
    assert documents.nodes(case) == ["check_compliance"]
    decide(windows.task("gaojingban", case, "check_compliance"), "approve", "依据已补充。")
    assert documents.nodes(case) == ["sign_document"]


def test_the_last_handler_takes_his_decision_back_until_somebody_has_touched_it(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于撤回的通知")
    seat = documents.seat_of(case, "check_compliance")
    decide(windows.task("gaojingban", case, "check_compliance"), "approve", "先通过。")
    page = windows.of("gaojingban").open(f"/tasks/{seat}")
    documents.clock.advance(timedelta(minutes=2))  # the time of plain undoing is over
    page.reload()
    operate(page, "withdraw", (), "已撤回")
    assert documents.nodes(case) == ["check_compliance", "countersign"]
    seat = documents.seat_of(case, "check_compliance")
    decide(windows.task("gaojingban", case, "check_compliance"), "approve")
    for login in ("songxueyuan", "lvcaiwu"):
        documents.complete(case, "countersign", login, "approve")
    dialog = dialog_of(windows.of("gaojingban").open(f"/tasks/{seat}"), "withdraw")
    expect(dialog.locator("[data-refused]")).to_be_visible()
    expect(dialog.locator("button[type=submit]")).to_be_disabled()
    assert documents.nodes(case) == ["sign_document"]


def test_a_decision_is_undone_with_one_key(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于撤销的通知")
    page = windows.task("songxueyuan", case, "countersign")
    decide(page, "approve")
    expect(page.locator(".undo-bar")).to_contain_text("已办理 1 件")
    with page.expect_response(lambda answer: answer.url.endswith("/undo")):
        page.keyboard.press("z")
    expect(page.locator(".undo-bar")).to_have_count(0)
    expect(windows.inbox("songxueyuan", "关于撤销的通知")).to_have_count(1)
    expect(windows.task("lvcaiwu", case, "countersign").locator("main")).to_contain_text("0 人已表决，共 3 人")


# steering


def test_a_jump_shows_what_goes_and_comes_and_is_refused_past_publication(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于跳转的通知")
    page = windows.case("zhouzhuren", case)
    dialog = dialog_of(page, "jump")
    dialog.locator(".choices").nth(0).locator("label", has_text="所有在办环节").click()
    dialog.locator(".choices").nth(1).locator("label", has_text="签发").click()
    expect(dialog.locator(".preview-lines")).to_contain_text("“签发”成为待办")
    expect(dialog.locator(".preview-lines")).to_contain_text("已验证：之后仍能办结")
    dialog.locator("textarea[name=reason]").fill("紧急，领导同意先签发")
    dialog.locator("button[type=submit]").click()
    expect(page.locator(".flash-success")).to_contain_text("已跳转到“签发”")
    assert documents.nodes(case) == ["sign_document"]
    expect(page.locator(".timeline-list")).to_contain_text("跳转到“签发”：紧急，领导同意先签发")


def test_a_suspended_case_can_be_read_not_decided_until_it_is_resumed(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于挂起的通知")
    page = windows.case("zhouzhuren", case)
    operate(page, "suspend", (), "已挂起", reason="等待上级文件")
    expect(page.locator(".timeline-list")).to_contain_text("挂起：等待上级文件")
    task = windows.of("gaojingban").open(f"/tasks/{documents.seat_of(case, 'check_compliance')}")
    expect(task.locator("main")).to_contain_text("挂起")
    expect(task.locator("[data-outcome]")).to_have_count(0)
    operate(page, "resume", (), "已恢复")
    task.reload()
    expect(task.locator("[data-outcome=approve]")).to_have_count(1)


@pytest.mark.parametrize(("verb", "says", "status"), [("terminate", "已终止", "已终止"), ("void", "已作废", "已作废")])
def test_an_ended_case_leaves_every_list_and_keeps_its_record(documents: DocumentDesk, windows: Windows, verb: str, says: str, status: str) -> None:
    case = documents.document(f"关于{says}的通知")
    page = windows.case("zhouzhuren", case)
    dialog = dialog_of(page, verb)
    expect(dialog.locator(".preview-lines li")).to_have_count(4)
    dialog.locator("textarea[name=reason]").fill("文件内容已并入另一通知")
    dialog.locator("button[type=submit]").click()
    expect(page.locator(".flash-success")).to_contain_text(says)
    expect(page.locator(".task-head")).to_contain_text(status)
    expect(windows.inbox("gaojingban", f"关于{says}的通知", "pool")).to_have_count(0)
    assert documents.live(case) == []
    expect(windows.of("hefudao").open("/notices").locator("main")).to_contain_text("文件内容已并入另一通知")


# by keyboard, without scripts, many at once


def test_a_return_by_keyboard_alone(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于键盘的通知", "sign_document")
    page = windows.task("zhouzhuren", case, "sign_document")
    page.locator(".operations-menu > summary").focus()
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.verbName") == "return":
            break
    page.keyboard.press("Enter")
    dialog = page.locator("#operation-place dialog[open]")
    expect(dialog).to_be_visible()
    page.keyboard.press("3")
    expect(dialog.locator(".preview-lines")).to_contain_text("“拟稿”成为待办")
    page.keyboard.press("Tab")
    page.keyboard.type("请改为请示")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".flash-success")).to_contain_text("已退回到“拟稿”")
    assert documents.nodes(case) == ["draft_document"]


def test_an_operation_without_scripts_is_a_page_of_its_own(browser: Browser, documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于无脚本的通知")
    windows.of("gaojingban")
    context = browser.new_context(base_url=documents.address, java_script_enabled=False, locale="zh-CN", storage_state=windows.of("gaojingban").context.storage_state())
    page = context.new_page()
    page.goto(f"/tasks/{documents.seat_of(case, 'check_compliance')}")
    page.locator(".operations-menu > summary").click()
    page.locator("[data-verb-name=return]").click()
    expect(page.locator("h1")).to_contain_text("退回")
    page.locator("textarea[name=reason]").fill("文种应为请示")
    page.locator("form[data-operation] button[type=submit]").click()
    expect(page.locator(".flash-success")).to_contain_text("已退回")
    assert documents.nodes(case) == ["draft_document"]
    context.close()


def test_r14_of_a_hundred_on_four_pages_the_three_that_must_be_opened_are_skipped_by_name(documents: DocumentDesk, windows: Windows) -> None:
    plain = [documents.borrower(f"批量{number:02d}") for number in range(97)]
    flagged = [documents.borrower(f"批量须看{name}", statement="我认真学习。") for name in "甲乙丙"]
    page = windows.of("gaojingban").open("/inbox?text=批量")
    expect(page.locator("tr[data-task]")).to_have_count(25)
    page.locator("[data-tick-all]").check()
    page.get_by_role("button", name="选中其他页的").click()
    expect(page.locator("[data-bulk-bar] > [data-bulk-count]")).to_have_text("已选 100 件")
    for name in "甲乙丙":
        expect(page.locator("[data-bulk-note]")).to_contain_text(f"批量须看{name}")
    page.locator("[data-bulk-bar] [data-verb=approve]").click()
    expect(page.locator("dialog[open]")).to_contain_text("100 件")
    page.locator("dialog[open] .btn-primary").click()
    expect(page.locator("tr[data-task]")).to_have_count(3, timeout=120_000)
    expect(page.locator("tr[data-task]").first).to_contain_text("须打开")
    assert [documents.stage(case) for case in plain] == ["approved"] * 97
    assert [documents.stage(case) for case in flagged] == ["submitted"] * 3
    page.locator(".undo-bar button").click()
    expect(page.locator("tr[data-task]")).to_have_count(25, timeout=120_000)
    assert {documents.stage(case) for case in plain} == {"submitted"}


def test_a_case_page_and_the_start_page_fit_the_phone_and_bar_nobody(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于手机的通知")
    window = windows.of("zhouzhuren", 390)
    for path in (f"/cases/{case}", f"/tasks/{documents.seat_of(case, 'check_compliance')}"):
        page = window.open(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert not AXE.exists() or window.barriers() == [], path
