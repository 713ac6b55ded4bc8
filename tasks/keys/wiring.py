"""Builds the services of this room and registers their operations. It decides nothing."""

from __future__ import annotations

from tasks.ground import Ground
from tasks.keys.claims import Claims
from tasks.operations import Operations
from tasks.steering import Steering


class Keys:
    """Claims, and the acts by which a seat changes hands."""

    def __init__(self, ground: Ground, operations: Operations) -> None:
        self.claims = Claims(ground.engine, ground.seats, ground.people.personal_data, ground.clock)
        self.steering = Steering(ground.engine, ground.seats, self.claims, ground.people, ground.clock)
