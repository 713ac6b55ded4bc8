"""Files and phrases in a real browser, on a desk and on a phone: attached, shown, taken back; a phrase kept and used."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from tests.browser_desk import AXE, BrowserDesk, Desk
from tests.grant_stage import APPLICATION, Grants, pdf, png
from workflows.engine import StartItem
from workflows.models import ProcessInstance

pytestmark = pytest.mark.browser


class Served:
    """The served office, with the grant process in it."""

    def __init__(self, folder: Path) -> None:
        self.office = BrowserDesk(folder)
        known = self.office.student("K1", submitted=False)
        with self.office.house.store.transaction() as connection:
            self.office.house.definitions.deploy(connection, Grants.files(), None)
            self.applicant = connection.execute(select(ProcessInstance.subject_person).where(ProcessInstance.id == known)).scalar_one()

    def seat(self, applied: bool = True) -> int:
        """The open task of a new case."""
        house = self.office.house
        with house.store.transaction() as connection:
            clerk = self.office.cast.actor(connection, "gaojingban")
            item = StartItem({"name": "孙明", "person": self.applicant, "office": "U1401"})
            case = house.tasks.start_many(connection, clerk, "grant_request", [item])[0]
        if applied:
            with house.store.transaction() as connection:
                actor = house.people.actor(connection, self.applicant)
                house.tasks.complete(connection, actor, self.office.seat(case), APPLICATION, "submit")
        return self.office.seat(case)


@pytest.fixture(scope="module")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found = Served(tmp_path_factory.mktemp("grants"))
    yield found
    found.office.close()


def look(window: Desk, name: str) -> None:
    """No barrier on the page; with BANJIE_SHOTS, a picture of it."""
    if AXE.exists():
        assert window.barriers() == []
    if folder := os.environ.get("BANJIE_SHOTS"):
        window.page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def sent(name: str, kind: str, content: bytes) -> Any:
    return {"name": name, "mimeType": kind, "buffer": content}


@pytest.mark.parametrize("width", [1440, 390])
def test_a_clerk_attaches_files_and_uses_a_phrase(browser: Browser, served: Served, width: int) -> None:
    window = Desk(browser, served.office, "gaojingban", width)
    page = window.open(f"/tasks/{served.seat()}")
    page.set_input_files("[data-attach] input[type=file]", [sent("现场照片.png", "image/png", png(60, 60)), sent("情况说明.pdf", "application/pdf", pdf())])
    expect(page.locator("[data-attach] .file")).to_have_count(2)
    picture = page.locator("[data-attach] .file img")
    expect(picture).to_have_count(1)
    page.wait_for_function("() => document.querySelector('[data-attach] .file img').naturalWidth === 60")
    page.set_input_files("[data-attach] input[type=file]", [sent("网页.png", "image/png", b"<html>")])
    expect(page.get_by_text("的内容不是 png 文件")).to_be_visible()
    window.complaints = [one for one in window.complaints if "422" not in one]  # the browser notes the refusal, too
    with window.context.expect_page() as opened:
        page.get_by_role("link", name="现场照片.png", exact=True).click()
    assert opened.value.url.rsplit("/", 2)[1] == "attachments"
    opened.value.wait_for_function("() => document.images.length === 1 && document.images[0].naturalWidth === 60")
    opened.value.close()
    page.get_by_role("button", name="移除“情况说明.pdf”").click()
    page.locator("dialog[open]").get_by_role("button", name="移除").click()
    expect(page.locator("[data-attach] .file")).to_have_count(1)
    opinion = page.get_by_label("意见", exact=False).last
    opinion.fill(f"情况属实，同意上报{width}")
    page.get_by_role("button", name="存为常用意见").click()
    chip = page.get_by_role("button", name=f"情况属实，同意上报{width}", exact=True)
    expect(chip).to_be_visible()
    opinion.fill("")
    chip.click()
    expect(opinion).to_have_value(f"情况属实，同意上报{width}")
    expect(opinion).to_be_focused()
    look(window, f"task_{width}")
    page.get_by_role("button", name=f"移除常用意见“情况属实，同意上报{width}”").click()
    expect(chip).to_have_count(0)
    assert window.complaints == []
    window.close()


RED = b"1 0 0 rg 0 0 300 200 re f"
RED_PAGE = b"".join((
    b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n",
    b"3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<<>>>>\nendobj\n",
    b"4 0 obj\n<</Length %d>>stream\n%s\nendstream\nendobj\ntrailer<</Size 5/Root 1 0 R>>\n%%%%EOF" % (len(RED), RED),
))
RED_SHARE = """async (picture) => {
    const image = await createImageBitmap(await (await fetch('data:image/png;base64,' + picture)).blob());
    const place = new OffscreenCanvas(image.width, image.height).getContext('2d');
    place.drawImage(image, 0, 0);
    const { data } = place.getImageData(0, 0, image.width, image.height);
    let red = 0;
    for (let at = 0; at < data.length; at += 4) red += data[at] > 200 && data[at + 1] < 60 && data[at + 2] < 60;
    return red / (data.length / 4);
}"""


def test_a_pdf_is_shown_in_its_sandbox_and_not_a_blank_page(browser: Browser, served: Served) -> None:
    window = Desk(browser, served.office, "gaojingban")
    page = window.open(f"/tasks/{served.seat()}")
    page.set_input_files("[data-attach] input[type=file]", [sent("红页.pdf", "application/pdf", RED_PAGE)])
    with window.context.expect_page() as opened:
        page.get_by_role("link", name="红页.pdf", exact=True).click()
    shown, judge = opened.value, browser.new_page()
    for _ in range(40):
        shown.wait_for_timeout(250)
        share = judge.evaluate(RED_SHARE, base64.b64encode(shown.screenshot()).decode())
        if share > 0.05:
            break
    assert share > 0.05, f"the viewer paints {share:.1%} of the page red"
    judge.close()
    window.close()


@pytest.mark.parametrize("width", [1440, 390])
def test_an_applicant_hands_in_his_proof_in_the_form(browser: Browser, served: Served, width: int) -> None:
    window = Desk(browser, served.office, "zhangceyi", width)
    seat = served.seat(applied=False)
    page = window.open(f"/tasks/{seat}?view=own")
    page.get_by_label("申请理由").fill("家里遭灾")
    field = page.locator(".file-field")
    field.locator("input[type=file]").set_input_files([sent("收入证明.pdf", "application/pdf", pdf()), sent("门口.png", "image/png", png(30, 30))])
    expect(field.locator(".file")).to_have_count(2)
    field.get_by_role("button", name="移除“门口.png”").click()
    expect(field.locator(".file")).to_have_count(1)
    look(window, f"apply_{width}")
    page.get_by_role("button", name="提交").click()
    page.wait_for_url(lambda address: f"/tasks/{seat}" not in address)
    assert window.complaints == []
    window.close()
    clerk = Desk(browser, served.office, "gaojingban", width)
    with served.office.house.store.read() as connection:
        case = connection.execute(select(ProcessInstance.id).order_by(ProcessInstance.id.desc())).scalars().first()
    page = clerk.open(f"/tasks/{served.office.seat(int(case))}")
    expect(page.locator(".file-field .file")).to_have_count(1)
    expect(page.locator(".file-field")).to_contain_text("收入证明.pdf")
    look(clerk, f"check_{width}")
    clerk.open(f"/cases/{case}")
    expect(clerk.page.locator(".files .file")).to_have_count(1)
    look(clerk, f"case_{width}")
    assert clerk.complaints == []
    clerk.close()
