"""What npm resolves, which tarballs are kept, and how they are served as a registry."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from builder.pool import npm
from builder.pool.items import read_items
from builder.pool.npm import Locked, fits, parse_lock
from builder.pool.tarball import read_tarball
from builder.pool.target import Target
from builder.restore.registry import registry
from collectors.domains.languages import Languages
from collectors.domains.languages.node import Pnpm
from collectors.domains.languages.npm import Npm
from collectors.failure import Failure
from tests.postures import small_posture

NOBLE = Target("24.04", "noble", "amd64", {"python3": "3.12.3-0ubuntu2", "libc6": "2.39-0ubuntu8.4"})
HASH = "sha512-AAAA"


def tarball(path: Path, manifest: object, *others: str) -> bytes:
    """Write a tarball as npm packs it, and return its bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in (("package.json", json.dumps(manifest)), *((other, "") for other in others)):
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
    return path.read_bytes()


def integrity(content: bytes) -> str:
    return f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"


def lock(packages: Mapping[str, object]) -> str:
    return json.dumps({"packages": {"": {"dependencies": {"x": "1"}}, **packages}})


def test_a_lock_file_tells_what_this_system_installs() -> None:
    entry = {"version": "1.0.0", "integrity": HASH}
    packages = {
        "node_modules/@a/b": entry,
        "node_modules/c/node_modules/d": entry,
        "node_modules/d": {"version": "2.0.0-beta.1", "integrity": f"{HASH} sha1-x"},
        "node_modules/renamed": {**entry, "name": "real"},
        "node_modules/c/node_modules/inner": {"version": "1.0.0", "inBundle": True},
        "node_modules/for-arm": {**entry, "optional": True, "cpu": ["arm64"]},
        "node_modules/for-mac": {**entry, "optional": True, "os": ["darwin"]},
        "node_modules/for-musl": {**entry, "optional": True, "libc": ["musl"]},
        "node_modules/for-linux": {
            **entry,
            "optional": True,
            "os": ["!win32"],
            "cpu": ["x64"],
            "libc": ["glibc"],
        },
    }
    assert [each.spec for each in parse_lock(lock(packages), "x64")] == [
        "@a/b@1.0.0",
        "d@1.0.0",
        "d@2.0.0-beta.1",
        "for-linux@1.0.0",
        "real@1.0.0",
    ]


@pytest.mark.parametrize(
    "packages",
    [
        {"node_modules/x": {"version": "1.0.0", "resolved": "git+ssh://git@example.org/x.git#1f2e"}},
        {"node_modules/../../x": {"version": "1.0.0", "integrity": HASH}},
        {"node_modules/x": {"version": "../1", "integrity": HASH}},
        {"node_modules/x": {"version": "1.0.0", "integrity": "sha1-AAAA"}},
    ],
)
def test_what_no_registry_has_is_no_part_of_a_pool(packages: dict[str, object]) -> None:
    with pytest.raises(Failure, match="which no registry has so"):
        parse_lock(lock(packages), "x64")


@pytest.mark.parametrize(
    ("allowed", "fit"),
    [([], True), (["linux"], True), (["any"], True), (["!linux"], False), (["!aix"], True)],
)
def test_systems_are_allowed_or_not(allowed: list[str], fit: bool) -> None:
    assert fits(allowed, "linux") is fit


def test_two_of_one_name_for_npm_pack_are_fetched_apart() -> None:
    locked = [Locked(name, "1.0.0", HASH) for name in ("@a/b", "a-b", "c")]
    assert [[each.spec for each in group] for group in npm._apart(locked)] == [
        ["a-b@1.0.0", "c@1.0.0"],
        ["@a/b@1.0.0"],
    ]


@pytest.fixture
def fake_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose tarballs an npm packs; its lock.json is what that resolves."""
    here, program = tmp_path / "registry", tmp_path / "bin/npm"
    for folder in (here, program.parent):
        folder.mkdir()
    program.write_text(
        f"#!/bin/sh\necho $* >> {tmp_path}/asked\n"
        f"case $1 in install) cp {here}/lock.json package-lock.json;; pack) cp {here}/*.tgz .;; esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return here


def test_tarballs_are_kept_as_the_lock_file_says_they_are(tmp_path: Path, fake_npm: Path) -> None:
    content = tarball(fake_npm / "semver-7.5.0.tgz", {"name": "semver", "version": "7.5.0"})
    scripted = {"name": "@a/x", "version": "1.0.0", "scripts": {"postinstall": "node fetch.js"}}
    other = tarball(fake_npm / "a-x-1.0.0.tgz", scripted)
    packages = {
        "node_modules/semver": {"version": "7.5.0", "integrity": integrity(content)},
        "node_modules/@a/x": {"version": "1.0.0", "integrity": integrity(other)},
    }
    (fake_npm / "lock.json").write_text(lock(packages))
    languages = Languages(
        npm=(
            Npm(user="ada", name="semver", version="7.5.0"),
            Npm(name="hers", source="git+https://example.org/hers.git"),
            Npm(user="ada", name="pm2", version="5.3.1", runtime="node/v20.11.0"),
        ),
        pnpm=(Pnpm(user="ada", name="link", asked="link:../x"),),
    )
    posture = replace(small_posture(), languages=languages)
    gathered = npm.gather(posture, NOBLE, tmp_path / "npm", lambda _: None)
    assert gathered.files == ("@a/x/1.0.0.tgz", "items.json", "semver/7.5.0.tgz")
    assert (tmp_path / "npm/semver/7.5.0.tgz").read_bytes() == content
    assert {gap.subject: gap.reason for gap in gathered.gaps} == {
        "npm:hers": "no registry has it so: git+https://example.org/hers.git",
        "npm:~ada/node/v20.11.0/pm2": "it is within node/v20.11.0, which is not bundled",
        "npm:~ada/semver": "@a/x runs a script when it is installed, which may want the network",
        "pnpm:~ada/link": "no registry has it so: link:../x",
    }
    asked = (tmp_path / "asked").read_text().splitlines()
    assert npm.gather(posture, NOBLE, tmp_path / "npm", pytest.fail) == gathered
    assert (tmp_path / "asked").read_text().splitlines() == asked
    assert all("--ignore-scripts" in line for line in asked)


def test_a_tarball_that_is_another_one_is_not_kept(tmp_path: Path, fake_npm: Path) -> None:
    tarball(fake_npm / "semver-7.5.0.tgz", {"name": "semver"})
    packages = {"node_modules/semver": {"version": "7.5.0", "integrity": integrity(b"another")}}
    (fake_npm / "lock.json").write_text(lock(packages))
    posture = replace(small_posture(), languages=Languages(npm=(Npm(name="semver", version="7.5.0"),)))
    gathered = npm.gather(posture, NOBLE, tmp_path / "npm", lambda _: None)
    assert gathered.files == ()
    assert [gap.reason for gap in gathered.gaps] == [
        "semver@7.5.0 is not what npm found when it was resolved"
    ]
    assert read_items(tmp_path / "npm") == {}


def test_native_code_and_scripts_are_seen(tmp_path: Path) -> None:
    tarball(tmp_path / "plain.tgz", {"scripts": {"test": "x"}})
    tarball(tmp_path / "native.tgz", {}, "binding.gyp")
    assert not read_tarball(tmp_path / "plain.tgz").scripted
    assert read_tarball(tmp_path / "native.tgz").scripted
    (tmp_path / "none.tgz").write_text("x")
    for odd in (tmp_path / "none.tgz", tmp_path / "list.tgz"):
        tarball(tmp_path / "list.tgz", ["no", "manifest"])
        with pytest.raises(Failure, match="no tarball of npm"):
            read_tarball(odd)


def asked(address: str) -> bytes:
    with urllib.request.urlopen(address) as answer:
        content: bytes = answer.read()
        return content


def test_a_registry_answers_with_what_is_in_the_folder(tmp_path: Path) -> None:
    versions = ("9.0.0", "10.0.0", "11.0.0-beta")
    contents = {
        each: tarball(tmp_path / f"@a/b/{each}.tgz", {"name": "@a/b", "bin": "x.js"}) for each in versions
    }
    with registry(tmp_path) as address:
        told = json.loads(asked(f"{address}@a%2fb"))
        assert told["dist-tags"] == {"latest": "10.0.0"}
        assert list(told["versions"]) == ["11.0.0-beta", "9.0.0", "10.0.0"]
        newest = told["versions"]["10.0.0"]
        assert (newest["version"], newest["bin"], newest["hasInstallScript"]) == ("10.0.0", "x.js", False)
        assert newest["dist"]["integrity"] == integrity(contents["10.0.0"])
        assert asked(newest["dist"]["tarball"]) == contents["10.0.0"]


@pytest.mark.parametrize(
    "path", ["none", "..%2f..%2fetc", "@a/b/-/..%2f..%2fsecret.tgz", "secret.tgz", "@a/b/-/9.tgz", ""]
)
def test_a_registry_answers_nothing_else(path: str, tmp_path: Path) -> None:
    tarball(tmp_path / "npm/@a/b/1.0.0.tgz", {})
    (tmp_path / "secret.tgz").write_text("x")
    with registry(tmp_path / "npm") as address, pytest.raises(urllib.error.HTTPError, match="404"):
        asked(f"{address}{path}")
