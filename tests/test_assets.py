"""The built front end in templates and over HTTP: addresses from the manifest, packed delivery, a clear word when it is not built."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path

import pytest
from flask import Flask, render_template_string

from web import assets

HERE = Path(__file__).resolve().parent.parent
SCRIPT = b"export const banjie = 1;\n"


@pytest.fixture
def static_folder(tmp_path: Path) -> Path:
    """A static folder with a built entry `app` of one script, one style sheet and one shared chunk."""
    dist = tmp_path / "static" / "dist"
    dist.mkdir(parents=True)
    manifest = {
        "files": {"app.js": "app-A1.js", "app.css": "app-B2.css", "plain.js": "plain-D4.js"},
        "imports": {"app.js": ["chunk-C3.js"], "plain.js": []},
    }
    (dist / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    for name in ("app-A1.js", "chunk-C3.js", "plain-D4.js", "app-B2.css"):
        (dist / name).write_bytes(SCRIPT)
        (dist / f"{name}.gz").write_bytes(gzip.compress(SCRIPT))
    (tmp_path / "static" / "mark.svg").write_text("<svg/>", "utf-8")
    return tmp_path / "static"


def application(static_folder: Path) -> Flask:
    app = Flask("assets_test", static_folder=str(static_folder), static_url_path="/static")
    assets.register(app)
    app.add_url_rule("/", "page", lambda: render_template_string("{{ entry('app') }}"))
    return app


def test_an_entry_brings_its_style_sheet_its_chunks_and_its_script(static_folder: Path) -> None:
    with application(static_folder).test_request_context():
        tags = render_template_string("{{ entry('app') }}").splitlines()
    assert tags == [
        '<link rel="stylesheet" href="/static/dist/app-B2.css">',
        '<link rel="modulepreload" href="/static/dist/chunk-C3.js">',
        '<script type="module" src="/static/dist/app-A1.js"></script>',
    ]


def test_an_entry_without_style_sheet_or_chunks_is_one_script(static_folder: Path) -> None:
    with application(static_folder).test_request_context():
        assert render_template_string("{{ entry('plain') }}") == '<script type="module" src="/static/dist/plain-D4.js"></script>'


def test_one_asset_has_the_hashed_address(static_folder: Path) -> None:
    with application(static_folder).test_request_context():
        assert render_template_string("{{ asset('app.css') }}") == "/static/dist/app-B2.css"


def test_built_files_go_out_packed_and_may_be_kept_for_ever(static_folder: Path) -> None:
    answer = application(static_folder).test_client().get("/static/dist/app-A1.js", headers={"Accept-Encoding": "br, gzip"}, buffered=True)
    assert answer.status_code == 200
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.data) == SCRIPT
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert "immutable" in answer.headers["Cache-Control"] and "max-age=31536000" in answer.headers["Cache-Control"]


def test_who_does_not_take_gzip_gets_the_plain_file(static_folder: Path) -> None:
    answer = application(static_folder).test_client().get("/static/dist/app-A1.js", headers={"Accept-Encoding": "identity"}, buffered=True)
    assert "Content-Encoding" not in answer.headers
    assert answer.data == SCRIPT


def test_other_static_files_are_not_kept_for_ever(static_folder: Path) -> None:
    answer = application(static_folder).test_client().get("/static/mark.svg", buffered=True)
    assert answer.status_code == 200
    assert "immutable" not in answer.headers.get("Cache-Control", "")


@pytest.mark.parametrize("name", ["dist/../../secret.txt", "dist/../../../etc/passwd", "dist/none.js"])
def test_nothing_outside_the_folder_is_given_away(static_folder: Path, name: str) -> None:
    (static_folder.parent / "secret.txt").write_text("secret", "utf-8")
    assert application(static_folder).test_client().get(f"/static/{name}").status_code == 404


def test_a_new_build_is_noticed_while_the_server_runs(static_folder: Path) -> None:
    client = application(static_folder).test_client()
    assert "app-A1.js" in client.get("/").text
    manifest = static_folder / "dist" / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace("app-A1.js", "app-Z9.js"), "utf-8")
    os.utime(manifest, ns=(1, 1))
    assert "app-Z9.js" in client.get("/").text


def test_an_unbuilt_front_end_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    answer = application(tmp_path / "static").test_client().get("/")
    assert answer.status_code == 503
    assert "前端文件还没有构建" in answer.text and "node build.mjs" in answer.text


def test_an_entry_the_build_does_not_know_is_named(static_folder: Path) -> None:
    with application(static_folder).test_request_context(), pytest.raises(assets.FrontEndNotBuilt, match=r"no nothing\.js"):
        render_template_string("{{ entry('nothing') }}")


def test_the_lock_file_pins_every_package_and_names_no_registry() -> None:
    lock = json.loads((HERE / "frontend" / "package-lock.json").read_text("utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name and not package.get("link")}
    assert len(packages) > 50
    assert [name for name, package in packages.items() if "integrity" not in package] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []
    declared = json.loads((HERE / "frontend" / "package.json").read_text("utf-8"))
    versions = {**declared["dependencies"], **declared["devDependencies"]}
    assert [name for name, version in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []


def test_templates_and_scripts_hold_nothing_the_policy_forbids() -> None:
    forbidden = re.compile(r"""<[^>]*\s(?:style|on[a-z]+)\s*=\s*["']|<script(?![^>]*(?:src=|application/json))|hx-on|javascript:""")
    found = [
        f"{path.relative_to(HERE)}:{number}"
        for path in sorted((HERE / "templates").rglob("*.html"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if forbidden.search(line)
    ]
    assert found == []


def test_our_scripts_never_evaluate_text() -> None:
    evaluating = re.compile(r"\beval\(|new Function|\.innerHTML\s*=|document\.write|setAttribute\('style'")
    scripts = sorted((HERE / "frontend" / "src").rglob("*.js"))
    assert len(scripts) > 10
    assert [path.name for path in scripts if evaluating.search(path.read_text("utf-8"))] == []
