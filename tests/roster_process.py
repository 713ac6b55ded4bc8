"""A small process with a cohort: a student declares, an office audits. Used by the tests of imports and lists."""

from __future__ import annotations

from io import BytesIO

import xlsxwriter

PROCESS = "cohort_sample"
BPMN = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn"
  id="definitions" targetNamespace="http://example.org/cohort">
  <bpmn:process id="cohort_sample" name="名单样例" isExecutable="true">
    <bpmn:extensionElements><camunda:properties>
      <camunda:property name="business_key" value="= case.cycle + &quot;:&quot; + string(case.borrower)"/>
      <camunda:property name="subject" value="= case.name"/>
      <camunda:property name="subject_person" value="= case.borrower"/>
      <camunda:property name="parties" value="= {university: case.university, faculty: case.faculty, class: case.class, origin_county: case.origin_county}"/>
      <camunda:property name="items" value="= for c in (if case.contracts = null then [] else case.contracts) return {kind: &quot;contract&quot;, value: c}"/>
      <camunda:property name="number_prefix" value="T"/>
    </camunda:properties></bpmn:extensionElements>
    <bpmn:startEvent id="start" name="名单导入"><bpmn:outgoing>to_declare</bpmn:outgoing></bpmn:startEvent>
    <bpmn:sequenceFlow id="to_declare" sourceRef="start" targetRef="declare"/>
    <bpmn:userTask id="declare" name="提交" camunda:assignee="= person(case.borrower)" camunda:dueDate="= end of day(date(&quot;2026-07-10&quot;))">
      <bpmn:extensionElements><camunda:properties>
        <camunda:property name="applicant" value="true"/>
        <camunda:property name="numbers" value="true"/>
        <camunda:property name="stage" value="draft"/>
        <camunda:property name="outcomes" value="[{&quot;value&quot;: &quot;submit&quot;, &quot;zh&quot;: &quot;提交&quot;, &quot;en&quot;: &quot;Submit&quot;}]"/>
      </camunda:properties></bpmn:extensionElements>
      <bpmn:incoming>to_declare</bpmn:incoming><bpmn:outgoing>to_audit</bpmn:outgoing>
    </bpmn:userTask>
    <bpmn:sequenceFlow id="to_audit" sourceRef="declare" targetRef="audit"/>
    <bpmn:userTask id="audit" name="审核" camunda:candidateGroups="= role(&quot;univ_clerk&quot;, case.university)">
      <bpmn:extensionElements><camunda:properties>
        <camunda:property name="stage" value="submitted"/>
        <camunda:property name="outcomes" value="[{&quot;value&quot;: &quot;approve&quot;, &quot;zh&quot;: &quot;同意&quot;, &quot;en&quot;: &quot;Approve&quot;}]"/>
      </camunda:properties></bpmn:extensionElements>
      <bpmn:incoming>to_audit</bpmn:incoming><bpmn:outgoing>to_end</bpmn:outgoing>
    </bpmn:userTask>
    <bpmn:sequenceFlow id="to_end" sourceRef="audit" targetRef="end"/>
    <bpmn:endEvent id="end" name="已审核"><bpmn:incoming>to_end</bpmn:incoming></bpmn:endEvent>
  </bpmn:process>
</bpmn:definitions>
"""
ROSTER = """
cycle: "2026"
person: {id_number: id_number, name: name, student_number: student_number, mobile: mobile, fact: case.borrower}
columns:
  - {key: name, zh: 姓名, en: Name, type: name, required: true, aliases: [学生姓名], maps_to: case.name, example: 张测一}
  - {key: id_number, zh: 身份证号, en: ID number, type: id_number, required: true, aliases: [公民身份号码], example: "149999200311059015"}
  - {key: student_number, zh: 学号, en: Student number, type: text}
  - {key: university, zh: 高校代码, en: University code, type: organisation, required: true, kinds: [university, campus], maps_to: case.university}
  - {key: faculty, zh: 院系代码, en: Faculty code, type: organisation, inside: university, unknown: warning, maps_to: case.faculty}
  - {key: class, zh: 班级代码, en: Class code, type: organisation, inside: university, unknown: warning, maps_to: case.class}
  - {key: origin_county, zh: 生源县代码, en: Home county code, type: organisation, kinds: [county], unknown: warning, maps_to: case.origin_county}
  - {key: mobile, zh: 手机号, en: Mobile, type: mobile}
  - {key: graduation, zh: 预计毕业日期, en: Expected graduation, type: date, maps_to: case.graduation}
  - {key: contracts, zh: 合同号, en: Contract numbers, type: list, maps_to: case.contracts}
  - {key: co_borrower_name, zh: 共同借款人姓名, en: Co-borrower, type: name, maps_to: case.co_borrower.name}
  - {key: co_borrower_id, zh: 共同借款人身份证号, en: Co-borrower ID number, type: id_number, maps_to: case.co_borrower.id_number}
importers:
  - {role: univ_clerk, own: university, unknown: {university: error}}
  - {role: county_clerk, own: origin_county, unknown: {university: warning, origin_county: error}}
counter:
  - {role: county_clerk, unknown: warning}
lists:
  not_yet: {stages: [draft]}
  audit: {stages: [submitted]}
export:
  columns:
    - {key: number, zh: 编号, en: Number, source: number}
    - {key: name, zh: 姓名, en: Name, source: person.name}
    - {key: id_number, zh: 身份证号, en: ID number, source: person.id_number}
    - {key: student_number, zh: 学号, en: Student number, source: person.student_number}
    - {key: contracts, zh: 合同号, en: Contracts, source: items.contract}
    - {key: university, zh: 高校, en: University, source: party.university}
    - {key: graduation, zh: 毕业, en: Graduation, source: case.graduation}
    - {key: stage, zh: 状态, en: State, source: stage}
"""
LABELS = "stage.draft: 未提交\nstage.submitted: 已提交\n"
FOLDER = {
    "cohort_sample.bpmn": BPMN.encode(), "roster.yaml": ROSTER.encode(), "labels.zh-CN.yaml": LABELS.encode(),
    "labels.en.yaml": b"stage.draft: not submitted\nstage.submitted: submitted\n",
}
HEADER = ["姓名", "身份证号", "学号", "高校代码", "院系代码", "班级代码", "生源县代码", "手机号", "预计毕业日期", "合同号", "共同借款人姓名", "共同借款人身份证号"]
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def id_number(serial: int) -> str:
    """An ID number of an area that does not exist, with a valid check digit."""
    body = f"149999{2000 + serial // 100_000:04d}{1 + serial // 27_000 % 12:02d}{1 + serial // 1000 % 27:02d}{serial % 1000:03d}"
    return body + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True)) % 11]


def row(name: str, number: object, university: str = "U1401", **cells: object) -> list[object]:
    """A line of the sheet; `cells` by heading position name."""
    names = ("student_number", "faculty", "class_", "county", "mobile", "graduation", "contracts", "co_name", "co_id")
    student_number, faculty, class_, county, mobile, graduation, contracts, co_name, co_id = (cells.get(one) for one in names)
    return [name, number, student_number, university, faculty, class_, county, mobile, graduation, contracts, co_name, co_id]


def sheet(rows: list[list[object]], header: list[str] | None = None) -> bytes:
    """An .xlsx of these rows."""
    buffer = BytesIO()
    with xlsxwriter.Workbook(buffer, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        page = book.add_worksheet()
        for number, line in enumerate([header or HEADER, *rows]):
            for position, cell in enumerate(line):
                if cell is not None:
                    page.write(number, position, cell)
    return buffer.getvalue()
