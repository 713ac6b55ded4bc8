"""Every verb of run.py but `test`: reads arguments, builds the house, calls one function, prints. It decides nothing."""

from __future__ import annotations

import errno
import json
import logging
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import click
import waitress
from sqlalchemy.exc import SQLAlchemyError

from app import INSTANCE, ROOT, SERVER_THREADS, House, build_house, create_app, memory_house
from tasks.installation import install, is_installed, migrate
from tasks.personal_data import load_or_create_keys
from tasks.scenarios.demo import DEMO_START, PASSWORD, demo_is_seeded, seed_demo
from tasks.scenarios.process_check import check_path
from workflows import backups
from workflows.business_calendar import FrozenClock, SystemClock
from workflows.conformance import decide_all, run_conformance
from workflows.decisions import DecisionError
from workflows.definitions import read_folder
from workflows.errors import Rejection
from workflows.feel import FeelError
from workflows.history import verify
from workflows.store import create_database_engine

ADDRESS, PORT = "127.0.0.1", 5000
PROGRAM = "python3 run.py"
SPOKEN = (Rejection, DecisionError, FeelError, OSError, SQLAlchemyError, sqlite3.DatabaseError, ModuleNotFoundError)
NO_INPUT = (
    "没有可读的输入：请用 --admin-login、--admin-name 和环境变量 BANJIE_ADMIN_PASSWORD 给出。"
    " / There is no input to read: give --admin-login, --admin-name and the environment variable BANJIE_ADMIN_PASSWORD."
)


class Verbs(click.Group):
    """The verbs. Whatever is refused ends in words for a person and an exit code, never in a traceback."""

    def main(self, args: Sequence[str] | None = None, *_positional: Any, **_options: Any) -> NoReturn:  # type: ignore[override]
        try:
            code = super().main(args, prog_name=PROGRAM, standalone_mode=False)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.ctx.get_help() if error.ctx else "")
            code = 0
        except click.Abort as stop:
            no_input = isinstance(stop.__context__, EOFError)
            click.echo(NO_INPUT if no_input else "", err=True)
            code = 1 if no_input else 130
        except click.ClickException as error:
            click.echo(_usage_words(error), err=True)
            code = error.exit_code
        except SPOKEN as error:
            click.echo(_words(error), err=True)
            code = 1
        sys.exit(code if isinstance(code, int) else 0)


def _usage_words(error: click.ClickException) -> str:
    """A wrong call in both languages; what we say ourselves (ClickException) has both already."""
    if not isinstance(error, click.UsageError):
        return error.format_message()
    what = {
        click.NoSuchOption: "没有这个选项", click.MissingParameter: "缺少参数", click.BadParameter: "参数的值不正确",
    }.get(type(error), "命令有误")
    return f"{what}：{error.format_message()}\n  {PROGRAM} help —— 查看用法 / shows how it is called"


def _words(error: Exception) -> str:
    """What went wrong, in Chinese and English, with every field or finding it names."""
    if isinstance(error, Rejection):
        findings = [f"  {found.resource}:{found.finding.line} {found.finding.reason_zh} / {found.finding.reason_en}" for found in getattr(error, "findings", ())]
        fields = [f"  {key}: {words['zh']} / {words['en']}" for key, words in error.fields.items()]
        return "\n".join([f"{error.zh} / {error.en}", *fields, *findings])
    if isinstance(error, (DecisionError, FeelError)):
        return f"{error.words} / {error.words.en}"
    if isinstance(error, OSError):
        if error.errno == errno.EADDRINUSE:
            return "端口已被占用，请用 --port 另选一个。 / The port is in use; choose another one with --port."
        place = f"{error.filename}：" if error.filename else ""
        return f"无法使用文件或网络 / a file or the network cannot be used: {place}{error.strerror or error}"
    if isinstance(error, ModuleNotFoundError):
        return f"没有安装 Python 包 {error.name}。 / The Python package {error.name} is not installed."
    reason = str(getattr(error, "orig", None) or error)
    return f"数据库无法使用 / the database cannot be used: {reason}"


@click.group(cls=Verbs)
def main() -> None:
    """办结 Banjie: a BPMN case desk for human work."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a short queue is how few threads are meant to work
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")


NOT_INSTALLED = Rejection(f"尚未安装：请先运行 {PROGRAM} init。", f"Not installed yet: run `{PROGRAM} init` first.")


def instance_path() -> Path:
    """Where the installation keeps its database and keys."""
    return Path(os.environ.get("BANJIE_INSTANCE", INSTANCE))


def database_url(name: str = "banjie.sqlite") -> str:
    """The database of this installation: DATABASE_URL, else one file in the instance folder."""
    return os.environ.get("DATABASE_URL") or f"sqlite:///{instance_path() / name}"


def installed_house() -> House:
    """The house of the real installation; tells what to do when there is none."""
    url = database_url()
    if not (instance_path() / "secret.key").exists() or (url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists()):
        raise NOT_INSTALLED
    migrate(url)
    house = _house_at(url)
    with house.store.read() as connection:
        if not is_installed(connection):
            raise NOT_INSTALLED
    return house


def _house_at(url: str) -> House:
    """A house over the database at `url`, let go of when the verb is done."""
    engine = create_database_engine(url)
    if context := click.get_current_context(silent=True):
        context.call_on_close(engine.dispose)
    return build_house(engine, SystemClock(), load_or_create_keys(instance_path() / "secret.key"))


def scenario_house(at: datetime, like: House | None = None) -> House:
    """A house in memory whose clock stands at `at`: empty, or a copy of `like`."""
    return memory_house(FrozenClock(at), like)


def serve(config: dict[str, object], port: int, greeting: Callable[[House], None]) -> None:
    """Serve the web application with its worker until interrupted."""
    app = create_app({"INSTANCE_PATH": str(instance_path()), "WORKER": True, **config})
    greeting(app.extensions["banjie"])
    waitress.serve(app, host=ADDRESS, port=port, threads=SERVER_THREADS, ident=None)


@main.command()
@click.option("--port", default=PORT, show_default=True)
@click.option("--reset", is_flag=True, help="Throw the demo's data away and seed it anew.")
def demo(port: int, reset: bool) -> None:
    """Serve the demo: invented offices and students, at a clock that starts on 2026-07-06."""
    path = instance_path() / "demo.sqlite"
    url = f"sqlite:///{path}"
    path.parent.mkdir(parents=True, exist_ok=True)
    started = None if reset else _seeded(path)
    if started is None:
        click.echo("正在准备演示数据… / Seeding the demo …")
        started = _seed(path)
    offset = DEMO_START - started

    def greet(house: House) -> None:
        click.echo(f"\n  办结 Banjie  →  http://{ADDRESS}:{port}\n")
        click.echo(f"  演示账号 / demo logins (password: {PASSWORD})")
        for login, words in DEMO_LOGINS:
            click.echo(f"    {login:<16}{words}")
        click.echo("\n  Ctrl+C 结束 / to stop")

    logins = [{"login": login, "note": words, "password": PASSWORD} for login, words in DEMO_LOGINS]
    serve({"SQLALCHEMY_DATABASE_URI": url, "CLOCK_OFFSET": offset, "DEMO": True, "DEMO_LOGINS": logins}, port, greet)


def _seeded(path: Path) -> datetime | None:
    """When the demo at `path` was seeded; None when there is none, or only a part of one."""
    if not path.exists():
        return None
    migrate(f"sqlite:///{path}")
    engine = create_database_engine(f"sqlite:///{path}")
    started = demo_is_seeded(engine)
    engine.dispose()
    return started


def _seed(path: Path) -> datetime:
    """Seed beside `path` and put it there when it is whole, so that an interrupted start leaves no half demo."""
    growing = path.with_name("demo-growing.sqlite")
    for leftover in (*path.parent.glob(f"{growing.name}*"), *path.parent.glob(f"{path.name}*")):
        leftover.unlink()
    migrate(f"sqlite:///{growing}")
    engine = create_database_engine(f"sqlite:///{growing}")
    started = seed_demo(build_house, engine, load_or_create_keys(path.parent / "secret.key"), ROOT / "bpmn", _progress)
    engine.dispose()
    growing.replace(path)
    return started


DEMO_LOGINS = (
    ("gaojingban", "高校经办 · university clerk (U1401)"), ("dengjingban", "县级经办 · county clerk (C429999)"),
    ("zhouzhuren", "高校负责人 · university principal"), ("tangshengban", "省中心 · province supervisor"),
    ("xiaobanzhang", "班级资助学生 · class representative"), ("liuchengguanli", "流程管理员 · process administrator"),
    ("zhouniqi", "借款学生 · student"), ("renyuanguanli", "人员管理员 · administrator of people"),
)


def _progress(done: int, total: int) -> None:
    click.echo(f"\r  {done}/{total}", nl=done >= total)


@main.command()
@click.option("--admin-login", envvar="BANJIE_ADMIN_LOGIN", prompt="管理员登录名 / administrator's login")
@click.option("--admin-name", envvar="BANJIE_ADMIN_NAME", prompt="管理员姓名 / administrator's name")
@click.option("--admin-password", envvar="BANJIE_ADMIN_PASSWORD", prompt="密码 / password", hide_input=True, confirmation_prompt=True)
def init(admin_login: str, admin_name: str, admin_password: str) -> None:
    """Make an empty installation with one administrator; no demo data."""
    instance_path().mkdir(parents=True, exist_ok=True)
    url = database_url()
    migrate(url)
    house = _house_at(url)
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
    installed_house().new_worker().run()


@main.command()
@click.argument("path", type=click.Path(path_type=Path))
def check(path: Path) -> None:
    """Lint one file (.bpmn, .dmn, .form, .yaml) or process folders, and run their scenarios; exit 0 or 1."""
    sys.exit(0 if check_path(path, ROOT / "bpmn" / "shared", scenario_house, click.echo) else 1)


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--skip-scenarios", is_flag=True, help="Lint only.")
def deploy(folder: Path, skip_scenarios: bool) -> None:
    """Check a process folder and deploy all its processes as their next versions."""
    if not skip_scenarios and not check_path(folder, ROOT / "bpmn" / "shared", scenario_house, click.echo):
        raise Rejection("未部署。", "Not deployed.")
    house = installed_house()
    with house.store.transaction() as connection:
        versions = house.definitions.deploy_all(connection, read_folder(folder), None)
    for version in versions:
        click.echo(f"{version.process_id} v{version.version}")


@main.command("decide")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--input", "inputs", default="{}", help="Inputs as JSON.")
@click.option("--decision", default=None, help="Name or id; all decisions of the file without it.")
def decide(file: Path, inputs: str, decision: str | None) -> None:
    """Evaluate a decision alone; prints outputs and the rules that matched; exit 1 when one cannot be evaluated."""
    try:
        values = json.loads(inputs)
    except json.JSONDecodeError as error:
        place = f"{error.lineno}:{error.colno} {error.msg}"
        raise Rejection(f"--input 不是有效的 JSON（行:列 {place}）。", f"--input is not valid JSON (line:column {place}).") from None
    if not isinstance(values, dict):
        raise Rejection("--input 应为 JSON 对象，如 '{\"x\": 1}'。", "--input must be a JSON object such as '{\"x\": 1}'.")
    lines, fine = decide_all(file, values, decision)
    click.echo("\n".join(lines))
    sys.exit(0 if fine else 1)


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
    path = instance_path() / "demo.sqlite"
    started = _seeded(path)
    if started is None:
        raise Rejection(f"还没有演示数据：请先运行 {PROGRAM}。", f"There is no demo yet: run `{PROGRAM}` first.")
    clock = SystemClock(DEMO_START - started)
    return build_house(create_database_engine(f"sqlite:///{path}"), clock, load_or_create_keys(instance_path() / "secret.key"), demo=True)


@main.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
def conformance(directory: Path) -> None:
    """Run every DMN TCK folder below DIRECTORY."""
    _passed, total = run_conformance(directory, click.echo)
    if not total:
        raise Rejection(f"{directory} 中没有 DMN TCK 测试（*-test-*.xml）。", f"There is no DMN TCK test (*-test-*.xml) below {directory}.")


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
    database = _database_file(use_demo)
    backups.backup(database.parent, database.name, file)
    click.echo(f"{file} ({file.stat().st_size:,} bytes)")


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--demo", "use_demo", is_flag=True)
def restore(file: Path, use_demo: bool) -> None:
    """Put the database back to what FILE holds, also while the product runs; the state before is kept beside it."""
    database = _database_file(use_demo)
    kept = backups.restore(database.parent, database.name, file, lambda copy: migrate(f"sqlite:///{copy}"))
    click.echo("已恢复。 / Restored." if kept is None else f"已恢复；恢复前的数据保存在 {kept} / restored; what was there before is in {kept}")


def _database_file(use_demo: bool) -> Path:
    """The SQLite file that backup and restore work on."""
    if use_demo:
        return instance_path() / "demo.sqlite"
    url = database_url()
    if not url.startswith("sqlite:///"):
        raise Rejection(
            "备份与恢复只用于内置数据库；PostgreSQL 请用 pg_dump 与 pg_restore。",
            "Backup and restore are for the embedded database; with PostgreSQL use pg_dump and pg_restore.",
        )
    return Path(url.removeprefix("sqlite:///"))


@main.command("help")
@click.pass_context
def show_help(context: click.Context) -> None:
    """All verbs."""
    click.echo(context.parent.get_help() if context.parent else "")
    click.echo(
        "\n  test    Run the tests (pytest arguments; --install-browser fetches Chromium first)."
        "\n  bench   Print what everything costs (--json FILE, --quick)."
        "\n  prove   Random work against reference interpreters (--operations N --seed S)."
        "\n  faults  Kill the worker at random moments and prove that nothing is half done (--rounds N --seed S)."
        "\n  races   Two processes act at the same moment; exactly one may win (--rounds N --database sqlite|postgresql)."
    )


if __name__ == "__main__":
    main()
