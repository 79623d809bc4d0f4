from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.collected import Collected, Cover, Loss
from collectors.domains import flatpak
from collectors.domains.flatpak import installation
from collectors.domains.flatpak.things import App, Mask, Pin, Remote, Runtime, Scoped, Setting
from collectors.failure import Finding
from collectors.record import sha256
from tests.unit.fakes import FakeHost, machine
from tests.unit.sampled import SAMPLES, sampled

test_config = sampled("flatpak_config", lambda text, name: hers(text, name))
test_deploy = sampled("flatpak_deploy", lambda text, name: installation.parse_deploy(raw(text)))
test_more = sampled("flatpak_installations", lambda text, name: more(text, name))

SYSTEM = "/var/lib/flatpak"
HERS = "/home/ada/.local/share/flatpak"
HELLO = "org.example.Hello"
COMMIT = "31a2884a36a71a17440d6f8208f9dceea555d32f51c1b83ad7e440a1ef400134"


def hers(text: str, name: str) -> tuple[installation.Config, tuple[Finding, ...]]:
    return installation.parse_config(text, scope="~ada", path=name)


def more(text: str, name: str) -> tuple[tuple[installation.Installation, ...], tuple[Finding, ...]]:
    return flatpak.parse_installations(text, path=name)


def raw(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def deployed(top: str, name: str, remote: str) -> dict[str, str | bytes | None]:
    """Return what flatpak lays down for `name`, `app/org.example.Hello/x86_64/stable`."""
    folder = f"{top}/{name}"
    deploy = sample("flatpak_deploy/app").replace(b"example\0", f"{remote}\0".encode(), 1)
    return {f"{folder}/{COMMIT}/deploy": deploy, f"{folder}/active": f"-> {COMMIT}"}


def desktop(tmp_path: Path, files: Mapping[str, str | bytes | None] | None = None) -> FakeHost:
    """Return a machine with flatpaks of the system and of ada, as flatpak 1.14 laid them down."""
    return machine(
        tmp_path,
        {
            "/etc/passwd": "ada:x:1000:1000::/home/ada:/bin/bash\n",
            f"{SYSTEM}/repo/config": sample("flatpak_config/system"),
            f"{SYSTEM}/repo/example.trustedkeys.gpg": b"\x99\x01\x0d\x04key",
            f"{SYSTEM}/app/{HELLO}/current": "-> x86_64/stable",
            **deployed(SYSTEM, f"app/{HELLO}/x86_64/stable", "example"),
            **deployed(SYSTEM, f"app/{HELLO}/x86_64/beta", "example"),
            f"{SYSTEM}/app/org.example.Removed/x86_64/stable": None,
            **deployed(SYSTEM, "runtime/org.example.Platform/x86_64/23.08", "example"),
            **deployed(SYSTEM, "runtime/org.example.Needed/x86_64/1", "example"),
            f"{SYSTEM}/overrides/{HELLO}": "[Context]\nfilesystems=!home;\n",
            f"{HERS}/repo/config": sample("flatpak_config/user"),
            f"{HERS}/app/{HELLO}/current": "-> x86_64/beta",
            **deployed(HERS, f"app/{HELLO}/x86_64/beta", "mine"),
            **deployed(HERS, "runtime/org.example.Tool/x86_64/1", "mine"),
            f"{HERS}/overrides/global": "[Context]\nsockets=wayland;\n",
            f"{HERS}/db/background": "GVariant",
            f"{HERS}/db/documents": "GVariant",
            f"/home/ada/.var/app/{HELLO}/cache/x": "",
            **(files or {}),
        },
    )


def ids(found: Collected[flatpak.Flatpak]) -> list[str]:
    return [item.id for item in found.section.items()]


def test_nothing_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert flatpak.collect(machine(tmp_path)) == Collected(flatpak.Flatpak())


def test_what_is_installed_by_scope(tmp_path: Path) -> None:
    found = flatpak.collect(desktop(tmp_path))
    assert ids(found) == [
        "flatpak-remote:example",
        "flatpak-remote:~ada/mine",
        "flatpak-remote:~ada/off",
        "flatpak:org.example.Hello/x86_64/beta",
        "flatpak:org.example.Hello",
        "flatpak:~ada/org.example.Hello",
        "flatpak-runtime:org.example.Platform/x86_64/23.08",
        "flatpak-runtime:~ada/org.example.Tool/x86_64/1",
        "flatpak-mask:~ada/org.example.Masked",
        "flatpak-pin:runtime/org.example.Hello.Plugin.X/x86_64/stable",
        "flatpak-setting:languages",
        f"file:{HERS}/db/background",
        f"file:{HERS}/overrides/global",
        f"file:{SYSTEM}/overrides/{HELLO}",
    ]
    assert (found.findings, found.losses, found.section.left_out) == ((), (), ())


def test_an_app_knows_its_remote_and_a_remote_its_key(tmp_path: Path) -> None:
    found = flatpak.collect(desktop(tmp_path))
    apps = {app.item_name(): app for app in found.section.apps}
    assert apps[HELLO] == App(id=HELLO, arch="x86_64", branch="stable", remote="example", commit=COMMIT)
    assert apps[f"~ada/{HELLO}"].remote == "mine"
    remote = found.section.remotes[0]
    path, key = f"{SYSTEM}/repo/example.trustedkeys.gpg", b"\x99\x01\x0d\x04key"
    assert (remote.url, remote.key, remote.key_sha256) == ("https://example.org/repo", path, sha256(key))
    assert found.contents[path] == key


def test_a_newer_commit_is_the_same_item_but_another_branch_is_not() -> None:
    old = App(id="x", arch="a", branch="stable", remote="r", commit="1")
    assert old.item("flatpak") == old.model_copy(update={"commit": "2"}).item("flatpak")
    assert old.item("flatpak") != old.model_copy(update={"branch": "beta"}).item("flatpak")


def test_what_comes_back_and_what_is_data(tmp_path: Path) -> None:
    found = flatpak.collect(desktop(tmp_path))
    assert {
        Cover(f"{SYSTEM}/app/{HELLO}/x86_64/stable", f"flatpak:{HELLO}"),
        Cover(f"{SYSTEM}/exports/bin/{HELLO}", f"flatpak:{HELLO}"),
        Cover(f"{HERS}/app/{HELLO}/x86_64/beta", f"flatpak:~ada/{HELLO}"),
        Cover(f"{SYSTEM}/runtime/org.example.Needed/x86_64/1", flatpak.NEEDED),
        Cover(
            f"{SYSTEM}/runtime/org.example.Platform/x86_64/23.08",
            "flatpak-runtime:org.example.Platform/x86_64/23.08",
        ),
        Cover(f"{HERS}/repo", flatpak.ANEW),
        Cover(f"/home/ada/.var/app/{HELLO}/cache", f"made anew by {HELLO}"),
    } <= set(found.covers)
    paths = {cover.path for cover in found.covers}
    assert not paths & {SYSTEM, HERS, f"{SYSTEM}/overrides", f"/home/ada/.var/app/{HELLO}"}
    assert f"{SYSTEM}/app/org.example.Removed" not in paths


def test_an_app_whose_remote_is_gone_is_lost(tmp_path: Path) -> None:
    path = f"{SYSTEM}/app/org.example.Orphan/x86_64/stable"
    found = flatpak.collect(
        desktop(tmp_path, deployed(SYSTEM, "app/org.example.Orphan/x86_64/stable", "gone"))
    )
    orphan = "flatpak:org.example.Orphan/x86_64/stable"
    assert found.losses == (
        Loss(
            "sourceless",
            orphan,
            "its remote gone is gone",
            f"flatpak build-bundle {SYSTEM}/repo org.example.Orphan.flatpak org.example.Orphan stable",
        ),
    )
    assert path not in {cover.path for cover in found.covers}


def test_an_app_starts_by_the_branch_that_is_current(tmp_path: Path) -> None:
    by_path = [(cover.path, cover.by) for cover in flatpak.collect(desktop(tmp_path)).covers]
    launcher = f"{SYSTEM}/exports/bin/{HELLO}"
    assert [each for each in by_path if each[0] == launcher] == [(launcher, f"flatpak:{HELLO}")]
    assert (f"{SYSTEM}/app/{HELLO}/x86_64/beta", f"flatpak:{HELLO}/x86_64/beta") in by_path


def test_an_app_from_a_bundle_is_lost(tmp_path: Path) -> None:
    files = {
        f"{SYSTEM}/repo/config": sample("flatpak_config/bundle"),
        f"{SYSTEM}/app/{HELLO}/x86_64/stable/active/deploy": sample("flatpak_deploy/bundle"),
        f"{SYSTEM}/app/{HELLO}/current": "-> x86_64/stable",
    }
    found = flatpak.collect(machine(tmp_path, files))
    assert [(loss.kind, loss.subject) for loss in found.losses] == [("sourceless", f"flatpak:{HELLO}")]
    remotes = {remote.name: remote.bound for remote in found.section.remotes}
    assert remotes == {"example": "", "hello-origin": installation.OF_A_FILE}


def test_another_installation_has_its_name(tmp_path: Path) -> None:
    found = flatpak.collect(
        machine(
            tmp_path,
            {
                f"{flatpak.MORE}/extra.conf": sample("flatpak_installations/extra.conf"),
                f"{flatpak.MORE}/README": "no installation",
                "/srv/flatpak/repo/config": sample("flatpak_config/system"),
                **deployed("/srv/flatpak", f"app/{HELLO}/x86_64/stable", "example"),
                f"/srv/flatpak/app/{HELLO}/current": "-> x86_64/stable",
            },
        )
    )
    assert [app.by_hand() for app in found.section.apps] == [
        f"flatpak install --installation=extra example {HELLO}/x86_64/stable"
    ]
    assert f"flatpak:extra/{HELLO}" in ids(found)
    assert found.findings == ()


def test_a_password_in_an_address_is_left_out(tmp_path: Path) -> None:
    path = f"{SYSTEM}/repo/config"
    found = flatpak.collect(machine(tmp_path, {path: sample("flatpak_config/odd")}))
    assert [each.path for each in found.section.left_out] == [path]
    assert "geheim" not in repr(found)


def test_a_private_key_is_left_out(tmp_path: Path) -> None:
    path = f"{SYSTEM}/repo/example.trustedkeys.gpg"
    (tmp_path / "x").mkdir()
    host = desktop(tmp_path)
    (tmp_path / path[1:]).write_text("-----BEGIN PGP PRIVATE KEY BLOCK-----\n")
    found = flatpak.collect(host)
    assert [each.path for each in found.section.left_out] == [path]
    assert (found.section.remotes[0].key, path in found.contents) == ("", False)


@pytest.mark.parametrize(
    "path",
    [
        f"{SYSTEM}/repo/config",
        f"{SYSTEM}/repo/example.trustedkeys.gpg",
        f"{SYSTEM}/app",
        f"{HERS}/app/{HELLO}/x86_64/beta/active/deploy",
    ],
)
def test_what_cannot_be_read_is_a_finding_and_the_rest_stays(tmp_path: Path, path: str) -> None:
    found = flatpak.collect(replace(desktop(tmp_path), failing={path: PermissionError(13, "no")}))
    assert found.findings == (Finding(path, "not readable", "run with sudo"),)
    assert found.section.runtimes


def test_a_broken_deploy_is_a_finding(tmp_path: Path) -> None:
    path = f"{SYSTEM}/app/x/x86_64/stable/active/deploy"
    found = flatpak.collect(desktop(tmp_path, {path: "x"}))
    assert found.findings == (Finding(path, "not what flatpak writes", "flatpak repair"),)


def test_names_are_bytes(tmp_path: Path) -> None:
    name = "a\n\udcff"
    found = flatpak.collect(
        desktop(
            tmp_path,
            {**deployed(SYSTEM, f"app/{name}/x/y", "example"), f"{SYSTEM}/app/{name}/current": "-> x/y"},
        )
    )
    assert r"flatpak:a\x0a\xff" in ids(found)
    assert Cover(f"{SYSTEM}/app/{name}/x/y", r"flatpak:a\x0a\xff") in found.covers


@pytest.mark.parametrize(
    ("thing", "command"),
    [
        (
            Remote(name="r", url="https://e.org/", key="/k", priority="5", subset="v", hidden=True),
            "flatpak remote-add --system --gpg-import=/k --no-enumerate --prio=5 --subset=v "
            "--if-not-exists r https://e.org/",
        ),
        (
            Remote(scope="~ada", name="r", url="x:", verified=False, disabled=True, collection="c"),
            "flatpak remote-add --user --no-gpg-verify --disable --collection-id=c --if-not-exists r x:",
        ),
        (Runtime(id="i", arch="a", branch="b", remote="r"), "flatpak install --system r i/a/b"),
        (Mask(scope="~ada", pattern="a b"), "flatpak mask --user 'a b'"),
        (Pin(pattern="runtime/x"), "flatpak pin --system runtime/x"),
        (Setting(key="languages", value="de;en"), "flatpak config --system --set languages 'de;en'"),
    ],
)
def test_by_hand(thing: Scoped, command: str) -> None:
    assert thing.by_hand() == command


LINES = st.sampled_from(
    ("[core]", '[remote "a"]', '[remote "', "url=x", "xa.pinned=a;b", "gpg-verify=true", "x", "", "#")
)
CONFIGS = st.lists(st.one_of(LINES, st.text(max_size=9))).map("\n".join)


@given(CONFIGS)
def test_each_line_of_a_config_is_understood_or_a_finding(text: str) -> None:
    config, findings = installation.parse_config(text, scope="", path="config")
    assert len({remote.name for remote in config.remotes}) == len(config.remotes)
    assert len([line for line in text.split("\n") if line == "x"]) <= len(findings)
    flatpak.parse_installations(text, path="x.conf")


@given(st.binary(max_size=90))
def test_a_deploy_may_be_anything(content: bytes) -> None:
    found = installation.parse_deploy(content)
    assert found is None or content.startswith(raw(found[0])[:1])
    assert installation.parse_deploy(b"r\0" + b"0" * 64 + b"\0" + content) == ("r", "0" * 64)
