"""Writes docs/dmn_support.md from the table of elements the reader itself uses, with the deviations known from the conformance kit."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.decisions.elements import ELEMENTS, KEPT, REFUSED, RUNS

_WORDS = {RUNS: "运行 runs", KEPT: "保留，不影响结果 kept, without effect", REFUSED: "拒绝 refused"}


@dataclass(frozen=True, slots=True)
class Deviation:
    """Cases of the conformance kit that fail on purpose, and why."""

    folder: str
    cases: str
    chinese: str
    english: str


DEVIATIONS = (
    Deviation(
        "0076-feel-external-java",
        "boxed_001, literal_001 to literal_012, varargs_001",
        "外部 Java 函数不运行，结果为 null：没有 Java 虚拟机，表达式也不得触及外部程序",
        "external Java functions are not run and give null: there is no Java machine, and no expression may reach outside programs",
    ),
    Deviation(
        "1111-feel-matches-function",
        "K2-MatchesFunc-17",
        "正则回溯引用（\\1）不支持：RE2 保证线性时间，回溯引用做不到",
        "back references (\\1) are not supported: RE2 guarantees linear time, which back references rule out",
    ),
)
_HEAD = """# DMN

<!-- Generated from the tables in workflows/decisions; tests/test_decisions_catalogue.py says when it is out of date. -->

DMN 1.1 至 1.5 的文件都能读。读文件时发现的问题（行号、元素、原因、怎么改）一次列全；有错误的文件不能部署。
求值不抛错：出错的决策值为 `null`，并附原因。

Files of DMN 1.1 to 1.5 are read. What is wrong with a file is listed at once, with line, element, reason and advice; a file with
errors cannot be deployed. Evaluation raises nothing: a decision that fails is `null`, with the reason beside it.

## 元素 · Elements

| 元素 element | 支持 support | 说明 note |
|---|---|---|
"""
_POLICIES = """
## 命中策略 · Hit policies

| 策略 policy | 多条规则命中时 when several rules match | 无规则命中时 when none matches |
|---|---|---|
| U UNIQUE | `null` 并报错 and a problem | 默认输出或 default output or `null` |
| A ANY | 输出相同取其值，否则 `null` 并报错 the common output, else `null` and a problem | 同上 same |
| P PRIORITY | 输出值列表中最靠前者 the output listed first among the output values | 同上 same |
| F FIRST | 第一条 the first | 同上 same |
| R RULE ORDER | 按规则次序的列表 a list in rule order | 同上 same |
| O OUTPUT ORDER | 按输出值次序的列表 a list in the order of the output values | 同上 same |
| C COLLECT | 列表 a list | 默认输出或 default output or `[]` |
| C+ C< C> | 和、最小、最大（多列各算各的） sum, smallest, largest (per column) | 默认输出或 default output or `null` |
| C# | 条数 the number of rules | 默认输出或 default output or `0` |

## 与标准一致性测试的差距 · Cases of the conformance kit that fail

`python3 run.py conformance 目录` 打印通过率。下列用例有意不通过。Prints the rate; these cases fail on purpose.

| 目录 folder | 用例 cases | 原因 reason |
|---|---|---|
"""


def support_page() -> str:
    """The whole of docs/dmn_support.md."""
    rows = [f"| `{entry.name}` | {_WORDS[entry.support]} | {entry.chinese}。{_sentence(entry.english)} |" for entry in ELEMENTS]
    gaps = [
        f"| {gap.folder} | {gap.cases} | {gap.chinese}。{_sentence(gap.english)} |" for gap in DEVIATIONS
    ]
    return _HEAD + "\n".join(rows) + "\n" + _POLICIES + "\n".join(gaps) + "\n"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
