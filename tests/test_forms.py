"""Submissions are judged on the server exactly as the form says, whatever the browser claims."""

import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.forms import fields, validate

NOW = datetime(2026, 7, 6, 2, 0, tzinfo=UTC)


def form(*components: dict[str, Any]) -> dict[str, Any]:
    return {"type": "default", "schemaVersion": 19, "components": list(components)}


def text(key: str = "a", **rules: Any) -> dict[str, Any]:
    return {"type": "textfield", "key": key, "label": "甲", "validate": rules}


def judge(component: dict[str, Any], value: Any, data: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    key = component.get("key") or component["path"]
    return validate(form(component), {key: value}, data or {}, now=NOW, **more).errors


def accepted(component: dict[str, Any], value: Any, data: dict[str, Any] | None = None) -> Any:
    result = validate(form(component), {component["key"]: value}, data or {}, now=NOW)
    assert result.errors == {}
    return result.values[component["key"]]


def test_a_good_submission_is_stored_as_it_came():
    schema = form(text("statement", required=True, maxLength=1000), {"type": "number", "key": "amount"}, {"type": "checkbox", "key": "agreed"})
    sent = {"statement": "我在校期间表现良好。", "amount": 8000, "agreed": True}
    result = validate(schema, sent, {})
    assert (result.values, result.errors) == (sent, {})


def test_the_message_of_a_long_text_tells_limit_and_length_in_both_languages():
    errors = judge(text(maxLength=1000), "字" * 1204)
    assert errors["a"] == {"zh": "最多 1000 个字，现在 1204 个。", "en": "At most 1000 characters, now 1204."}


def test_lengths_count_the_trimmed_text_and_an_empty_text_is_not_too_short():
    assert judge(text(maxLength=3), "  abc  ") == {}
    assert judge(text(minLength=3), "  ab   ") != {}
    assert judge(text(minLength=3), "") == {}


def test_a_required_text_of_spaces_is_missing():
    assert judge(text(required=True), "   ")["a"] == {"zh": "请填写“甲”。", "en": "Fill in “甲”."}


@pytest.mark.parametrize(("kind", "empty"), [
    ("textarea", ""), ("number", None), ("checkbox", False), ("select", None), ("radio", None), ("checklist", []), ("taglist", []),
    ("datetime", None), ("filepicker", ""),
])
def test_every_required_input_refuses_its_untouched_value(kind: str, empty: Any):
    component = {"type": kind, "key": "a", "values": [{"label": "x", "value": "x"}], "validate": {"required": True}}
    assert set(judge(component, empty)) == {"a"}
    assert set(validate(form(component), {}, {}).errors) == {"a"}


def test_limits_may_be_feel_over_data_and_submission():
    component = {"type": "number", "key": "a", "validate": {"min": "=least", "max": "=least + 10"}}
    assert judge(component, 5, {"least": 3}) == {}
    assert judge(component, 2, {"least": 3})["a"]["zh"] == "不能小于 3。"
    assert judge(component, 14, {"least": 3})["a"]["en"] == "It must be at most 13."


def test_a_limit_that_cannot_be_computed_limits_nothing():
    assert judge({"type": "number", "key": "a", "validate": {"max": "=missing"}}, 5) == {}


def test_a_pattern_searches_and_its_own_message_is_shown():
    component = text(pattern=r"^1[3-9]\d{9}$", patternErrorMessage="请填写 11 位手机号")
    assert judge(component, "13800000000") == {}
    assert judge(component, "") == {}
    assert judge(component, "12345")["a"]["zh"] == "请填写 11 位手机号"
    assert judge(component, "13800000000\n") != {}


def test_email_and_phone_presets():
    assert judge(text(validationType="email"), "a@example.edu.cn") == {}
    assert judge(text(validationType="email"), "a@@example") != {}
    assert judge(text(validationType="phone"), "+8613800000000") == {}
    assert judge(text(validationType="phone"), "abc") != {}


@pytest.mark.parametrize("value", ["x", True, [], {}, 10**400, "1e5", "NaN", float("inf")])
def test_what_is_no_number_is_refused(value: Any):
    assert set(judge({"type": "number", "key": "a"}, value)) == {"a"}


def test_numbers_are_compared_as_decimals():
    component = {"type": "number", "key": "a", "decimalDigits": 2, "validate": {"max": 0.3}}
    assert judge(component, 0.3) == {}
    assert judge(component, 0.295)["a"]["zh"] == "最多 2 位小数。"
    assert judge({"type": "number", "key": "a", "increment": "0.1"}, 0.3) == {}
    assert judge({"type": "number", "key": "a", "increment": "0.1"}, 0.35) != {}


def test_a_number_kept_as_text_keeps_its_digits():
    component = {"type": "number", "key": "a", "serializeToString": True, "validate": {"max": 100}}
    assert accepted(component, "12.50") == "12.50"
    assert judge(component, "100.01") != {}


@pytest.mark.parametrize(("subtype", "good", "bad"), [
    ("date", "2026-12-01", "2026-02-30"), ("date", "2028-02-29", "2026-7-1"), ("time", "09:30", "25:00"), ("time", "09:30+08:00", "9:30"),
    ("datetime", "2026-12-15T09:00+08:00", "2026-12-15"), ("datetime", "2026-12-15T09:00Z", "2026-13-15T09:00Z"),
])
def test_moments_must_exist(subtype: str, good: str, bad: str):
    component = {"type": "datetime", "subtype": subtype, "key": "a"}
    assert accepted(component, good) == good
    assert set(judge(component, bad)) == {"a"}


def test_today_is_the_first_day_when_past_days_are_not_allowed():
    component = {"type": "datetime", "subtype": "date", "key": "a", "disallowPassedDates": True}
    assert judge(component, "2026-07-06") == {}
    assert judge(component, "2026-07-05")["a"]["en"] == "It cannot be before today."
    whole = {**component, "subtype": "datetime"}
    assert judge(whole, "2026-07-05T17:00Z") == {}  # already the 6th in Asia/Shanghai
    assert judge(whole, "0001-01-01T00:00Z") != {}


def test_a_choice_must_be_offered_and_types_are_told_apart():
    component = {"type": "select", "key": "a", "values": [{"label": "一", "value": "1"}, {"label": "二", "value": 2}]}
    assert judge(component, "1") == {} and judge(component, 2) == {} and judge(component, None) == {}
    for wrong in (1, "2", True, {"value": "1"}, ["1"]):
        assert judge(component, wrong)["a"]["zh"] == "不在可选范围内，请重新选择。"


def test_options_come_from_the_data_or_from_an_expression():
    from_data = {"type": "radio", "key": "a", "valuesKey": "case.terms"}
    assert judge(from_data, "x", {"case": {"terms": ["x", {"label": "Y", "value": "y"}]}}) == {}
    assert judge(from_data, "z", {"case": {"terms": ["x"]}}) != {}
    computed = {"type": "checklist", "key": "a", "valuesExpression": "=for n in 1..3 return n * 10"}
    assert judge(computed, [10, 30]) == {}
    assert judge(computed, [10, 40]) != {}
    assert judge(computed, [10, 10])["a"]["zh"] == "同一选项只能选一次。"


def test_files_are_ids_of_uploads():
    component = {"type": "filepicker", "key": "a"}
    assert accepted(component, "files::ab-12") == "files::ab-12"
    assert judge(component, "../etc/passwd") != {}


def test_a_name_the_form_does_not_have_is_an_error_under_that_name():
    result = validate(form(text()), {"a": "x", "approved_by": 7}, {})
    assert result.errors == {"approved_by": {"zh": "表单中没有“approved_by”这一项。", "en": "The form has no field approved_by."}}
    assert "approved_by" not in result.values


def test_hidden_fields_are_dropped_and_not_required():
    schema = form({"type": "checkbox", "key": "more"}, text("reason", required=True) | {"conditional": {"hide": "=not(more)"}})
    assert validate(schema, {"more": False, "reason": "smuggled"}, {}).values == {"more": False}
    assert set(validate(schema, {"more": True}, {}).errors) == {"reason"}


def test_only_exactly_true_hides():
    schema = form({"type": "number", "key": "days"}, text("why", required=True) | {"conditional": {"hide": "=not(days > 10)"}})
    assert set(validate(schema, {"days": None}, {}).errors) == {"why"}


def test_a_hidden_group_hides_all_that_is_in_it():
    inner = {"type": "group", "path": "deep", "components": [text("b", required=True)]}
    schema = form({"type": "group", "path": "outer", "conditional": {"hide": "=x = 1"}, "components": [text("a", required=True), inner]})
    assert validate(schema, {"outer": {"a": "s"}}, {"x": 1}).values == {}
    assert set(validate(schema, {}, {"x": 2}).errors) == {"outer.a", "outer.deep.b"}


def test_a_hidden_value_cannot_hide_another_field():
    schema = form(
        {"type": "checkbox", "key": "student"},
        {"type": "checkbox", "key": "skip", "conditional": {"hide": "=student"}},
        text("reason", required=True) | {"conditional": {"hide": "=skip"}},
    )
    assert set(validate(schema, {"student": True, "skip": True}, {}).errors) == {"reason"}


def test_disabled_and_read_only_values_stay_as_they_are_in_the_data():
    schema = form(
        text("a") | {"disabled": True}, text("b") | {"readonly": True}, text("c") | {"readonly": "=locked"}, text("d", required=True) | {"disabled": True},
    )
    result = validate(schema, {"a": "x", "b": "y", "c": "z"}, {"a": "old", "locked": True})
    assert (result.values, result.errors) == ({}, {})
    assert validate(schema, {"c": "z"}, {"locked": False}).values == {"c": "z"}


def test_expressions_are_computed_here_and_never_believed():
    schema = form({"type": "number", "key": "a"}, {"type": "expression", "key": "total", "expression": "=a * 2 + base"})
    assert validate(schema, {"a": 4, "total": 1_000_000}, {"base": 1}).values == {"a": 4, "total": 9}
    assert validate(schema, {"a": None}, {}).values == {"a": None, "total": None}


def test_a_condition_may_read_an_expression_field():
    schema = form(
        {"type": "number", "key": "a"}, {"type": "expression", "key": "big", "expression": "=a > 10"},
        text("why", required=True) | {"conditional": {"hide": "=not(big)"}},
    )
    assert validate(schema, {"a": 5}, {}).errors == {}
    assert set(validate(schema, {"a": 50}, {}).errors) == {"why"}


def test_groups_nest_and_what_the_form_does_not_show_stays():
    schema = form({"type": "group", "path": "case", "components": [text("phone"), text("name") | {"disabled": True}]})
    data = {"case": {"name": "张测一", "county": "C149999"}}
    before = deepcopy(data)
    result = validate(schema, {"case": {"phone": "1", "name": "changed"}}, data)
    assert result.values == {"case": {"name": "张测一", "county": "C149999", "phone": "1"}}
    assert data == before
    assert set(validate(schema, {"case": {"county": "C999999"}}, data).errors) == {"case.county"}


def test_rows_of_a_list_are_judged_one_by_one():
    schema = form({"type": "dynamiclist", "path": "members", "components": [
        text("name", required=True), {"type": "number", "key": "age"},
        text("guardian", required=True) | {"conditional": {"hide": "=age >= 18"}},
    ]})
    result = validate(schema, {"members": [{"name": "甲", "age": 20, "guardian": "x"}, {"name": "", "age": 10, "height": 3}]}, {})
    assert set(result.errors) == {"members[1].name", "members[1].guardian", "members[1].height"}
    assert result.values["members"][0] == {"name": "甲", "age": 20}
    assert set(validate(schema, {"members": "x"}, {}).errors) == {"members"}
    assert validate(schema, {"members": []}, {}).values == {"members": []}


def test_rows_that_may_not_be_added_or_removed():
    schema = form({"type": "dynamiclist", "path": "m", "allowAddRemove": False, "components": [text("a")]})
    data = {"m": [{"a": "1", "id": 5}, {"a": "2", "id": 6}]}
    assert validate(schema, {"m": [{"a": "x"}, {"a": "y"}]}, data).errors == {}
    assert set(validate(schema, {"m": [{"a": "x"}]}, data).errors) == {"m"}


def test_permissions_override_what_the_form_says():
    schema = form(text("a", required=True), text("b"), text("c") | {"readonly": True}, text("d"))
    rights = {"a": "hidden", "b": "visible", "c": "editable", "d": "required"}
    result = validate(schema, {"a": "1", "b": "2", "c": "3", "d": ""}, {}, permissions=rights)
    assert result.values == {"c": "3", "d": ""}
    assert set(result.errors) == {"d"}


def test_host_functions_and_the_moment_reach_the_expressions():
    component = {"type": "number", "key": "a", "validate": {"max": "=limit of(today())"}}
    found = judge(component, 8, functions={"limit of": lambda day: day.day})
    assert found["a"]["zh"] == "不能大于 6。"


def test_text_that_a_database_cannot_keep_is_refused():
    assert judge(text(), "a\x00b") != {} and judge(text(), "\ud800") != {}
    assert accepted(text(), "䶮𬭎") == "䶮𬭎"
    assert accepted(text(), "一\r\n二") == "一\n二"


def test_fields_are_listed_with_labels_paths_and_options():
    schema = form(
        {"type": "group", "path": "person", "components": [text("name", required=True)]}, {"type": "text", "text": "# 说明"},
        {"type": "dynamiclist", "path": "members", "label": "成员", "components": [text("name")]},
        {"type": "radio", "key": "r", "label": "选", "values": [{"label": "是", "value": "yes"}]},
    )
    found = fields(schema)
    assert [(entry.key, entry.type) for entry in found] == [
        ("person.name", "textfield"), ("members", "dynamiclist"), ("members[].name", "textfield"), ("r", "radio"),
    ]
    assert found[0].path == ("person", "name") and found[0].required and found[2].path == ("members", "name")
    assert found[3].options == (("yes", "是"),)


EVERYTHING = form(
    text("t", required=True, minLength=2, pattern="^a"), {"type": "textarea", "key": "ta"}, {"type": "number", "key": "n", "validate": {"max": "=m"}},
    {"type": "number", "key": "ns", "serializeToString": True, "increment": "0.5"}, {"type": "checkbox", "key": "c"},
    {"type": "datetime", "subtype": "datetime", "key": "d", "disallowPassedDates": True},
    {"type": "select", "key": "s", "values": [{"label": "x", "value": {"$date": "2026-01-01"}}]}, {"type": "radio", "key": "r", "valuesKey": "t"},
    {"type": "checklist", "key": "cl", "valuesExpression": "=ta"}, {"type": "taglist", "key": "tl", "values": []}, {"type": "filepicker", "key": "f"},
    {"type": "expression", "key": "e", "expression": "=n + count(cl)"},
    {"type": "group", "path": "g", "conditional": {"hide": "=c"}, "components": [text("i"), {"type": "group", "path": "h", "components": [text("j")]}]},
    {"type": "dynamiclist", "path": "l", "components": [text("a"), {"type": "number", "key": "b"}, {"type": "dynamiclist", "path": "k", "components": [text("z")]}]},
    text("shown") | {"conditional": {"hide": "=count(l) > 1 and l[1].a = s"}},
)
NAMES = ["t", "ta", "n", "ns", "c", "d", "s", "r", "cl", "tl", "f", "e", "g", "l", "shown"]
SIGNS = st.text(max_size=6) | st.sampled_from(["$date", "$datetime", "a", "i", "h", "k", "2026-12-15T09:00Z", "0001-01-01T00:00+14:00", "files::a", "\ud800"])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | SIGNS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SIGNS, inner, max_size=4), max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES) | SIGNS, ANY_JSON, max_size=10), st.dictionaries(st.sampled_from([*NAMES, "m"]), ANY_JSON, max_size=4))
def test_no_submission_raises_and_only_declared_names_come_out(submitted: dict[str, Any], data: dict[str, Any]):
    result = validate(EVERYTHING, submitted, json.loads(json.dumps(data)), now=NOW)
    assert set(result.values) <= set(NAMES)
    assert all(set(words) == {"zh", "en"} for words in result.errors.values())
    assert all(name in result.errors for name in submitted if name not in NAMES and name.isascii() and len(result.errors) < 15)


@given(ANY_JSON)
def test_what_is_no_form_at_all_is_refused_in_words(submitted: Any):
    assert validate(form(text()), submitted, {}).errors or submitted in ({}, {"a": submitted.get("a") if isinstance(submitted, dict) else None})
