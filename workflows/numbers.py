"""Business numbers: prefix + sequence, given out once and never reused. Knows no people."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from workflows.case import Case
from workflows.host import Functions, feel
from workflows.models import NumberSeries

DIGITS = 6


def next_number(connection: Connection, case: Case, functions: Functions) -> str:
    """The next number of the series named by the process's `number_prefix`."""
    prefix = str(feel(case, functions, case.version.graph.properties.get("number_prefix")) or case.version.process_id)
    written = connection.execute(update(NumberSeries).where(NumberSeries.prefix == prefix).values(last=NumberSeries.last + 1))
    if written.rowcount == 0:
        connection.execute(insert(NumberSeries).values(prefix=prefix, last=1))
    last = connection.execute(select(NumberSeries.last).where(NumberSeries.prefix == prefix)).scalar_one()
    return f"{prefix}{last:0{DIGITS}d}"
