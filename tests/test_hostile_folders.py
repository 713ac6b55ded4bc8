"""Hostile forms, YAML, folders and names: `check` says so in both languages and ends with a count, whatever it is given."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tasks.scenarios.process_check import MAXIMUM_SHOWN, check_path
from tests.test_hostile_files import BPMN, DMN, around, process

SOUND = around('<userTask id="a" camunda:assignee="x"/>')
LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
DECISION = f'{DMN}<decision id="d" name="d"><literalExpression><text>1</text></literalExpression></decision></definitions>'
REFUSED: dict[str, bytes] = {
    "deep.form": b'{"components":[' * 10_000 + b"]}" * 10_000,
    "large.form": b'{"components":[' + b'{"type":"textfield","key":"a"},' * 100_000 + b"]}",
    "surrogates.form": json.dumps({"components": [{"type": "\ud800", "key": "\udfff"}]}).encode(),
    "bytes.form": b'{"a": "\xff\xfe"}', "null.form": b'{"a": "\0"}', "number.form": b'{"components": [], "schemaVersion": ' + b"9" * 5_000 + b"}",
    "empty.form": b"", "list.form": b"[]",
    "laughs.yaml": LAUGHS.encode(), "itself.yaml": b"a: &a [*a]", "deep.yaml": b"[" * 100_000, "many.yaml": b"- 1\n" * 900_000,
    "object.yaml": b"a: !!python/object/apply:os.system [id]", "null.yaml": b"a: \0", "bytes.yaml": b"a: \xff", "date.yaml": b"a: 2026-99-99",
    "number.yaml": b"a: " + b"1" * 5_000, "two.yaml": b"a: 1\n---\nb: 2", "tab.yaml": b"\ta: 1", "scenarios.yaml": b"- nothing",
    "archive.bpmn": b"PK\x03\x04" + bytes(range(256)), "picture.bpmn": b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "bytes.bpmn": b"<a b='\xff'/>",
    "null.dmn": b"<a>\0</a>", "empty.dmn": b"", "empty.bpmn": b"", "no markup.bpmn": b"hello", "a diagram.dmn": SOUND.encode(), "a decision.bpmn": DECISION.encode(),
    "no schema.bpmn": process('<startEvent id="s" zz="1"><foo/></startEvent>').encode(),
}


def said(path: Path) -> tuple[bool, list[str]]:
    lines: list[str] = []
    fine = check_path(path, path, lambda *_: None, lines.append)  # type: ignore[arg-type, return-value]
    assert lines and all(line.isprintable() for line in lines)
    return fine, lines


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("folder", [False, True], ids=["alone", "in a folder"])
def test_what_cannot_be_read_is_refused_in_both_languages(name: str, folder: bool, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(REFUSED[name])
    fine, lines = said(tmp_path if folder else tmp_path / name)
    errors = [line for line in lines if line.startswith("✗")]
    assert not fine and errors and all(" / " in line and name in line for line in errors)
    assert lines[-1].endswith("warnings")


@pytest.mark.parametrize("name", [name for name in REFUSED if not name.endswith(".bpmn")])
def test_a_process_folder_survives_whatever_stands_beside_its_diagram(name: str, tmp_path: Path) -> None:
    beside = {"itself.yaml": "labels.en.yaml", "laughs.yaml": "labels.zh-CN.yaml", "tab.yaml": "roster.yaml"}.get(name, name)
    (tmp_path / "p.bpmn").write_text(SOUND, encoding="utf-8")
    (tmp_path / beside).write_bytes(REFUSED[name])
    fine, lines = said(tmp_path)
    if beside.split(".")[0] in ("labels", "roster") or not beside.endswith(".yaml"):
        assert not fine and any(beside in line for line in lines)


@pytest.mark.parametrize("content", [b"1", b"[]", b"[1, [2]]", b"text", b"a: [1]", b"1: {2: 3}", b"~", b"{a: {b: {c: ~}}}"])
@pytest.mark.parametrize("name", ["labels.en.yaml", "labels.zh-CN.yaml", "roster.yaml"])
def test_yaml_of_another_shape_is_no_exception(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "p.bpmn").write_text(SOUND, encoding="utf-8")
    (tmp_path / name).write_bytes(content)
    assert said(tmp_path)[1][-1]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_marks_of_the_byte_order_are_read(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "p.bpmn").write_text(SOUND, encoding=encoding)
    (tmp_path / "d.dmn").write_text(DECISION, encoding=encoding)
    assert said(tmp_path / "p.bpmn")[0] and said(tmp_path / "d.dmn")[0] and said(tmp_path)[0]


@pytest.mark.parametrize("name", ["审核 流程.bpmn", "two\nlines.bpmn", "-.bpmn", "a'b\".bpmn"])
def test_any_file_name_is_shown_on_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(SOUND.replace('"x"', '"${x}"'), encoding="utf-8")
    fine, lines = said(tmp_path / name)
    assert not fine and any(name.replace("\n", "␣") in line for line in lines)


def test_missing_paths_empty_folders_and_devices_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", tmp_path, tmp_path / ("x" * 300), Path("/dev/null")):
        fine, lines = said(path)
        assert not fine and lines[0].startswith("✗") and " / " in lines[0]


def test_folders_named_as_files_and_links_in_circles_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "x.bpmn").mkdir()
    (tmp_path / "y.dmn").mkdir()
    os.symlink(tmp_path, tmp_path / "again")
    os.symlink(tmp_path / "loop", tmp_path / "loop")
    assert not said(tmp_path)[0] and not said(tmp_path / "loop")[0]
    (tmp_path / "p.bpmn").write_text(SOUND, encoding="utf-8")
    (tmp_path / "d.dmn").write_text(DECISION, encoding="utf-8")
    assert said(tmp_path)[0] and said(tmp_path / "d.dmn")[0]


def test_a_folder_of_folders_is_checked_folder_by_folder(tmp_path: Path) -> None:
    for name, text in {"one/p.bpmn": SOUND, "two/deep/p.bpmn": around('<userTask id="a"/>'), "three/d.dmn": DECISION, "three/notes.txt": ""}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    fine, lines = said(tmp_path)
    assert not fine and [line for line in lines if line.startswith("──")] == ["── one", "── three", "── two/deep"]
    assert lines[-1].endswith("2 of 3 folders without errors")
    assert said(tmp_path / "three")[0] and said(tmp_path / "one")[0]


def test_findings_stand_file_by_file_and_the_rest_is_counted(tmp_path: Path) -> None:
    (tmp_path / "b.bpmn").write_text(process('<startEvent id="s"/>' + "".join(f'<userTask id="u{n}"/>' for n in range(400))), encoding="utf-8")
    (tmp_path / "a.dmn").write_text(DECISION.replace(">1<", ">1 +<"), encoding="utf-8")
    _, lines = said(tmp_path)
    files = [line.split(" ")[1].split(":")[0] for line in lines if line[0] in "✗!"]
    assert len(files) == MAXIMUM_SHOWN and files == sorted(files) and set(files) == {"a.dmn", "b.bpmn"}
    assert any(line.startswith("… ") and " more" in line for line in lines)


def test_a_circle_of_calls_over_the_files_of_a_folder_is_named(tmp_path: Path) -> None:
    for name, other in (("one", "two"), ("two", "one")):
        text = around(f'<callActivity id="a" calledElement="{other}"/>').replace('id="p"', f'id="{name}"')
        (tmp_path / f"{name}.bpmn").write_text(text, encoding="utf-8")
    fine, lines = said(tmp_path)
    assert not fine and any("one → two → one" in line for line in lines)


def test_many_processes_that_all_call_each_other_are_refused(tmp_path: Path) -> None:
    calls = [[f'<callActivity id="a{n}_{m}" calledElement="p{m}"/>' for m in range(100)] for n in range(100)]
    drawn = "".join(f'<process id="p{n}" isExecutable="true">{"".join(each)}</process>' for n, each in enumerate(calls))
    (tmp_path / "p.bpmn").write_text(f"{BPMN}{drawn}</definitions>", encoding="utf-8")
    fine, lines = said(tmp_path / "p.bpmn")
    assert not fine and any("5000" in line for line in lines)
