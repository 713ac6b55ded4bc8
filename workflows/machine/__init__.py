"""The token machine: moves the tokens of a case through a process graph. It holds no data, reads no clock and knows no database."""

from workflows.machine.contract import ROOT, BpmnError, Happening, Host, MachineError, MigrationRefused, State
from workflows.machine.doors import Machine
from workflows.machine.reinstatement import mapped

__all__ = ["ROOT", "BpmnError", "Happening", "Host", "Machine", "MachineError", "MigrationRefused", "State", "mapped"]
