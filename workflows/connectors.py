"""Connectors: what service and send tasks do, by name. A connector gets everything it needs in one value and knows no case."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from workflows.graph import Node
from workflows.models import OutboxMessage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work for a connector. It may come more than once, then with the same `idempotency_key`.

    `payload` is the setting of that name, evaluated; `message` and `correlation_key` are those of a send task.
    """

    instance_id: int
    token: str
    node_id: str
    payload: Any
    idempotency_key: str
    message: str | None
    correlation_key: str | None
    now: datetime


@dataclass(frozen=True, slots=True)
class InHouse:
    """A connector that only writes rows of this house: it runs inside the transaction that completes its activity, so once."""

    write: Callable[[Connection, Work], Any]


# Called with no transaction open and in a thread of its own; it may take its time, up to the activity's `time_limit`.
Outside = Callable[[Work], Any]
Connector = Outside | InHouse


def write_log(work: Work) -> None:
    """Write the payload to the application's log."""
    log.info("case %s, %s: %s", work.instance_id, work.node_id, work.payload)


def send_message(connection: Connection, work: Work) -> None:
    """Throw a message to whoever waits for it, here or outside."""
    connection.execute(insert(OutboxMessage).values(
        instance_id=work.instance_id, node_id=work.node_id, token=work.token, name=work.message or work.node_id,
        correlation_key=work.correlation_key, payload=work.payload, status="held", created_at=work.now, release_at=work.now,
    ))


CONNECTORS: Mapping[str, Connector] = {"log": write_log, "message": InHouse(send_message)}


def connector_name(node: Node) -> str | None:
    """Which connector does the work of a node; a topic without a connector of its name is left to an outside worker."""
    named = node.properties.get("connector")
    if named is None and node.type == "sendTask" and node.event.name:
        named = "message"
    return named or node.attributes.get("topic")
