"""Decisions of DMN 1.1 to 1.5 on our own FEEL: tables with every hit policy, requirement graphs, services, imports.

It must not know processes, people or storage.
"""

from workflows.decisions.findings import DecisionError, Finding
from workflows.decisions.model import DecisionModel, Result, read_decisions
from workflows.decisions.running import Match

__all__ = ["DecisionError", "DecisionModel", "Finding", "Match", "Result", "read_decisions"]
