"""Every verb of run.py but `test`: reads arguments, builds the house, calls one function, prints. It decides nothing."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import click
import waitress

from app import INSTANCE, ROOT, House, build_house, create_app, memory_house
from tasks.demo import DEMO_START, demo_is_seeded, seed_demo
from tasks.installation import install, migrate
from tasks.personal_data import load_or_create_keys
from tasks.process_check import check_path
from workflows import backups
from workflows.business_calendar import FrozenClock, SystemClock
from workflows.conformance import decide as decide_file
from workflows.conformance import run_conformance
from workflows.definitions import read_folder
from workflows.errors import Rejection
from workflows.history import verify
from workflows.jobs import Worker
from workflows.store import create_database_engine

ADDRESS, PORT = "127.0.0.1", 5000


@click.group()
def main() -> None:
    """办结 Banjie: a BPMN case desk for human work."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")


def instance_path() -> Path:
    """Where the installation keeps its database and keys."""
    return Path(os.environ.get("BANJIE_INSTANCE", INSTANCE))


def database_url(name: str = "banjie.sqlite") -> str:
    """The database of this installation: DATABASE_URL, else one file in the instance folder."""
    return os.environ.get("DATABASE_URL") or f"sqlite:///{instance_path() / name}"


def installed_house() -> House:
    """The house of the real installation; tells what to do when there is none."""
    url = database_url()
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        raise click.ClickException("尚未安装：请先运行 python3 run.py init。 / Not installed yet: run `python3 run.py init` first.")
    engine = create_database_engine(url)
    migrate(url)
    return build_house(engine, SystemClock(), load_or_create_keys(instance_path() / "secret.key"))


def scenario_house(at: datetime) -> House:
    """An empty house in memory whose clock stands at `at`."""
    return memory_house(FrozenClock(at))


def serve(config: dict[str, object], port: int, greeting: Callable[[House], None]) -> None:
    """Serve the web application with its worker until interrupted."""
    app = create_app({"INSTANCE_PATH": str(instance_path()), "WORKER": True, **config})
    greeting(app.extensions["banjie"])
    waitress.serve(app, host=ADDRESS, port=port, threads=8, ident=None)


@main.command()
@click.option("--port", default=PORT, show_default=True)
@click.option("--reset", is_flag=True, help="Throw the demo's data away and seed it anew.")
def demo(port: int, reset: bool) -> None:
    """Serve the demo: invented offices and students, at a clock that starts on 2026-07-06."""
    path = instance_path() / "demo.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    if reset:
        for leftover in path.parent.glob("demo.sqlite*"):
            leftover.unlink()
    url = f"sqlite:///{path}"
    migrate(url)
    engine = create_database_engine(url)
    started = demo_is_seeded(engine)
    if started is None:
        click.echo("正在准备演示数据… / Seeding the demo …")
        started = seed_demo(build_house, engine, load_or_create_keys(path.parent / "secret.key"), ROOT / "bpmn", _progress)
    offset = DEMO_START - started
    engine.dispose()

    def greet(house: House) -> None:
        click.echo(f"\n  办结 Banjie  →  http://{ADDRESS}:{port}\n")
        click.echo("  演示账号 / demo logins (password: banjie-demo-2026)")
        for login, words in DEMO_LOGINS:
            click.echo(f"    {login:<16}{words}")
        click.echo("\n  Ctrl+C 结束 / to stop")

    serve({"SQLALCHEMY_DATABASE_URI": url, "CLOCK_OFFSET": offset, "DEMO": True}, port, greet)


DEMO_LOGINS = (
    ("gaojingban", "高校经办 · university clerk (U1401)"), ("dengjingban", "县级经办 · county clerk (C429999)"),
    ("zhouzhuren", "高校负责人 · university principal"), ("tangshengban", "省中心 · province supervisor"),
    ("xiaobanzhang", "班级资助学生 · class representative"), ("liuchengguanli", "流程管理员 · process administrator"),
    ("zhangceyi", "借款学生 · student"),
)


def _progress(done: int, total: int) -> None:
    click.echo(f"\r  {done}/{total}", nl=done >= total)


@main.command()
@click.option("--admin-login", prompt="管理员登录名 / administrator's login")
@click.option("--admin-name", prompt="管理员姓名 / administrator's name")
@click.option("--admin-password", envvar="BANJIE_ADMIN_PASSWORD", prompt="密码 / password", hide_input=True, confirmation_prompt=True)
def init(admin_login: str, admin_name: str, admin_password: str) -> None:
    """Make an empty installation with one administrator; no demo data."""
    instance_path().mkdir(parents=True, exist_ok=True)
    url = database_url()
    migrate(url)
    house = build_house(create_database_engine(url), SystemClock(), load_or_create_keys(instance_path() / "secret.key"))
    with house.store.transaction() as connection:
        install(connection, house, ROOT / "bpmn", login=admin_login, name=admin_name, password=admin_password)
    click.echo("已完成。运行 python3 run.py web 启动。 / Done. Start it with `python3 run.py web`.")


@main.command()
@click.option("--port", default=PORT, show_default=True)
def web(port: int) -> None:
    """Serve the installation made by `init`."""
    installed_house().store.engine.dispose()
    serve({"SQLALCHEMY_DATABASE_URI": database_url()}, port, lambda _house: click.echo(f"办结 Banjie → http://{ADDRESS}:{port}"))


@main.command()
def worker() -> None:
    """Run background work of the installation in this process (with PostgreSQL: as many as you like)."""
    Worker(installed_house().steps()).run()


@main.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
def check(path: Path) -> None:
    """Lint a process folder, a .bpmn or a .dmn file, and run its scenarios; exit 0 or 1."""
    sys.exit(0 if check_path(path, ROOT / "bpmn" / "shared", scenario_house, click.echo) else 1)


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--skip-scenarios", is_flag=True, help="Lint only.")
def deploy(folder: Path, skip_scenarios: bool) -> None:
    """Check a process folder and deploy it as the next version."""
    if not skip_scenarios and not check_path(folder, ROOT / "bpmn" / "shared", scenario_house, click.echo):
        raise click.ClickException("未部署。 / Not deployed.")
    house = installed_house()
    with house.store.transaction() as connection:
        version = house.definitions.deploy(connection, read_folder(folder), None)
    click.echo(f"{version.process_id} v{version.version}")


@main.command("decide")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--input", "inputs", default="{}", help="Inputs as JSON.")
@click.option("--decision", default=None, help="Name or id; all decisions of the file without it.")
def decide(file: Path, inputs: str, decision: str | None) -> None:
    """Evaluate a decision alone; prints outputs and the rules that matched."""
    try:
        values = json.loads(inputs)
    except json.JSONDecodeError as error:
        raise click.ClickException(f"--input 不是有效的 JSON：第 {error.lineno} 行第 {error.colno} 列 {error.msg}") from None
    if not isinstance(values, dict):
        raise click.ClickException("--input 应为 JSON 对象，如 '{\"x\": 1}'。 / --input must be a JSON object.")
    click.echo(decide_file(file, values, decision))


@main.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--process", "process_id", required=True)
@click.option("--as", "login", required=True, help="Login of the person who imports.")
@click.option("--cycle", default=None)
@click.option("--demo", "use_demo", is_flag=True, help="Import into the demo's database.")
def import_roster(file: Path, process_id: str, login: str, cycle: str | None, use_demo: bool) -> None:
    """Import a roster: every good row becomes a case, every bad one is listed with its cell."""
    house = demo_house() if use_demo else installed_house()
    sys.exit(0 if house.rosters.import_file(house, file, process_id, login, click.echo, cycle=cycle) else 1)


def demo_house() -> House:
    """The house of the demo, at the demo's clock."""
    engine = create_database_engine(f"sqlite:///{instance_path() / 'demo.sqlite'}")
    started = demo_is_seeded(engine)
    offset = DEMO_START - started if started else timedelta()
    return build_house(engine, SystemClock(offset), load_or_create_keys(instance_path() / "secret.key"), demo=True)


@main.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
def conformance(directory: Path) -> None:
    """Run every DMN TCK folder below DIRECTORY."""
    passed, total = run_conformance(directory, click.echo)
    click.echo(f"passed {passed} of {total}")


@main.group()
def audit() -> None:
    """The audit trail."""


@audit.command("verify")
@click.option("--demo", "use_demo", is_flag=True)
def audit_verify(use_demo: bool) -> None:
    """Prove that no fact of any case was changed or removed."""
    house = demo_house() if use_demo else installed_house()
    with house.store.read() as connection:
        broken = list(verify(connection))
    for instance_id, sequence, problem in broken:
        click.echo(f"case {instance_id}, row {sequence}: {problem}")
    click.echo("完好 / intact" if not broken else f"{len(broken)} 处不符 / broken")
    sys.exit(1 if broken else 0)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--demo", "use_demo", is_flag=True)
def backup(file: Path, use_demo: bool) -> None:
    """Copy the database and its keys into FILE while the product runs."""
    backups.backup(instance_path(), "demo.sqlite" if use_demo else "banjie.sqlite", file)
    click.echo(f"{file} ({file.stat().st_size:,} bytes)")


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--demo", "use_demo", is_flag=True)
def restore(file: Path, use_demo: bool) -> None:
    """Put the database back to what FILE holds, also while the product runs; the state before is kept beside it."""
    kept = backups.restore(instance_path(), "demo.sqlite" if use_demo else "banjie.sqlite", file)
    click.echo(f"已恢复；恢复前的数据保存在 {kept} / restored; what was there before is in {kept}")


@main.command("help")
@click.pass_context
def show_help(context: click.Context) -> None:
    """All verbs."""
    click.echo(context.parent.get_help() if context.parent else "")
    click.echo(
        "\n  test    Run the tests (pytest arguments; --install-browser fetches Chromium first)."
        "\n  bench   Print what everything costs (--json FILE, --quick)."
        "\n  prove   Random work against reference interpreters (--operations N --seed S)."
    )


if __name__ == "__main__":
    try:
        main()
    except Rejection as refusal:
        click.echo(f"{refusal.zh} / {refusal.en}", err=True)
        sys.exit(1)
