"""The operations beside the decision in a real browser: taking work, other people's part in it, votes and talk. Each test ends with what the next person sees."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser_desk import AXE
from tests.document_desk import DocumentDesk
from tests.document_windows import Windows, decide, dialog_of, operate

pytestmark = pytest.mark.browser


# taking work


def test_a_document_is_started_by_hand_and_reaches_everybody_asked(documents: DocumentDesk, windows: Windows) -> None:
    page = windows.of("hefudao").open("/start")
    page.get_by_role("button", name="公文会签").click()
    page.wait_for_url("**/tasks/*")
    page.get_by_label("标题").fill("关于迎新工作的通知")
    page.get_by_label("正文").fill("请各学院做好迎新准备。")
    page.locator(".fjs-form-field-select", has_text="文种").locator(".fjs-input-group").click()
    page.locator(".fjs-dropdownlist-item").first.click()
    page.locator("[data-outcome=submit]").click()
    page.wait_for_url(lambda address: "/tasks/" not in address)
    for login, step in (("songxueyuan", "会签"), ("lvcaiwu", "会签"), ("maguanli", "会签"), ("gaojingban", "合规审查")):
        expect(windows.inbox(login, f"{step}：关于迎新工作的通知", "pool")).to_have_count(1)


def test_of_two_who_claim_the_second_is_told_who_has_it_and_gets_it_once_it_is_released(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于认领的通知", "file_document")
    late = windows.task("maguanli", case, "file_document")
    first = windows.task("gaojingban", case, "file_document")
    first.get_by_role("button", name="领取").click()
    expect(first.locator(".task-head")).to_contain_text("由您办理")
    windows.refused("maguanli", late.get_by_role("button", name="领取").click)
    expect(late.locator("main")).to_contain_text(re.compile("高经办.*领取"))
    expect(windows.inbox("maguanli", "关于认领的通知", "pool")).to_have_count(0)
    first.get_by_role("button", name="放回").click()
    expect(first.locator(".flash-success")).to_contain_text("已放回")
    expect(windows.inbox("maguanli", "关于认领的通知", "pool")).to_have_count(1)


def test_forwarded_work_moves_from_one_list_to_the_other(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于转办的通知", "file_document")
    page = windows.task("gaojingban", case, "file_document")
    operate(page, "forward", ["马管理"], "已转给马管理办理", reason="本周外出培训")
    expect(windows.inbox("gaojingban", "关于转办的通知", "pool")).to_have_count(0)
    expect(windows.inbox("maguanli", "关于转办的通知")).to_have_count(1)
    page = windows.task("maguanli", case, "file_document")
    expect(page.locator(".timeline-list")).to_contain_text("转办给马管理：本周外出培训")
    page.get_by_label("档号").fill("2026-031")
    decide(page, "file")
    assert documents.live(case) == []


def test_nobody_to_forward_to_is_said_before_anything_is_written(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于无人可转的通知")
    dialog = dialog_of(windows.task("gaojingban", case, "check_compliance"), "forward")
    expect(dialog.locator("[data-refused]")).to_contain_text("现在不能转办")
    expect(dialog.locator("button[type=submit]")).to_be_disabled()


# other people's part


def test_a_delegate_advises_and_the_item_comes_back(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于委派的通知")
    page = windows.task("gaojingban", case, "check_compliance")
    operate(page, "delegate", ["吕财务"], "吕财务", text="请看经费来源")
    page = windows.task("gaojingban", case, "check_compliance")
    expect(page.locator(".task-head")).to_contain_text("由您办理")
    expect(page.locator("main")).to_contain_text("正在等待吕财务（委派）的意见")
    expect(page.locator("[data-outcome=approve]")).to_have_count(1)  # deciding takes the delegation back
    asked = windows.of("lvcaiwu").open("/inbox?view=todo").locator("tr[data-task]", has_text="合规审查：关于委派的通知")
    expect(asked).to_have_count(1)
    seat = next(row.id for row in documents.live(case, "check_compliance") if row.kind == "delegate")
    advice = windows.of("lvcaiwu").open(f"/tasks/{seat}")
    expect(advice.locator("main")).to_contain_text("请看经费来源")
    decide(advice, "suggest_agree", "经费来源清楚，建议同意。")
    page.reload()
    expect(page.locator(".timeline-list")).to_contain_text("经费来源清楚，建议同意。")
    decide(page, "approve", "已核对。")
    assert documents.nodes(case) == ["countersign"]


def test_what_was_delegated_is_taken_back(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于收回的通知")
    page = windows.task("gaojingban", case, "check_compliance")
    operate(page, "delegate", ["吕财务"], "吕财务")
    seat = next(row.id for row in documents.live(case, "check_compliance") if row.kind == "delegate")
    page = windows.task("gaojingban", case, "check_compliance")
    operate(page, "take_back", (), "收回")
    expect(windows.of("lvcaiwu").open(f"/tasks/{seat}").locator(".decided")).to_contain_text("此待办已取消")
    expect(windows.of("lvcaiwu").open("/notices").locator("main")).to_contain_text("收回")
    decide(windows.task("gaojingban", case, "check_compliance"), "approve")
    assert documents.nodes(case) == ["countersign"]


def test_a_signer_before_holds_the_item_until_he_has_signed(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于前加签的通知")
    page = windows.task("gaojingban", case, "check_compliance")
    operate(page, "add_before", ["吕财务", "马管理"], "吕财务", text="请先核对经费")
    page = windows.task("gaojingban", case, "check_compliance")
    expect(page.locator("[data-outcome=approve]")).to_have_count(0)
    expect(page.locator("main")).to_contain_text("等待")
    for login, answer in (("lvcaiwu", "suggest_agree"), ("maguanli", "suggest_disagree")):
        seat = next(row.id for row in documents.live(case, "check_compliance") if row.owner_id == documents.person(login))
        decide(windows.of(login).open(f"/tasks/{seat}"), answer, f"{login} 已核对。")
    page.reload()
    expect(page.locator(".timeline-list")).to_contain_text("maguanli 已核对。")
    decide(page, "approve")  # advice turns nothing where the model does not let signers decide
    assert documents.nodes(case) == ["countersign"]


def test_a_parallel_signer_who_decides_joins_the_count_and_one_after_holds_the_case(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于并后加签的通知", "sign_document")
    page = windows.task("zhouzhuren", case, "sign_document")
    operate(page, "add_parallel", ["马管理"], "马管理")
    page = windows.task("zhouzhuren", case, "sign_document")
    operate(page, "add_after", ["吕财务"], "吕财务")
    page = windows.task("zhouzhuren", case, "sign_document")
    decide(page, "approve")
    assert documents.nodes(case) == ["sign_document"]
    decide(windows.task("maguanli", case, "sign_document"), "approve")
    assert documents.nodes(case) == ["sign_document"]
    seat = next(row.id for row in documents.live(case, "sign_document") if row.kind == "after")
    decide(windows.of("lvcaiwu").open(f"/tasks/{seat}"), "approve")
    assert documents.nodes(case) == ["file_document"]


def test_a_signer_is_removed_by_whoever_added_him(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于减签的通知")
    page = windows.task("gaojingban", case, "check_compliance")
    operate(page, "add_before", ["吕财务"], "吕财务")
    page = windows.task("gaojingban", case, "check_compliance")
    seat = next(row.id for row in documents.live(case, "check_compliance") if row.kind == "before")
    dialog = dialog_of(page, "remove_signer")
    dialog.locator(".choices label", has_text="吕财务").click()
    expect(dialog.locator(".preview-lines")).to_contain_text("吕财务不再签署")
    dialog.locator("button[type=submit]").click()
    expect(page.locator(".flash-success")).to_contain_text("已减签：吕财务")
    expect(page.locator("[data-outcome=approve]")).to_have_count(1)
    expect(windows.of("lvcaiwu").open(f"/tasks/{seat}").locator(".decided")).to_contain_text("此待办已取消")


# talk


def test_a_question_is_answered_and_nothing_waits_for_it(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于沟通的通知")
    page = windows.task("songxueyuan", case, "countersign")
    operate(page, "ask", ["何辅导"], "已向何辅导提问", text="汇总表模板是否已下发？")
    expect(page.locator("[data-outcome=approve]")).to_have_count(1)
    seat = next(row.id for row in documents.live(case, "countersign") if row.kind == "asked")
    asked = windows.of("hefudao").open(f"/tasks/{seat}")
    expect(asked.locator("main")).to_contain_text("汇总表模板是否已下发？")
    decide(asked, "answer", "已于六月二十日下发。")
    page.reload()
    expect(page.locator(".timeline-list")).to_contain_text("已于六月二十日下发。")
    expect(windows.of("songxueyuan").open("/notices").locator("main")).to_contain_text("答复")


def test_a_remark_a_copy_and_a_followed_case(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于抄送的通知")
    page = windows.task("songxueyuan", case, "countersign")
    operate(page, "comment", (), text="附件二请核对页码。")
    expect(page.locator(".timeline-list")).to_contain_text("附件二请核对页码。")
    operate(page, "circulate", ["小班长"], text="请知悉")
    expect(page.locator(".timeline-list")).to_contain_text("抄送")
    reader = windows.of("xiaobanzhang").open(f"/cases/{case}")
    expect(reader.locator("main")).to_contain_text("关于抄送的通知")
    expect(reader.locator("[data-verb-name=jump], [data-outcome]")).to_have_count(0)
    page = windows.case("songxueyuan", case)
    operate(page, "watch", (), "已关注")
    operate(page, "unwatch", (), "已取消关注")


def test_the_drafter_urges_and_the_count_stands_on_the_row(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于催办的通知")
    page = windows.case("hefudao", case)
    page.locator("tr", has_text="合规审查").get_by_role("button", name="催办").click()
    expect(page.locator(".flash-success")).to_contain_text("已催办")
    expect(windows.inbox("gaojingban", "关于催办的通知", "pool")).to_contain_text("催 1 次")
    windows.refused("hefudao", page.locator("tr", has_text="合规审查").get_by_role("button", name="催办").click)
    expect(page.locator("main")).to_contain_text(re.compile("催"))


def test_the_supervisor_reassigns_and_the_holder_changes(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于改派的通知", "file_document")
    page = windows.of("zhouzhuren").open("/supervisor/list?reason=open")
    button = page.locator(f"[data-dialog='#reassign-{documents.seat_of(case, 'file_document')}']")
    while not button.count():
        page.get_by_role("link", name="下一页").click()
        page.wait_for_load_state()
    button.click()
    dialog = page.locator("dialog[open]")
    dialog.locator("select").select_option(label="马管理")
    dialog.locator("input[name=reason]").fill("高经办休假")
    dialog.get_by_role("button", name="改派").click()
    expect(page.locator(".flash-success")).to_contain_text("已改派")
    expect(windows.inbox("maguanli", "关于改派的通知")).to_have_count(1)
    expect(windows.inbox("gaojingban", "关于改派的通知")).to_have_count(0)


# votes


def test_two_of_three_votes_pass_and_the_third_is_told(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于表决的通知")
    third = windows.task("maguanli", case, "countersign")
    decide(windows.task("songxueyuan", case, "countersign"), "approve", "同意印发。")
    page = windows.task("lvcaiwu", case, "countersign")
    expect(page.locator("main")).to_contain_text("1 人已表决，共 3 人")
    expect(page.locator("main")).to_contain_text("同意印发。")
    decide(page, "approve")
    assert documents.nodes(case) == ["check_compliance"]
    windows.refused("maguanli", third.locator("[data-outcome=approve]").click)
    expect(third.locator("body")).to_contain_text("吕财务")
    third.reload()
    expect(third.locator(".decided")).to_contain_text("此待办已取消")


def test_r04_two_refusals_of_three_decide_early(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于否决的通知")
    decide(windows.task("songxueyuan", case, "countersign"), "abstain", "与本院无关。")
    page = windows.task("lvcaiwu", case, "countersign")
    page.locator("[data-outcome=reject]").click()
    expect(page.locator(".fjs-form-field-error, .error-summary, .outcome-hint").first).to_be_visible()
    decide(page, "reject", "经费来源不明。")
    assert documents.nodes(case) == ["check_compliance"]
    expect(windows.case("hefudao", case).locator(".timeline-list")).to_contain_text("表决结果：不同意")


# the dialogs themselves


@pytest.mark.parametrize("width", [1440, 390])
def test_every_dialog_bars_nobody_fits_and_gives_the_focus_back(documents: DocumentDesk, windows: Windows, width: int) -> None:
    case = documents.document(f"关于对话框的通知{width}", "sign_document")
    window = windows.of("zhouzhuren", width)
    for path in (f"/tasks/{documents.seat_of(case, 'sign_document')}", f"/cases/{case}"):
        page = window.open(path)
        verbs = page.eval_on_selector_all("[data-verb-name]", "all => all.map(one => one.dataset.verbName)")
        assert len(verbs) >= 5
        for verb in verbs:
            dialog = dialog_of(page, verb)
            expect(dialog.locator("h2")).not_to_be_empty()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{verb} is wider than {width} pixels"
            button = dialog.locator("button[type=submit]").bounding_box()
            assert button is not None and button["y"] + button["height"] <= page.viewport_size["height"], f"the button of {verb} is out of sight"
            assert width > 600 or button["height"] >= 40, f"the button of {verb} is small for a finger"
            if AXE.exists():
                assert window.barriers() == [], verb
            page.keyboard.press("Escape")
            expect(dialog).to_be_hidden()
            expect(page.locator(".operations-menu > summary"), f"the focus is lost after {verb}").to_be_focused()
