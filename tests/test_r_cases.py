"""Cases that break most systems and belong to no single operation, each named by its number."""

from __future__ import annotations

from typing import Any

import pytest

from tests.returning_walk import END, START, Office, chain, process, step

pytestmark = pytest.mark.usefixtures("database")
FIRST = process(START + step("apply") + step("sign") + step("file") + END + chain("start", "apply", "sign", "file", "end"))
# Another way through: nobody signs any more, the principal reviews, and what is left of the old names may no longer be returned.
SECOND = process(START + step("apply", return_to="") + step("review", line="univ_principal@U1") + END + chain("start", "apply", "review", "end"))


def version_of(office: Office) -> int:
    """The version the case runs on."""
    house, definition = office.house, office.row().definition_id
    with house.store.read() as connection:
        return house.engine.version(connection, definition).version


def acted(office: Office) -> list[tuple[str, Any]]:
    return [(fact.kind, fact.node_id) for fact in office.history("claimed", "returned", "activity_completed")]


def test_r17_a_model_redeployed_mid_case_leaves_running_cases_on_their_version() -> None:
    office = Office(FIRST).begin().done("apply")
    running, seat = office.case_id, office.seat("sign").id
    assert office.deploy(SECOND) == 2

    assert (version_of(office), office.seat("sign").id) == (1, seat)  # the seat somebody may have open is the same
    office.perform_claim("sign", "qian")
    office.give_back("sign", "apply")
    assert office.open == ["apply"]
    office.done("apply")
    office.give_back("sign", "apply", who="sun")  # the step opened after the new version came still returns as its own model says
    office.done("apply")
    office.finish("sign", "file")
    assert acted(office) == [
        ("activity_completed", "apply"), ("claimed", "sign"), ("returned", None), ("activity_completed", "apply"), ("returned", None),
        ("activity_completed", "apply"), ("activity_completed", "sign"), ("activity_completed", "file"),
    ]

    office.begin().done("apply")
    assert (office.case_id != running, version_of(office), office.open) == (True, 2, ["review"])
    office.finish("review", who="zhou")


def test_r17_an_act_taken_back_after_a_redeployment_opens_the_step_of_the_old_version() -> None:
    office = Office(FIRST).begin().done("apply")
    seat = office.seat("sign")
    office.done("sign")
    office.deploy(SECOND)
    office.command(lambda house, connection: house.tasks.undo(connection, office.actor(house, connection, "qian"), seat.id))
    assert (version_of(office), office.open) == (1, ["sign"])
    office.finish("sign", "file")
