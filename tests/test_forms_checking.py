"""A form with a mistake is refused at deployment, with the place and every reason at once."""

import json
from typing import Any

import pytest

from workflows.forms import check_form


def problems(*components: Any, **more: Any) -> list[str]:
    schema = {"type": "default", "schemaVersion": 19, "components": list(components), **more}
    return [problem.zh for problem in check_form(json.dumps(schema).encode(), "a.form")]


def test_a_good_form_has_no_problem():
    assert problems(
        {"type": "textfield", "key": "a", "validate": {"maxLength": "=limit", "pattern": r"^\d+$"}}, {"type": "text", "text": "# 说明"},
        {"type": "group", "path": "g", "components": [{"type": "number", "key": "a", "decimalDigits": 2}]},
        {"type": "dynamiclist", "path": "l", "components": [{"type": "textfield", "key": "a"}]},
        {"type": "radio", "key": "r", "values": [{"label": "是", "value": "y"}]},
    ) == []


def test_broken_json_names_line_and_column():
    found = check_form(b'{\n "components": [}', "a.form")
    assert [problem.zh for problem in found] == ["不是有效的 JSON（第 2 行第 17 列）"]


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"components": {}}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_form_is_one_problem(content: bytes):
    assert len(check_form(content, "a.form")) == 1


def test_schema_versions_outside_16_to_19_are_refused():
    assert problems(schemaVersion=19) == [] and problems(schemaVersion=16) == []
    assert len(problems(schemaVersion=20)) == 1 and len(problems(schemaVersion="19")) == 1


def test_unknown_component_types_are_named():
    assert problems({"type": "signature", "key": "s"}) == ["“s”组件类型“signature”不受支持"]


def test_a_syntax_error_in_feel_names_setting_line_and_column():
    found = problems({"type": "textfield", "key": "a", "conditional": {"hide": "=1 +\n )"}})
    assert len(found) == 1 and "conditional.hide" in found[0] and "第 2 行" in found[0]


@pytest.mark.parametrize("component", [
    {"type": "textfield", "key": "a", "readonly": "=("}, {"type": "number", "key": "a", "validate": {"min": "=1 1"}},
    {"type": "select", "key": "a", "valuesExpression": "=]"}, {"type": "expression", "key": "a", "expression": "=if"},
])
def test_every_place_that_holds_feel_is_compiled(component: dict[str, Any]):
    assert len(problems(component)) == 1


def test_a_key_used_twice_is_refused_also_through_a_group():
    assert len(problems({"type": "textfield", "key": "a"}, {"type": "number", "key": "a"})) == 1
    grouped = {"type": "group", "path": "p", "components": [{"type": "textfield", "key": "a"}]}
    assert len(problems({"type": "textfield", "key": "p.a"}, grouped)) == 1
    assert len(problems({"type": "textfield", "key": "p"}, grouped)) == 1
    assert len(problems(grouped, {"type": "textfield", "key": "p"})) == 1
    assert problems(grouped, {"type": "group", "path": "p", "components": [{"type": "textfield", "key": "b"}]}) == []


def test_missing_keys_options_and_wrong_limits_are_all_told_at_once():
    found = problems(
        {"type": "textfield"}, {"type": "radio", "key": "r"}, {"type": "number", "key": "n", "validate": {"max": "many"}},
        {"type": "textfield", "key": "p", "validate": {"pattern": "(?=x)y"}}, {"type": "datetime", "key": "d", "subtype": "week"},
        {"type": "expression", "key": "e"}, {"type": "textfield", "key": "v", "validate": []}, "x",
    )
    assert len(found) == 8


def test_nesting_without_end_is_refused():
    component: dict[str, Any] = {"type": "textfield", "key": "a"}
    for _ in range(40):
        component = {"type": "group", "components": [component]}
    assert problems(component) == ["嵌套超过 20 层"]
