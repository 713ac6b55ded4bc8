"""The cases that break most systems, clicked from page to page on the shipped processes, each named by its number; R1 and R4 are beside the operations."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser_desk import rename_and_deploy
from tests.document_desk import DocumentDesk
from tests.document_windows import Windows, decide, dialog_of, operate

pytestmark = pytest.mark.browser


def funds(windows: Windows, purpose: str, login: str = "hefudao") -> None:
    """A request for funds, drafted and sent by its applicant."""
    page = windows.begin(login, "经费请示", 事由=purpose, 金额="6000", 理由="迎新志愿者六十人，每人一百元。")
    decide(page, "submit")


def verbs(page: Page) -> set[str]:
    """What the menu of operations offers."""
    return set(page.eval_on_selector_all("[data-verb-name]", "all => all.map(one => one.dataset.verbName)"))


def test_r02_a_return_into_the_countersigning_and_again_asks_everybody_anew_each_time(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于再次会签的通知", "sign_document")
    for time in (1, 2):
        page = windows.work("zhouzhuren", "签发：关于再次会签的通知")
        operate(page, "return", ["部门会签"], "已退回到“部门会签”", reason=f"第{time}次：请重新会签")
        assert documents.nodes(case) == ["countersign"]
        first = windows.work("songxueyuan", "会签：关于再次会签的通知")
        expect(first.locator("main")).to_contain_text("0 人已表决，共 3 人")
        expect(first.locator(".timeline-list")).to_contain_text(f"第{time}次：请重新会签")
        decide(first, "approve", f"第{time}次同意。")
        decide(windows.work("maguanli", "会签：关于再次会签的通知"), "approve")
        expect(windows.inbox("lvcaiwu", "会签：关于再次会签的通知")).to_have_count(0)
        assert documents.nodes(case) == ["sign_document"]
    told = windows.case("zhouzhuren", case).locator(".timeline-list")
    expect(told).to_contain_text("第1次同意。")
    expect(told).to_contain_text("第2次同意。")


def test_r06_a_delegate_who_refuses_only_advises_and_cannot_return(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于受托人不同意的通知")
    operate(windows.work("gaojingban", "合规审查：关于受托人不同意的通知"), "delegate", ["吕财务"], "吕财务", text="请看经费来源")
    asked = windows.of("lvcaiwu").open("/inbox").locator("tr[data-task]", has_text="合规审查：关于受托人不同意的通知")
    page = windows.of("lvcaiwu").open(f"/tasks/{asked.get_attribute('data-task')}")
    assert {"suggest_agree", "suggest_disagree"} <= set(page.eval_on_selector_all("[data-outcome]", "all => all.map(one => one.dataset.outcome)"))
    expect(page.locator("[data-outcome=reject]")).to_have_count(0)
    assert "return" not in verbs(page)
    decide(page, "suggest_disagree", "经费来源不明，建议不同意。")
    assert documents.nodes(case) == ["check_compliance", "countersign"]
    back = windows.work("gaojingban", "合规审查：关于受托人不同意的通知")
    expect(back.locator(".timeline-list")).to_contain_text("经费来源不明，建议不同意。")
    decide(back, "approve", "已补充来源，通过。")
    assert documents.nodes(case) == ["countersign"]


def test_r07_a_chain_of_delegations_comes_back_to_whoever_began_it(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于连环委派的通知")
    operate(windows.work("gaojingban", "合规审查：关于连环委派的通知"), "delegate", ["吕财务"], "吕财务")
    middle = windows.inbox("lvcaiwu", "合规审查：关于连环委派的通知").get_attribute("data-task")
    operate(windows.of("lvcaiwu").open(f"/tasks/{middle}"), "delegate", ["马管理"], "马管理", text="请核对名单")
    first = windows.work("gaojingban", "合规审查：关于连环委派的通知")
    expect(first.locator("[role=note]").filter(has_text="等待")).to_contain_text("吕财务")
    decide(windows.work("maguanli", "合规审查：关于连环委派的通知"), "suggest_agree", "名单无误。")
    expect(windows.inbox("lvcaiwu", "合规审查：关于连环委派的通知")).to_have_count(0)
    expect(windows.of("lvcaiwu").open(f"/tasks/{middle}").locator(".decided")).to_contain_text("此待办已取消")
    back = windows.work("gaojingban", "合规审查：关于连环委派的通知")
    expect(back.locator(".timeline-list")).to_contain_text("名单无误。")
    decide(back, "approve")
    assert documents.nodes(case) == ["countersign"]


def test_r08_a_signer_before_suggests_a_return_and_only_the_holder_returns(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于建议退回的通知")
    operate(windows.work("gaojingban", "合规审查：关于建议退回的通知"), "add_before", ["吕财务"], "吕财务", text="请先核对")
    signer = next(row.id for row in documents.live(case, "check_compliance") if row.kind == "before")
    page = windows.of("lvcaiwu").open(f"/tasks/{signer}")
    assert "return" not in verbs(page)
    decide(page, "suggest_return", "附件缺经费表，建议退回。")
    assert documents.nodes(case) == ["check_compliance", "countersign"]
    back = windows.work("gaojingban", "合规审查：关于建议退回的通知")
    expect(back.locator(".timeline-list")).to_contain_text("附件缺经费表，建议退回。")
    operate(back, "return", ["拟稿"], "已退回到“拟稿”", reason="请附经费表")
    assert documents.nodes(case) == ["draft_document"]


def test_r08_where_the_model_lets_signers_return_the_signer_s_return_is_the_step_s(documents: DocumentDesk, windows: Windows) -> None:
    funds(windows, "加签人退回的经费")
    for login in ("songxueyuan", "lvcaiwu", "maguanli"):
        decide(windows.work(login, "会签：加签人退回的经费"), "approve")
    operate(windows.work("zhouzhuren", "批准：加签人退回的经费"), "add_before", ["高经办"], "高经办", text="请核对标准")
    operate(windows.work("gaojingban", "批准：加签人退回的经费"), "return", ["填写请示"], "已退回到“填写请示”", reason="请附名单")
    expect(windows.inbox("zhouzhuren", "批准：加签人退回的经费")).to_have_count(0)
    expect(windows.of("hefudao").open("/inbox?view=todo").locator("tr[data-task]", has_text="填写请示").first).to_contain_text("第 2 轮")


def test_r11_what_the_head_of_the_unit_asks_for_is_signed_by_his_superior(documents: DocumentDesk, windows: Windows) -> None:
    funds(windows, "负责人自己的经费", "songxueyuan")
    expect(windows.inbox("songxueyuan", "会签：负责人自己的经费")).to_have_count(0)
    decide(windows.work("zhouzhuren", "会签：负责人自己的经费"), "approve")
    expect(windows.inbox("lvcaiwu", "会签：负责人自己的经费")).to_have_count(1)


def test_r13_when_time_is_up_where_a_signature_is_asked_for_the_person_is_reminded_and_nothing_decided(documents: DocumentDesk, windows: Windows) -> None:
    funds(windows, "超时的经费")
    for login in ("songxueyuan", "lvcaiwu", "maguanli"):
        decide(windows.work(login, "会签：超时的经费"), "approve")
    expect(windows.inbox("zhouzhuren", "批准：超时的经费")).to_have_count(1)
    windows.close()
    documents.pass_time(timedelta(days=4))  # longer than anybody stays signed in
    row = windows.inbox("zhouzhuren", "批准：超时的经费")
    expect(row).to_contain_text("逾期")
    expect(windows.of("zhouzhuren").open("/notices").locator("main")).to_contain_text("经费请示（何辅导）")
    page = windows.work("zhouzhuren", "批准：超时的经费")
    expect(page.locator(".timeline-list")).not_to_contain_text("系统批准")
    decide(page, "approve")
    expect(windows.inbox("zhouzhuren", "批准：超时的经费")).to_have_count(0)


def test_r15_a_hidden_field_in_a_hand_made_request_changes_nothing_and_is_logged(documents: DocumentDesk, windows: Windows) -> None:
    case = documents.document("关于隐藏字段的通知")
    page = windows.work("gaojingban", "合规审查：关于隐藏字段的通知")
    page.wait_for_selector("#form textarea")
    assert "3000" not in page.content() and "涉及经费" not in page.content()
    status = page.evaluate("""async () => {
        const form = document.querySelector('form[data-operation], form[action*="/claim"], main form');
        const token = document.querySelector('input[name=csrf_token], meta[name=csrf-token]');
        const answer = await fetch(location.pathname + '/complete', {method: 'POST', headers: {
            'Content-Type': 'application/json', Accept: 'application/json', 'X-CSRFToken': token.value ?? token.content,
        }, body: JSON.stringify({outcome: 'approve', data: {budget: 9000000, document_title: '改过的标题', compliance_opinion: '已核。'}})});
        return answer.status;
    }""")
    assert status == 200
    assert documents.nodes(case) == ["countersign"]
    voter = windows.work("songxueyuan", "会签：关于隐藏字段的通知")
    expect(voter.get_by_label("涉及经费", exact=False).first).to_have_value(re.compile("^3,?000"))
    expect(voter.get_by_label("标题", exact=False).first).to_have_value("关于隐藏字段的通知")
    assert documents.hidden_fields_sent(case) == ["budget"]


def test_r17_a_model_redeployed_mid_case_leaves_the_running_case_on_its_version(documents: DocumentDesk, windows: Windows) -> None:
    running = documents.document("关于旧版的通知")
    page = windows.of("liuchengguanli").open("/processes/official_document/edit")
    rename_and_deploy(page, "check_compliance", "合法合规审查")
    fresh = documents.document("关于新版的通知")
    assert documents.version(fresh) != documents.version(running)
    decide(windows.work("gaojingban", "合规审查：关于旧版的通知"), "approve")
    for login in ("songxueyuan", "maguanli"):
        decide(windows.work(login, "会签：关于旧版的通知"), "approve")
    page = windows.work("zhouzhuren", "签发：关于旧版的通知")
    dialog = dialog_of(page, "return")
    dialog.locator(".choices label", has_text="合规审查").click()
    dialog.locator("textarea[name=reason]").fill("请补充依据")
    dialog.locator("button[type=submit]").click()
    expect(page.locator(".flash-success")).to_contain_text("已退回到“合规审查”")
    assert documents.version(running) != documents.version(fresh)
    expect(windows.inbox("gaojingban", "合规审查：关于旧版的通知")).to_have_count(1)


def test_r10_the_turn_of_a_disabled_signer_goes_to_the_process_owner_and_is_not_skipped(documents: DocumentDesk, windows: Windows) -> None:
    """The last of the file: the disabled person's password is gone."""
    funds(windows, "停用者的经费")
    windows.of("lvcaiwu").page.goto("about:blank")
    people = windows.of("renyuanguanli").open("/people?text=吕财务")
    people.locator("main table a", has_text="吕财务").first.click()
    people.get_by_role("link", name="离岗与停用").click()
    people.get_by_role("button", name="停用").last.click()
    people.locator("dialog[open]").get_by_role("button", name="停用").click()
    expect(people.locator(".flash-success")).to_contain_text("已停用")
    decide(windows.work("songxueyuan", "会签：停用者的经费"), "approve")
    expect(windows.inbox("maguanli", "会签：停用者的经费")).to_have_count(0)  # his turn has not come
    owner = windows.work("zhouzhuren", "会签：停用者的经费")
    expect(owner.locator("main")).to_contain_text("1 人已表决，共 3 人")
    decide(owner, "approve", "财务已核。")
    decide(windows.work("maguanli", "会签：停用者的经费"), "approve")
    expect(windows.inbox("zhouzhuren", "批准：停用者的经费")).to_have_count(1)
