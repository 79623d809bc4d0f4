"""Each program on PATH is told with what brought it there."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from collectors.coverage.owned import owned
from collectors.coverage.programs import Program, Sources, parse_path, path_folders, programs
from tests.unit.fakes import FakeHost, machine
from tests.unit.sampled import sampled

ADA = "/home/ada"
PASSWD = "ada:x:1000:1000::/home/ada:/bin/bash\n"

test_paths = sampled("shell_path", lambda text, name: list(parse_path(text, ADA)))


def host_with(tmp_path: Path, *executables: str, **links: str) -> FakeHost:
    host = machine(
        tmp_path,
        {
            "/etc/passwd": PASSWD,
            "/bin": "-> usr/bin",
            "/var/lib/dpkg/info/git.list": "/bin/git\n/usr/bin/vim.basic\n",
            **dict.fromkeys(executables, "x"),
            **{f"/usr/bin/{name}": f"-> {target}" for name, target in links.items()},
        },
    )
    for path in executables:
        os.chmod(tmp_path / path[1:], 0o755)
    return host


def found(host: FakeHost, **sources: object) -> dict[str, Program]:
    given_sources = Sources(owned(host), **sources)  # type: ignore[arg-type]  # a test's short way
    return {program.path: program for program in programs(host, given_sources)}


def test_what_a_package_owns_is_certain_by_any_of_its_names(tmp_path: Path) -> None:
    host = host_with(tmp_path, "/usr/bin/git")
    assert found(host, origins={"git": "https://example.org/debian bookworm/main"}) == {
        "/usr/bin/git": Program(
            "/usr/bin/git", "apt", "git", "https://example.org/debian bookworm/main", "certain"
        )
    }


def test_an_alternative_is_what_it_leads_to(tmp_path: Path) -> None:
    host = host_with(tmp_path, "/usr/bin/vim.basic", vi="/etc/alternatives/vi")
    (tmp_path / "etc/alternatives").mkdir()
    (tmp_path / "etc/alternatives/vi").symlink_to("/bin/vim.basic")
    assert found(host)["/usr/bin/vi"] == Program("/usr/bin/vi", "apt", "git", "", "certain")


def test_what_is_in_a_cover_is_likely_of_its_item(tmp_path: Path) -> None:
    host = host_with(tmp_path, f"{ADA}/.local/bin/black", "/usr/local/bin/tool")
    covers = {f"{ADA}/.local/bin/black": "pipx:~ada/black", "/usr/local/bin": "made anew by hand"}
    assert found(host, covers=covers) == {
        f"{ADA}/.local/bin/black": Program(f"{ADA}/.local/bin/black", "pipx", "~ada/black", "", "likely"),
        "/usr/local/bin/tool": Program("/usr/local/bin/tool", "", "made anew by hand", "", "likely"),
    }


def test_a_captured_script_is_the_postures(tmp_path: Path) -> None:
    host = host_with(tmp_path, "/usr/local/bin/mine")
    assert found(host, captured=frozenset({"/usr/local/bin/mine"})) == {
        "/usr/local/bin/mine": Program("/usr/local/bin/mine", "file", "/usr/local/bin/mine", "", "likely")
    }


def test_a_snaps_program_is_the_snaps_though_a_package_owns_the_launcher(tmp_path: Path) -> None:
    host = host_with(tmp_path, "/usr/bin/git", "/snap/bin/code.url-handler")
    assert found(host)["/snap/bin/code.url-handler"] == Program(
        "/snap/bin/code.url-handler", "snap", "code", "", "likely"
    )


def test_of_the_rest_nothing_is_known(tmp_path: Path) -> None:
    host = host_with(tmp_path, "/usr/local/bin/new\nline")
    assert found(host) == {"/usr/local/bin/new\\x0aline": Program("/usr/local/bin/new\\x0aline")}


def test_no_program_is_what_is_not_executable_or_leads_nowhere(tmp_path: Path) -> None:
    host = host_with(tmp_path, dangling="/nowhere", loop="loop", folder="/usr")
    (tmp_path / "usr/bin/text").write_text("x")
    os.chmod(tmp_path / "usr/bin/text", 0o644)
    assert found(host) == {}


def test_the_folders_of_everybody_that_are_there(tmp_path: Path) -> None:
    host = machine(
        tmp_path,
        {
            "/etc/passwd": PASSWD,
            "/bin": "-> usr/bin",
            "/usr/bin": None,
            "/etc/environment": 'PATH="/bin:/opt/env/bin:/not/there"\n',
            "/opt/env/bin": None,
            f"{ADA}/.profile": 'PATH="$HOME/tools:$PATH"\n',
            f"{ADA}/tools": None,
            f"{ADA}/.nvm/versions/node/v20/bin": None,
        },
    )
    assert path_folders(host) == (
        "/usr/bin",
        "/opt/env/bin",
        f"{ADA}/.nvm/versions/node/v20/bin",
        f"{ADA}/tools",
    )


@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from(("PATH", "=", ":", "$HOME/x", "~", "export ", "\n", "/", "'"))).map("".join),
    )
)
def test_any_text_is_taken(text: str) -> None:
    assert all(path.startswith("/") for path in parse_path(text, ADA))
