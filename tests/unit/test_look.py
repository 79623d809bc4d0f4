"""Looking into an ISO: what needs neither an ISO nor a network."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from builder.iso.source import Url, place_of, reading
from builder.look.changes import differences, image_named
from builder.look.inspect import AreaUse, redacted
from builder.look.members import read_members
from builder.look.shown import age
from builder.look.signed import Signed, Verdict, judged, trust_of, worst
from builder.payload import signature
from builder.payload.pack import Payload, pack
from builder.places import places
from collectors.command import MASK
from collectors.compare import Difference
from collectors.domains.files import Files
from collectors.failure import Failure
from collectors.record import File
from tests.postures import HASH, MOTD, small_posture

NOW = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)


def test_an_address_is_told_from_a_path_and_shows_no_secret() -> None:
    url = place_of("HTTPS://ada:sesame@nas.example:8443/r.iso?token=secret#here")
    assert isinstance(url, Url)
    assert str(url) == "https://nas.example:8443/r.iso"
    assert place_of("/srv/http:/r.iso") == Path("/srv/http:/r.iso")
    assert place_of("ftp://nas/r.iso") == Path("ftp://nas/r.iso")


def test_a_stream_is_sought_and_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"0123456789")
    with reading(tmp_path / "x") as stream:
        assert stream.seek(0, io.SEEK_END) == 10
        stream.seek(4)
        assert stream.read(3) == b"456"
        assert stream.read() == b"789"


@pytest.mark.parametrize(
    ("word", "is_image"),
    [
        ("HEAD", False),
        ("HEAD~4", False),
        ("@{2026-11-01}", False),
        ("origin/main", False),
        ("r.iso", True),
        ("https://nas.example/r", True),
        ("/dev/no-such-stick", True),
        ("here", True),
    ],
)
def test_a_commit_is_told_from_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, is_image: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").touch()
    (tmp_path / "HEAD").mkdir()
    assert (image_named(word) is not None) is is_image


def test_only_what_both_sides_tell_can_differ() -> None:
    assert differences({"base": "a", "machine": "m"}, {"base": "b", "machine": "m"}) == (
        Difference("base", "a", "b"),
    )
    assert differences({"base": "a"}, {}) == ()
    assert differences({}, {"base": "a"}) == ()


def test_secrets_are_masked_wherever_they_stand() -> None:
    told = {
        "identity": {"username": "ada", "password": HASH},
        "network": {"wifis": [{"ssid": "home", "password": "sesame"}]},
        "user-data": {"chpasswd": {"users": [{"name": "root", "hashed_passwd": HASH}]}},
        "ssh": {"allow-pw": False, "authorized-keys": ["ssh-ed25519 AAAA"]},
    }
    seen = redacted(told)
    assert HASH not in str(seen)
    assert "sesame" not in str(seen)
    assert str(seen).count(MASK) == 3
    assert seen["ssh"] == told["ssh"]
    assert seen["identity"]["username"] == "ada"


@pytest.mark.parametrize(
    ("old", "said"),
    [
        (timedelta(), "today"),
        (timedelta(hours=23), "today"),
        (timedelta(days=1), "1 day old"),
        (timedelta(days=40), "40 days old"),
    ],
)
def test_how_old_a_posture_is(old: timedelta, said: str) -> None:
    assert age((NOW - old).isoformat(), NOW) == said
    assert age("", NOW) == ""


def test_how_full_an_area_is() -> None:
    assert AreaUse("x", 0, 4096, 1024).percent == 25.0
    assert AreaUse("x", 0, 0, 0).percent == 0.0


# the payload inside of an image


def image_with(payload: Payload, offset: int = 4096) -> io.BytesIO:
    image = io.BytesIO()
    image.write(b"\xee" * offset)
    payload.write(image.write)
    image.write(b"\xee" * 4096)
    return image


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "restore.pex").write_bytes(b"program")
    return tmp_path / "restore.pex"


def test_each_member_is_found_where_it_lies(program: Path) -> None:
    long = "/etc/" + "/".join(["a-long-name-of-a-folder"] * 9)
    odd = "/etc/x\\xff"
    facts = {"kind": "file", "origin": "unowned", "owner": "root", "group": "root", "mode": "0644"}
    files = tuple(File(path=path, sha256="0" * 64, **facts) for path in (long, odd))
    posture = replace(small_posture(), files=Files(files=files), contents={long: b"long" * 999, odd: b""})
    packed = pack(posture, program, host="ember", secrets=b"sealed")
    found = read_members(image_with(packed), 4096, packed.size_bytes, "x.iso")
    assert found.signature == b""
    assert found.manifest.host == "ember"
    assert "posture/files/etc/x\udcff" in found.places
    listed = set(packed.members) - {"manifest.json", "SHA256SUMS"}
    assert set(found.places) == listed
    for name in listed:
        held = packed.members[name]
        assert found.content(name) == (held if isinstance(held, bytes) else held.read_bytes())
        assert found.size_bytes(name) == len(found.content(name))
    assert (found.has("nothing"), found.size_bytes("nothing")) == (False, 0)


def test_every_byte_of_what_is_read_counts(program: Path) -> None:
    packed = pack(small_posture(), program, host="ember")
    good = image_with(packed)
    found = read_members(good, 4096, packed.size_bytes, "x.iso")
    name = "posture/files/etc/motd.local"
    assert found.content(name) == MOTD
    start = found.places[name].offset
    for at in (start, start + 100, start + 124, start + 512, start + 512 + len(MOTD) - 1):
        spoiled = io.BytesIO(good.getvalue())
        spoiled.seek(at)
        spoiled.write(bytes([good.getvalue()[at] ^ 1]))
        with pytest.raises(Failure, match="was changed"):
            read_members(spoiled, 4096, packed.size_bytes, "x.iso").content(name)


def test_a_payload_that_is_none_or_ends_early_is_refused(program: Path) -> None:
    packed = pack(small_posture(), program, host="ember")
    image = image_with(packed)
    with pytest.raises(Failure, match=r"x\.iso: damaged: 'manifest\.json' is not where it belongs"):
        read_members(image, 0, packed.size_bytes, "x.iso")
    with pytest.raises(Failure, match="is longer than all of it"):
        read_members(image, 4096, packed.size_bytes - 20480, "x.iso")
    cut = io.BytesIO(image.getvalue()[: 4096 + packed.size_bytes - 20480])
    with pytest.raises(Failure, match="was changed"):
        read_members(cut, 4096, packed.size_bytes, "x.iso").content("restore.pex")


# signatures


def signed(verdict: Verdict) -> Signed:
    return Signed(verdict, "", "")


def test_the_worst_of_two_signatures_counts() -> None:
    assert worst([signed(Verdict.TRUSTED), signed(Verdict.BROKEN)]).verdict is Verdict.BROKEN
    assert worst([signed(Verdict.STRANGER), signed(Verdict.TRUSTED)]).verdict is Verdict.STRANGER
    assert worst([signed(Verdict.UNSIGNED), signed(Verdict.STRANGER)]).verdict is Verdict.UNSIGNED


def test_every_verdict_is_said_and_only_two_fit() -> None:
    assert [verdict for verdict in Verdict if signed(verdict).fits()] == [Verdict.TRUSTED, Verdict.STRANGER]
    assert len({signed(verdict).said() for verdict in Verdict}) == len(Verdict)


def test_without_the_tool_a_signature_is_not_checked_and_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REKINDLE_HOME", str(tmp_path))
    monkeypatch.setattr(signature, "can_check", lambda: False)
    found = judged(b"x", b"seal", b"signers", trust_of(places(), None))
    assert found.verdict is Verdict.UNCHECKED
    assert not found.fits()


def test_a_machine_without_a_key_makes_none_by_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REKINDLE_HOME", str(tmp_path))
    assert trust_of(places(), None).signers == b""
    assert list(tmp_path.iterdir()) == []
