"""A served office for the browser tests: the fixed cast with a few borrowers in the renewal audit, real people's logins, and a browser that
remembers every complaint of a page; and, for whoever tests versions, the deployment of a renamed activity with what the modeler says on the way."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import waitress
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import insert, select

from app import House, create_app
from tasks.installation import migrate
from tasks.models import Membership, Organisation, Person, Seat
from tasks.passwords import hash_password
from tasks.personal_data import check_character
from tasks.roster.columns import read_roster
from tasks.roster.facts import plain_values
from tasks.scenarios.cast import Cast
from tasks.service import author_of
from workflows.business_calendar import SHANGHAI, Clock, SystemClock
from workflows.definitions import read_folder
from workflows.models import ProcessInstance

ROOT = Path(__file__).resolve().parent.parent
PROCESS = "renewal_declaration_audit"
PASSWORD = "browser-test-2026"
MORNING = datetime(2026, 6, 22, 9, 0, tzinfo=SHANGHAI)
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update")
STATEMENT = (
    "本学年我按时完成全部课程学习，参加了学院的志愿服务和社会实践，遵守校规校纪，生活节俭。家庭经济情况没有明显改善，"
    "仍需要助学贷款支付学费和住宿费，我将继续努力学习，按时还本付息，珍惜个人信用，毕业后回到家乡工作，本人排行第{n}。"
)


def find_chromium() -> str | None:
    """The system's Chromium: BANJIE_CHROMIUM, else the first of the usual names."""
    named = os.environ.get("BANJIE_CHROMIUM")
    return named or next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)


def id_number(serial: int, area: str = "149999") -> str:
    """A number with a right checksum in an area that does not exist."""
    digits = f"{area}20040101{serial:03d}"
    return digits + check_character(digits)


class BrowserDesk:
    """The product served on a free port over a small database of its own; its clock starts on a June morning and runs, unless one is given."""

    def __init__(self, folder: Path, clock: Clock | None = None, processes: Sequence[str] = (PROCESS,)) -> None:
        self.clock = clock or SystemClock(MORNING - SystemClock().now())
        migrate(f"sqlite:///{folder / 'banjie.sqlite'}")
        self.app = create_app({"INSTANCE_PATH": folder, "CLOCK": self.clock, "WORKER": True})
        self.house: House = self.app.extensions["banjie"]
        with self.house.store.transaction() as connection:
            for process in processes:
                self.house.definitions.deploy(connection, read_folder(ROOT / "bpmn" / process), None)
            self.cast = Cast(connection, self.house, read_folder(ROOT / "bpmn" / "shared"), {}, PASSWORD)
        self.server = waitress.create_server(self.app, host="127.0.0.1", port=0, threads=6, ident=None)
        self.address = f"http://127.0.0.1:{self.server.effective_port}"
        self._thread = threading.Thread(target=self.server.run, daemon=True)
        self._thread.start()
        self._serial = 100

    def close(self) -> None:
        """Stop serving and let go of the database."""
        if self.house.worker is not None:
            self.house.worker.stop()
        self.server.close()
        self._thread.join(timeout=5)
        self.house.store.engine.dispose()

    def borrower(self, name: str, submitted: bool = True, statement: str | None = None, county: str = "C149999") -> int:
        """A case of a new borrower of the example university; `submitted`: waits for its clerk."""
        self._serial += 1
        facts = {"name": name, "id_number": id_number(self._serial, county[1:]), "student_number": f"2023{self._serial:05d}", "origin_county": county}
        return self._enter(facts, submitted, statement)

    def student(self, key: str, submitted: bool = True) -> int:
        """The case of one of the cast's students, who can sign in."""
        return self._enter({name: value for name, value in self.cast.row(key).items() if name != "login"}, submitted, None)

    def _enter(self, facts: Mapping[str, Any], submitted: bool, statement: str | None) -> int:
        row = {
            "university": "U1401", "faculty": "U1401-CS", "class": "U1401-CS-2301", "origin_county": "C149999", "mobile": "13900000000",
            "expected_graduation": date(2027, 6, 30), "platform_logins": 3, "contact_updated": True, "roll_status": "在籍", **facts,
        }
        self._serial += 1
        with self.house.store.transaction() as connection:
            clerk = self.cast.actor(connection, "gaojingban", "import")
            roster = read_roster(PROCESS, self.house.definitions.current(connection, PROCESS).roster)
            entered = self.house.rosters.entry.enter(connection, author_of(clerk), roster, "2026", [{"row": 1, "values": plain_values(row)}])[0]
            assert entered.instance_id, entered.reason
            if submitted:
                self._submit(connection, entered.instance_id, statement or STATEMENT.format(n=self._serial))
        return int(entered.instance_id)

    def _submit(self, connection: Any, instance_id: int, statement: str) -> None:
        person = connection.execute(select(ProcessInstance.subject_person).where(ProcessInstance.id == instance_id)).scalar_one()
        seat = connection.execute(select(Seat.id).where(Seat.instance_id == instance_id, Seat.status == "open")).scalar_one()
        values = {"statement": statement, "mobile": "13900000000", "enrolment_confirmed": True}
        self.house.tasks.complete(connection, self.house.people.actor(connection, person, None, "web"), seat, values, "submit")

    def colleague(self, login: str, name: str, role: str = "univ_clerk", organisation: str = "U1401") -> None:
        """One more person of an office, who can sign in; there once however often asked."""
        with self.house.store.transaction() as connection:
            if connection.execute(select(Person.id).where(Person.login == login)).first() is not None:
                return
            person = connection.execute(insert(Person).values(
                name=name, login=login, password_hash=hash_password(PASSWORD), must_change_password=False, active=True, failed_logins=0, session_version=1,
                created_at=self.house.clock.now(),
            ).returning(Person.id)).scalar_one()
            place = connection.execute(select(Organisation.id).where(Organisation.code == organisation)).scalar_one()
            connection.execute(insert(Membership).values(person_id=person, organisation_id=place, role=role))

    def decide(self, instance_id: int, login: str, outcome: str = "approve") -> None:
        """Somebody decides the open task of a case elsewhere."""
        with self.house.store.transaction() as connection:
            person = connection.execute(select(Person.id).where(Person.login == login)).scalar_one()
            seat = connection.execute(select(Seat.id).where(Seat.instance_id == instance_id, Seat.status == "open")).scalar_one()
            self.house.tasks.complete(connection, self.house.people.actor(connection, person, None, "web"), seat, {}, outcome)

    def stage(self, instance_id: int) -> str:
        """Where a case stands."""
        return str(self._one(select(ProcessInstance.stage).where(ProcessInstance.id == instance_id)))

    def version(self, instance_id: int) -> int:
        """The definition a case runs on."""
        return int(self._one(select(ProcessInstance.definition_id).where(ProcessInstance.id == instance_id)))

    def seat(self, instance_id: int) -> int:
        """The open task of a case."""
        return int(self._one(select(Seat.id).where(Seat.instance_id == instance_id, Seat.status == "open")))

    def owner(self, instance_id: int) -> int | None:
        """Who holds the open task of a case."""
        found: int | None = self._one(select(Seat.owner_id).where(Seat.instance_id == instance_id, Seat.status == "open"))
        return found

    def _one(self, query: Any) -> Any:
        with self.house.store.read() as connection:
            return connection.execute(query).scalar_one()


class Desk:
    """One person's browser window. `complaints` holds every console error, failed script and policy violation since it was opened."""

    def __init__(self, browser: Browser, office: BrowserDesk, login: str | None, width: int = 1440, english: bool = False) -> None:
        self.office = office
        phone = width < 600
        self.context: BrowserContext = browser.new_context(
            viewport={"width": width, "height": 844 if phone else 900}, locale="zh-CN", timezone_id="Asia/Shanghai", has_touch=phone,
            base_url=office.address, accept_downloads=True,
        )
        self.context.set_default_timeout(20_000)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        if login is not None:
            self._sign_in(login, english)

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" or "Content Security Policy" in text or "Content-Security-Policy" in text:
            self.complaints.append(f"{kind}: {text}")

    def _sign_in(self, login: str, english: bool) -> None:
        self.page.goto("/login")
        if english:
            self.page.get_by_role("button", name="English").click()
        self.page.fill("input[name=login]", login)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click(".login-card button[type=submit]")
        self.page.wait_for_url(lambda address: not address.endswith("/login"))

    def open(self, path: str) -> Page:
        """Go to a page and wait until it is there."""
        answer = self.page.goto(path)
        assert answer is not None and answer.status == 200, f"{path}: {answer.status if answer else 'no answer'}"
        return self.page

    def barriers(self) -> list[str]:
        """What keeps people with disabilities out of the page shown, by axe-core's rules of WCAG 2.1 A and AA."""
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
        return [
            f"{violation['id']}: {node['target']} {node.get('failureSummary', '')[:300]}" for violation in found["violations"] for node in violation["nodes"]
        ]

    def close(self) -> None:
        """Close the window."""
        self.context.close()


def rename_and_deploy(page: Page, activity: str, name: str) -> None:
    """Give an activity of an open modeler another name and deploy that as version 2."""
    page.wait_for_selector("[data-modeler][data-ready]")
    page.locator(f"[data-element-id={activity}]").first.dblclick()
    box = page.locator(".djs-direct-editing-content")
    box.fill(name)
    page.keyboard.press("Escape") if not box.is_visible() else page.locator(".djs-container > svg").click(position={"x": 400, "y": 20})
    expect(page.locator("[data-changed]")).to_have_text("有未部署的改动")
    page.locator("[data-note]").fill("改名")
    page.locator("[data-act=deploy]").click()
    page.locator("dialog[open] .btn-primary").click()
    expect(page.locator("#toasts")).to_contain_text("2")
