"""Draws trees of blocks as BPMN files, and small pieces of BPMN for tests. It runs nothing."""

from __future__ import annotations

from itertools import pairwise
from xml.sax.saxutils import escape

from tests.reference_scopes import Block, Boundary

MESSAGE = '<bpmn:messageEventDefinition messageRef="message"/>'


class Drawer:
    """Draws a tree as BPMN; `called` holds the files of processes it calls, `asked` the names of its conditions, `kept` of what it writes."""

    def __init__(self) -> None:
        self.associations = 0
        self.called: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.kept: set[str] = set()

    def draw(self, tree: Block) -> bytes:
        """The file."""
        return diagram("".join(self._scope(tree)))

    def _ask(self, name: str) -> str:
        """A condition by chance: a variable of this name."""
        if name not in self.asked:
            self.asked.append(name)
        return name

    def _definition(self, event: Boundary) -> str:
        if event.trigger == "signal":
            return signal(event.topic)
        if event.trigger == "condition":
            return conditional(self._ask(f"{event.name}_if"))
        return timer() if event.once else MESSAGE

    def _scope(self, block: Block) -> list[str]:
        lines: list[str] = []
        begin, end = f"{block.name}_start", f"{block.name}_end"
        entry, leave = self._block(block.inner[0], lines)
        lines += [f'<bpmn:startEvent id="{begin}"/>', flow(begin, entry)]
        if leave is not None:
            lines += [f'<bpmn:endEvent id="{end}"/>', flow(leave, end)]
        for event in block.listeners:
            body: list[str] = []
            start, stop = event.name, f"{event.name}_end"
            entry, leave = self._block(event.block, body)
            definition = self._definition(event)
            interrupting = str(event.interrupting).lower()
            body += [f'<bpmn:startEvent id="{start}" isInterrupting="{interrupting}">{definition}</bpmn:startEvent>', flow(start, entry)]
            if leave is not None:
                body += [f'<bpmn:endEvent id="{stop}"/>', flow(leave, stop)]
            lines.append(f'<bpmn:subProcess id="{event.name}_sub" triggeredByEvent="true">{"".join(body)}</bpmn:subProcess>')
        return lines

    def _block(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        found: tuple[str, str | None] = getattr(self, f"_{block.kind}")(block, lines)
        return found

    def _bounded(self, block: Block, lines: list[str], *extra: str | None) -> str:
        """Boundary events of an activity; where the flow goes on after it or its interrupting events."""
        merges = [block.name]
        for event in block.boundary:
            definition = self._definition(event)
            interrupting = str(event.interrupting).lower()
            lines.append(f'<bpmn:boundaryEvent id="{event.name}" attachedToRef="{block.name}" cancelActivity="{interrupting}">{definition}</bpmn:boundaryEvent>')
            entry, leave = self._block(event.block, lines)
            lines.append(flow(event.name, entry))
            if event.interrupting and leave is not None:
                merges.append(leave)
            elif leave is not None:
                lines += [f'<bpmn:endEvent id="{event.name}_end"/>', flow(leave, f"{event.name}_end")]
        merges += [leave for leave in extra if leave is not None]
        if len(merges) == 1:
            return block.name
        merge = f"{block.name}_merge"
        lines += [f'<bpmn:exclusiveGateway id="{merge}"/>', *(flow(source, merge) for source in merges)]
        return merge

    def _task(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        lines.append(user(block.name))
        if block.handler is not None:
            self.associations += 1
            lines += [
                user(block.handler, ' isForCompensation="true"'),
                f'<bpmn:boundaryEvent id="{block.handler}_event" attachedToRef="{block.name}"><bpmn:compensateEventDefinition/></bpmn:boundaryEvent>',
                f'<bpmn:association id="association{self.associations}" sourceRef="{block.handler}_event" targetRef="{block.handler}"/>',
            ]
        return block.name, self._bounded(block, lines)

    def _catch(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        definition = self._definition(Boundary(block.name, True, False, block, block.trigger, block.topic))
        lines.append(f'<bpmn:intermediateCatchEvent id="{block.name}">{definition}</bpmn:intermediateCatchEvent>')
        return block.name, block.name

    def _sequence(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        parts = [self._block(inner, lines) for inner in block.inner]
        for (_, leave), (entry, _) in pairwise(parts):
            assert leave is not None
            lines.append(flow(leave, entry))
        return parts[0][0], parts[-1][1]

    def _gateway(self, block: Block, lines: list[str], tag: str, conditions: bool) -> tuple[str, str | None]:
        split, join = f"{block.name}_split", f"{block.name}_join"
        parts = [self._block(inner, lines) for inner in block.inner]
        default = f' default="{split}_{parts[-1][0]}"' if conditions else ""
        lines += [f'<bpmn:{tag} id="{split}"{default}/>', f'<bpmn:{tag} id="{join}"/>']
        for position, (entry, leave) in enumerate(parts):
            conditional = conditions and position < len(parts) - 1
            lines.append(flow(split, entry, self._question(block, position) if conditional else None))
            if leave is not None:
                lines.append(flow(leave, join))
        return split, join

    def _question(self, block: Block, position: int) -> str:
        return block.data if block.data and position == 0 else self._ask(f"{block.name}_{position}")

    def _choice(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        return self._gateway(block, lines, "exclusiveGateway", True)

    def _together(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        return self._gateway(block, lines, "parallelGateway", False)

    def _some(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        return self._gateway(block, lines, "inclusiveGateway", True)

    def _loop(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        begin, after, out = f"{block.name}_begin", f"{block.name}_after", f"{block.name}_out"
        entry, leave = self._block(block.inner[0], lines)
        assert leave is not None
        lines += [
            f'<bpmn:exclusiveGateway id="{begin}"/>', f'<bpmn:exclusiveGateway id="{after}" default="{after}_{out}"/>',
            f'<bpmn:exclusiveGateway id="{out}"/>', flow(begin, entry), flow(leave, after), flow(after, begin, self._ask(f"{block.name}_again")), flow(after, out),
        ]
        return begin, out

    def _counting(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        begin, after, out, step = f"{block.name}_begin", f"{block.name}_after", f"{block.name}_out", f"{block.name}_step"
        entry, leave = self._block(block.inner[0], lines)
        assert leave is not None
        counter = block.data.split(" > ")[1]
        self.kept.add(counter)
        lines += [
            f'<bpmn:exclusiveGateway id="{begin}"/>', f'<bpmn:exclusiveGateway id="{after}" default="{after}_{out}"/>', f'<bpmn:exclusiveGateway id="{out}"/>',
            f'<bpmn:scriptTask id="{step}" scriptFormat="feel" camunda:resultVariable="{counter}"><bpmn:script>= if {counter} = null then 1 else {counter} + 1'
            "</bpmn:script></bpmn:scriptTask>",
            flow(begin, entry), flow(leave, step), flow(step, after), flow(after, begin, block.data), flow(after, out),
        ]
        return begin, out

    def _jump(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        split, catch = f"{block.name}_split", f"{block.name}_on"
        parts = [self._block(inner, lines) for inner in block.inner]
        link = f'<bpmn:linkEventDefinition name="{block.name}"/>'
        lines += [
            f'<bpmn:exclusiveGateway id="{split}" default="{split}_{parts[-1][0]}"/>',
            f'<bpmn:intermediateCatchEvent id="{catch}">{link}</bpmn:intermediateCatchEvent>',
        ]
        for position, (entry, leave) in enumerate(parts):
            lines.append(flow(split, entry, self._question(block, position) if position < len(parts) - 1 else None))
            if leave is not None:
                off = f"{block.name}_off{position}"
                lines += [f'<bpmn:intermediateThrowEvent id="{off}">{link}</bpmn:intermediateThrowEvent>', flow(leave, off)]
        return split, catch

    def _throw(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        lines.append(f'<bpmn:intermediateThrowEvent id="{block.name}">{signal(block.topic)}</bpmn:intermediateThrowEvent>')
        return block.name, block.name

    def _instances(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        lines.append(user(block.name, inner=self._marker(block)))
        return block.name, self._bounded(block, lines)

    def _marker(self, block: Block) -> str:
        condition = ""
        if block.enough:
            least = block.enough.removeprefix("at least ")
            text = f"nrOfCompletedInstances >= {least}" if least != block.enough else self._ask(block.enough)
            condition = f"<bpmn:completionCondition>= {escape(text)}</bpmn:completionCondition>"
        return (
            f'<bpmn:multiInstanceLoopCharacteristics isSequential="{str(block.sequential).lower()}"><bpmn:loopCardinality>{block.count}</bpmn:loopCardinality>'
            f"{condition}</bpmn:multiInstanceLoopCharacteristics>"
        )

    def _sub(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        tag = "subProcess" if block.cancel is None else "transaction"
        lines.append(f'<bpmn:{tag} id="{block.name}">{"".join(self._scope(block))}</bpmn:{tag}>')
        return block.name, self._left_by_events(block, lines)

    def _many(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        lines.append(f'<bpmn:subProcess id="{block.name}">{self._marker(block)}{"".join(self._scope(block))}</bpmn:subProcess>')
        return block.name, self._left_by_events(block, lines)

    def _call(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        """A call activity that hands in every condition the called process asks, and `moment`, which comes back."""
        before, self.asked = self.asked, []
        process = f"process_{block.name}"
        self.kept.add(f"{block.name}_result")
        self.called[process] = diagram("".join(self._scope(block)), process)
        into = [(name, name) for name in self.asked] + [("moment", "entered"), ("moment", "moment")]
        self.asked = list(dict.fromkeys([*before, *self.asked]))
        mapped = "".join(f'<camunda:in source="{source}" target="{target}"/>' for source, target in into)
        mapped += f'<camunda:out source="entered" target="{block.name}_result"/>'
        lines.append(
            f'<bpmn:callActivity id="{block.name}" calledElement="{process}"><bpmn:extensionElements>{mapped}</bpmn:extensionElements></bpmn:callActivity>'
        )
        return block.name, self._left_by_events(block, lines)

    def _left_by_events(self, block: Block, lines: list[str]) -> str:
        """The error, cancel and escalation events of a block, then its other boundary events; where the flow goes on."""
        leaves = [
            self._leaving(block.name, "failed", "<bpmn:errorEventDefinition/>", block.error, lines),
            self._leaving(block.name, "cancelled", "<bpmn:cancelEventDefinition/>", block.cancel, lines),
        ]
        if block.heard is not None:
            leave = self._leaving(block.name, "heard", "<bpmn:escalationEventDefinition/>", block.heard.block, lines, block.heard.interrupting)
            if not block.heard.interrupting and leave is not None:
                lines += [f'<bpmn:endEvent id="{block.name}_heard_end"/>', flow(leave, f"{block.name}_heard_end")]
            leaves.append(leave if block.heard.interrupting else None)
        return self._bounded(block, lines, *leaves)

    def _leaving(self, host: str, suffix: str, definition: str, block: Block | None, lines: list[str], interrupting: bool = True) -> str | None:
        """A boundary event with what follows it; where the flow goes on."""
        if block is None:
            return None
        event = f"{host}_{suffix}"
        lines.append(f'<bpmn:boundaryEvent id="{event}" attachedToRef="{host}" cancelActivity="{str(interrupting).lower()}">{definition}</bpmn:boundaryEvent>')
        entry, leave = self._block(block, lines)
        lines.append(flow(event, entry))
        return leave

    def _first(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        join = f"{block.name}_join"
        lines += [f'<bpmn:eventBasedGateway id="{block.name}"/>', f'<bpmn:exclusiveGateway id="{join}"/>']
        for position, branch in enumerate(block.inner):
            event = f"{block.name}_{position}"
            entry, leave = self._block(branch, lines)
            lines += [f'<bpmn:intermediateCatchEvent id="{event}">{timer()}</bpmn:intermediateCatchEvent>', flow(block.name, event), flow(event, entry)]
            if leave is not None:
                lines.append(flow(leave, join))
        return block.name, join

    def _repeat(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        marker = (
            f'<bpmn:standardLoopCharacteristics loopMaximum="{block.count}"><bpmn:loopCondition>= {self._ask(f"{block.name}_again")}</bpmn:loopCondition>'
            "</bpmn:standardLoopCharacteristics>"
        )
        lines.append(user(block.name, inner=marker))
        return block.name, self._bounded(block, lines)

    def _terminate(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        lines.append(f'<bpmn:endEvent id="{block.name}"><bpmn:terminateEventDefinition/></bpmn:endEvent>')
        return block.name, None

    def _error(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        lines.append(f'<bpmn:endEvent id="{block.name}"><bpmn:errorEventDefinition errorRef="bad"/></bpmn:endEvent>')
        return block.name, None

    def _cancel(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        lines.append(f'<bpmn:endEvent id="{block.name}"><bpmn:cancelEventDefinition/></bpmn:endEvent>')
        return block.name, None

    def _shout(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        lines.append(f'<bpmn:intermediateThrowEvent id="{block.name}"><bpmn:escalationEventDefinition escalationRef="escalation"/></bpmn:intermediateThrowEvent>')
        return block.name, block.name

    def _undo(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        lines.append(f'<bpmn:intermediateThrowEvent id="{block.name}"><bpmn:compensateEventDefinition/></bpmn:intermediateThrowEvent>')
        return block.name, block.name


def diagram(body: str, process: str = "process") -> bytes:
    """A BPMN file with one executable process."""
    return (
        '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" '
        'id="definitions" targetNamespace="http://example.org/random"><bpmn:message id="message" name="answer"/>'
        '<bpmn:escalation id="escalation" name="late" escalationCode="LATE"/>'
        '<bpmn:signal id="alarm" name="alarm"/><bpmn:signal id="horn" name="horn"/>'
        f'<bpmn:error id="bad" name="bad" errorCode="BAD"/><bpmn:process id="{process}" isExecutable="true">{body}</bpmn:process></bpmn:definitions>'
    ).encode()


def user(name: str, attributes: str = "", inner: str = "") -> str:
    """A user task."""
    return f'<bpmn:userTask id="{name}" camunda:candidateGroups="clerk"{attributes}>{inner}</bpmn:userTask>'


def timer() -> str:
    """A timer by duration."""
    return "<bpmn:timerEventDefinition><bpmn:timeDuration>PT1H</bpmn:timeDuration></bpmn:timerEventDefinition>"


def signal(topic: str) -> str:
    """A signal."""
    return f'<bpmn:signalEventDefinition signalRef="{topic}"/>'


def conditional(name: str) -> str:
    """A condition on data."""
    return f"<bpmn:conditionalEventDefinition><bpmn:condition>= {name}</bpmn:condition></bpmn:conditionalEventDefinition>"


def flow(source: str, target: str, condition: str | None = None) -> str:
    """A sequence flow, perhaps with a condition."""
    inner = f"<bpmn:conditionExpression>= {escape(condition)}</bpmn:conditionExpression>" if condition else ""
    return f'<bpmn:sequenceFlow id="{source}_{target}" sourceRef="{source}" targetRef="{target}">{inner}</bpmn:sequenceFlow>'
