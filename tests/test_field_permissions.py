"""Field permissions: what a step hides is hidden everywhere, what it locks cannot be changed, and a hand-made request gains nothing."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from tasks.lists.export import spreadsheet
from tasks.lists.pages import ListPages
from tasks.roster.columns import ListColumn
from tests.grant_stage import APPLICATION, Grants
from workflows.errors import InvalidForm

JSON = {"Accept": "application/json"}
DECISION = {"grade": "plain", "opinion": "同意"}


@pytest.fixture
def grants(tmp_path, clock, database):
    built = Grants(tmp_path, clock)
    yield built
    built.close()


def everything(view):
    """All a view could tell, as text."""
    return repr((
        view.facts, view.timeline, view.schema if hasattr(view, "schema") else None, view.data if hasattr(view, "data") else None,
        view.draft if hasattr(view, "draft") else None, view.differences if hasattr(view, "differences") else None,
    ))


def hidden_log(grants):
    return [(row.person_id, row.instance_id, row.detail if isinstance(row.detail, dict) else json.loads(row.detail)) for row in grants.rows(
        "SELECT person_id, instance_id, detail FROM security_log WHERE kind = 'hidden_field' ORDER BY id"
    )]


# reading


def test_a_hidden_field_is_in_no_part_of_the_task_page(grants):
    case = grants.applied()
    for who in ("clerk", "other", "principal"):
        view = grants.look(who, case)
        assert "71234" not in everything(view), who
        assert view.data["reason"] == "家里遭灾" and view.data["family"] == [{"name": "赵父"}]
    keys = json.dumps(grants.look("clerk", case).schema)
    assert '"income"' not in keys and '"grade"' in keys


def test_the_page_itself_does_not_carry_a_hidden_field(grants):
    case = grants.applied()
    seat = grants.seat(case)
    for address in (f"/tasks/{seat.id}", f"/cases/{case}", "/inbox"):
        answer = grants.browser(grants.clerk).get(address)
        assert answer.status_code == 200 and "71234" not in answer.text, address
    assert "71234" in grants.browser(grants.supervisor).get(f"/cases/{case}").text
    own = grants.browser(grants.applicant).get(f"/cases/{case}").text
    assert "71234" in own


def test_what_was_decided_before_stays_hidden_in_histories_and_differences(grants):
    case = grants.applied()
    grants.do("complete", "clerk", grants.seat(case).id, {"grade": "severe", "opinion": "请更正"}, "return")
    grants.do("complete", "applicant", grants.seat(case).id, {**APPLICATION, "income": 65432, "reason": "家里遭了火灾"}, "submit")
    view = grants.look("clerk", case)
    assert [one["key"] for one in view.differences] == ["reason"]
    assert "71234" not in everything(view) and "65432" not in everything(view)
    page = grants.case_page("clerk", case)
    assert "71234" not in everything(page) and "65432" not in everything(page)
    assert [change["key"] for item in grants.case_page("applicant", case).timeline for change in item.changes].count("grade") == 0
    assert "income" in [change["key"] for item in grants.case_page("applicant", case).timeline for change in item.changes]


def test_a_list_row_shows_no_field_that_is_hidden_from_one_of_its_readers(grants):
    case = grants.applied()
    facts = grants.look("clerk", case).seat.summary["facts"]
    assert [fact["value"] for fact in facts] == [None, "家里遭灾"]


def test_a_right_may_depend_on_the_role(grants):
    case = grants.checked()
    assert grants.look("principal", case).data["income"] == 71234
    assert "71234" not in everything(grants.look("finance", case)).replace("'income': 71234}]", "")
    assert "income" not in grants.look("finance", case).data


def test_an_opinion_in_a_hidden_field_is_not_read_out_in_the_history(grants):
    case = grants.checked()
    opinions = {who: [item.opinion for item in grants.look(who, case).timeline] for who in ("principal", "finance")}
    assert all("情况属实" not in [str(one) for one in found] for found in opinions.values())
    assert "情况属实" in [item.opinion for item in grants.case_page("clerk", case).timeline]


def test_whoever_was_only_sent_a_copy_sees_what_that_step_shows(grants):
    case = grants.applied()
    grants.perform("circulate", "clerk", grants.seat(case).id, people=[grants.finance], text="请知悉")
    page = grants.case_page("finance", case)
    assert "71234" not in everything(page) and "家里遭灾" in everything(page)


def test_a_supervisor_of_the_region_sees_every_field(grants):
    case = grants.applied()
    assert "71234" in everything(grants.case_page("supervisor", case))


def test_a_delegate_gets_the_field_view_of_the_step(grants):
    case = grants.applied()
    seat = grants.seat(case)
    grants.do("claim", "clerk", seat.id)
    grants.perform("delegate", "clerk", seat.id, person=grants.other, text="请看")
    view = grants.look("other", case)
    assert "71234" not in everything(view) and "opinion" in json.dumps(view.schema)


def test_lists_and_exports_leave_hidden_fields_empty(grants):
    columns = (ListColumn("reason", "理由", "Reason", "reason"), ListColumn("income", "收入", "Income", "income"))
    grants.applied()
    pages = ListPages(grants.house.definitions, grants.house.people)
    with grants.house.store.read() as connection:
        def cells(who):
            actor = grants.house.people.actor(connection, grants.people[who])
            return [line for _, line in pages.page(connection, actor, columns, [], 0, 10, "zh-CN").rows]

        assert cells("clerk") == [["家里遭灾", ""]]
        assert cells("supervisor") == [["家里遭灾", "71234"]]
        assert cells("stranger")[0][1] == ""
        files = {who: spreadsheet(columns, iter(cells(who)), "名单", "zh-CN")[0] for who in ("clerk", "supervisor")}
    inside = {who: "".join(zipfile.ZipFile(io.BytesIO(found)).read(name).decode() for name in zipfile.ZipFile(io.BytesIO(found)).namelist()) for who, found in files.items()}
    assert "71234" not in inside["clerk"] and "71234" in inside["supervisor"]


# writing


def test_r15_a_hidden_field_posted_by_a_hand_made_request_changes_nothing_and_is_logged(grants):
    case = grants.applied()
    seat = grants.seat(case)
    body = {"outcome": "agree", "revision": seat.revision, "data": {**DECISION, "income": 1, "family": [{"name": "赵父", "income": 2}]}}
    answer = grants.browser(grants.clerk).post(f"/tasks/{seat.id}/complete", json=body, headers=JSON)
    assert answer.status_code == 200, answer.text
    values = grants.variables(case)
    assert values["income"] == 71234 and values["family"] == [{"name": "赵父", "income": 71234}]
    assert values["grade"] == "plain" and values["opinion"] == "同意"
    (person, instance, detail), = hidden_log(grants)
    assert (person, instance, detail["fields"], detail["node"]) == (grants.clerk, case, ["family[].income", "income"], "check")


def test_r15_is_logged_too_when_the_decision_itself_is_refused(grants):
    case = grants.applied()
    seat = grants.seat(case)
    body = {"outcome": "agree", "revision": seat.revision, "data": {"income": 1}}
    answer = grants.browser(grants.clerk).post(f"/tasks/{seat.id}/complete", json=body, headers=JSON)
    assert answer.status_code == 422 and set(answer.json["errors"]) == {"grade", "opinion"}
    assert grants.seat_by_id(seat.id).status == "open" and grants.variables(case)["income"] == 71234
    (_, _, detail), = hidden_log(grants)
    assert detail["fields"] == ["income"]


def test_a_read_only_field_changes_nothing_and_the_rest_of_the_decision_counts(grants):
    case = grants.applied()
    grants.do("complete", "clerk", grants.seat(case).id, {**DECISION, "reason": "别的理由"}, "agree")
    assert grants.variables(case)["reason"] == "家里遭灾" and grants.variables(case)["grade"] == "plain"
    assert hidden_log(grants) == []


def test_rows_with_a_hidden_part_are_neither_added_nor_taken_away(grants):
    case = grants.applied()
    grants.do("complete", "clerk", grants.seat(case).id, {**DECISION, "family": [{"name": "赵父亲"}]}, "return")
    assert grants.variables(case)["family"] == [{"name": "赵父亲", "income": 71234}]
    grants.do("complete", "applicant", grants.seat(case).id, APPLICATION, "submit")
    with pytest.raises(InvalidForm) as refused:
        grants.do("complete", "clerk", grants.seat(case).id, {**DECISION, "family": []}, "agree")
    assert set(refused.value.fields) == {"family"}
    family = next(one for one in grants.look("clerk", case).schema["components"] if one.get("path") == "family")
    assert family["allowAddRemove"] is False and [one["key"] for one in family["components"]] == ["name"]


def test_a_field_the_step_demands_must_be_filled_in(grants):
    case = grants.applied()
    with pytest.raises(InvalidForm) as refused:
        grants.do("complete", "clerk", grants.seat(case).id, {"opinion": "同意"}, "agree")
    assert set(refused.value.fields) == {"grade"}
    assert next(one for one in grants.look("clerk", case).schema["components"] if one.get("key") == "grade")["validate"]["required"] is True


def test_a_draft_keeps_nothing_that_may_not_be_changed(grants):
    case = grants.applied()
    seat = grants.seat(case)
    grants.do("save_draft", "clerk", seat.id, {"income": 1, "reason": "x", "grade": "plain", "family": [{"name": "赵父", "income": 5}]})
    assert grants.look("clerk", case).draft == {"grade": "plain", "family": [{"name": "赵父"}]}
    assert "income" not in str(grants.rows("SELECT \"values\" FROM draft"))
    assert [detail["fields"] for _, _, detail in hidden_log(grants)] == [["family[].income", "income"]]


def test_only_the_role_that_may_can_change_a_field(grants):
    case = grants.checked()
    seat = grants.seat(case)
    grants.do("complete", "finance", seat.id, {"income": 5}, "approve")
    assert grants.variables(case)["income"] == 71234 and len(hidden_log(grants)) == 1
    case = grants.checked()
    grants.do("complete", "principal", grants.seat(case).id, {"income": 5, "reason": "z"}, "approve")
    assert grants.variables(case)["income"] == 5 and grants.variables(case)["reason"] == "家里遭灾"


def test_bulk_decisions_obey_the_same_rights(grants):
    case = grants.applied()
    seat = grants.seat(case)
    with grants.house.store.transaction() as connection:
        actor = grants.house.people.actor(connection, grants.clerk)
        grants.house.tasks.bulk_complete(connection, actor, [(seat.id, seat.revision)], "agree", {**DECISION, "income": 9})
    grants.house.work_off()
    assert grants.variables(case)["income"] == 71234


# the opinion


@pytest.mark.parametrize(("opinion", "values", "missing"), [
    ("required", {"grade": "plain"}, {"opinion"}), ("optional", {"grade": "plain"}, set()), ("none", {"grade": "plain", "opinion": "不该有"}, set()),
])
def test_the_model_says_whether_an_opinion_is_needed(tmp_path, clock, database, opinion, values, missing):
    grants = Grants(tmp_path, clock, opinion=opinion)
    case = grants.applied()
    keys = [one.get("key") for one in grants.look("clerk", case).schema["components"]]
    assert ("opinion" in keys) == (opinion != "none")
    if missing:
        with pytest.raises(InvalidForm) as refused:
            grants.do("complete", "clerk", grants.seat(case).id, values, "agree")
        assert set(refused.value.fields) == missing
    elif opinion == "none":
        grants.do("complete", "clerk", grants.seat(case).id, values, "agree")
        assert "opinion" not in grants.variables(case)
    else:
        grants.do("complete", "clerk", grants.seat(case).id, values, "agree")
        assert grants.seat(case).node_id == "approve"
    grants.close()


def test_the_next_opinion_begins_empty_and_the_same_words_are_told_again(grants):
    case = grants.applied()
    for _ in range(2):
        grants.do("complete", "clerk", grants.seat(case).id, {"grade": "plain", "opinion": "请补充"}, "return")
        grants.do("complete", "applicant", grants.seat(case).id, APPLICATION, "submit")
    assert "opinion" not in grants.look("clerk", case).data
    assert [item.opinion for item in grants.case_page("clerk", case).timeline].count("请补充") == 2


# the checks


@pytest.mark.parametrize(("setting", "value", "zh"), [
    ("field_permissions", '{"incom": "hidden"}', "是否指“income”"), ("field_permissions", '{"income": "hiden"}', "是否指“hidden”"),
    ("field_permissions", '{"income": {"univ_clerk": "hidden"}}', "role:"), ("field_permissions", "[1]", "不是 JSON 对象"),
    ("opinion", "maybe", "opinion 不能是“maybe”"), ("attachments", '{"type": ["pdf"]}', "是否指“types”"),
    ("attachments", '{"types": ["pfd"]}', "是否指“pdf”"), ("attachments", '{"megabytes": 500}', "25"),
    ("outcomes", '[{"value": "agree", "zh": "同意", "en": "Agree", "requires": ["income"]}]', "隐藏或只读"),
])
def test_settings_that_would_not_do_what_they_say_are_refused_at_deployment(setting, value, zh):
    found = Grants.findings(**{setting: value})
    assert any(zh in one.reason_zh and one.reason_en for one in found), [one.reason_zh for one in found]


def test_the_process_of_these_tests_has_no_findings():
    assert Grants.findings() == []


def test_what_changed_since_the_last_look_keeps_a_hidden_field_out(grants):
    case = grants.applied()
    seat = grants.seat(case)
    looks = grants.house.inbox.looks
    browser = grants.browser(grants.clerk)
    grants.do("complete", "clerk", seat.id, {"grade": "plain", "opinion": "请更正"}, "return")
    with grants.house.store.transaction() as connection:
        looks.looked(connection, grants.house.people.actor(connection, grants.clerk), seat.id, 10_000)  # never beyond what there is
    grants.do("complete", "applicant", grants.seat(case).id, {**APPLICATION, "income": 65432, "reason": "家里遭了火灾"}, "submit")
    with grants.house.store.read() as connection:
        actor = grants.house.people.actor(connection, grants.clerk)
        raw = looks.since(connection, actor, case, grants.look("clerk", case).process)
        assert {one["key"] for one in grants.look("clerk", case).fields.changes(raw)} == {"reason"}
        assert {one["key"] for one in raw} == {"reason", "income"}
    page = browser.get(f"/tasks/{grants.seat(case).id}/preview")
    assert page.status_code == 200 and "火灾" in page.text and "65432" not in page.text and "71234" not in page.text
