"""The cohort import from file to cases: AC-17, repeatable, one bad row costs one row, nothing personal stays behind."""

import pytest
from sqlalchemy import func, select

from tasks.commands import Commands
from tasks.models import CaseItem, Person
from tasks.roster.setup import RosterDesk
from tasks.roster.sheets import error_sheet, template
from tests.roster_process import FOLDER, HEADER, PROCESS, id_number, row, sheet
from workflows.errors import Conflict, Forbidden, InvalidForm, Rejection
from workflows.history import verify
from workflows.models import Command, CommandItem, ProcessInstance

K1, K2 = "149999200311059015", "429999200402199221"
MOTHER = "42999919750318928X"


@pytest.fixture
def desk(house, cast):
    with house.store.transaction() as connection:
        house.definitions.deploy(connection, FOLDER, None)
    return house


def actor(house, cast, login="gaojingban"):
    with house.store.read() as connection:
        return cast.actor(connection, login)


def upload(house, who, data, filename="名单.xlsx"):
    with house.store.read() as connection:
        prepared = house.rosters.rosters.read(connection, who, PROCESS, filename, data)
    with house.store.transaction() as connection:
        return house.rosters.rosters.keep(connection, who, prepared)


def confirm(house, who, command_id):
    with house.store.transaction() as connection:
        house.rosters.rosters.confirm(connection, who, command_id)


def load(house, who, command_id):
    with house.store.read() as connection:
        return house.rosters.imports.load(connection, who, command_id)


def run(house, who, data, filename="名单.xlsx"):
    command_id = upload(house, who, data, filename)
    confirm(house, who, command_id)
    house.commands.run_all(command_id)
    return load(house, who, command_id).result


def cases(house):
    with house.store.read() as connection:
        return connection.execute(select(func.count()).select_from(ProcessInstance)).scalar_one()


def items(house):
    with house.store.read() as connection:
        return sorted(connection.execute(select(CaseItem.value)).scalars())


AC_17 = [
    row("李样二", K2, contracts="HT20260001", mobile="13800000002"), row("李样二", f"{K2} ", contracts="HT20260001"),
    row("李样二", K2, co_name="李母乙", co_id=MOTHER.lower()),
]


def test_three_rows_about_one_student_make_one_case_and_the_file_again_makes_none(desk, cast):
    who = actor(desk, cast)
    assert run(desk, who, sheet(AC_17)) == {"created": 1, "merged": 2, "unchanged": 0, "rejected": 0, "warnings": 0}
    assert run(desk, who, sheet(AC_17)) == {"created": 0, "merged": 2, "unchanged": 1, "rejected": 0, "warnings": 0}
    assert cases(desk) == 1


def test_a_row_with_a_wrong_check_digit_is_left_out_and_the_others_go_on(desk, cast):
    who = actor(desk, cast)
    result = run(desk, who, sheet([*AC_17, row("张测一", "149999200311059016")]))
    assert (result["created"], result["merged"], result["rejected"]) == (1, 2, 1)
    assert cases(desk) == 1


def test_a_student_gets_his_own_waiting_task_and_no_password(desk, cast):
    who = actor(desk, cast)
    run(desk, who, sheet([row("新生某", id_number(7), student_number="20230102", mobile="13800000002")]))
    with desk.store.read() as connection:
        person = connection.execute(select(Person.__table__).where(Person.name == "新生某")).one()
        student = desk.people.actor(connection, person.id)
        mine = desk.worklist.page(connection, student, "mine").rows
    assert (person.login, person.password_hash, person.student_number) == (None, None, "20230102")
    assert (person.id_number_masked, person.mobile_masked) == (f"1499**********{id_number(7)[-4:]}", "138****0002")
    assert [one.node_id for one in mine] == ["declare"]


def test_new_contract_numbers_are_added_to_the_case_that_exists(desk, cast):
    who = actor(desk, cast)
    run(desk, who, sheet([row("李样二", K2, contracts="HT1")]))
    result = run(desk, who, sheet([row("李样二", K2, contracts="HT2；HT1")]))
    assert result == {"created": 0, "merged": 1, "unchanged": 0, "rejected": 0, "warnings": 0}
    assert items(desk) == ["HT1", "HT2"]
    with desk.store.read() as connection:
        assert list(verify(connection)) == []


def test_a_known_value_is_not_overwritten_by_a_later_sheet(desk, cast):
    who = actor(desk, cast)
    run(desk, who, sheet([row("李样二", K2, class_="U1401-CS-2301")]))
    result = run(desk, who, sheet([row("李样二", K2, class_="U1401-CS-2302")]))
    assert result["unchanged"] == 1
    with desk.store.read() as connection:
        assert connection.execute(select(ProcessInstance.variables)).scalar_one()["case"]["class"] == "U1401-CS-2301"


def test_the_preview_shows_what_was_understood_before_anything_is_written(desk, cast):
    who = actor(desk, cast)
    command_id = upload(desk, who, sheet([*AC_17, row("张测一", "149999200311059016")]))
    imported = load(desk, who, command_id)
    findings = desk.rosters.imports.part(imported, "findings")
    assert imported.step == "checked"
    assert imported.argument["counts"] == {"rows": 4, "good": 1, "merged": 2, "rejected": 1, "warnings": 0, "known": 0}
    assert findings["preview"][0]["cells"][:2] == ["李样二", "4299**********9221"]
    assert [(one["address"], one["zh"]) for one in findings["problems"]] == [("B5", "身份证号：校验码错误")]
    assert cases(desk) == 0


def test_no_id_number_is_ever_stored_in_clear_beside_the_person(desk, cast):
    who = actor(desk, cast)

    def stored(house):
        with house.store.read() as connection:
            rows = [*connection.execute(select(Command.argument, Command.result)), *connection.execute(select(CommandItem.payload, CommandItem.detail))]
            facts = connection.execute(select(ProcessInstance.variables)).all()
        return repr([*map(tuple, rows), *map(tuple, facts)])

    command_id = upload(desk, who, sheet([*AC_17, row("张测一", "149999200311059016")]))
    seen = [stored(desk)]
    confirm(desk, who, command_id)
    seen.append(stored(desk))
    desk.commands.run_all(command_id)
    seen.append(stored(desk))
    for text in seen:
        assert K2 not in text and MOTHER not in text and "149999200311059016" not in text
    with desk.store.read() as connection:
        assert all(payload == {} for payload in connection.execute(select(CommandItem.payload)).scalars())
        facts = connection.execute(select(ProcessInstance.variables)).scalar_one()["case"]
    assert facts["co_borrower"]["id_number"]["masked"] == "4299**********928X"


def test_the_error_sheet_holds_the_rejected_rows_and_can_be_corrected_and_sent_again(desk, cast):
    who = actor(desk, cast)
    command_id = upload(desk, who, sheet([row("李样二", K2), row("张测一", "149999200311059016", contracts="=1+1")]))
    imported = load(desk, who, command_id)
    data = error_sheet(desk.rosters.imports.part(imported, "findings"), [], "zh-CN")
    again = load(desk, who, upload(desk, who, data))
    assert again.argument["counts"]["rejected"] == 1
    sent = desk.rosters.imports.part(again, "sheet")
    assert sent["header"][-2:] == ["错误", "原行号"]
    assert sent["rows"][0][1][:2] == ["张测一", "149999200311059016"]
    assert "校验码错误" in sent["rows"][0][1][-2] and sent["rows"][0][1][-1] == 3


def test_a_sheet_without_a_required_column_asks_which_one_is_meant_and_remembers(desk, cast):
    who = actor(desk, cast)
    data = sheet([["李样二", K2, "U1401"]], ["大名", "证件", "高校代码"])
    command_id = upload(desk, who, data)
    assert load(desk, who, command_id).step == "mapping"
    with desk.store.transaction() as connection, pytest.raises(Rejection, match="身份证号"):
        desk.rosters.rosters.choose_columns(connection, who, command_id, {"name": 0, "university": 2})
    with desk.store.transaction() as connection:
        desk.rosters.rosters.choose_columns(connection, who, command_id, {"name": 0, "id_number": 1, "university": 2})
    assert load(desk, who, command_id).step == "checked"
    assert load(desk, who, upload(desk, who, data)).step == "checked"
    confirm(desk, who, command_id)
    desk.commands.run_all(command_id)
    assert cases(desk) == 1


def test_confirming_twice_is_told_and_imports_once(desk, cast):
    who = actor(desk, cast)
    command_id = upload(desk, who, sheet(AC_17))
    confirm(desk, who, command_id)
    with pytest.raises(Conflict):
        confirm(desk, who, command_id)
    desk.commands.run_all(command_id)
    assert cases(desk) == 1


def test_a_cancelled_preview_keeps_nothing_of_the_file(desk, cast):
    who = actor(desk, cast)
    command_id = upload(desk, who, sheet(AC_17))
    with desk.store.transaction() as connection:
        desk.rosters.rosters.discard(connection, who, command_id)
    imported = load(desk, who, command_id)
    assert imported.step == "cancelled"
    assert not {"sheet", "good", "findings"} & set(imported.argument)


def test_only_the_importer_sees_his_import(desk, cast):
    command_id = upload(desk, actor(desk, cast), sheet(AC_17))
    with pytest.raises(Forbidden):
        load(desk, actor(desk, cast, "dengjingban"), command_id)


def test_a_role_that_the_roster_does_not_name_may_not_import(desk, cast):
    with pytest.raises(Forbidden):
        upload(desk, actor(desk, cast, "tangshengban"), sheet(AC_17))


def test_a_university_cannot_import_students_of_another(desk, cast):
    result = run(desk, actor(desk, cast), sheet([row("李样二", K2, university="U4201")]))
    assert (result["created"], result["rejected"]) == (0, 1)


def test_an_unknown_university_is_rejected_from_a_university_and_taken_from_a_county(desk, cast):
    data = sheet([row("李样二", K2, university="U9999", county="C429999")])
    assert run(desk, actor(desk, cast), data)["rejected"] == 1
    result = run(desk, actor(desk, cast, "dengjingban"), data)
    assert (result["created"], result["warnings"]) == (1, 1)


def test_an_import_that_stopped_half_way_is_finished_by_the_next_worker(desk, cast):
    who = actor(desk, cast)
    command_id = upload(desk, who, sheet([row("某样", id_number(serial)) for serial in range(450)]))
    confirm(desk, who, command_id)
    assert desk.commands.run_chunk(command_id)
    assert cases(desk) == 200
    restarted = Commands(desk.store, desk.clock)
    RosterDesk(desk.definitions, desk.engine, desk.tasks, desk.personal_data, restarted, desk.people, desk.clock, desk.store)
    restarted.run_all(command_id)
    assert cases(desk) == 450
    assert load(desk, who, command_id).result["created"] == 450


def test_two_imports_of_the_same_rows_side_by_side_make_each_case_once(desk, cast):
    data = sheet([row("某样", id_number(serial), contracts=f"HT{serial}") for serial in range(250)])
    first, second = actor(desk, cast), actor(desk, cast)
    commands = [upload(desk, who, data) for who in (first, second)]
    for who, command_id in zip((first, second), commands, strict=True):
        confirm(desk, who, command_id)
    more = True
    while more:
        more = any([desk.commands.run_chunk(command_id) for command_id in commands])
    results = [load(desk, first, command_id).result for command_id in commands]
    assert cases(desk) == 250
    assert sum(result["created"] for result in results) == 250
    assert sum(result["unchanged"] for result in results) == 250


def test_a_file_is_imported_from_the_command_line_by_a_login(desk, cast, tmp_path):
    path = tmp_path / "名单.xlsx"
    path.write_bytes(sheet([*AC_17, row("张测一", "149999200311059016")]))
    lines = []
    result = desk.rosters.files.run(path, PROCESS, "gaojingban", lines.append)
    assert (result["created"], result["merged"], result["rejected"]) == (1, 2, 1)
    assert any("B5" in line and "校验码错误" in line for line in lines)


def register(house, who, **typed):
    with house.store.transaction() as connection:
        return house.rosters.counter.register(connection, who, PROCESS, typed, accept_warnings=typed.pop("accept", False))


def test_one_student_is_registered_at_the_counter_by_the_same_rules(desk, cast):
    clerk = actor(desk, cast, "dengjingban")
    with pytest.raises(InvalidForm) as caught:
        register(desk, clerk, name="李样二", id_number="429999200402199222", university="U1401")
    assert "校验码错误" in caught.value.fields["id_number"]["zh"]
    registered = register(desk, clerk, name="李样二", id_number=K2, university="U1401", origin_county="C429999")
    assert (registered.outcome, cases(desk)) == ("done", 1)
    assert register(desk, clerk, name="李样二", id_number=K2, university="U1401", origin_county="C429999").outcome == "unchanged"


def test_an_unknown_university_at_the_counter_is_taken_once_the_warning_is_accepted(desk, cast):
    clerk = actor(desk, cast, "dengjingban")
    typed = {"name": "李样二", "id_number": K2, "university": "U9999"}
    warned = register(desk, clerk, **typed)
    assert (warned.outcome, warned.instance_id, len(warned.warnings), cases(desk)) == ("warned", None, 1, 0)
    assert register(desk, clerk, **typed, accept=True).outcome == "done"


def test_the_counter_is_not_for_roles_that_the_roster_does_not_name(desk, cast):
    with pytest.raises(Forbidden):
        register(desk, actor(desk, cast, "tangshengban"), name="李样二", id_number=K2, university="U1401")


def test_the_blank_template_is_a_sheet_that_the_import_understands(desk, cast):
    who = actor(desk, cast)
    with desk.store.read() as connection:
        roster, _rule = desk.rosters.access.permitted(connection, who, PROCESS)
    with pytest.raises(Rejection, match="没有数据行"):
        upload(desk, who, template(roster, "zh-CN"))
    assert len(HEADER) == len(roster.columns)
