"""Builds the services of this room and registers their operations. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable

from tasks.deciding import Deciding
from tasks.ground import Ground
from tasks.keys.agencies import Agencies
from tasks.keys.agency import AgencyKeys
from tasks.keys.agency_dates import AgencyDates
from tasks.keys.claims import Claims
from tasks.keys.expiry import Expiry
from tasks.keys.forwarding import Forwarding
from tasks.keys.lapses import Lapses
from tasks.keys.leaving import Leaving
from tasks.keys.replacing import Replacing
from tasks.keys.taking_back import TakingBack
from tasks.operations import Operations
from tasks.steering import Steering
from workflows.jobs import Jobs


class Keys:
    """Claims, and everything by which a seat changes hands."""

    def __init__(self, ground: Ground, claims: Claims, deciding: Deciding, operations: Operations) -> None:
        replacing = Replacing(ground)
        self.steering = Steering(ground, claims, replacing)
        keys = AgencyKeys(ground.clock)
        self._dates = AgencyDates(ground, keys)
        self.agencies = Agencies(ground, keys, self._dates)
        self.lapses = Lapses(ground, claims, deciding)
        self._expiry = Expiry(ground, claims, deciding, self._dates, self.lapses)
        self.leaving = Leaving(ground, self.steering, replacing, self.agencies, deciding, ground.definitions)
        operations.register(Forwarding(ground, replacing).operation(), TakingBack(ground, replacing).operation())
        ground.seats.on_offer.append(keys.hear)
        ground.people.administration.on_change.append(self._expiry.ask)

    def use(self, jobs: Jobs) -> None:
        """The jobs this room asks for are done by this table."""
        self._expiry.use(jobs)

    def steps(self) -> dict[str, Callable[[], bool]]:
        """What the worker does for this room."""
        return {"agencies": self._dates.pass_due, "claims": self._expiry.expire_due, "memberships": self._expiry.pass_day}
