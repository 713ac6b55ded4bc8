"""Backup and restore while the product runs: the copy is whole, the running house shows it at once, and nothing else is taken for a backup."""

from __future__ import annotations

import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text

from tests.conftest import shanghai
from tests.web_office import FOLDER, Office
from workflows import backups
from workflows.business_calendar import FrozenClock
from workflows.definitions import read_folder
from workflows.errors import Rejection
from workflows.history import verify
from workflows.models import Definition, ProcessInstance, Setting

pytestmark = pytest.mark.sqlite_file
DATABASE = "banjie.sqlite"


@pytest.fixture
def office(tmp_path: Path, database: str) -> Iterator[Office]:
    found = Office(tmp_path / "instance", FrozenClock(shanghai("2026-06-18T09:00")))
    yield found
    found.close()


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    return tmp_path / "instance"


def cases(office: Office) -> int:
    with office.house.store.read() as connection:
        return int(connection.execute(select(func.count(ProcessInstance.id))).scalar_one())


def test_a_running_house_shows_the_restored_state_at_once(office: Office, instance: Path, tmp_path: Path) -> None:
    office.submitted(2)
    browser = office.browser(office.clerk)
    backups.backup(instance, DATABASE, tmp_path / "saved.zip")
    office.submitted(3)
    assert cases(office) == 5 and browser.get("/inbox").get_data(as_text=True).count("赵申请") >= 5
    kept = backups.restore(instance, DATABASE, tmp_path / "saved.zip")
    assert cases(office) == 2
    page = browser.get("/inbox")
    assert page.status_code == 200 and "/tasks/" in page.get_data(as_text=True)
    with office.house.store.read() as connection:
        assert list(verify(connection)) == []
    assert kept is not None and kept.exists()
    assert len(office.submitted(1)) == 1 and cases(office) == 3


def test_the_state_before_a_restore_is_kept_and_never_overwritten(office: Office, instance: Path, tmp_path: Path) -> None:
    backups.backup(instance, DATABASE, tmp_path / "empty.zip")
    office.start(2)
    first = backups.restore(instance, DATABASE, tmp_path / "empty.zip")
    office.start(1)
    second = backups.restore(instance, DATABASE, tmp_path / "empty.zip")
    assert first is not None and second is not None and first != second
    counts = []
    for kept in (first, second):
        shutil.copy(kept, tmp_path / "look.sqlite")
        with backups._open(tmp_path / "look.sqlite") as connection:
            counts.append(connection.execute("SELECT count(*) FROM process_instance").fetchone()[0])
    assert counts == [2, 1] and cases(office) == 0


def test_a_restored_house_does_not_run_cases_on_a_version_it_only_remembers(office: Office, instance: Path, tmp_path: Path) -> None:
    """After a restore a new version may get the number of one that is gone: what was in memory must not answer for it."""
    backups.backup(instance, DATABASE, tmp_path / "saved.zip")
    files = read_folder(FOLDER)
    for label in ("先前版本", "后来版本"):
        changed = {**files, "travel_claim.bpmn": files["travel_claim.bpmn"].replace("审核报销单".encode(), label.encode())}
        with office.house.store.transaction() as connection:
            version = office.house.definitions.deploy(connection, changed, None)
        with office.house.store.read() as connection:
            assert office.house.definitions.get(connection, version.id).graph.nodes["audit_claim"].name == label
            assert connection.execute(select(Definition.version).where(Definition.current)).scalar_one() == 2
        if label == "先前版本":
            backups.restore(instance, DATABASE, tmp_path / "saved.zip")


def test_a_restored_house_forgets_organisations_it_only_remembers(office: Office, instance: Path, tmp_path: Path) -> None:
    backups.backup(instance, DATABASE, tmp_path / "saved.zip")
    with office.house.store.transaction() as connection:
        office.house.people.organisations.add(connection, code="U9", name="新单位", kind="university", province="14")
    with office.house.store.read() as connection:
        assert office.house.people.organisation(connection, "U9") is not None
    backups.restore(instance, DATABASE, tmp_path / "saved.zip")
    with office.house.store.transaction() as connection:
        office.house.people.organisations.add(connection, code="U8", name="另一单位", kind="university", province="14")
    with office.house.store.read() as connection:
        assert office.house.people.organisation(connection, "U9") is None
        assert office.house.people.organisation(connection, "U8") is not None


def test_a_backup_taken_while_others_write_is_whole(office: Office, instance: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            office.start(2)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            backups.backup(instance, DATABASE, tmp_path / f"{number}.zip")
    finally:
        stop.set()
        writer.join()
    sizes = []
    for number in range(5):
        backups.restore(instance, DATABASE, tmp_path / f"{number}.zip")
        with office.house.store.read() as connection:
            assert list(verify(connection)) == []
            assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
        sizes.append(cases(office))
    assert sizes == sorted(sizes) and all(size % 2 == 0 for size in sizes)


def test_a_writer_and_a_restore_do_not_mix(office: Office, instance: Path, tmp_path: Path) -> None:
    backups.backup(instance, DATABASE, tmp_path / "saved.zip")
    with office.house.store.transaction() as connection:
        connection.execute(insert(Setting).values(name="before", value="x"))
        restoring = threading.Thread(target=backups.restore, args=(instance, DATABASE, tmp_path / "saved.zip"))
        restoring.start()
        connection.execute(insert(Setting).values(name="after", value="x"))
    restoring.join()
    with office.house.store.read() as connection:
        names = set(connection.execute(select(Setting.name).where(Setting.name.in_(("before", "after")))).scalars())
    assert names == set()


def test_a_backup_is_for_its_owner_only_and_holds_database_and_key(office: Office, instance: Path, tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "saved.zip"
    backups.backup(instance, DATABASE, target)
    with zipfile.ZipFile(target) as archive:
        assert sorted(archive.namelist()) == ["database.sqlite", "secret.key"]
        assert archive.read("secret.key") == (instance / "secret.key").read_bytes()
    assert target.stat().st_mode & 0o077 == 0 and not target.with_name("saved.zip.part").exists()


def test_a_new_machine_takes_the_key_over(office: Office, instance: Path, tmp_path: Path) -> None:
    backups.backup(instance, DATABASE, tmp_path / "saved.zip")
    assert backups.restore(tmp_path / "other", DATABASE, tmp_path / "saved.zip") is None
    assert (tmp_path / "other" / "secret.key").read_bytes() == (instance / "secret.key").read_bytes()
    assert (tmp_path / "other" / DATABASE).exists()


def test_a_backup_made_with_another_key_is_refused_and_changes_nothing(office: Office, instance: Path, tmp_path: Path) -> None:
    backups.backup(instance, DATABASE, tmp_path / "saved.zip")
    office.start(1)
    (instance / "secret.key").write_bytes(b"another key of this machine")
    with pytest.raises(Rejection, match="密钥"):
        backups.restore(instance, DATABASE, tmp_path / "saved.zip")
    assert cases(office) == 1


@pytest.mark.parametrize("broken", ["text", "empty", "other zip", "no database", "damaged", "foreign database"])
def test_what_is_no_backup_is_refused_in_words_and_changes_nothing(office: Office, instance: Path, tmp_path: Path, broken: str) -> None:
    office.start(1)
    backups.backup(instance, DATABASE, tmp_path / "good.zip")
    source = tmp_path / "bad.zip"
    if broken == "text":
        source.write_text("not a zip")
    elif broken == "empty":
        source.write_bytes(b"")
    elif broken == "damaged":
        content = bytearray((tmp_path / "good.zip").read_bytes())
        content[len(content) // 3 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
        source.write_bytes(bytes(content))
    else:
        with zipfile.ZipFile(source, "w") as archive:
            if broken == "other zip":
                archive.writestr("readme.txt", "hello")
            elif broken == "no database":
                archive.writestr("database.sqlite", b"x" * 8192)
            else:
                with backups._open(tmp_path / "foreign.sqlite") as connection:
                    connection.execute("CREATE TABLE song (title TEXT)")
                archive.write(tmp_path / "foreign.sqlite", "database.sqlite")
    with pytest.raises(Rejection) as refused:
        backups.restore(instance, DATABASE, source)
    assert refused.value.zh and refused.value.en
    assert cases(office) == 1 and list(instance.glob("*.before-restore*")) == []


def test_a_backup_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Rejection, match="没有数据库"):
        backups.backup(tmp_path, DATABASE, tmp_path / "saved.zip")
