"""A payload arrives whole, or is refused with nothing put in place."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.payload.manifest import MANIFEST, SCHEMA_VERSION
from builder.payload.pack import write_payload
from builder.payload.payload import open_payload, read_manifest, signed_by
from builder.payload.signature import allowed, own_key
from collectors.command import run
from collectors.failure import Failure
from collectors.repository import read_posture
from tests.postures import small_posture
from tests.sample.archive import Key
from tests.sample.posture import sample_posture

SAMPLE = sample_posture("http://127.0.0.1:1", Key(b"\x98binary", b"-----BEGIN\n"))


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "restore-0123.pex"
    file.write_bytes(b"#!/usr/bin/env python3\n" + b"P" * 5000)
    return file


@pytest.fixture
def payload(tmp_path: Path, program: Path) -> Path:
    write_payload(SAMPLE, program, host="hearth", output=tmp_path / "payload.tar")
    return tmp_path / "payload.tar"


def test_what_was_packed_comes_out(payload: Path, program: Path, tmp_path: Path) -> None:
    manifest = open_payload(payload, tmp_path / "opened")
    assert manifest.host == "hearth"
    assert read_posture(tmp_path / "opened" / "posture") == SAMPLE
    assert (tmp_path / "opened" / "restore.pex").read_bytes() == program.read_bytes()
    assert (tmp_path / "opened" / "playbook" / "restore.yaml").exists()
    assert (tmp_path / "opened" / "playbook" / "library" / "rekindle_files.py").exists()
    assert not list(tmp_path.glob("opened/**/__pycache__"))


def test_a_second_opening_replaces_the_first(payload: Path, tmp_path: Path) -> None:
    for _ in range(2):
        open_payload(payload, tmp_path / "opened")
        (tmp_path / "opened" / "stray").touch()
    open_payload(payload, tmp_path / "opened")
    assert not (tmp_path / "opened" / "stray").exists()


def test_the_same_input_gives_the_same_bytes(payload: Path, program: Path, tmp_path: Path) -> None:
    os.utime(program, (1, 1))
    write_payload(SAMPLE, program, host="hearth", output=tmp_path / "again.tar")
    assert (tmp_path / "again.tar").read_bytes() == payload.read_bytes()


def test_members_are_sorted_roots_and_of_no_time(payload: Path) -> None:
    with tarfile.open(payload) as tar:
        headers = tar.getmembers()
    names = [header.name for header in headers]
    assert names[0] == MANIFEST
    assert names[1:] == sorted(names[1:])
    assert {(h.uid, h.gid, h.uname, h.mtime) for h in headers} == {(0, 0, "root", 0)}
    modes = {header.name: header.mode for header in headers}
    assert modes["restore.pex"] == 0o755
    assert modes["posture/files.yaml"] == 0o600
    assert payload.stat().st_mode & 0o077 == 0


def test_the_manifest_can_be_read_alone(payload: Path) -> None:
    listed = {member.name: member for member in read_manifest(payload).members}
    assert listed["restore.pex"].size_bytes == 5023
    assert "posture/files/etc/hearth/caf\\xe9" in listed


def test_every_truncation_is_refused(payload: Path, tmp_path: Path) -> None:
    content = payload.read_bytes()
    with tarfile.open(payload) as tar:
        last = tar.getmembers()[-1]
    end = last.offset_data + last.size
    for size in (0, 1, 511, 512, 700, 5000, end // 2, end - 1):
        refused(content[:size], tmp_path)


def test_a_flipped_byte_of_content_is_refused(payload: Path, tmp_path: Path) -> None:
    content = payload.read_bytes()
    with tarfile.open(payload) as tar:
        members = [header for header in tar.getmembers() if header.size]
    assert len(members) > 30
    of_each_kind = {header.name.rpartition("/")[0]: header for header in members}
    for header in of_each_kind.values():
        place = header.offset_data + header.size // 2
        refused(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :], tmp_path)


def test_what_is_no_tar_is_refused(tmp_path: Path) -> None:
    refused(b"not a tar " * 1000, tmp_path)
    with pytest.raises(Failure, match=r"missing\.tar: not a readable payload: No such file"):
        open_payload(tmp_path / "missing.tar", tmp_path / "opened")


HOSTILE: dict[str, Callable[[], tarfile.TarInfo]] = {
    "leads out of it": lambda: tarfile.TarInfo("../evil"),
    "'/etc/evil' leads out of it": lambda: tarfile.TarInfo("/etc/evil"),
    "'a/../../evil' leads out": lambda: tarfile.TarInfo("a/../../evil"),
    "'link' is not a plain file": lambda: of_type("link", tarfile.SYMTYPE),
    "'hard' is not a plain file": lambda: of_type("hard", tarfile.LNKTYPE),
    "'device' is not a plain file": lambda: of_type("device", tarfile.CHRTYPE),
    "'folder' is not a plain file": lambda: of_type("folder", tarfile.DIRTYPE),
    "'extra' is not in its manifest": lambda: tarfile.TarInfo("extra"),
    "'manifest.json' is not in its manifest": lambda: tarfile.TarInfo(MANIFEST),
}


@pytest.mark.parametrize("problem", HOSTILE)
def test_a_hostile_member_is_refused(problem: str, tmp_path: Path) -> None:
    header = HOSTILE[problem]()
    listed = [] if "not in its manifest" in problem else [header.name]
    failure = refused(tar_of(listed, header), tmp_path)
    assert problem in failure.message


def test_a_member_listed_and_not_there_is_refused(tmp_path: Path) -> None:
    assert "'a' is missing" in refused(tar_of(["a"]), tmp_path).message


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        (b"{", "does not parse"),
        (b"[]", "does not parse"),
        (b"{}", "Field required"),
        (b'{"schema_version": 1, "host": "h", "members": [{"name": "\\\\xzz"}]}', "Field required"),
    ],
)
def test_a_broken_manifest_is_refused(manifest: bytes, problem: str, tmp_path: Path) -> None:
    assert problem in refused(raw_tar(manifest), tmp_path).message


def test_a_manifest_that_is_not_first_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("restore.pex"))
    assert "does not start with manifest.json" in refused(stream.getvalue(), tmp_path).message


def test_a_newer_schema_is_refused_with_what_to_do(tmp_path: Path) -> None:
    newer = json.dumps({"schema_version": SCHEMA_VERSION + 1, "new": True}).encode()
    failure = refused(raw_tar(newer), tmp_path)
    assert "made by a newer Rekindle" in failure.message
    assert "restore.pex inside that payload" in failure.remedy


def test_nothing_is_written_where_the_output_is_a_directory(program: Path, tmp_path: Path) -> None:
    with pytest.raises(Failure, match="is a directory"):
        write_payload(small_posture(), program, host="ember", output=tmp_path)


def test_a_missing_program_is_said(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"no\.pex: no such file"):
        write_payload(small_posture(), tmp_path / "no.pex", host="e", output=tmp_path / "p.tar")
    assert not (tmp_path / "p.tar").exists()


def refused(content: bytes, tmp_path: Path) -> Failure:
    """Assert that a payload is refused and leaves nothing, and what was there before untouched."""
    folder = tmp_path / "refused"
    (folder / "opened").mkdir(parents=True, exist_ok=True)
    (folder / "opened" / "before").touch()
    (folder / "payload.tar").write_bytes(content)
    with pytest.raises(Failure) as raised:
        open_payload(folder / "payload.tar", folder / "opened")
    assert raised.value.remedy
    assert sorted(path.name for path in folder.rglob("*")) == ["before", "opened", "payload.tar"]
    return raised.value


def of_type(name: str, kind: bytes) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, "/etc/passwd"
    return header


def tar_of(listed: list[str], *headers: tarfile.TarInfo) -> bytes:
    empty = hashlib.sha256(b"").hexdigest()
    members = [{"name": name, "size_bytes": 0, "sha256": empty} for name in listed]
    manifest = {"schema_version": SCHEMA_VERSION, "host": "h", "members": members}
    return raw_tar(json.dumps(manifest).encode(), *headers)


def raw_tar(manifest: bytes, *headers: tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        first = tarfile.TarInfo(MANIFEST)
        first.size = len(manifest)
        tar.addfile(first, io.BytesIO(manifest))
        for header in headers:
            tar.addfile(header)
    return stream.getvalue()


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return own_key(tmp_path_factory.mktemp("config"))


@pytest.fixture
def signed(tmp_path: Path, program: Path, key: Path) -> Path:
    output = tmp_path / "signed.tar"
    write_payload(
        small_posture(),
        program,
        host="ember",
        output=output,
        map_user={"ada": "eve"},
        secrets=b"age",
        key=key,
    )
    return output


def test_any_flipped_byte_is_refused(signed: Path, tmp_path: Path) -> None:
    content = signed.read_bytes()
    with tarfile.open(signed) as tar:
        headers = tar.getmembers()
    chosen = random.Random(4)
    some = [*headers[:4], *chosen.sample(headers, 4), headers[-1]]
    edges = (place for header in some for place in (header.offset, header.offset_data + header.size))
    inside = (some[4].offset + place for place in (99, 107, 147, 155, 156, 265, 500, 511))
    anywhere = (chosen.randrange(len(content)) for _ in range(8))
    words = (content.index(word) + 1 for word in (b"ember", b"eve", b"SSH SIGNATURE", b"  manifest.json"))
    for place in (*edges, *inside, *anywhere, *words, len(content) - 1):
        changed = content[place] ^ chosen.randrange(1, 256)
        refused(content[:place] + bytes([changed]) + content[place + 1 :], tmp_path)


def test_zeros_that_fill_an_area_are_no_damage(signed: Path, tmp_path: Path) -> None:
    area = tmp_path / "area.tar"
    area.write_bytes(signed.read_bytes() + bytes(70_000))
    assert open_payload(area, tmp_path / "opened") == read_manifest(signed)


def test_what_is_appended_or_cut_off_is_refused(signed: Path, tmp_path: Path) -> None:
    content = signed.read_bytes()
    for changed in (content + b"x", content + bytes(10240) + b"x", content[:-1], content[:-512]):
        refused(changed, tmp_path)


def test_the_manifest_says_who_is_called_what_and_the_secrets_come_along(
    signed: Path, tmp_path: Path
) -> None:
    assert open_payload(signed, tmp_path / "opened").map_user == {"ada": "eve"}
    assert (tmp_path / "opened" / "secrets.age").read_bytes() == b"age"


def test_a_signature_is_its_makers_and_the_same_each_time(
    signed: Path, program: Path, key: Path, tmp_path: Path
) -> None:
    who = run(["ssh-keygen", "-l", "-f", f"{key}.pub"]).split()[1]
    assert signed_by(signed, None) == who
    again = {"map_user": {"ada": "eve"}, "secrets": b"age", "key": key}
    write_payload(small_posture(), program, host="ember", output=tmp_path / "again.tar", **again)
    assert (tmp_path / "again.tar").read_bytes() == signed.read_bytes()
    assert own_key(key.parent) == key
    assert key.stat().st_mode & 0o777 == 0o600
    assert base64_of(key) not in signed.read_bytes()


def test_signers_decide_whom_to_trust(signed: Path, payload: Path, key: Path, tmp_path: Path) -> None:
    mine, others = tmp_path / "mine", tmp_path / "others"
    mine.write_bytes(allowed(key))
    others.write_bytes(allowed(own_key(tmp_path / "other")))
    assert signed_by(signed, mine).startswith("SHA256:")
    with pytest.raises(Failure, match="not signed by any of"):
        signed_by(signed, others)
    with pytest.raises(Failure, match="is not signed, and"):
        signed_by(payload, mine)
    with pytest.raises(Failure, match="No such file"):
        signed_by(signed, tmp_path / "none")
    assert signed_by(payload, None) == ""


def test_a_manifest_that_somebody_else_wrote_anew_has_no_signature_of_ours(
    signed: Path, program: Path, tmp_path: Path
) -> None:
    """Whoever changes a payload can make its sums fit, and not its signature."""
    forged = forge(signed, b'"host": "ember"', b'"host": "ambre"')
    (tmp_path / "forged.tar").write_bytes(forged)
    open_payload(tmp_path / "forged.tar", tmp_path / "opened")
    with pytest.raises(Failure, match="its signature does not fit it"):
        signed_by(tmp_path / "forged.tar", None)


def test_without_ssh_keygen_only_named_signers_are_missed(
    signed: Path, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "signers").write_bytes(allowed(key))
    monkeypatch.setattr("builder.payload.signature.found", lambda program: False)
    assert signed_by(signed, None) == ""
    with pytest.raises(Failure, match="ssh-keygen is missing") as raised:
        signed_by(signed, tmp_path / "signers")
    assert "openssh-client" in raised.value.remedy


def base64_of(key: Path) -> bytes:
    return key.read_bytes().splitlines()[2]


def forge(payload: Path, old: bytes, new: bytes) -> bytes:
    """Return the payload with other words in its manifest, and sums that fit."""
    with tarfile.open(payload) as tar:
        members = {
            header.name: (header, stream.read())
            for header in tar.getmembers()
            if (stream := tar.extractfile(header))
        }
    manifest = members[MANIFEST][1].replace(old, new)
    assert manifest != members[MANIFEST][1]
    seals = {MANIFEST: manifest, "manifest.json.sig": members["manifest.json.sig"][1]}
    sums = "".join(f"{hashlib.sha256(each).hexdigest()}  {name}\n" for name, each in seals.items())
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, (header, content) in members.items():
            written = {MANIFEST: manifest, "SHA256SUMS": sums.encode()}.get(name, content)
            tar.addfile(header, io.BytesIO(written))
    return stream.getvalue()
