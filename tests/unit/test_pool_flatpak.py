"""Which flatpaks are copied, with which others? That real ones come back, a container shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builder.pool import flatpak
from builder.pool.flatpak import Copy, Deployed, needs, taken
from builder.pool.refs import has_ref, repository
from collectors.domains.flatpak import Flatpak
from collectors.domains.flatpak.installation import Installation
from collectors.domains.flatpak.things import App, Remote, Runtime
from collectors.failure import Finding
from collectors.host import Machine
from collectors.posture import Posture
from collectors.reading.keyfile import parse_groups
from tests.postures import small_posture

ARCH = "x86_64"
APP = """[Application]
name=org.a
runtime=org.p/x86_64/23
sdk=org.s/x86_64/23
[Extension org.a.Locale]
directory=share
[Extension org.a.Plugin]
subdirectories=true
versions=2;3
"""


def deploy(
    root: Path, ref: str, metadata: str = "", remote: str = "hub", place: str = "var/lib/flatpak"
) -> None:
    active = root / place / ref / "active"
    active.mkdir(parents=True)
    (active / "deploy").write_bytes(b"\0".join((remote.encode(), b"a" * 64, b"")))
    (active / "metadata").write_text(metadata)


def wanted(posture: Posture, root: Path, monkeypatch: pytest.MonkeyPatch) -> list[Copy | Finding]:
    monkeypatch.setattr(flatpak, "found", lambda _: True)
    return [*flatpak._wanted(posture, Machine(root))]


def posture(**section: object) -> Posture:
    remotes = (Remote(name="hub", url="https://example.org/"), Remote(name="filed", url=""))
    return replace(small_posture(), flatpak=Flatpak.model_validate({"remotes": remotes, **section}))


def test_an_app_needs_its_runtime_and_the_extensions_that_are_installed() -> None:
    deployed = Deployed("a" * 64, Installation("", "/var/lib/flatpak"))
    here = (
        *("runtime/org.a.Locale/x86_64/stable", "runtime/org.a.Locale/x86_64/beta"),
        *(
            "runtime/org.a.Plugin.X/x86_64/2",
            "runtime/org.a.Plugin.X/x86_64/1",
            "runtime/org.a.Plugin/i386/3",
        ),
        *(
            "app/org.a.Plugin.Y/x86_64/3",
            "runtime/org.a.Pluginned/x86_64/3",
            "runtime/org.a.Locale.de/x86_64/stable",
        ),
    )
    groups, _ = parse_groups(APP, name="metadata")
    assert sorted(needs("app/org.a/x86_64/stable", groups, dict.fromkeys(here, deployed))) == [
        "runtime/org.a.Locale/x86_64/stable",
        "runtime/org.a.Plugin.X/x86_64/2",
        "runtime/org.p/x86_64/23",
    ]


def test_what_is_needed_needs_others_in_turn(tmp_path: Path) -> None:
    place = Installation("", "/var/lib/flatpak")
    deploy(tmp_path, "app/org.a/x86_64/stable", APP)
    deploy(
        tmp_path,
        "runtime/org.p/x86_64/23",
        "[Runtime]\nruntime=org.p/x86_64/23\n[Extension org.p.GL@x]\nversion=1\n",
    )
    deploy(tmp_path, "runtime/org.p.GL/x86_64/1")
    refs = ("app/org.a/x86_64/stable", "runtime/org.p/x86_64/23", "runtime/org.p.GL/x86_64/1")
    here = dict.fromkeys((*refs, "runtime/org.stray/x86_64/1"), Deployed("a" * 64, place))
    told, lacking = taken(refs[0], here, Machine(tmp_path))
    assert (sorted(told), lacking) == (sorted(refs), "")
    del here[refs[1]]
    assert taken(refs[0], here, Machine(tmp_path))[1] == "org.p/x86_64/23"


def test_what_is_not_installed_here_or_from_no_remote_is_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(tmp_path, "app/org.a/x86_64/stable", "[Application]\nname=org.a\n")
    deploy(tmp_path, "app/org.f/x86_64/stable", "[Application]\nname=org.f\n", "filed")
    apps = [
        App(id=name, arch=ARCH, branch="stable", remote=remote)
        for name, remote in (("org.a", "hub"), ("org.away", "hub"), ("org.f", "filed"), ("org.g", "gone"))
    ]
    hers = App(scope="~ada", id="org.a", arch=ARCH, branch="stable", remote="hub")
    hub = Remote(scope="~ada", name="hub", url="https://example.org/")
    remotes = (*posture().flatpak.remotes, hub)
    copy, *gaps = wanted(posture(apps=(*apps, hers), remotes=remotes), tmp_path, monkeypatch)
    assert isinstance(copy, Copy)
    assert (copy.id, copy.repository) == ("flatpak:org.a", repository("", "hub"))
    assert {gap.subject: gap.reason for gap in gaps if isinstance(gap, Finding)} == {
        "flatpak:org.away": "the machine that builds does not have org.away/x86_64/stable",
        "flatpak:org.f": "no remote has it",
        "flatpak:org.g": "no remote has it",
        "flatpak:~ada/org.a": "the machine that builds does not have org.a/x86_64/stable",
    }


def test_a_persons_app_takes_a_runtime_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("ada:x:1000:1000::/home/ada:/bin/sh\n")
    deploy(tmp_path, "app/org.a/x86_64/stable", APP, place="home/ada/.local/share/flatpak")
    deploy(tmp_path, "runtime/org.p/x86_64/23")
    hers = App(scope="~ada", id="org.a", arch=ARCH, branch="stable", remote="hub")
    hub = Remote(scope="~ada", name="hub", url="https://example.org/")
    [copy] = wanted(posture(apps=(hers,), remotes=(hub,)), tmp_path, monkeypatch)
    assert isinstance(copy, Copy)
    assert {ref: deployed.place.scope for ref, deployed in copy.refs.items()} == {
        "app/org.a/x86_64/stable": "~ada",
        "runtime/org.p/x86_64/23": "",
    }


def test_without_the_tools_each_item_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flatpak, "found", lambda tool: tool != "ostree")
    deploy(tmp_path, "runtime/org.r/x86_64/1")
    chosen = Runtime(id="org.r", arch=ARCH, branch="1", remote="hub")
    [gap] = flatpak._wanted(posture(runtimes=(chosen,)), Machine(tmp_path))
    assert gap == Finding(
        "flatpak-runtime:org.r/x86_64/1", "ostree is not installed here", "install ostree, build again"
    )


def test_a_remote_has_a_repository_of_its_own(tmp_path: Path) -> None:
    names = {repository(*each) for each in (("", "hub"), ("~ada", "hub"), ("", "other"), ("games", "../x"))}
    assert len(names) == 4
    assert all(name.isalnum() for name in names)
    (tmp_path / "refs/heads/app/org.a/x86_64").mkdir(parents=True)
    (tmp_path / "refs/heads/app/org.a/x86_64/stable").touch()
    assert has_ref(tmp_path, "app/org.a/x86_64/stable")
    assert not has_ref(tmp_path, "app/org.a/x86_64")
