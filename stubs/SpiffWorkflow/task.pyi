"""Types of the part of SpiffWorkflow this product uses; the library carries none."""

from uuid import UUID

class TaskState:
    READY: int
    WAITING: int

class TaskSpec:
    bpmn_id: str
    manual: bool

class Task:
    id: UUID
    task_spec: TaskSpec
    def run(self) -> bool | None: ...
