"""The commands as a person runs them, on this machine and a synthetic base."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from builder.history import commit_posture
from collectors.command import run
from tests.postures import HASH, small_posture
from tests.synthetic import synthetic_base
from tests.unit.fakes import tree

pytestmark = pytest.mark.integration

REKINDLE = Path(sys.executable).with_name("rekindle")
PASSWD = "root:x:0:0::/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n"
CONFIG = f"""\
host: ember
identity:
  username: ada
  password_hash: {HASH}
"""


class Home:
    """A REKINDLE_HOME and the commands run in it."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.repository = folder / "state" / "posture"
        (folder / "config").mkdir(parents=True)
        (folder / "cache").symlink_to(cache)
        self.configure(CONFIG)

    def configure(self, text: str) -> None:
        (self.folder / "config" / "rekindle.yaml").write_text(text)

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "REKINDLE_HOME": str(self.folder), "NO_COLOR": "1", "COLUMNS": "200"}
        argv = [REKINDLE, *map(str, words)]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)

    def commits(self) -> list[str]:
        return run(["git", "-C", self.repository, "log", "--format=%s"]).splitlines()


@pytest.fixture
def home(tmp_path: Path, program_cache: Path) -> Home:
    return Home(tmp_path / "home", program_cache)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_base(tmp_path_factory.mktemp("base"))


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that a refusal is; it must have a remedy and exit with 1."""
    assert done.returncode == 1, done
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("rekindle: ")
    assert line.endswith(")")
    assert "Traceback" not in done.stderr
    return line


def test_collecting_this_machine_twice_makes_one_commit(home: Home) -> None:
    first = home.run("collect", "--json")
    assert first.returncode in (0, 3), first.stderr
    assert json.loads(first.stdout)["commit"]
    second = home.run("collect", "--json")
    assert json.loads(second.stdout)["commit"] is None
    assert len(home.commits()) == 1


def test_a_section_that_fails_keeps_its_state_and_is_told(home: Home, tmp_path: Path) -> None:
    files = {
        "/etc/os-release": "ID=ubuntu\n",
        "/etc/keyd/default.conf": "[ids]\n",
        "/etc/hostname": "ember\n",
    }
    root = tree(tmp_path / "root", {**files, "/etc/passwd": PASSWD})
    assert home.run("collect", "--root", root).returncode == 0
    (root / "etc/passwd").unlink()
    (root / "etc/passwd").mkdir()
    (root / "etc/hostname").write_text("ash\n")
    done = home.run("collect", "--root", root)
    assert done.returncode == 3
    assert "users: not collected: /etc/passwd: Is a directory (run with sudo)" in done.stderr
    assert "Traceback" not in done.stderr
    kept = home.repository / "hosts" / "ember"
    assert "name: ada" in (kept / "users.yaml").read_text()
    assert "hostname: ash" in (kept / "system.yaml").read_text()
    assert len(home.commits()) == 2


def test_a_dry_run_writes_nothing(home: Home) -> None:
    done = home.run("collect", "--dry-run")
    assert "would commit" in done.stdout
    assert not home.repository.exists()


def test_only_one_section_is_collected(home: Home) -> None:
    commit_posture(home.repository, "ember", small_posture(), "all")
    done = home.run("collect", "--only", "users")
    assert done.returncode in (0, 3), done.stderr
    changed = run(["git", "-C", home.repository, "diff", "--name-only", "HEAD~1"]).split()
    assert changed == ["hosts/ember/users.yaml"]


def test_an_unknown_section_is_refused_before_the_work(home: Home) -> None:
    done = home.run("collect", "--only", "apt,flies")
    assert "no such section: flies" in refused(done)
    assert "collecting" not in done.stderr
    assert not home.repository.exists()


def test_a_refresh_collects_builds_and_publishes(home: Home, base: Path, tmp_path: Path) -> None:
    home.configure(f"{CONFIG}base: {base}\nallow_unverified: true\npublish: [{tmp_path}/cloud]\n")
    done = home.run("refresh")
    assert done.returncode in (0, 3), done.stderr
    assert (tmp_path / "cloud" / "rekindle-ember.iso").is_file()
    shown = json.loads(home.run("inspect", home.folder / "state" / "latest.iso", "--json").stdout)
    assert shown["host"] == "ember"
    again = home.run("refresh")
    assert "nothing changed" in again.stdout
    assert "already there" in again.stderr


def test_building_without_a_posture(home: Home, base: Path) -> None:
    assert "no posture of ember yet" in refused(home.run("build", "--base", base))


def test_building_without_a_base(home: Home) -> None:
    commit_posture(home.repository, "ember", small_posture(), "all")
    assert "no base ISO is named" in refused(home.run("build"))


def test_a_broken_config_names_file_line_and_key(home: Home, base: Path) -> None:
    home.configure("identity:\n  pasword_hash: x\n")
    line = refused(home.run("build", "--base", base))
    assert "rekindle.yaml:2: identity.pasword_hash: unknown key" in line


def test_a_posture_of_a_newer_schema_is_refused(home: Home, base: Path) -> None:
    commit_posture(home.repository, "ember", small_posture(), "all")
    section = home.repository / "hosts" / "ember" / "apt.yaml"
    section.write_text(section.read_text().replace("schema_version: 2", "schema_version: 999"))
    line = refused(home.run("build", "--base", base))
    assert "apt.yaml:1: schema_version: 999 is newer" in line
    assert "upgrade Rekindle" in line
    assert not (home.folder / "state" / "latest.iso").exists()


def test_two_machines_need_a_name(home: Home, base: Path) -> None:
    home.configure(CONFIG.replace("host: ember\n", ""))
    for host in ("ember", "ash"):
        commit_posture(home.repository, host, small_posture(), "all")
    assert "the repository has ash, ember" in refused(home.run("build", "--base", base))


@pytest.mark.parametrize("words", [["nonsense"], ["build", "--nonsense"], ["extract"]])
def test_wrong_usage_is_2(home: Home, words: list[str]) -> None:
    assert home.run(*words).returncode == 2


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["collect"],
        ["coverage"],
        ["diff"],
        *(["base", name] for name in ("fetch", "verify", "list", "prepare", "standin")),
        ["build"],
        ["inspect"],
        ["extract"],
        ["reset"],
        ["publish"],
        ["flash"],
        ["rehearse"],
        ["restore"],
        ["refresh"],
        ["timer", "install"],
        ["timer", "status"],
        ["timer", "remove"],
    ],
)
def test_every_command_has_help_with_an_example(home: Home, words: list[str]) -> None:
    done = home.run(*words, "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout
    assert not words or "Example: " in done.stdout


def test_the_secret_of_the_config_is_in_no_output(home: Home, base: Path) -> None:
    commit_posture(home.repository, "ember", small_posture(), "all")
    built = home.run("build", "--base", base, "--allow-unverified", "--output", home.folder / "r.iso")
    assert built.returncode == 0, built.stderr
    shown = home.run("inspect", home.folder / "r.iso")
    assert HASH not in built.stdout + built.stderr + shown.stdout + shown.stderr
    assert "stand-in" not in shown.stdout
