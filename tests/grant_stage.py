"""A small office on the stage that grants aid: forms with hidden fields, opinions and files, served by pages and by services."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, text

from tasks.models import Organisation
from tests.web_office import Office
from workflows.business_calendar import FrozenClock
from workflows.definitions import read_folder
from workflows.engine import INSTANCE, StartItem
from workflows.process_folder import check

FOLDER = Path(__file__).resolve().parent / "processes" / "grant_request"
FAMILY = [{"name": "赵父", "income": 71234}]
APPLICATION = {"reason": "家里遭灾", "income": 71234, "family": FAMILY}
SECRETS = ("71234",)


class Grants(Office):
    """甲单位 with two clerks, a principal and a finance officer, a supervisor of the city, a stranger, and the applicant."""

    def __init__(self, folder: Path, clock: FrozenClock, **settings: str) -> None:
        super().__init__(folder, clock)
        with self.house.store.transaction() as connection:
            connection.execute(insert(Organisation).values(
                code="CITY", name="示例市", kind="city", path="/CITY/", province="14", on_platform=True, active=True
            ))
            connection.execute(text("UPDATE organisation SET path = '/CITY/U1/' WHERE code = 'U1'"))
            self.principal = self._person(connection, "郑主任", "zheng", ("univ_principal", 1))
            self.finance = self._person(connection, "王财务", "wang", ("univ_finance", 1))
            self.supervisor = self._person(connection, "何督导", "he", ("city_supervisor", 3))
            self.house.definitions.deploy(connection, self.files(**settings), None)
        self.people = {
            "applicant": self.applicant, "clerk": self.clerk, "other": self.other, "principal": self.principal, "finance": self.finance,
            "supervisor": self.supervisor, "stranger": self.stranger,
        }

    @staticmethod
    def files(**settings: str) -> dict[str, bytes]:
        """The folder, with other values for settings of the activity "check"."""
        files = read_folder(FOLDER)
        model = files["grant_request.bpmn"].decode()
        head, tail = model.split('<userTask id="check"', 1)
        for name, value in settings.items():
            start = tail.index(f'<camunda:property name="{name}"')
            tail = f"{tail[:start]}<camunda:property name=\"{name}\" value='{value}' />{tail[tail.index('/>', start) + 2:]}"
        return {**files, "grant_request.bpmn": f'{head}<userTask id="check"{tail}'.encode()}

    @staticmethod
    def findings(**settings: str) -> list[Any]:
        """What the checks say of the folder with other settings."""
        return [one.finding for one in check(Grants.files(**settings)) if one.finding.severity == "error"]

    def started(self) -> int:
        """A case whose application waits for the applicant."""
        with self.house.store.transaction() as connection:
            actor = self.house.people.actor(connection, self.clerk)
            item = StartItem({"name": "赵申请", "person": self.applicant, "office": "U1"})
            return int(self.house.tasks.start_many(connection, actor, "grant_request", [item])[0])

    def applied(self, **values: Any) -> int:
        """A case whose application waits for its check."""
        case = self.started()
        self.do("complete", "applicant", self.seat(case).id, {**APPLICATION, **values}, "submit")
        return case

    def checked(self, **values: Any) -> int:
        """A case that waits for its approval."""
        case = self.applied()
        self.do("complete", "clerk", self.seat(case).id, {"grade": "severe", "opinion": "情况属实", **values}, "agree")
        return case

    def do(self, verb: str, who: str, *arguments: Any, **options: Any) -> Any:
        """One command of one person in its own transaction; a verb with a dot belongs to a service of the desk."""
        service = self.house.tasks
        *path, name = verb.split(".")
        for part in path:
            service = getattr(service, part)
        with self.house.store.transaction() as connection:
            return getattr(service, name)(connection, self.house.people.actor(connection, self.people[who]), *arguments, **options)

    def perform(self, verb: str, who: str, number: int, **given: Any) -> Any:
        """One operation of the register."""
        return self.do("operations.perform", who, verb, number, given)

    def look(self, who: str, case: int) -> Any:
        """The task page of the newest seat of a case."""
        return self._read("task_view", who, self.seat(case).id)

    def case_page(self, who: str, case: int) -> Any:
        """The page of a case."""
        return self._read("case_view", who, case)

    def _read(self, verb: str, who: str, number: int) -> Any:
        with self.house.store.read() as connection:
            return getattr(self.house.tasks, verb)(connection, self.house.people.actor(connection, self.people[who]), number)

    def seat_of(self, case: int, node: str) -> int:
        """The number of the newest seat of an activity."""
        return int(self.rows(f"SELECT max(id) FROM seat WHERE instance_id = {case} AND node_id = '{node}'")[0][0])

    def variables(self, case: int) -> dict[str, Any]:
        """The values of a case."""
        with self.house.store.read() as connection:
            return dict(connection.execute(select(INSTANCE.c.variables).where(INSTANCE.c.id == case)).scalar_one())

    def rows(self, query: str) -> list[Any]:
        """Rows of a query."""
        with self.house.store.read() as connection:
            return list(connection.execute(text(query)).all())

    def snapshot(self) -> dict[str, int]:
        """How many rows the tables hold that a command about files could change."""
        tables = ("attachment", "attachment_content", "history", "seat", "draft")
        return {table: self.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables}


def png(width: int = 1, height: int = 1, colour: bytes = b"\x30\x60\x90") -> bytes:
    """A picture; a large one says so in its head only."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    real = (min(width, 64), min(height, 64))
    body = zlib.compress(b"".join(b"\x00" + colour * real[0] for _ in range(real[1])))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def pdf() -> bytes:
    """An empty page."""
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
    )


def package(**parts: bytes) -> bytes:
    """A zip with these parts ("/" written as "__")."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/"), content)
    return made.getvalue()


def docx(**more: bytes) -> bytes:
    """A small document."""
    return package(**{"[Content_Types].xml": b"<Types/>", "word__document.xml": b"<document/>", **more})


__all__ = ["APPLICATION", "FAMILY", "Grants", "docx", "package", "pdf", "png"]
