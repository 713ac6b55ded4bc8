"""Writes docs/feel.md from the tables the code itself uses: every built-in function, and the host functions expressions may call."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.feel.builtins import DECLARING_MODULES
from workflows.feel.lexer import MAXIMUM_TEXT
from workflows.feel.registry import REGISTRY, BuiltIn
from workflows.feel.runtime import MAXIMUM_CALLS, MAXIMUM_STEPS, MAXIMUM_STRING
from workflows.feel.values import MAXIMUM_DEPTH

GROUPS = {
    "conversion": ("转换", "Conversion"),
    "boolean": ("逻辑", "Boolean"),
    "number": ("数", "Numbers"),
    "string": ("文字", "Texts"),
    "list": ("列表", "Lists"),
    "context": ("上下文", "Contexts"),
    "date and time": ("日期与时间", "Dates and times"),
    "range": ("区间", "Ranges"),
}


@dataclass(frozen=True, slots=True)
class HostFunction:
    """A function the host gives to expressions; it is described here and written elsewhere."""

    signature: str
    chinese: str
    english: str
    example: str


HOST_FUNCTIONS = (
    HostFunction("role(role: string, organisation: string)", "某机构中某角色的候选组，即 `角色@机构`",
                 "the candidate group of a role in an organisation, `role@organisation`", 'role("county_clerk", case.origin_county)'),
    HostFunction("person(identifier: number)", "某人作为办理人，即 `person:编号`", "a person as an assignee, `person:number`",
                 "person(case.adviser)"),
    HostFunction("org(code: string)", "机构的资料（代码、名称、种类、上级、省等）；没有则为 null",
                 "what is known of an organisation (code, name, kind, parent, province and more); null if there is none",
                 "org(case.university).province"),
    HostFunction("deadline(key: string, org: string | context)", "该机构日历上某项工作的截止时刻",
                 "the moment a piece of work is due by the calendar of an organisation", 'deadline("renewal_audit", case.university)'),
    HostFunction("working days after(start: date | date and time, days: number)", "若干个工作日之后", "so many working days later",
                 "working days after(now(), 3)"),
    HostFunction("working days between(start: date | date and time, end: date | date and time)", "两时之间的工作日数",
                 "the working days between two moments", "working days between(case.submitted_at, now()) > 5"),
    HostFunction("end of day(value: date | date and time)", "当天结束的时刻（北京时间）", "the end of that day, China Standard Time",
                 "end of day(today())"),
    HostFunction("seen_before(text: string, scope: string)",
                 "同一文字以前是否交过：`own` 为本人在其他轮次，`others` 为他人",
                 "whether the same text was handed in before: `own` by the same person in another cycle, `others` by anybody else",
                 'seen_before(statement, "others")'),
)

_HEAD = f"""# FEEL

<!-- Generated from the tables in workflows/feel; tests/test_feel_catalogue.py says when it is out of date. -->

流程图、表单、决策表里只有一种表达式语言：FEEL（DMN 1.3–1.5）。它没有副作用，不会抛错：算不出来就是 `null`。未知的名字是 `null`。
数是 34 位十进制（银行家舍入），`0.1 + 0.2 = 0.3`。逻辑是三值的：`true`、`false`、`null`。名字可含空格和汉字：`月收入 * 2`。

FEEL (DMN 1.3 to 1.5) is the only expression language in diagrams, forms and decision tables. It has no side effects and no errors at
run time: what cannot be computed is `null`, and so is an unknown name. Numbers are decimal with 34 digits, rounded half to even, so
`0.1 + 0.2 = 0.3`. Logic has three values. Names may hold spaces and Chinese characters.

## 限度 · Limits

| 限度 limit | 值 value |
|---|---|
| 一次求值的步数 steps of one evaluation | {MAXIMUM_STEPS:,} |
| 嵌套层数 nesting of an expression or a value | {MAXIMUM_DEPTH} |
| 函数互相调用的层数 nesting of calls | {MAXIMUM_CALLS} |
| 表达式长度 characters of an expression | {MAXIMUM_TEXT:,} |
| 算出的文字长度 characters of a computed text | {MAXIMUM_STRING:,} |

正则表达式由 RE2 执行，用时与文字长度成正比；回溯引用（`\\1`）不支持，结果为 `null`。全角标点不当作名字，而是提示改用半角。
文字转义 `\\n \\t \\" \\\\ \\uXXXX \\UXXXXXX`；不认识的转义原样保留，所以 `"\\d+"` 与 `"\\\\d+"` 相同。

Regular expressions run on RE2, in time proportional to the text; back references (`\\1`) are not supported and give `null`. Full-width
punctuation is no name but a syntax error that tells the half-width mark. An unknown escape stays as written.

## JSON

变量是普通 JSON；JSON 没有的值写成带一个 `$` 键的对象。Variables are plain JSON; values JSON lacks are objects with one `$` key:
`{{"$date": "2026-07-10"}}`, `{{"$datetime": "2026-07-10T23:59:59+08:00"}}`, `{{"$time": "23:59:59"}}`, `{{"$duration": "P1D"}}`,
`{{"$number": "0.1234567890123456789"}}`.
"""


def feel_page() -> str:
    """The whole of docs/feel.md."""
    assert DECLARING_MODULES
    parts = [_HEAD]
    for group, (chinese, english) in GROUPS.items():
        rows = [_row(entry) for entry in REGISTRY.values() if entry.group == group]
        parts.append(f"## {chinese} · {english}\n\n| 函数 function | 含义 meaning | 例 example |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    hosts = [
        f"| `{host.signature.replace('|', chr(92) + '|')}` | {host.chinese}。{host.english[0].upper()}{host.english[1:]}. | `{host.example}` |"
        for host in HOST_FUNCTIONS
    ]
    parts.append(
        "## 系统函数 · Functions of the desk\n\n这些函数由系统提供，只读。The desk provides these; they only read.\n\n"
        "| 函数 function | 含义 meaning | 例 example |\n|---|---|---|\n" + "\n".join(hosts) + "\n"
    )
    return "\n".join(parts)


def _row(entry: BuiltIn) -> str:
    signatures = list(dict.fromkeys(f"`{entry.name}({signature.text()})`" for signature in entry.signatures))
    shown = "<br>".join(signatures).replace("|", "\\|")
    meaning = f"{entry.chinese}。{entry.english[0].upper()}{entry.english[1:]}."
    return f"| {shown} | {meaning} | `{entry.example.replace('|', chr(92) + '|')}` |"
