"""Records the path each case takes through its diagram, so that a second engine can walk it too. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from workflows.case import Case
from workflows.engine import Outcome, ProcessEngine
from workflows.spiff import Step, second_opinion, step_of

OUTSIDE = "no second opinion: the scenario uses events, withdrawals or undo"


class PathRecorder:
    """Listens to an engine; `opinion` asks the second engine about everything that was recorded."""

    def __init__(self, engine: ProcessEngine) -> None:
        self._paths: dict[int, list[Step]] = {}
        self._cases: dict[int, Case] = {}
        self._outside: set[int] = set()
        engine.listeners.append(self.hear)

    def hear(self, connection: Connection, outcomes: Sequence[Outcome]) -> None:
        """One step of each case: what was completed, what is open now."""
        for case, happenings in outcomes:
            kinds = [(row["kind"], row["node_id"]) for row in case.chain.rows]
            completed = next((node for kind, node in kinds if kind == "activity_completed"), None)
            known = self._paths.get(case.id)
            # An undo puts a marking back without a step of the machine: what is completed then was not open on the path.
            if (completed is None and ("started", None) not in kinds) or (known and completed not in known[-1].open):
                self._outside.add(case.id)
            nodes = case.version.graph.nodes
            waiting = [node for _, node, *_ in case.version.machine.tokens(case.state) if nodes[node].type != "subProcess"]
            step = step_of(completed, happenings, waiting, case.version.machine.is_ended(case.state))
            self._paths.setdefault(case.id, []).append(step)
            self._cases[case.id] = case

    def opinion(self) -> str:
        """What the second engine says: "agrees" only when it walked at least one path and disagreed with none."""
        found = []
        for instance_id, steps in self._paths.items():
            if instance_id not in self._outside:
                version = self._cases[instance_id].version
                found.append(second_opinion(version.resources[version.bpmn], version.process_id, steps))
        wrong = next((one for one in found if one.startswith("disagrees")), None)
        return wrong or ("agrees" if "agrees" in found else found[0] if found else OUTSIDE)
