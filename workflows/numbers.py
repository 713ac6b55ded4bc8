"""Business numbers: prefix + sequence, given out once and never reused. Knows no people."""

from __future__ import annotations

from sqlalchemy import Connection

from workflows.case import Case
from workflows.host import Functions, feel
from workflows.models import NumberSeries
from workflows.store import count_up

DIGITS = 6


def next_number(connection: Connection, case: Case, functions: Functions) -> str:
    """The next number of the series named by the process's `number_prefix`."""
    prefix = str(feel(case, functions, case.version.graph.properties.get("number_prefix")) or case.version.process_id)
    return f"{prefix}{count_up(connection, NumberSeries, 'prefix', prefix, 'last'):0{DIGITS}d}"
