"""Running cases carried to another version: what stays, what is renamed, and a refusal that names what is missing."""

from __future__ import annotations

import pytest

from tests.returning_walk import END, START, Office, chain, fork, join, process, step
from workflows.errors import Conflict, Forbidden, Rejection

pytestmark = pytest.mark.usefixtures("database")

OLD = process(START + step("apply") + step("check") + step("sign") + END + chain("start", "apply", "check", "sign", "end"))
LONGER = process(START + step("apply") + step("check") + step("audit") + step("sign") + END + chain("start", "apply", "check", "audit", "sign", "end"))
RENAMED = process(START + step("apply") + step("examine") + step("sign") + END + chain("start", "apply", "examine", "sign", "end"))


def test_a_running_case_goes_on_under_the_new_version() -> None:
    office = Office(OLD).begin().done("apply")
    office.perform_claim("check", "qian")
    office.deploy(LONGER)
    office.migrate()
    assert office.open == ["check"] and office.seat("check").owner_id == office.people["qian"]
    assert office.history("migrated")[0].detail["to_version"] == 2
    office.finish("check", "audit", "sign")


def test_without_migration_a_case_ends_under_the_version_it_began_with() -> None:
    office = Office(OLD).begin().done("apply")
    office.deploy(LONGER)
    office.finish("check", "sign")


def test_a_renamed_element_is_mapped_with_its_seat() -> None:
    office = Office(OLD).begin().done("apply")
    office.deploy(RENAMED)
    office.migrate({"check": "examine"})
    assert office.open == ["examine"]
    office.finish("examine", "sign")


def test_a_missing_element_refuses_by_name_and_changes_nothing() -> None:
    office = Office(OLD).begin().done("apply")
    office.deploy(RENAMED)
    before = office.row()
    with pytest.raises(Rejection, match="check"):
        office.migrate()
    assert office.row() == before
    office.finish("check", "sign")


def test_arrivals_at_joins_are_carried_along() -> None:
    def drawn(*more: str) -> bytes:
        steps = "".join(step(one) for one in ("left", "right", *more))
        return process(START + fork("split") + steps + join("merge") + END + chain("start", "split", "left", "merge", *more, "end") + chain("split", "right", "merge"))

    office = Office(drawn()).begin().done("left")
    office.deploy(drawn("after"))
    office.migrate()
    assert office.marking[1] == {"left_to_merge": 1}
    office.finish("right", "after")


def test_a_returned_case_still_finds_its_causal_past_after_migration() -> None:
    office = Office(OLD).begin().done("apply", "check")
    office.deploy(LONGER)
    office.migrate()
    office.give_back("sign", "apply")
    office.finish("apply", "check", "audit", "sign")


def test_a_case_that_is_over_and_a_clerk_are_refused() -> None:
    office = Office(OLD).begin().done("apply")
    office.deploy(LONGER)
    version = office.command(lambda house, connection: house.definitions.current(connection, "process").id)
    with pytest.raises(Forbidden):
        office.command(lambda house, connection: house.tasks.migrate(connection, office.actor(house, connection, "qian"), office.case_id, version, {}))
    office.finish("check", "sign")
    with pytest.raises(Conflict):
        office.migrate()


def apart(sign: str = "sign", **settings: str) -> bytes:
    return process(
        START + step("apply") + step("check") + step(sign, **settings) + step("file") + END + chain("start", "apply", "check", sign, "file", "end")
    )


def test_a_case_is_not_moved_under_a_four_eyes_rule_that_its_past_breaks() -> None:
    office = Office(apart()).begin().done("apply", "check", "sign")
    office.deploy(apart(separate_from="check"))
    before = office.row()
    with pytest.raises(Conflict, match="check.*sign"):
        office.migrate()
    assert office.row() == before
    office.finish("file")


def test_four_eyes_are_kept_by_person_where_a_step_has_got_another_id() -> None:
    office = Office(apart(separate_from="check")).begin().done("apply").do("check", "sun").done("sign")
    office.deploy(apart("seal", separate_from="check"))
    office.migrate({"sign": "seal"})
    office.give_back("file", "check")
    with pytest.raises(Forbidden):
        office.do("check", "qian")
    office.do("check", "sun")


def test_a_four_eyes_rule_of_the_new_version_shuts_out_whoever_acted_under_the_old_one() -> None:
    office = Office(apart()).begin().done("apply", "check")
    office.deploy(apart(separate_from="check"))
    office.migrate()

    def listed(who: str) -> int:
        with office.house.store.read() as connection:
            return len(office.house.worklist.page(connection, office.actor(office.house, connection, who)).rows)

    assert (listed("qian"), listed("sun")) == (0, 1)
    office.do("sign", "sun").finish("file")
