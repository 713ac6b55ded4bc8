"""Talking about a case without moving it: remarks, copies, following, phrases, and who probably comes next."""

from __future__ import annotations

import pytest

from tests.grant_stage import APPLICATION, Grants
from workflows.errors import InvalidForm, NotFound, Rejection

JSON = {"Accept": "application/json"}


@pytest.fixture
def grants(tmp_path, clock, database):
    built = Grants(tmp_path, clock)
    yield built
    built.close()


def marking(grants, case):
    return grants.rows(f"SELECT id, status, owner_id, node_id FROM seat WHERE instance_id = {case} ORDER BY id")


def notices(grants, person, kind):
    return grants.rows(f"SELECT id FROM notification WHERE candidate = 'person:{person}' AND kind = '{kind}'")


# remarks


def test_a_remark_is_read_by_whoever_sees_the_case_and_moves_nothing(grants):
    case = grants.applied()
    seat = grants.seat(case)
    grants.do("claim", "clerk", seat.id)
    before = marking(grants, case)
    grants.perform("comment", "applicant", seat.id, text="材料下周补齐")
    assert marking(grants, case) == before
    for who in ("clerk", "applicant", "supervisor"):
        assert "材料下周补齐" in [item.opinion for item in grants.case_page(who, case).timeline], who
    assert len(notices(grants, grants.clerk, "commented")) == 1


def test_an_outsider_can_neither_remark_nor_send_copies_nor_follow(grants):
    case = grants.applied()
    seat = grants.seat(case)
    rows = grants.snapshot()
    for verb, number, given in (("comment", seat.id, {"text": "x"}), ("circulate", seat.id, {"people": [grants.finance]}), ("watch", case, {})):
        with pytest.raises(Rejection):
            grants.perform(verb, "stranger", number, **given)
    assert grants.snapshot() == rows


# copies


def test_a_copy_reaches_each_person_once_a_round_and_never_becomes_a_task(grants):
    case = grants.applied()
    seat = grants.seat(case)
    before = marking(grants, case)
    assert "1 人" in grants.perform("circulate", "clerk", seat.id, people=[grants.finance, grants.clerk], text="请知悉").zh
    assert "已收到过" in grants.perform("circulate", "clerk", seat.id, people=[grants.finance]).zh
    assert marking(grants, case) == before and len(notices(grants, grants.finance, "circulated")) == 1
    assert grants.do("circulations.unread", "finance") == 1
    assert [(row.node_id, row.text, row.sender) for row in grants.do("circulations.received", "finance")] == [("check", "请知悉", "钱经办")]
    grants.do("complete", "clerk", seat.id, {"grade": "plain", "opinion": "请补充"}, "return")
    grants.do("complete", "applicant", grants.seat(case).id, APPLICATION, "submit")
    assert "1 人" in grants.perform("circulate", "clerk", grants.seat(case).id, people=[grants.finance]).zh  # another round


def test_copies_go_to_the_senders_unit_only(grants):
    case = grants.applied()
    with pytest.raises(InvalidForm) as refused:
        grants.perform("circulate", "clerk", grants.seat(case).id, people=[grants.stranger])
    assert set(refused.value.fields) == {"people"} and grants.rows("SELECT id FROM circulation") == []


def test_opening_the_case_reads_its_copies(grants):
    case = grants.applied()
    grants.perform("circulate", "clerk", grants.seat(case).id, people=[grants.finance])
    browser = grants.browser(grants.finance)
    page = browser.get(f"/cases/{case}").text
    assert f'hx-post="/cases/{case}/read"' in page
    assert browser.post(f"/cases/{case}/read", headers={"HX-Request": "true"}).status_code == 204
    assert grants.do("circulations.unread", "finance") == 0 and f"/cases/{case}/read" not in browser.get(f"/cases/{case}").text
    assert grants.app.test_client().post(f"/cases/{case}/read").status_code in (303, 401)


# following


def test_a_case_offers_either_to_follow_it_or_to_stop(grants):
    case = grants.applied()
    for verb, other in (("watch", "unwatch"), ("unwatch", "watch"), ("watch", "unwatch")):
        assert {"watch", "unwatch"} & grants.case_page("clerk", case).may == {verb}
        grants.perform(verb, "clerk", case)
        assert {"watch", "unwatch"} & grants.case_page("clerk", case).may == {other}
    assert [row.id for row in grants.do("watching.watched", "clerk")] == [case]
    assert grants.do("watching.watched", "other") == []
    page = grants.browser(grants.clerk).get(f"/cases/{case}").text
    assert "operations/unwatch" in page and "operations/watch" not in page


# phrases


def test_phrases_belong_to_a_person_and_an_activity_most_used_first(grants):
    case = grants.applied()
    seat = grants.seat(case).id
    grants.do("phrases.remember", "clerk", seat, " 情况属实 ")
    grants.do("phrases.remember", "clerk", seat, "同意上报")
    assert grants.do("phrases.remember", "clerk", seat, "同意上报") == ["同意上报", "情况属实"]
    assert list(grants.look("clerk", case).form.phrases) == ["同意上报", "情况属实"]
    assert list(grants.look("other", case).form.phrases) == []
    assert grants.do("phrases.forget", "clerk", seat, "同意上报") == ["情况属实"]


@pytest.mark.parametrize("text", ["", "  ", "长" * 201])
def test_an_empty_or_endless_phrase_is_refused(grants, text):
    case = grants.applied()
    with pytest.raises(Rejection):
        grants.do("phrases.remember", "clerk", grants.seat(case).id, text)


def test_no_more_phrases_are_kept_than_fit_above_the_field(grants):
    seat = grants.seat(grants.applied()).id
    for number in range(12):
        grants.do("phrases.remember", "clerk", seat, f"第 {number} 条")
    with pytest.raises(Rejection) as refused:
        grants.do("phrases.remember", "clerk", seat, "第 13 条")
    assert "先移除" in refused.value.zh
    assert len(grants.do("phrases.remember", "clerk", seat, "第 3 条")) == 12  # a known one is only used once more


def test_phrases_over_http(grants):
    seat = grants.seat(grants.applied())
    browser = grants.browser(grants.clerk)
    assert browser.post(f"/tasks/{seat.id}/phrases", json={"text": "同意"}).json == {"ok": True, "phrases": ["同意"]}
    assert "\\u540c\\u610f" in browser.get(f"/tasks/{seat.id}").text
    assert browser.post(f"/tasks/{seat.id}/phrases/forget", json={"text": "同意"}).json["phrases"] == []
    assert browser.post(f"/tasks/{seat.id}/phrases", json=["x"]).status_code == 422
    assert grants.browser(grants.stranger).post(f"/tasks/{seat.id}/phrases", json={"text": "x"}).status_code == 403
    assert grants.app.test_client().post(f"/tasks/{seat.id}/phrases", json={"text": "x"}).status_code == 401


def test_only_a_form_with_an_opinion_offers_phrases(grants):
    case = grants.started()
    assert grants.look("applicant", case).form.opinion is None
    case = grants.checked()
    assert grants.look("principal", case).form.opinion is None
    assert grants.look("clerk", grants.applied()).form.opinion == "opinion"


# what probably comes next


def steps(view):
    return [(step.node_id, [one["zh"] for one in step.people]) for step in view]


def test_a_page_says_who_probably_comes_next(grants):
    case = grants.started()
    assert steps(grants.look("applicant", case).expected) == [("check", ["高校资助中心经办人（甲单位）"])]
    grants.do("complete", "applicant", grants.seat(case).id, APPLICATION, "submit")
    expected = [("approve", ["高校资助中心负责人（甲单位）", "高校财务（甲单位）"])]
    found = steps(grants.look("clerk", case).expected)
    assert [node for node, _ in found] == ["approve"] and found[0][1][0] == expected[0][1][0] and len(found[0][1]) == 2
    assert steps(grants.case_page("clerk", case).reading.expected) == found
    page = grants.browser(grants.clerk).get(f"/cases/{case}").text
    assert "预计" in page and "审批" in page


def test_nobody_is_expected_after_the_last_step(grants):
    case = grants.checked()
    assert steps(grants.look("principal", case).expected) == []
    grants.do("complete", "principal", grants.seat(case).id, {}, "approve")
    assert steps(grants.case_page("clerk", case).reading.expected) == []


def test_the_guess_follows_todays_conditions_and_asks_nothing_of_the_case(grants):
    case = grants.applied()
    grants.do("complete", "clerk", grants.seat(case).id, {"grade": "plain", "opinion": "请补充"}, "return")
    before = grants.snapshot()
    assert steps(grants.look("applicant", case).expected)[0][0] == "check"
    assert steps(grants.case_page("applicant", case).reading.expected)[0][0] == "check"
    assert grants.snapshot() == before


def test_an_unknown_seat_has_no_phrases(grants):
    with pytest.raises(NotFound):
        grants.do("phrases.remember", "clerk", 12345, "x")
