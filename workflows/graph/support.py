"""The table of every BPMN element: it runs, it is refused, or it is documentation; the page docs/bpmn_support.md is made from it.

It knows what to draw instead, not how anything runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

RUNS, REFUSED, IGNORED, PART = "runs", "refused", "ignored", "part"


class Support(NamedTuple):
    """How one BPMN element is treated. `part`: belongs to another element and is read with it.

    `diagram` names its test diagram; for a refused element the one that shows what to draw instead.
    """

    element: str
    status: str
    chinese: str
    english: str
    advice_zh: str = ""
    advice_en: str = ""
    diagram: str = ""


def _runs(element: str, chinese: str, english: str, diagram: str) -> Support:
    return Support(element, RUNS, chinese, english, diagram=diagram)


def _part(element: str, chinese: str, english: str) -> Support:
    return Support(element, PART, chinese, english)


def _refused(element: str, chinese: str, english: str, advice_zh: str, advice_en: str, diagram: str) -> Support:
    return Support(element, REFUSED, chinese, english, advice_zh, advice_en, diagram)


def _ignored(element: str, chinese: str, english: str, advice_zh: str = "无需处理", advice_en: str = "nothing to do") -> Support:
    return Support(element, IGNORED, chinese, english, advice_zh, advice_en)


CHOREOGRAPHY = ("请画成泳池中的流程和消息流", "draw processes in pools with message flows", "collaboration")
ELEMENTS: tuple[Support, ...] = (
    _runs("process", "可执行流程（isExecutable=true）", "an executable process", "user_task"),
    _runs("collaboration", "多个泳池；黑盒泳池只作说明", "several pools; black boxes are documentation", "collaboration"),
    _runs("participant", "泳池；每个可执行泳池是一个流程，以消息互通", "a pool; each executable one is a process, and they talk by messages", "two_pools"),
    _runs("laneSet", "泳道", "lanes", "lanes"), _runs("lane", "泳道；嵌套时取最内层名称", "a lane; the innermost name counts", "lanes"),
    _runs("childLaneSet", "嵌套泳道", "nested lanes", "lanes"),
    _runs("userTask", "人工任务", "a human task", "user_task"), _runs("manualTask", "手工任务，同样等待人完成", "a manual task; waits for a person too", "manual_task"),
    _runs("task", "未定类型的任务，直接通过", "a task of no type; passed at once", "task"),
    _runs("serviceTask", "后台作业（camunda:topic）", "a background job (camunda:topic)", "service_task"),
    _runs("sendTask", "发送作业", "a sending job", "send_task"), _runs("receiveTask", "等待消息", "waits for a message", "receive_task"),
    _runs("businessRuleTask", "DMN 决策（camunda:decisionRef）", "a DMN decision (camunda:decisionRef)", "business_rule_task"),
    _runs("scriptTask", "FEEL 脚本，写入结果变量", "a FEEL script with a result variable", "script_task"),
    _runs("callActivity", "调用另一个流程", "calls another process", "call_activity"),
    _runs("subProcess", "内嵌子流程与事件子流程", "embedded and event sub-processes", "sub_process"),
    _runs("transaction", "事务子流程", "a transaction", "transaction"),
    _runs("exclusiveGateway", "排他网关", "exclusive gateway", "exclusive_gateway"),
    _runs("parallelGateway", "并行网关", "parallel gateway", "parallel_gateway"),
    _runs("inclusiveGateway", "包容网关", "inclusive gateway", "inclusive_gateway"),
    _runs("eventBasedGateway", "事件网关（排他）", "event-based gateway (exclusive)", "event_gateway"),
    _refused("complexGateway", "复杂网关", "complex gateway", "请用包容或并行网关加排他网关表达，比例通过用投票设置",
             "use inclusive or parallel gateways with an exclusive one; for a quota use the voting setting", "inclusive_gateway"),
    _runs("startEvent", "空、消息、定时、信号、条件开始", "none, message, timer, signal, conditional start", "message_start"),
    _runs("intermediateCatchEvent", "消息、定时、信号、条件、链接捕获", "message, timer, signal, conditional, link catch", "message_catch"),
    _runs("intermediateThrowEvent", "空、消息、信号、升级、补偿、链接抛出", "none, message, signal, escalation, compensation, link throw", "message_throw"),
    _runs("boundaryEvent", "消息、定时、信号、条件、错误、升级、补偿、取消边界事件", "message, timer, signal, conditional, error, escalation, compensation, cancel boundary", "timer_boundary"),
    _runs("endEvent", "空、消息、信号、错误、升级、补偿、终止、取消结束", "none, message, signal, error, escalation, compensation, terminate, cancel end", "terminate_end"),
    _runs("messageEventDefinition", "消息", "message", "message_catch"), _runs("timerEventDefinition", "定时", "timer", "timer_catch"),
    _runs("signalEventDefinition", "信号", "signal", "signal_catch"), _runs("conditionalEventDefinition", "条件", "conditional", "conditional_catch"),
    _runs("errorEventDefinition", "错误", "error", "error_boundary"), _runs("escalationEventDefinition", "升级", "escalation", "escalation_boundary"),
    _runs("compensateEventDefinition", "补偿", "compensation", "compensation"), _runs("linkEventDefinition", "链接，读入时变为连线", "link; becomes a flow when read", "link"),
    _runs("terminateEventDefinition", "终止", "terminate", "terminate_end"), _runs("cancelEventDefinition", "取消", "cancel", "transaction"),
    _runs("sequenceFlow", "连线，可带条件", "a sequence flow, with or without a condition", "conditional_flow"),
    _runs("multiInstanceLoopCharacteristics", "并行与顺序多实例", "parallel and sequential multi-instance", "multi_instance_parallel"),
    _runs("standardLoopCharacteristics", "标准循环", "standard loop", "standard_loop"),
    _runs("association", "补偿关联；其余只作说明", "associates a compensation activity; else documentation", "compensation"),
    _runs("error", "错误定义", "an error", "error_boundary"), _runs("escalation", "升级定义", "an escalation", "escalation_boundary"),
    _runs("message", "消息定义", "a message", "message_catch"), _runs("signal", "信号定义", "a signal", "signal_catch"),
    _runs("dataObject", "数据对象：只作说明，数据存于事项变量", "a data object: documents; values live in the case's variables", "data_object"),
    _runs("dataObjectReference", "数据对象引用", "a reference to a data object", "data_object"),
    _part("definitions", "文件根元素", "the root of the file"), _part("extensionElements", "扩展", "extensions"), _part("documentation", "说明", "documentation"),
    _part("incoming", "进入的连线", "an incoming flow"), _part("outgoing", "出线", "an outgoing flow"), _part("flowNodeRef", "泳道中的环节", "a node of a lane"),
    _part("conditionExpression", "连线条件", "the condition of a flow"), _part("condition", "条件事件的条件", "the condition of a conditional event"),
    _part("timeDate", "日期", "a date"), _part("timeDuration", "时长", "a duration"), _part("timeCycle", "周期", "a cycle"),
    _part("script", "脚本内容", "the text of a script"), _part("loopCardinality", "多实例数量", "the number of instances"),
    _part("completionCondition", "多实例完成条件", "when enough instances are done"), _part("loopCondition", "循环条件", "the condition of a loop"),
    _part("source", "链接来源", "a link's source"), _part("target", "链接去向", "a link's target"), _part("text", "注释文字", "the text of an annotation"),
    _part("eventDefinitionRef", "事件定义引用", "a reference to an event definition"), _part("supportedInterfaceRef", "接口引用", "an interface reference"),
    _part("import", "引入的文件", "an imported file"), _part("extension", "扩展声明", "an extension declaration"), _part("relationship", "关系", "a relationship"),
    _part("outputSet", "输出集", "an output set"), _part("inputSet", "输入集", "an input set"), _part("dataState", "数据状态", "a data state"),
    _part("dataInputRefs", "输入引用", "an input reference"), _part("dataOutputRefs", "输出引用", "an output reference"),
    _part("sourceRef", "来源引用", "a source reference"), _part("targetRef", "去向引用", "a target reference"), _part("from", "赋值来源", "an assignment's source"),
    _part("to", "赋值去向", "an assignment's target"), _part("optionalInputRefs", "可选输入", "an optional input"), _part("whileExecutingInputRefs", "执行中输入", "an input while executing"),
    _part("optionalOutputRefs", "可选输出", "an optional output"), _part("whileExecutingOutputRefs", "执行中输出", "an output while executing"),
    _part("outputSetRefs", "输出集引用", "an output set reference"), _part("inputSetRefs", "输入集引用", "an input set reference"),
    _part("categoryValueRef", "类别引用", "a category reference"), _part("participantRef", "参与者引用", "a participant reference"),
    _part("operationRef", "操作引用", "an operation reference"), _part("inMessageRef", "输入消息", "an operation's message"), _part("outMessageRef", "输出消息", "an operation's message"),
    _part("errorRef", "操作错误", "an operation's error"), _part("partitionElement", "泳道划分", "a lane's partition"),
    _ignored("messageFlow", "消息流；传递消息的是两端的消息事件", "message flow; the message events at its ends carry the message", "两端选择同一条消息，用 correlation 写明事项的键", "name one message at both ends, and the case's key in correlation"),
     _ignored("textAnnotation", "文字注释", "text annotation"), _ignored("group", "分组框", "group"),
    _ignored("category", "类别", "category"), _ignored("categoryValue", "类别值", "category value"), _ignored("auditing", "审计说明", "auditing"),
    _ignored("monitoring", "监控说明", "monitoring"), _ignored("rendering", "呈现说明", "rendering"), _ignored("itemDefinition", "数据类型", "item definition"),
    _ignored("interface", "服务接口", "service interface"), _ignored("operation", "服务操作", "service operation"), _ignored("endPoint", "服务端点", "end point"),
    _ignored("resource", "资源", "resource"), _ignored("resourceParameter", "资源参数", "resource parameter"),
    _ignored("participantMultiplicity", "参与者数量", "participant multiplicity"), _ignored("participantAssociation", "参与者关联", "participant association"),
    _ignored("messageFlowAssociation", "消息流关联", "message flow association"), _ignored("partnerEntity", "合作方", "partner entity"), _ignored("partnerRole", "合作方角色", "partner role"),
    _ignored("dataStore", "数据存储", "data store"), _ignored("dataStoreReference", "数据存储引用", "data store reference"),
    _ignored("property", "数据属性", "data property", "数据存于事项变量", "data lives in the case's variables"),
    _ignored("ioSpecification", "输入输出说明", "input/output specification", "传递变量请用 camunda:in/out 或 inputParameter", "pass variables by camunda:in/out or inputParameter"),
    _ignored("dataInput", "数据输入", "data input", "传递变量请用 camunda:in/out", "pass variables by camunda:in/out"),
    _ignored("dataOutput", "数据输出", "data output", "传递变量请用 camunda:in/out", "pass variables by camunda:in/out"),
    _ignored("dataInputAssociation", "数据输入关联", "data input association", "传递变量请用 camunda:in/out", "pass variables by camunda:in/out"),
    _ignored("dataOutputAssociation", "数据输出关联", "data output association", "传递变量请用 camunda:in/out", "pass variables by camunda:in/out"),
    _refused("assignment", "数据赋值", "assignment", "请用 camunda:inputParameter 或脚本任务", "use camunda:inputParameter or a script task", "script_task"),
    _refused("transformation", "数据转换", "transformation", "请用 camunda:inputParameter 或脚本任务", "use camunda:inputParameter or a script task", "script_task"),
    _refused("adHocSubProcess", "临时子流程", "ad-hoc sub-process", "请画成包容网关加循环，或用加签", "draw an inclusive gateway with a loop, or let signers be added", "inclusive_loop"),
    _refused("subChoreography", "子编排", "sub-choreography", *CHOREOGRAPHY), _refused("choreography", "编排", "choreography", *CHOREOGRAPHY),
    _refused("choreographyTask", "编排任务", "choreography task", *CHOREOGRAPHY), _refused("callChoreography", "调用编排", "call choreography", *CHOREOGRAPHY),
    _refused("globalChoreographyTask", "全局编排任务", "global choreography task", *CHOREOGRAPHY),
    _refused("conversation", "会话", "conversation", *CHOREOGRAPHY), _refused("subConversation", "子会话", "sub-conversation", *CHOREOGRAPHY),
    _refused("callConversation", "调用会话", "call conversation", *CHOREOGRAPHY), _refused("globalConversation", "全局会话", "global conversation", *CHOREOGRAPHY),
    _refused("conversationNode", "会话节点", "conversation node", *CHOREOGRAPHY), _refused("conversationLink", "会话连线", "conversation link", *CHOREOGRAPHY),
    _refused("conversationAssociation", "会话关联", "conversation association", *CHOREOGRAPHY),
    _refused("globalTask", "全局任务", "global task", "请画成流程，用调用活动引用", "draw a process and call it", "call_activity"),
    _refused("globalUserTask", "全局用户任务", "global user task", "请画成流程，用调用活动引用", "draw a process and call it", "call_activity"),
    _refused("globalManualTask", "全局手工任务", "global manual task", "请画成流程，用调用活动引用", "draw a process and call it", "call_activity"),
    _refused("globalScriptTask", "全局脚本任务", "global script task", "请画成流程，用调用活动引用", "draw a process and call it", "call_activity"),
    _refused("globalBusinessRuleTask", "全局业务规则任务", "global business rule task", "请画成流程，用调用活动引用", "draw a process and call it", "call_activity"),
    _refused("implicitThrowEvent", "隐式抛出事件", "implicit throw event", "请在多实例内画抛出事件", "draw a throw event inside the activity", "escalation_boundary"),
    _refused("complexBehaviorDefinition", "多实例复杂行为", "complex multi-instance behaviour", "请用完成条件", "use a completion condition", "multi_instance_completion_condition"),
    _refused("activationCondition", "激活条件", "activation condition", "请用包容网关", "use an inclusive gateway", "inclusive_gateway"),
    _refused("inputDataItem", "多实例输入项", "multi-instance input item", "请用 camunda:elementVariable", "use camunda:elementVariable", "multi_instance_parallel"),
    _refused("outputDataItem", "多实例输出项", "multi-instance output item", "请用设置 output_collection 与 output_element", "use the settings output_collection and output_element", "multi_instance_parallel"),
    _refused("loopDataInputRef", "多实例输入集合", "multi-instance input collection", "请用 camunda:collection", "use camunda:collection", "multi_instance_parallel"),
    _refused("loopDataOutputRef", "多实例输出集合", "multi-instance output collection", "请用设置 output_collection 与 output_element", "use the settings output_collection and output_element", "multi_instance_parallel"),
    _refused("potentialOwner", "候选人（resourceRole）", "potential owner", "请用 camunda:assignee 或 camunda:candidateGroups", "use camunda:assignee or camunda:candidateGroups", "user_task"),
    _refused("humanPerformer", "执行人（resourceRole）", "human performer", "请用 camunda:assignee 或 camunda:candidateGroups", "use camunda:assignee or camunda:candidateGroups", "user_task"),
    _refused("performer", "执行者（resourceRole）", "performer", "请用 camunda:assignee 或 camunda:candidateGroups", "use camunda:assignee or camunda:candidateGroups", "user_task"),
    _refused("resourceRole", "资源角色", "resource role", "请用 camunda:assignee 或 camunda:candidateGroups", "use camunda:assignee or camunda:candidateGroups", "user_task"),
    _part("resourceRef", "资源引用", "a resource reference"), _part("resourceParameterBinding", "资源参数绑定", "a resource parameter"),
    _part("resourceAssignmentExpression", "资源表达式", "a resource expression"), _part("formalExpression", "表达式", "an expression"), _part("expression", "表达式", "an expression"),
    _refused("correlationSubscription", "相关订阅", "correlation subscription", "请用属性 correlation 写 FEEL 关键字", "write the key as FEEL in the property correlation", "message_catch"),
    _ignored("correlationKey", "相关键", "correlation key", "请用属性 correlation 写 FEEL 关键字", "write the key as FEEL in the property correlation"),
    _ignored("correlationProperty", "相关属性", "correlation property", "请用属性 correlation 写 FEEL 关键字", "write the key as FEEL in the property correlation"),
    _part("correlationPropertyRef", "相关属性引用", "a correlation property reference"), _part("correlationPropertyBinding", "相关属性绑定", "a correlation binding"),
    _part("correlationPropertyRetrievalExpression", "相关表达式", "a correlation expression"), _part("messagePath", "消息路径", "a message path"), _part("dataPath", "数据路径", "a data path"),
    _part("innerParticipantRef", "参与者引用", "a participant reference"), _part("outerParticipantRef", "参与者引用", "a participant reference"),
    _part("innerMessageFlowRef", "消息流引用", "a message flow reference"), _part("outerMessageFlowRef", "消息流引用", "a message flow reference"),
)
SUPPORT: dict[str, Support] = {entry.element: entry for entry in ELEMENTS}

REFUSED_NODES = frozenset({  # flow nodes that are refused, but keep their place so that what they connect is judged all the same
    "complexGateway", "adHocSubProcess", "choreographyTask", "subChoreography", "callChoreography", "implicitThrowEvent",
})
REFUSED_ATTRIBUTES: dict[str, tuple[str, str]] = {
    "class": ("请用 camunda:type=\"external\" 和 camunda:topic，或 FEEL 脚本", "use camunda:type=\"external\" with camunda:topic, or a FEEL script"),
    "delegateExpression": ("请用 camunda:type=\"external\" 和 camunda:topic，或 FEEL 脚本", "use camunda:type=\"external\" with camunda:topic, or a FEEL script"),
    "expression": ("请用 camunda:type=\"external\" 和 camunda:topic，或 FEEL 脚本", "use camunda:type=\"external\" with camunda:topic, or a FEEL script"),
    "resource": ("请把脚本或条件写在文件里", "write the script or condition in the diagram"),
    "caseRef": ("请用 calledElement 调用流程", "call a process by calledElement"),
    "variableMappingClass": ("请用 camunda:in/out", "use camunda:in/out"),
    "variableMappingDelegateExpression": ("请用 camunda:in/out", "use camunda:in/out"),
    "calledElementTenantId": ("本系统没有租户", "there are no tenants here"), "decisionRefTenantId": ("本系统没有租户", "there are no tenants here"),
}
REFUSED_EXTENSIONS: dict[str, tuple[str, str, str, str]] = {
    "executionListener": ("执行监听器", "execution listener", "请画成脚本任务或服务任务", "draw a script or service task"),
    "taskListener": ("任务监听器", "task listener", "请画成脚本任务或服务任务，期限与提醒用属性设置", "draw a script or service task; deadlines and reminders are settings"),
    "formData": ("内嵌表单字段", "embedded form fields", "请用表单文件（camunda:formRef）", "use a form file (camunda:formRef)"),
    "formProperty": ("内嵌表单字段", "embedded form fields", "请用表单文件（camunda:formRef）", "use a form file (camunda:formRef)"),
    "connector": ("连接器", "connector", "请用 camunda:type=\"external\" 和 camunda:topic", "use camunda:type=\"external\" with camunda:topic"),
    "field": ("注入字段", "injected field", "请用 camunda:inputParameter", "use camunda:inputParameter"),
    "script": ("脚本", "script", "请写 FEEL 表达式", "write a FEEL expression"),
    "errorEventDefinition": ("外部任务错误映射", "external task error mapping", "请由作业抛出 BPMN 错误，画错误边界事件", "let the job raise a BPMN error and draw an error boundary event"),
    "potentialStarter": ("可启动人", "potential starter", "请用设置 starters", "use the setting starters"),
}


WORDS = {RUNS: "运行 runs", REFUSED: "拒绝 refused", IGNORED: "只作说明 documentation", PART: "随所属元素 with its owner"}


def support_page(not_yet: Mapping[str, tuple[str, str]] | None = None, diagrams: Iterable[str] = ()) -> str:
    """The text of docs/bpmn_support.md, both languages in one table.

    `not_yet` is what deployment still refuses although reading accepts it (Chinese and English words by construct);
    `diagrams` are the names of all test diagrams, whose pictures stand in docs/diagrams.
    """
    waiting = dict(not_yet or {})
    lines = [
        "# BPMN 支持 · BPMN support", "",
        "每个 BPMN 2.0 元素的处理方式；本页和图都由代码生成。", "How every BPMN 2.0 element is treated; this page and its pictures are generated.", "",
        *_waiting_lines(waiting), *_running_lines(waiting), *_table_of(REFUSED), *_table_of(IGNORED), *_table_of(PART), *_foreign_lines(), *_further_lines(diagrams),
    ]
    return "\n".join(lines) + "\n"


def _sorted(status: str) -> list[Support]:
    return sorted((entry for entry in ELEMENTS if entry.status == status), key=lambda entry: entry.element.lower())


def _waiting_lines(waiting: Mapping[str, tuple[str, str]]) -> list[str]:
    if not waiting:
        return []
    head = ["## 部署时拒绝 · Refused at deployment", "", "下列写法能读懂，但部署时会说明原因并拒绝。", "These are understood, but deployment refuses them with the reason.", ""]
    return [*head, *(f"- {chinese} · {english}" for chinese, english in waiting.values()), ""]


def _running_lines(waiting: Mapping[str, tuple[str, str]]) -> list[str]:
    lines = [f"## {WORDS[RUNS]}", "", "| 元素 element | 测试图 test diagram |", "|---|---|"]
    for entry in _sorted(RUNS):
        refused = waiting.get(entry.element) or waiting.get(entry.element.removesuffix("EventDefinition"))
        note = "<br>**部署时拒绝 refused at deployment**" if refused else ""
        lines.append(f"| `{entry.element}`<br>{entry.chinese}<br>{entry.english}{note} | {_picture(entry.diagram)} |")
    return [*lines, ""]


def _picture(diagram: str) -> str:
    return f"[![{diagram}](diagrams/{diagram}.svg)](../tests/diagrams/{diagram}.bpmn)"


def _table_of(status: str) -> list[str]:
    lines = [f"## {WORDS[status]}", ""]
    if status == PART:
        return [*lines, "| 元素 element | 说明 meaning |", "|---|---|", *(f"| `{entry.element}` | {entry.chinese} · {entry.english} |" for entry in _sorted(PART)), ""]
    head, rule = "| 元素 element | 说明 meaning | 改画 draw instead |", "|---|---|---|"
    if status == REFUSED:
        lines += ["| 元素 element | 改画 draw instead | 改画后的测试图 test diagram of that |", rule]
        rows = [f"| `{entry.element}`<br>{entry.chinese}<br>{entry.english} | {entry.advice_zh}<br>{entry.advice_en} | {_picture(entry.diagram)} |" for entry in _sorted(status)]
    else:
        lines += [head, rule]
        rows = [f"| `{entry.element}` | {entry.chinese} · {entry.english} | {entry.advice_zh} · {entry.advice_en} |" for entry in _sorted(status)]
    return [*lines, *rows, ""]


def _foreign_lines() -> list[str]:
    lines = ["## 其他产品的写法 · Constructs of other engines", "", "| 写法 construct | 处理 treatment | 改写 write instead |", "|---|---|---|"]
    for name, (advice_zh, advice_en) in sorted(REFUSED_ATTRIBUTES.items()):
        lines.append(f"| `camunda:{name}` | {WORDS[REFUSED]} | {advice_zh} · {advice_en} |")
    for name, (chinese, english, advice_zh, advice_en) in sorted(REFUSED_EXTENSIONS.items()):
        lines.append(f"| `camunda:{name}`（{chinese} · {english}） | {WORDS[REFUSED]} | {advice_zh} · {advice_en} |")
    return lines


def _further_lines(diagrams: Iterable[str]) -> list[str]:
    shown = {entry.diagram for entry in ELEMENTS}
    further = sorted(set(diagrams) - shown)
    lines = ["", "## 组合 · Combinations", "", "其余的测试图：同一写法的变化和容易出错的组合。", "The other test diagrams: variants, and combinations that are easy to get wrong."]
    return [*lines, *(line for name in further for line in ("", f"`{name}`", "", _picture(name)))] if further else []
