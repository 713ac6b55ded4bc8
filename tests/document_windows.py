"""Windows of the cast on the served documents: who looks, what he clicks in the operations' dialog, and what a page may not complain of."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser_desk import Desk
from tests.document_desk import DocumentDesk


class Windows:
    """One window for each person and width, kept for all tests of a file."""

    def __init__(self, browser: Browser, office: DocumentDesk) -> None:
        self.browser, self.office = browser, office
        self._open: dict[tuple[str, int, bool], Desk] = {}

    def of(self, login: str, width: int = 1440, english: bool = False) -> Desk:
        """The window of a person."""
        key = (login, width, english)
        if key not in self._open:
            self._open[key] = Desk(self.browser, self.office, login, width, english)
        return self._open[key]

    def task(self, login: str, case: int, node: str, width: int = 1440) -> Page:
        """The page of this person's task in a case."""
        return self.of(login, width).open(f"/tasks/{self.office.seat_of(case, node, login)}")

    def case(self, login: str, case: int) -> Page:
        """The page of a case."""
        return self.of(login).open(f"/cases/{case}")

    def inbox(self, login: str, text: str, view: str = "todo") -> Locator:
        """What a person's list holds of a document."""
        page = self.of(login).open(f"/inbox?view={view}")
        return page.locator("tr[data-task]", has_text=text)

    def work(self, login: str, text: str, view: str = "todo") -> Page:
        """The page of the item of his list whose row says this."""
        row = self.inbox(login, text, view).first
        expect(row).to_be_visible()
        return self.of(login).open(f"/tasks/{row.get_attribute('data-task')}")

    def begin(self, login: str, process: str, **texts: str) -> Page:
        """Start a case by hand, fill in its first form by label, and send it."""
        page = self.of(login).open("/start")
        page.get_by_role("button", name=process).click()
        page.wait_for_url("**/tasks/*")
        for label, text in texts.items():
            page.get_by_label(label, exact=False).first.fill(text)
        return page

    def complaints(self) -> list[str]:
        """What the pages complained of since this was asked last."""
        found = [f"{login}: {complaint}" for (login, *_), desk in self._open.items() for complaint in desk.complaints]
        for desk in self._open.values():
            desk.complaints.clear()
        return found

    def refused(self, login: str, act: Callable[[], None]) -> None:
        """Do what the server will refuse; the browser's own note of that is no complaint."""
        desk = self._open[login, 1440, False]
        with desk.page.expect_console_message(lambda message: message.type == "error"):
            act()
        desk.complaints.clear()

    def close(self) -> None:
        """Close them all; whoever is asked for again signs in again."""
        for desk in self._open.values():
            desk.close()
        self._open.clear()


def dialog_of(page: Page, verb: str) -> Locator:
    """Open an operation's dialog from the menu."""
    page.locator(".operations-menu > summary").click()
    page.locator(f"[data-verb-name={verb}]").click()
    dialog = page.locator("#operation-place dialog[open]")
    expect(dialog).to_be_visible()
    return dialog


def operate(page: Page, verb: str, picks: Sequence[str] = (), says: str = "", **texts: str) -> None:
    """Choose in the dialog, write, and send; `says` stands on the page afterwards."""
    dialog = dialog_of(page, verb)
    for pick in picks:
        dialog.locator(".choices label", has_text=pick).first.click()
    for key, text in texts.items():
        dialog.locator(f"textarea[name={key}]").fill(text)
    dialog.locator("button[type=submit]").click()
    expect(page.locator(".flash-success")).to_contain_text(says or re.compile("."))


def decide(page: Page, outcome: str, opinion: str = "") -> None:
    """Press an outcome's button on a task's page; the page leads on."""
    here = page.url
    page.wait_for_selector("[data-outcome]")
    if opinion:
        page.locator("#form textarea:not([disabled]):not([readonly])").last.fill(opinion)
    button = page.locator(f"[data-outcome={outcome}]").first
    if not button.is_visible():
        page.locator(".menu-up > summary").click()
    button.click()
    page.wait_for_url(lambda address: address != here)
