"""The import pages as a browser meets them: upload, columns, preview, progress, error sheet, counter, lists."""

from io import BytesIO

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from app import create_app
from tasks.models import Person, SecurityLog
from tasks.scenarios.cast import Cast
from tests import databases
from tests.roster_process import FOLDER, HEADER, PROCESS, id_number, row, sheet

K2 = "429999200402199221"


class Site:
    """The cast and the sample process behind an application with a database in a folder."""

    def __init__(self, folder, clock, shared):
        self.app = create_app({
            "INSTANCE_PATH": folder, "SQLALCHEMY_DATABASE_URI": databases.url(folder), "CLOCK": clock, "WTF_CSRF_ENABLED": False,
        })
        self.house = self.app.extensions["banjie"]
        self.clock = clock
        with self.house.store.transaction() as connection:
            self.cast = Cast(connection, self.house, shared, {})
            self.house.definitions.deploy(connection, FOLDER, None)

    def browser(self, login):
        with self.house.store.read() as connection:
            person = connection.execute(select(Person.id, Person.session_version).where(Person.login == login)).one()
        client = self.app.test_client()
        moment = self.clock.now().timestamp()
        with client.session_transaction() as session:
            session.update({"_user_id": f"{person.id}:{person.session_version}", "_fresh": True, "started": moment, "used": moment})
        return client

    def upload(self, client, data, filename="名单.xlsx"):
        return client.post("/import", data={"process_id": PROCESS, "cycle": "2026", "file": (BytesIO(data), filename)})

    def work(self):
        while self.house.commands.run_next():
            pass


@pytest.fixture
def site(tmp_path, clock, shared, database):
    built = Site(tmp_path, clock, shared)
    yield built
    built.house.store.engine.dispose()


def text(response):
    assert response.status_code == 200, response.get_data(as_text=True)[:2000]
    return response.get_data(as_text=True)


def test_a_clerk_uploads_looks_confirms_and_sees_the_result(site):
    browser = site.browser("gaojingban")
    assert "导入名单" in text(browser.get("/import"))
    sent = site.upload(browser, sheet([row("李样二", K2), row("李样二", f"{K2} "), row("张测一", "149999200311059016")]))
    assert sent.status_code == 303
    page = text(browser.get(sent.location))
    assert "校验码错误" in page and "B4" in page and "确认导入 1 人" in page
    assert K2 not in page and "4299**********9221" in page
    assert browser.post(f"{sent.location}/confirm").status_code == 303
    assert 'hx-trigger="every 1s"' in text(browser.get(sent.location, headers={"HX-Request": "true"}))
    site.work()
    assert "新建 1，合并 1，未变 0，拒绝 1，警告 0" in text(browser.get(sent.location))
    assert "新建 1" in text(browser.get("/import"))


def test_the_error_sheet_comes_back_with_the_original_row(site):
    browser = site.browser("gaojingban")
    sent = site.upload(browser, sheet([row("张测一", "149999200311059016")]))
    data = browser.get(f"{sent.location}/errors.xlsx")
    table = CalamineWorkbook.from_filelike(BytesIO(data.data)).get_sheet_by_index(0).to_python()
    assert table[0][-2:] == ["错误", "原行号"]
    assert table[1][:2] == ["张测一", "149999200311059016"]
    assert data.headers["Cache-Control"] == "no-store"


def test_a_broken_file_is_refused_at_the_field(site):
    response = site.upload(site.browser("gaojingban"), b"%PDF-1.7", "名单.xlsx")
    assert response.status_code == 422
    assert 'id="file-error"' in response.get_data(as_text=True)


def test_no_file_at_all_is_asked_for(site):
    response = site.browser("gaojingban").post("/import", data={"process_id": PROCESS})
    assert response.status_code == 422
    assert "请选择要导入的文件" in response.get_data(as_text=True)


def test_unknown_headings_are_asked_for_on_the_page(site):
    browser = site.browser("gaojingban")
    sent = site.upload(browser, sheet([["李样二", K2, "U1401"]], ["大名", "证件", "高校代码"]))
    page = text(browser.get(sent.location))
    assert "请指明各列的含义" in page and K2[:6] not in page
    assert browser.post(f"{sent.location}/columns", data={"column.name": "0"}).status_code == 422
    chosen = {"column.name": "0", "column.id_number": "1", "column.university": "2"}
    assert browser.post(f"{sent.location}/columns", data=chosen).status_code == 303
    assert "确认导入 1 人" in text(browser.get(sent.location))


def test_the_template_is_downloaded_with_its_instructions(site):
    response = site.browser("gaojingban").get(f"/import/template?process_id={PROCESS}")
    book = CalamineWorkbook.from_filelike(BytesIO(response.data))
    assert [heading.rstrip("*") for heading in book.get_sheet_by_index(0).to_python()[0]] == HEADER
    assert len(book.sheet_names) == 2


def test_another_person_sees_neither_the_import_nor_its_errors(site):
    sent = site.upload(site.browser("gaojingban"), sheet([row("李样二", K2)]))
    stranger = site.browser("dengjingban")
    assert stranger.get(sent.location).status_code == 403
    assert stranger.get(f"{sent.location}/errors.xlsx").status_code == 403
    assert stranger.post(f"{sent.location}/confirm").status_code == 403


def test_who_may_not_import_is_refused(site):
    browser = site.browser("tangshengban")
    assert browser.get("/import").status_code == 403
    assert site.upload(browser, sheet([row("李样二", K2)])).status_code == 403


def test_the_import_page_speaks_english(site):
    page = text(site.browser("gaojingban").get("/import", headers={"Accept-Language": "en"}))
    assert "Upload and check" in page and "Blank template" in page


def test_a_student_is_registered_at_the_counter(site):
    browser = site.browser("dengjingban")
    assert "窗口登记" in text(browser.get("/counter"))
    typed = {"process_id": PROCESS, "cycle": "2026", "f-name": "李样二", "f-id_number": "429999200402199222", "f-university": "U1401"}
    wrong = browser.post("/counter", data=typed)
    assert wrong.status_code == 422 and "校验码错误" in wrong.get_data(as_text=True)
    unknown = browser.post("/counter", data={**typed, "f-id_number": K2, "f-university": "U9999"})
    assert unknown.status_code == 422 and "未登记" in unknown.get_data(as_text=True)
    done = browser.post("/counter", data={**typed, "f-id_number": K2, "f-university": "U9999", "accept": "1"})
    assert done.status_code == 303 and done.location.startswith("/cases/")


def filled(site):
    browser = site.browser("gaojingban")
    rows = [row(f"学生{'甲乙丙'[n]}", id_number(n), faculty="U1401-CS", class_="U1401-CS-2301", mobile=f"1380000000{n}") for n in range(3)]
    sent = site.upload(browser, sheet(rows))
    browser.post(f"{sent.location}/confirm")
    site.work()
    return browser


def test_the_not_yet_page_links_to_the_names_of_each_class(site):
    browser = filled(site)
    page = text(browser.get("/not-yet"))
    assert "计算机 2301 班" in page and "未提交 3 人" in page
    names = text(browser.get(f"/lists/not_yet?process_id={PROCESS}&organisation=U1401-CS-2301"))
    assert "学生甲" in names and "138****0000" in names and id_number(0) not in names


def test_the_class_page_shows_names_only_and_reminds_once(site):
    filled(site)
    browser = site.browser("xiaobanzhang")
    assert browser.get("/not-yet").location == "/class"
    page = text(browser.get("/class"))
    assert "学生甲" in page and "138" not in page and "1499" not in page
    form = {"process_id": PROCESS, "class_code": "U1401-CS-2301"}
    assert browser.post("/class/remind", data=form).status_code == 303
    assert browser.post("/class/remind", data=form).status_code == 409
    assert "今天已提醒" in text(browser.get("/class"))


def test_a_list_is_exported_and_the_export_is_logged(site):
    browser = filled(site)
    response = browser.post("/lists/export/export", data={"process_id": PROCESS, "cycle": "2026"})
    table = CalamineWorkbook.from_filelike(BytesIO(response.data)).get_sheet_by_index(0).to_python()
    assert len(table) == 4
    assert len(CalamineWorkbook.from_filelike(BytesIO(browser.post("/cases/export", data={}).data)).get_sheet_by_index(0).to_python()) == 4
    with site.house.store.read() as connection:
        lines = connection.execute(select(SecurityLog.detail).where(SecurityLog.kind == "export")).scalars().all()
    assert [line["rows"] for line in lines] == [3, 3]


def test_audit_list_and_return_notice_are_pages(site):
    browser = filled(site)
    assert "审核名单" in text(browser.get("/lists/audit"))
    assert "退回通知单" in text(browser.get("/lists/returns"))
    assert browser.get("/lists/nothing").status_code == 404
    assert site.browser("xiaobanzhang").get("/lists/audit").status_code == 403
