"""领取 20: a block of the pool in the order shown, for one person at once. Each item is claimed by the ordinary verb and its guards."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from tasks.actors import Actor
from tasks.desk import Desk
from tasks.worklist import Filters, NO_FILTERS, Worklist
from workflows.errors import Rejection
from workflows.store import Store

BLOCK = 20
MOST = 50


@dataclass(frozen=True, slots=True)
class Block:
    """What was taken, and how many somebody else was quicker with."""

    seats: tuple[int, ...]
    refused: int


class Blocks:
    """Claims several seats in one transaction."""

    def __init__(self, desk: Desk, worklist: Worklist) -> None:
        self._desk = desk
        self._worklist = worklist

    def claim(
        self, connection: Connection, actor: Actor, count: int = BLOCK, *, sort: str = "due", filters: Filters = NO_FILTERS
    ) -> Block:
        """Claim up to `count` seats of the pool as the person sees it sorted and filtered; a savepoint each."""
        wanted = max(1, min(count, MOST))
        taken: list[int] = []
        refused, after = 0, None
        while len(taken) < wanted:
            page = self._worklist.page(connection, actor, "pool", sort=sort, after=after, size=wanted, filters=filters)
            for row in [row for row in page.rows if row.owner_id is None][: wanted - len(taken)]:
                try:
                    with Store.savepoint(connection):
                        self._desk.claim(connection, actor, row.seat_id, row.revision)
                    taken.append(row.seat_id)
                except Rejection:
                    refused += 1
            after = page.next
            if after is None:
                break
        return Block(tuple(taken), refused)
