"""Which elements of DMN this engine runs, keeps without meaning, or refuses: the table behind docs/dmn_support.md."""

from __future__ import annotations

from dataclasses import dataclass

RUNS, KEPT, REFUSED = "runs", "kept", "refused"


@dataclass(frozen=True, slots=True)
class Element:
    """One row of the table. `support` is runs, kept (read, without effect on values) or refused (a finding is given)."""

    name: str
    support: str
    chinese: str
    english: str


def _row(name: str, support: str, chinese: str, english: str) -> Element:
    return Element(name, support, chinese, english)


ELEMENTS = (
    _row("definitions", RUNS, "DMN 1.1–1.5 命名空间", "namespaces of DMN 1.1 to 1.5"),
    _row("import", RUNS, "引入其他 DMN 模型（给出的文件中按命名空间找）；空名引入并入本名字空间",
         "other DMN models, found by namespace among the given files; an empty name merges into this model"),
    _row("itemDefinition", RUNS, "类型、分量、集合、允许值、约束；不符者为 null",
         "types, components, collections, allowed values and constraints; what does not conform is null"),
    _row("functionItem", RUNS, "函数类型", "function types"),
    _row("inputData", RUNS, "输入数据", "input data"),
    _row("decision", RUNS, "决策", "decisions"),
    _row("businessKnowledgeModel", RUNS, "业务知识模型（函数）", "business knowledge models (functions)"),
    _row("decisionService", RUNS, "决策服务，可作函数调用", "decision services, also called as functions"),
    _row("knowledgeSource", KEPT, "知识来源", "knowledge sources"),
    _row("authorityRequirement", KEPT, "依据关系", "authority requirements"),
    _row("informationRequirement", RUNS, "信息需求", "information requirements"),
    _row("knowledgeRequirement", RUNS, "知识需求", "knowledge requirements"),
    _row("literalExpression", RUNS, "FEEL 表达式；其他语言拒绝", "FEEL; other expression languages are refused"),
    _row("importedValues", REFUSED, "引入的取值", "imported values"),
    _row("decisionTable", RUNS, "命中策略 U A P F R O C C+ C< C> C#，多输出，默认输出，注释列",
         "hit policies U A P F R O C C+ C< C> C#, several outputs, default outputs, annotations"),
    _row("invocation", RUNS, "调用", "invocations"),
    _row("functionDefinition", RUNS, "FEEL 函数；Java 与 PMML 函数的值为 null，并给出提醒",
         "FEEL functions; the result of Java and PMML functions is null, with a warning"),
    _row("context", RUNS, "上下文", "contexts"),
    _row("relation", RUNS, "关系表", "relations"),
    _row("list", RUNS, "列表", "lists"),
    _row("conditional", RUNS, "条件（DMN 1.4）", "conditionals (DMN 1.4)"),
    _row("filter", RUNS, "筛选（DMN 1.4）", "filters (DMN 1.4)"),
    _row("for", RUNS, "循环（DMN 1.4）", "iterations (DMN 1.4)"),
    _row("every", RUNS, "全称量词（DMN 1.4）", "universal quantifiers (DMN 1.4)"),
    _row("some", RUNS, "存在量词（DMN 1.4）", "existential quantifiers (DMN 1.4)"),
    _row("textAnnotation", KEPT, "文字注释", "text annotations"),
    _row("association", KEPT, "关联线", "associations"),
    _row("group", KEPT, "分组", "groups"),
    _row("elementCollection", KEPT, "元素集合", "element collections"),
    _row("performanceIndicator", KEPT, "绩效指标", "performance indicators"),
    _row("organizationUnit", KEPT, "组织单元", "organisation units"),
    _row("businessContextElement", KEPT, "业务背景元素", "business context elements"),
    _row("extensionElements", KEPT, "扩展元素", "extension elements"),
    _row("DMNDI", KEPT, "图形", "the diagram"),
)
SUPPORT = {element.name: element.support for element in ELEMENTS}
DESCRIPTIONS = frozenset(("description", "extensionElements"))
MODEL_NAMESPACES = frozenset((
    "http://www.omg.org/spec/DMN/20151101/dmn.xsd",
    "http://www.omg.org/spec/DMN/20151101/dmn11.xsd",
    "http://www.omg.org/spec/DMN/20180521/MODEL/",
    "https://www.omg.org/spec/DMN/20191111/MODEL/",
    "https://www.omg.org/spec/DMN/20211108/MODEL/",
    "https://www.omg.org/spec/DMN/20230324/MODEL/",
    "https://www.omg.org/spec/DMN/20240513/MODEL/",
))
EXPRESSIONS = frozenset((
    "literalExpression", "decisionTable", "invocation", "functionDefinition", "context", "relation", "list", "conditional",
    "filter", "for", "every", "some",
))
