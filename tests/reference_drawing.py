"""Draws trees of blocks as BPMN files, and small pieces of BPMN for tests. It runs nothing."""

from __future__ import annotations

from itertools import pairwise

from reference_tree import Block


class Drawer:
    """Draws a tree as BPMN."""

    def __init__(self) -> None:
        self.associations = 0

    def draw(self, tree: Block) -> bytes:
        """The file."""
        return diagram("".join(self._scope(tree)))

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
            definition = timer() if event.once else '<bpmn:messageEventDefinition messageRef="message"/>'
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
            definition = timer() if event.once else '<bpmn:messageEventDefinition messageRef="message"/>'
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
        lines.append(f'<bpmn:intermediateCatchEvent id="{block.name}"><bpmn:messageEventDefinition messageRef="message"/></bpmn:intermediateCatchEvent>')
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
            lines.append(flow(split, entry, f"{block.name}_{position}" if conditional else None))
            if leave is not None:
                lines.append(flow(leave, join))
        return split, join

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
            f'<bpmn:exclusiveGateway id="{out}"/>', flow(begin, entry), flow(leave, after), flow(after, begin, f"{block.name}_again"), flow(after, out),
        ]
        return begin, out

    def _instances(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        sequential = str(block.sequential).lower()
        marker = (
            f'<bpmn:multiInstanceLoopCharacteristics isSequential="{sequential}"><bpmn:loopCardinality>{block.count}</bpmn:loopCardinality>'
            "</bpmn:multiInstanceLoopCharacteristics>"
        )
        lines.append(user(block.name, inner=marker))
        return block.name, self._bounded(block, lines)

    def _sub(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        tag = "subProcess" if block.cancel is None else "transaction"
        lines.append(f'<bpmn:{tag} id="{block.name}">{"".join(self._scope(block))}</bpmn:{tag}>')
        leaves = [
            self._leaving(block.name, "failed", "<bpmn:errorEventDefinition/>", block.error, lines),
            self._leaving(block.name, "cancelled", "<bpmn:cancelEventDefinition/>", block.cancel, lines),
        ]
        if block.heard is not None:
            leave = self._leaving(block.name, "heard", "<bpmn:escalationEventDefinition/>", block.heard.block, lines, block.heard.interrupting)
            if not block.heard.interrupting and leave is not None:
                lines += [f'<bpmn:endEvent id="{block.name}_heard_end"/>', flow(leave, f"{block.name}_heard_end")]
            leaves.append(leave if block.heard.interrupting else None)
        return block.name, self._bounded(block, lines, *leaves)

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
            f'<bpmn:standardLoopCharacteristics loopMaximum="{block.count}"><bpmn:loopCondition>= {block.name}_again</bpmn:loopCondition>'
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


def diagram(body: str) -> bytes:
    """A BPMN file with one executable process."""
    return (
        '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" '
        'id="definitions" targetNamespace="http://example.org/random"><bpmn:message id="message" name="answer"/>'
        '<bpmn:escalation id="escalation" name="late" escalationCode="LATE"/>'
        f'<bpmn:error id="bad" name="bad" errorCode="BAD"/><bpmn:process id="process" isExecutable="true">{body}</bpmn:process></bpmn:definitions>'
    ).encode()


def user(name: str, attributes: str = "", inner: str = "") -> str:
    """A user task."""
    return f'<bpmn:userTask id="{name}" camunda:candidateGroups="clerk"{attributes}>{inner}</bpmn:userTask>'


def timer() -> str:
    """A timer by duration."""
    return "<bpmn:timerEventDefinition><bpmn:timeDuration>PT1H</bpmn:timeDuration></bpmn:timerEventDefinition>"


def flow(source: str, target: str, condition: str | None = None) -> str:
    """A sequence flow, perhaps with a condition."""
    inner = f"<bpmn:conditionExpression>= {condition}</bpmn:conditionExpression>" if condition else ""
    return f'<bpmn:sequenceFlow id="{source}_{target}" sourceRef="{source}" targetRef="{target}">{inner}</bpmn:sequenceFlow>'
