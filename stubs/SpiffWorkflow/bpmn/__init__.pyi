"""Types of the part of SpiffWorkflow this product uses; the library carries none."""

from collections.abc import Mapping

from SpiffWorkflow.bpmn.parser import ProcessSpec
from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
from SpiffWorkflow.task import Task

class BpmnWorkflow:
    def __init__(
        self, spec: ProcessSpec, subprocess_specs: Mapping[str, ProcessSpec] | None = None, script_engine: PythonScriptEngine | None = None,
    ) -> None: ...
    def do_engine_steps(self) -> None: ...
    def get_tasks(self, *, state: int) -> list[Task]: ...
    def is_completed(self) -> bool: ...
