"""Files on cases: what is taken and refused, who sees them, how they are served, and that a decision keeps them."""

from __future__ import annotations

import pytest

from tests.grant_stage import APPLICATION, Grants, docx, package, pdf, png
from workflows.errors import Conflict, Forbidden, InvalidForm, NotFound, Rejection

JSON = {"Accept": "application/json"}
NAME = "家庭 收入证明（2026）.pdf"


@pytest.fixture
def grants(tmp_path, clock, database):
    built = Grants(tmp_path, clock)
    yield built
    built.close()


def attach(grants, who, case, name=NAME, content=None, field=None):
    return grants.do("attachments.attach", who, grants.seat(case).id, field, name, pdf() if content is None else content)


def kinds(grants, case):
    return [item.kind for item in grants.case_page("clerk", case).timeline]


# keeping


def test_a_file_is_kept_once_however_often_it_is_attached(grants):
    first, second = grants.applied(), grants.applied()
    attach(grants, "clerk", first)
    attach(grants, "clerk", second, name="另一个名字.pdf")
    attach(grants, "clerk", second, content=png(), name="a.png")
    assert grants.snapshot()["attachment"] == 3 and grants.snapshot()["attachment_content"] == 2


def test_a_file_of_a_form_field_is_named_in_the_value_and_in_the_history(grants):
    case = grants.started()
    file = attach(grants, "applicant", case, field="proof")
    grants.do("complete", "applicant", grants.seat(case).id, {**APPLICATION, "proof": [file.reference]}, "submit")
    assert grants.variables(case)["proof"] == [file.reference]
    view = grants.look("clerk", case)
    assert [one.name for one in view.form.files] == [NAME] and view.data["proof"] == [file.reference]
    timeline = grants.case_page("clerk", case).timeline
    assert [item.zh for item in timeline if item.kind == "attached"] == [f"上传附件“{NAME}”"]
    assert [change["after"] for item in timeline for change in item.changes if change["key"] == "proof"] == [[NAME]]


@pytest.mark.parametrize("reference", ["files::999", "files::abc", "files::1", "https://example.org/x.pdf", 7])
def test_a_value_names_only_files_of_this_case_and_field(grants, reference):
    other = grants.applied()
    attach(grants, "clerk", other)  # number 1, of another case and of no field
    case = grants.started()
    with pytest.raises(InvalidForm) as refused:
        grants.do("complete", "applicant", grants.seat(case).id, {**APPLICATION, "proof": [reference]}, "submit")
    assert set(refused.value.fields) == {"proof"} and grants.seat(case).node_id == "fill"


def test_a_file_taken_back_cannot_be_handed_in(grants):
    case = grants.started()
    file = attach(grants, "applicant", case, field="proof")
    grants.do("attachments.remove", "applicant", file.id)
    with pytest.raises(InvalidForm):
        grants.do("complete", "applicant", grants.seat(case).id, {**APPLICATION, "proof": [file.reference]}, "submit")


# removing


def test_whoever_attached_a_file_may_take_it_back_until_the_decision_and_nobody_after_it(grants):
    case = grants.applied()
    gone, stays = attach(grants, "clerk", case), attach(grants, "clerk", case, content=png(), name="b.png")
    with pytest.raises(Forbidden):
        grants.do("attachments.remove", "other", gone.id)
    grants.do("attachments.remove", "clerk", gone.id)
    assert [one.id for one in grants.look("clerk", case).form.files] == [stays.id]
    assert kinds(grants, case).count("attached") == 2 and kinds(grants, case).count("detached") == 1
    with pytest.raises(NotFound):
        grants.do("attachments.remove", "clerk", gone.id)
    grants.do("complete", "clerk", grants.seat(case).id, {"grade": "plain", "opinion": "同意"}, "agree")
    before = grants.snapshot()
    for who in ("clerk", "principal", "supervisor", "applicant"):
        with pytest.raises((Conflict, Forbidden)):
            grants.do("attachments.remove", who, stays.id)
    assert grants.snapshot() == before and not grants.case_page("clerk", case).reading.files[0].removable


# what is taken


def test_every_kind_that_a_step_takes_is_known_by_its_content(tmp_path, clock, database):
    grants = Grants(tmp_path, clock, attachments='{"opinion": true}')
    case = grants.applied()
    webp = b"RIFF\x1a\x00\x00\x00WEBPVP8L" + b"\0" * 14
    workbook = package(**{"[Content_Types].xml": b"<Types/>", "xl__workbook.xml": b"<workbook/>"})
    good = {"a.pdf": pdf(), "b.JPG": b"\xff\xd8\xff\xe0" + b"\0" * 20, "c.jpeg": b"\xff\xd8\xff\xe1x", "d.png": png(), "e.webp": webp, "f.docx": docx(), "g.xlsx": workbook}
    for name, content in good.items():
        attach(grants, "clerk", case, name=name, content=content)
    assert [one.name for one in grants.look("clerk", case).form.files] == list(good)
    grants.close()


HOSTILE = {
    "网页.png": b"<html><script>alert(1)</script></html>", "图.png": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "a.svg": b"<svg/>",
    "b.html": b"<html/>", "c.pdf": b"MZ\x90\x00", "d.pdf": b"%PDF-1.4 no end", "e.exe": b"MZ", "f": pdf(), ".pdf": b"", "g.pdf": b"", "h.png": pdf(), "i.pdf": png(),
    "图\u202egnp.exe": png(), "j.png": png(60000, 60000), "k.png": png()[:20], "l.jpg": b"\xff\xd8",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_in_words_and_change_nothing(grants, name):
    case = grants.applied()
    before = grants.snapshot()
    with pytest.raises(Rejection) as refused:
        attach(grants, "clerk", case, name=name, content=HOSTILE[name])
    assert refused.value.status == 422 and refused.value.zh and refused.value.en
    assert grants.snapshot() == before


@pytest.mark.parametrize("content", [
    package(**{"[Content_Types].xml": b"x", "word__document.xml": b"0" * 20_000_000}),
    package(**{"[Content_Types].xml": b"x", "word__document.xml": b"x", "word__vbaProject.bin": b"macro"}),
    package(**{"[Content_Types].xml": b"x", "word__document.xml": b"x", "..__..__etc__passwd": b"x"}),
    package(**{"word__document.xml": b"x"}), package(**{"[Content_Types].xml": b"x"}), docx()[:-30], b"PK\x03\x04" + b"\xff" * 200,
    package(**{"[Content_Types].xml": b"x", "word__document.xml": b"x", **{f"p{number}": b"" for number in range(3000)}}),
])
def test_documents_that_unpack_without_end_or_carry_more_than_a_document_are_refused(tmp_path, clock, database, content):
    grants = Grants(tmp_path, clock, attachments='{"opinion": true}')
    case = grants.applied()
    with pytest.raises(Rejection) as refused:
        attach(grants, "clerk", case, name="报告.docx", content=content)
    assert refused.value.status == 422 and grants.snapshot()["attachment"] == 0
    grants.close()


@pytest.mark.parametrize(("given", "kept"), [
    ("../../etc/passwd.pdf", "passwd.pdf"), ("C:\\temp\\证明.pdf", "证明.pdf"), ("a\r\nSet-Cookie: x=1.pdf", "aSet-Cookie_ x=1.pdf"),
    ("收据\u202e\u200b.pdf", "收据.pdf"), ('"<x>|?*.pdf', "__x____.pdf"), ("长" * 300 + ".pdf", "长" * 116 + ".pdf"), (" ..证明.pdf. ", "证明.pdf"),
])
def test_a_name_is_kept_without_paths_and_signs_that_deceive(grants, given, kept):
    case = grants.applied()
    assert attach(grants, "clerk", case, name=given).name == kept


def test_a_file_beyond_the_bound_of_the_step_is_refused_with_the_bound(grants):
    case = grants.applied()
    with pytest.raises(Rejection) as refused:
        attach(grants, "clerk", case, content=pdf() + b" " * 1_100_000 + b"%%EOF")
    assert refused.value.status == 413 and "1 MB" in refused.value.zh


def test_a_case_holds_only_so_much(grants, monkeypatch):
    monkeypatch.setattr("tasks.attachments.MOST_FILES", 2)
    case = grants.applied()
    attach(grants, "clerk", case, name="1.pdf")
    attach(grants, "clerk", case, name="2.pdf")
    with pytest.raises(Rejection) as refused:
        attach(grants, "clerk", case, name="3.pdf")
    assert refused.value.status == 413


# who may


@pytest.mark.parametrize("who", ["applicant", "principal", "finance", "supervisor", "stranger"])
def test_only_whoever_may_fill_the_form_in_may_attach(grants, who):
    case = grants.applied()
    before = grants.snapshot()
    with pytest.raises(Rejection):
        attach(grants, who, case)
    assert grants.snapshot() == before


def test_files_go_only_where_the_step_takes_them(grants):
    case = grants.started()
    with pytest.raises(Rejection):  # no opinion to attach to
        attach(grants, "applicant", case)
    with pytest.raises(Rejection):  # no field of files
        attach(grants, "applicant", case, field="reason")
    case = grants.checked()
    with pytest.raises(Forbidden):  # read-only here
        attach(grants, "principal", case, field="proof")


@pytest.mark.parametrize(("who", "status"), [
    ("clerk", 200), ("other", 200), ("applicant", 200), ("supervisor", 200), ("principal", 404), ("finance", 404), ("stranger", 404), (None, 303),
])
def test_a_file_is_served_to_whoever_sees_the_case_and_the_field_and_to_nobody_else(grants, who, status):
    case = grants.applied()
    file = attach(grants, "clerk", case)
    grants.do("complete", "clerk", grants.seat(case).id, {"grade": "plain", "opinion": "同意"}, "agree")
    browser = grants.browser(grants.people[who]) if who else grants.app.test_client()
    answer = browser.get(f"/attachments/{file.id}")  # the step of principal and finance hides the opinion and what hangs on it
    assert answer.status_code == status
    if status == 200:
        assert answer.data == pdf()
    if who and status == 200:
        assert NAME in browser.get(f"/cases/{case}").text
    elif who in ("principal", "finance"):
        assert NAME not in browser.get(f"/cases/{case}").text and NAME not in browser.get(f"/tasks/{grants.seat(case).id}").text


# over HTTP


def send(browser, seat, content, name, field=""):
    return browser.post(f"/tasks/{seat.id}/attachments", query_string={"name": name, "field": field}, data=content, headers=JSON, content_type="application/octet-stream")


def test_a_file_is_attached_shown_and_removed_over_http(grants):
    case = grants.applied()
    browser, seat = grants.browser(grants.clerk), grants.seat(case)
    answer = send(browser, seat, pdf(), NAME)
    assert answer.status_code == 200 and answer.json["file"]["name"] == NAME and NAME in answer.json["html"]
    assert NAME in browser.get(f"/tasks/{seat.id}").text
    assert browser.post(answer.json["file"]["remove_url"], headers=JSON, json={}).json == {"ok": True}
    assert browser.get(answer.json["file"]["url"]).status_code == 404


def test_a_file_is_sealed_off_and_only_pictures_and_pdf_open_in_place(tmp_path, clock, database):
    grants = Grants(tmp_path, clock, attachments='{"opinion": true}')
    case = grants.applied()
    browser, seat = grants.browser(grants.clerk), grants.seat(case)
    shown = {"证明.pdf": (pdf(), "inline"), "a.png": (png(), "inline"), "报告.docx": (docx(), "attachment")}
    for name, (content, way) in shown.items():
        answer = browser.get(send(browser, seat, content, name).json["file"]["url"])
        assert answer.headers["Content-Disposition"].startswith(f"{way}; filename=\"")
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer.headers["X-Content-Type-Options"] == "nosniff" and "no-store" in answer.headers["Cache-Control"]
    assert "filename*=UTF-8''%E6%8A%A5%E5%91%8A.docx" in answer.headers["Content-Disposition"]
    saved = browser.get(send(browser, seat, png(), "b.png").json["file"]["url"] + "?download=1")
    assert saved.headers["Content-Disposition"].startswith("attachment;")
    grants.close()


def test_refusals_over_http_are_words_with_their_status(grants):
    case = grants.applied()
    browser, seat = grants.browser(grants.clerk), grants.seat(case)
    assert "空文件" in send(browser, seat, b"", "a.pdf").json["message"]
    large = send(browser, seat, b"%PDF-" + b"0" * 1_200_000, "a.pdf")
    assert large.status_code == 413 and "1 MB" in large.json["message"]
    huge = send(browser, seat, b"0" * (26 * 1024 * 1024), "a.pdf")
    assert huge.status_code == 413 and "25 MB" in huge.json["message"]
    assert send(grants.browser(grants.stranger), seat, pdf(), "a.pdf").status_code == 403
    assert send(grants.app.test_client(), seat, pdf(), "a.pdf").status_code == 401
    assert grants.snapshot()["attachment"] == 0
