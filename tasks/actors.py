"""Who acts: a person in one acting identity, on one channel. A value; it reads no table and decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from workflows.history import Author

STUDENT = "student"
SYSTEM_ROLE = "system"


@dataclass(frozen=True)
class MembershipView:
    """A membership that is valid today, with its organisation."""

    id: int
    role: str
    organisation_code: str
    organisation_name: str
    kind: str
    path: str
    province: str | None


@dataclass(frozen=True)
class Actor:
    """A person, the identity he acts in now, and all he could act in today.

    `channel` is one of web, api, counter, import, system, cli. Somebody without any membership (a student) acts for
    himself: role "student", no organisation.
    """

    person_id: int
    name: str
    membership_id: int | None
    role: str
    organisation_code: str | None
    organisation_path: str | None
    memberships: tuple[MembershipView, ...]
    channel: str
    address: str | None = None
    language: str | None = None
    must_change_password: bool = False

    @cached_property
    def candidates(self) -> tuple[str, ...]:
        """The candidate entries that mean this person: himself, and "role@ORG" of every valid membership."""
        groups = dict.fromkeys(f"{one.role}@{one.organisation_code}" for one in self.memberships)
        return (f"person:{self.person_id}", *groups)

    @property
    def acting(self) -> MembershipView | None:
        """The membership that acts, None for somebody who acts for himself."""
        return next((one for one in self.memberships if one.id == self.membership_id), None)

    @property
    def is_system(self) -> bool:
        """Whether this is the house itself and not a person."""
        return self.role == SYSTEM_ROLE

    def to_json(self) -> dict[str, Any]:
        """All of it as a JSON value, for a command that goes on after the request."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Actor:
        """What `to_json` gave."""
        memberships = tuple(MembershipView(**one) for one in value["memberships"])
        return cls(**{**value, "memberships": memberships})

    def on(self, channel: str) -> Actor:
        """The same actor on another channel, such as the counter."""
        return replace(self, channel=channel)


def build_actor(
    person_id: int, name: str, memberships: Sequence[MembershipView], *, acting: int | None, channel: str, address: str | None = None,
    language: str | None = None, must_change_password: bool = False,
) -> Actor:
    """An actor whose acting membership is `acting` when that is valid, else the first valid one."""
    chosen = next((one for one in memberships if one.id == acting), memberships[0] if memberships else None)
    return Actor(
        person_id, name, chosen.id if chosen else None, chosen.role if chosen else STUDENT, chosen.organisation_code if chosen else None,
        chosen.path if chosen else None, tuple(memberships), channel, address, language, must_change_password,
    )


def system_actor(channel: str = "system") -> Actor:
    """The house itself: timers, the command line, the first seed. It is no person: `person_id` is 0."""
    return Actor(0, "系统", None, SYSTEM_ROLE, None, None, (), channel)


def author_of(actor: Actor, claimed_as: str | None = None, on_behalf_of: int | None = None) -> Author:
    """The author of a fact: the person in the role that gave him the seat, else in his acting identity."""
    role, organisation = actor.role, actor.organisation_code
    if claimed_as and "@" in claimed_as:
        role, organisation = claimed_as.split("@", 1)
    return Author(actor.person_id, on_behalf_of, role, organisation, actor.channel)
