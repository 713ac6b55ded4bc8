"""The command line: what each verb does in an installation of its own, and that every refusal is words and a code, never a traceback."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

import command_line
from tests import databases
from tests.roster_process import FOLDER, PROCESS, id_number, row, sheet

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "Quiet-harbour-2026"
ADMIN = ("--admin-login", "admin", "--admin-name", "管理员")
CHINESE = range(0x4E00, 0x9FFF)


@dataclass
class Answer:
    """What a verb said and how it ended."""

    code: int
    text: str

    @property
    def is_bilingual(self) -> bool:
        return any(ord(letter) in CHINESE for letter in self.text) and any("a" <= letter <= "z" for letter in self.text)


class Terminal:
    """Calls verbs in an instance folder."""

    def __init__(self, folder: Path) -> None:
        self.instance = folder / "instance"
        self.environment = {"BANJIE_INSTANCE": str(self.instance), "BANJIE_ADMIN_PASSWORD": PASSWORD, "DATABASE_URL": None}

    def run(self, *arguments: str | Path, typed: str | None = None, **environment: str | None) -> Answer:
        done = CliRunner().invoke(
            command_line.main, [str(one) for one in arguments], input=typed, env={**self.environment, **environment}, catch_exceptions=False
        )
        return Answer(done.exit_code, done.output)

    def refused(self, *arguments: str | Path, **environment: str | None) -> str:
        answer = self.run(*arguments, **environment)
        assert answer.code != 0 and "Traceback" not in answer.text and answer.is_bilingual, answer
        return answer.text

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(self.instance / "banjie.sqlite")
        try:
            with connection:
                return connection.execute(statement).fetchall()
        finally:
            connection.close()


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


@pytest.fixture
def installed(terminal: Terminal) -> Terminal:
    assert terminal.run("init", *ADMIN).code == 0
    return terminal


# init


def test_init_makes_an_installation_with_one_administrator_and_prints_no_password(terminal: Terminal) -> None:
    answer = terminal.run("init", *ADMIN)
    assert answer.code == 0 and PASSWORD not in answer.text
    assert terminal.sql("SELECT login, name FROM person") == [("admin", "管理员")]
    assert terminal.sql("SELECT count(*) FROM process_instance") == [(0,)]
    assert terminal.sql("SELECT count(*) FROM definition")[0][0] == len(list((ROOT / "bpmn").glob("*/*.bpmn")))
    assert PASSWORD not in str(terminal.sql("SELECT password_hash FROM person"))


def test_an_installation_lives_where_its_address_says(terminal: Terminal, tmp_path: Path, database: str) -> None:
    address = {"DATABASE_URL": databases.url_without_tables(tmp_path)}
    assert "init" in terminal.refused("audit", "verify", **address)
    assert terminal.run("init", *ADMIN, **address).code == 0
    terminal.refused("init", *ADMIN, **address)
    assert "intact" in terminal.run("audit", "verify", **address).text
    assert not (terminal.instance / "banjie.sqlite").exists()


def test_init_asks_for_what_it_was_not_given(terminal: Terminal) -> None:
    answer = terminal.run("init", typed=f"admin\n管理员\n{PASSWORD}\n{PASSWORD}\n", BANJIE_ADMIN_PASSWORD=None)
    assert answer.code == 0 and PASSWORD not in answer.text
    assert terminal.sql("SELECT login FROM person") == [("admin",)]


def test_init_takes_everything_from_the_environment(terminal: Terminal) -> None:
    assert terminal.run("init", BANJIE_ADMIN_LOGIN="admin", BANJIE_ADMIN_NAME="管理员").code == 0


def test_init_without_anything_to_read_says_what_to_give(terminal: Terminal) -> None:
    answer = terminal.run("init", typed="", BANJIE_ADMIN_PASSWORD=None)
    assert answer.code == 1 and "--admin-login" in answer.text and answer.is_bilingual


@pytest.mark.parametrize(("password", "words"), [("short", "至少"), ("admin-admin", "登录名"), ("1234567890", "密码")])
def test_a_weak_password_is_refused_in_words_and_nothing_is_installed(terminal: Terminal, password: str, words: str) -> None:
    assert words in terminal.refused("init", *ADMIN, BANJIE_ADMIN_PASSWORD=password)
    assert "init" in terminal.refused("web")
    assert terminal.run("init", *ADMIN).code == 0


def test_a_second_init_is_refused_and_changes_nothing(installed: Terminal) -> None:
    before = installed.sql("SELECT * FROM person")
    assert "已有人员" in installed.refused("init", "--admin-login", "other", "--admin-name", "别人")
    assert installed.sql("SELECT * FROM person") == before


# before there is anything


@pytest.mark.parametrize("call", [
    ("web",), ("worker",), ("audit", "verify"), ("audit", "verify", "--demo"), ("backup", "x.zip"), ("backup", "x.zip", "--demo"),
    ("import", __file__, "--process", "x", "--as", "y"), ("deploy", str(ROOT / "tests" / "processes" / "travel_claim"), "--skip-scenarios"),
])
def test_without_an_installation_every_verb_says_what_to_do(terminal: Terminal, call: tuple[str, ...]) -> None:
    terminal.refused(*call)


@pytest.mark.parametrize("call", [
    ("nonsense",), ("web", "--port", "abc"), ("web", "--nope"), ("import",), ("import", "nosuch.xlsx", "--process", "x", "--as", "y"),
    ("restore", "nosuch.zip"), ("decide", "nosuch.dmn"), ("conformance", "nosuch"), ("check",), ("deploy", "nosuch"), ("audit", "nonsense"),
])
def test_a_wrong_call_is_explained(terminal: Terminal, call: tuple[str, ...]) -> None:
    assert "help" in terminal.refused(*call)


def test_help_names_every_verb(terminal: Terminal) -> None:
    answer = terminal.run("help")
    verbs = {*command_line.main.commands, "test", "bench", "prove", "faults"}
    assert answer.code == 0 and [verb for verb in verbs if f"  {verb} " not in answer.text] == []


# databases that are none


@pytest.mark.parametrize("url", ["nonsense", "sqlite:///{folder}/garbage.sqlite", "postgresql+nodriver://127.0.0.1:1/x"])
def test_a_database_that_cannot_be_used_is_named(terminal: Terminal, tmp_path: Path, url: str) -> None:
    (tmp_path / "garbage.sqlite").write_bytes(b"\x00garbage" * 1000)
    terminal.refused("audit", "verify", DATABASE_URL=url.format(folder=tmp_path))


def test_a_database_of_a_newer_release_is_refused(installed: Terminal) -> None:
    installed.sql("UPDATE alembic_version SET version_num = '9999_future'")
    assert "更新的版本" in installed.refused("audit", "verify")


def test_backup_is_for_the_embedded_database(terminal: Terminal, tmp_path: Path) -> None:
    assert "pg_dump" in terminal.refused("backup", tmp_path / "x.zip", DATABASE_URL="postgresql://127.0.0.1/x")


# audit, backup, restore


def start_cases(terminal: Terminal, number: int) -> None:
    """Cases of a small cohort, put in by the command line itself."""
    house = command_line.installed_house()
    with house.store.transaction() as connection:
        house.definitions.deploy(connection, FOLDER, None)
        for code, kind in (("U1401", "university"),):
            house.people.organisations.add(connection, code=code, name="某大学", kind=kind, province="14")
        person = connection.exec_driver_sql("SELECT id FROM person").scalar_one()
        unit = connection.exec_driver_sql("SELECT id FROM organisation WHERE code = 'U1401'").scalar_one()
        connection.exec_driver_sql("INSERT INTO membership (person_id, organisation_id, role) VALUES (?, ?, 'univ_clerk')", (person, unit))
        house.calendar.seed_official_years(connection)
    house.store.engine.dispose()
    file = terminal.instance / "roster.xlsx"
    file.write_bytes(sheet([row("某样", id_number(serial)) for serial in range(number)]))
    answer = terminal.run("import", file, "--process", PROCESS, "--as", "admin")
    assert answer.code == 0, answer.text


@pytest.fixture
def busy(installed: Terminal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("BANJIE_INSTANCE", str(installed.instance))
    start_cases(installed, 5)
    yield installed


def test_the_audit_trail_is_proved_and_a_changed_row_is_named(busy: Terminal) -> None:
    answer = busy.run("audit", "verify")
    assert (answer.code, answer.text.strip()) == (0, "完好 / intact")
    busy.sql("UPDATE history SET kind = 'approved' WHERE instance_id = 2 AND sequence = 1")
    answer = busy.run("audit", "verify")
    assert answer.code == 1 and "case 2, row 1" in answer.text


def test_backup_and_restore_bring_the_data_back(busy: Terminal, tmp_path: Path) -> None:
    assert busy.run("backup", tmp_path / "saved.zip").code == 0
    busy.sql("DELETE FROM command_item")
    answer = busy.run("restore", tmp_path / "saved.zip")
    assert answer.code == 0 and "before-restore" in answer.text
    assert busy.sql("SELECT count(*) FROM command_item") == [(5,)]
    assert busy.run("audit", "verify").code == 0


def test_an_import_says_in_words_why_it_cannot_be(busy: Terminal, tmp_path: Path) -> None:
    garbage = tmp_path / "list.xlsx"
    garbage.write_bytes(os.urandom(3000))
    busy.refused("import", garbage, "--process", PROCESS, "--as", "admin")
    assert "nobody" in busy.refused("import", garbage, "--process", PROCESS, "--as", "nobody")
    assert "尚未部署" in busy.refused("import", garbage, "--process", "nowhere", "--as", "admin")
    (tmp_path / "wrong.xlsx").write_bytes(sheet([["a", "b"]], ["苹果", "梨"]))
    busy.refused("import", tmp_path / "wrong.xlsx", "--process", PROCESS, "--as", "admin")
    assert busy.sql("SELECT count(*) FROM process_instance") == [(5,)]


def test_the_same_roster_again_creates_nothing(busy: Terminal) -> None:
    answer = busy.run("import", busy.instance / "roster.xlsx", "--process", PROCESS, "--as", "admin")
    assert answer.code == 0 and "0 created" in answer.text
    assert busy.sql("SELECT count(*) FROM process_instance") == [(5,)]


# check, deploy, decide


BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'


@pytest.mark.parametrize("suffix", ["bpmn", "dmn"])
@pytest.mark.parametrize("content", [
    b"", b"hello", b"<a/>", b"\x00\x01\x02" * 500, BOMB, OUTSIDE, b"<a>" * 3000 + b"</a>" * 3000, b'<?xml version="1.0" encoding="nope"?><a/>',
    "<a/>".encode("utf-16"), b" " * (17 * 1024 * 1024),
], ids=["empty", "text", "other", "binary", "bomb", "outside", "deep", "encoding", "utf16", "huge"])
def test_check_says_what_is_wrong_with_any_file(terminal: Terminal, tmp_path: Path, content: bytes, suffix: str) -> None:
    file = tmp_path / f"x.{suffix}"
    file.write_bytes(content)
    answer = terminal.run("check", file)
    assert answer.code == 1 and answer.is_bilingual and "root:" not in answer.text


def test_check_of_what_is_not_there_and_of_an_empty_folder(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal.run("check", tmp_path / "nosuch").code == 1
    (tmp_path / "empty").mkdir()
    answer = terminal.run("check", tmp_path / "empty")
    assert answer.code == 1 and "一个 .bpmn 文件" in answer.text


BROKEN_PARTS = {
    "labels.en.yaml": b"a: [1", "roster.yaml": b"\xff\xfe\x00", "audit.form": b"{", "rules.dmn": b"\x00", "scenarios.yaml": b"scenarios: 1",
}


@pytest.mark.parametrize("name", list(BROKEN_PARTS))
def test_check_and_deploy_refuse_a_folder_with_one_broken_file(installed: Terminal, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "process"
    folder.mkdir()
    for file in (ROOT / "tests" / "processes" / "travel_claim").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / name).write_bytes(BROKEN_PARTS[name])
    answer = installed.run("check", folder)
    assert answer.code == 1 and name in answer.text and answer.is_bilingual
    before = installed.sql("SELECT count(*) FROM definition")
    installed.refused("deploy", folder)
    assert installed.sql("SELECT count(*) FROM definition") == before


@pytest.mark.parametrize("steps", [
    "- {do: fly}", "- {do: claim}", "- 7", "- {start: {case: K1, as: gaojingban}}\n      - {do: advance, by: {moons: 2}}", "- {expect: 3}",
    "- {do: advance}", "- {do: complete, as: nobody, outcome: x}", "- {start: 3}",
])
def test_a_scenario_that_cannot_be_played_is_a_finding(terminal: Terminal, tmp_path: Path, steps: str) -> None:
    folder = tmp_path / "process"
    folder.mkdir()
    for file in (ROOT / "tests" / "processes" / "two_tasks").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "scenarios.yaml").write_text(f"scenarios:\n  - id: one\n    clock: 2026-06-18T09:00\n    steps:\n      {steps}\n", encoding="utf-8")
    answer = terminal.run("check", folder)
    assert answer.code == 1 and "Traceback" not in answer.text and "one" in answer.text


def test_deploy_makes_the_next_version_and_the_same_again_none(installed: Terminal) -> None:
    folder = ROOT / "tests" / "processes" / "travel_claim"
    assert installed.run("deploy", folder).text.strip().endswith("travel_claim v1")
    assert installed.run("deploy", folder, "--skip-scenarios").text.strip() == "travel_claim v1"


def test_decide_answers_or_says_what_is_wrong(terminal: Terminal, tmp_path: Path) -> None:
    model = ROOT / "tests" / "models" / "student_loan.dmn"
    assert terminal.run("decide", model).code == 0
    assert "现有" in terminal.refused("decide", model, "--decision", "nope")
    assert "JSON" in terminal.refused("decide", model, "--input", "{bad")
    assert "JSON" in terminal.refused("decide", model, "--input", "[1]")
    assert "error:" in terminal.refused("decide", ROOT / "tests" / "models" / "faulty.dmn")
    (tmp_path / "x.dmn").write_bytes(b"\x00")
    terminal.refused("decide", tmp_path / "x.dmn")
    terminal.refused("conformance", tmp_path)


# the server


def test_an_interrupted_verb_ends_quietly(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_arguments: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "check_path", interrupt)
    answer = terminal.run("check", "x")
    assert answer.code == 130 and answer.text.strip() == ""


def test_the_installation_is_served_and_a_second_server_on_its_port_is_refused(installed: Terminal) -> None:
    environment = {**os.environ, "BANJIE_INSTANCE": str(installed.instance), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "command_line.py", "web", "--port", port]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background ignores it, and so would its children
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    signal.signal(signal.SIGINT, before)
    try:
        assert server.stdout is not None and port in server.stdout.readline()
        second = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 1 and "端口已被占用" in second.stderr and "Traceback" not in second.stderr
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/login", timeout=30) as page:
            assert page.status == 200
    finally:
        server.send_signal(signal.SIGINT)
        rest, _ = server.communicate(timeout=60)
    assert "Traceback" not in rest
