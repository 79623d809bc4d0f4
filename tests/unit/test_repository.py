from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from collectors.debian.sources import SourceEntry
from collectors.domains.apt import Apt, Keyring, Package, SourceFile
from collectors.domains.files import Files
from collectors.domains.system import Keyboard, Release, System
from collectors.domains.users import User, Users
from collectors.failure import Failure
from collectors.posture import Posture
from collectors.record import File, LeftOut, escaped, sha256, unescaped
from collectors.repository import (
    content_path,
    files_of,
    read_posture,
    read_section,
    section_text,
    write_posture,
)
from tests.postures import small_posture

WORD = st.text(max_size=12)
WORDS = st.lists(WORD, max_size=3).map(tuple)
PATHS = st.lists(
    st.binary(min_size=1, max_size=9).filter(
        lambda raw: not set(raw) & set(b"/\0") and raw not in (b".", b"..")
    ),
    min_size=1,
    max_size=3,
).map(lambda parts: escaped("/" + "/".join(os.fsdecode(part) for part in parts)))

ENTRIES = st.builds(
    SourceEntry,
    types=WORDS,
    uris=WORDS,
    suites=WORDS,
    components=WORDS,
    enabled=st.booleans(),
    options=st.dictionaries(WORD, WORD, max_size=2),
)


@st.composite
def postures(draw: st.DrawFn) -> Posture:
    # No name may be a directory of another: such a tree cannot be.
    paths = draw(st.lists(PATHS, max_size=4, unique_by=lambda path: unescaped(path).split("/")[1]))
    data = {path: draw(st.binary(max_size=40)) for path in paths}
    sources, keyrings, files = paths[:1], paths[1:2], paths[2:]
    word = draw(WORD)
    user = User(
        name=word, uid=1000, group=word, gecos=draw(WORD), home=draw(WORD), shell="", groups=draw(WORDS)
    )
    return Posture(
        system=System(
            release=Release(distribution="d", version=word, codename="", architecture="a"),
            machine="virtual",
            firmware="bios",
            hostname=word,
            locale=draw(WORD),
            timezone="",
            keyboard=Keyboard(options=word),
        ),
        apt=Apt(
            baseline="priority",
            packages=tuple(Package(name=name, version=word) for name in draw(WORDS)),
            shipped=(),
            sources=tuple(
                SourceFile(path=path, format="deb822", sha256=sha256(data[path]), entries=(draw(ENTRIES),))
                for path in sources
            ),
            keyrings=tuple(Keyring(path=path, sha256=sha256(data[path])) for path in keyrings),
        ),
        files=Files(
            files=tuple(
                File(
                    path=path, kind="file", origin="unowned", owner=word, group=word, mode="0644", sha256="x"
                )
                for path in files
            ),
            left_out=tuple(LeftOut(path=path, reason=word) for path in paths[:1]),
        ),
        users=Users(users=(user,), groups=()),
        contents=data,
    )


def written(posture: Posture, directory: str | Path) -> Path:
    for name, content in files_of(posture).items():
        place = os.path.join(directory, name)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as file:
            file.write(content)
    return Path(directory)


@settings(max_examples=20)
@given(postures())
def test_a_posture_comes_back_byte_for_byte(posture: Posture) -> None:
    with tempfile.TemporaryDirectory() as directory:
        again = read_posture(written(posture, directory))
    assert again == posture
    assert files_of(again) == files_of(posture)
    assert list(again.items()) == list(posture.items())


@given(PATHS, PATHS)
def test_contents_lie_below_files_each_at_its_own_place(one: str, other: str) -> None:
    assert content_path(one).startswith("files/")
    assert ".." not in content_path(one).split("/")
    assert not any(part.lower().startswith(".git") for part in content_path(one).split("/"))
    assert (content_path(one) == content_path(other)) == (one == other)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/etc/x", "files/etc/x"),
        ("/etc/.gitignore", "files/etc/%2egitignore"),
        ("/etc/.GIT/config", "files/etc/%2eGIT/config"),
        ("/etc/%2egit", "files/etc/%252egit"),
        (r"/etc/\xff\x0a", "files/etc/\udcff\n"),
    ],
)
def test_content_path(path: str, place: str) -> None:
    assert content_path(path) == place


@pytest.mark.parametrize(
    "path", ["etc/x", "/etc/../x", "/etc//x", "/etc/./x", "/", "", "/etc/\n", r"/etc/\y", r"/\x41"]
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        LeftOut(path=path, reason="x")


def section(**replaced: object) -> str:
    lines = {"schema_version": 1, "users": "[]", "groups": "[]", **replaced}
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


def test_a_newer_schema_is_refused_with_a_remedy() -> None:
    with pytest.raises(Failure, match=r"users.yaml:1: schema_version: 3 is newer than 2") as caught:
        read_section(section(schema_version=3), Users, name="users.yaml")
    assert caught.value.remedy == "upgrade Rekindle"


@pytest.mark.parametrize("version", ["x", "0", "-1", "null", "true", "1.5"])
def test_no_schema_is_refused(version: str) -> None:
    with pytest.raises(Failure, match="schema_version"):
        read_section(section(schema_version=version), Users, name="users.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("users: [\n", "users.yaml:2: "),
        ("[]\n", "users.yaml:1: schema_version: missing"),
        (section(user="x"), "users.yaml:4: user: unknown key"),
        (section(users="[{name: x}]"), "users.yaml:2: users.0.uid: Field required"),
    ],
)
def test_a_broken_section_is_a_failure_with_file_line_and_key(text: str, said: str) -> None:
    with pytest.raises(Failure) as caught:
        read_section(text, Users, name="users.yaml")
    assert caught.value.message.startswith(said)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"system.yaml.*No such file"):
        read_posture(tmp_path)
    written(small_posture(), tmp_path)
    (tmp_path / "files/etc/motd.local").unlink()
    with pytest.raises(Failure, match=r"motd.local.*No such file"):
        read_posture(tmp_path)


def test_a_section_that_is_not_utf8_is_a_failure(tmp_path: Path) -> None:
    written(small_posture(), tmp_path)
    (tmp_path / "users.yaml").write_bytes(b"\xff")
    with pytest.raises(Failure, match="not UTF-8"):
        read_posture(tmp_path)


def test_values_are_data(tmp_path: Path) -> None:
    posture = small_posture(hostname="no", locale="{{ 1 + 1 }}", timezone="1e3")
    text = section_text(posture.system)
    again = read_section(text, System, name="x")
    assert isinstance(again, System)
    assert (again.hostname, again.locale, again.timezone) == ("no", "{{ 1 + 1 }}", "1e3")


def test_files_are_sorted() -> None:
    names: Mapping[str, bytes] = files_of(small_posture())
    assert list(names) == sorted(names)


def test_an_item_changes_with_what_a_restore_must_bring_back() -> None:
    file = File(path="/etc/x", kind="file", origin="conffile", owner="a", group="b", mode="0644", sha256="1")

    def fingerprint(**changed: str) -> str:
        (item,) = Files(files=(file.model_copy(update=changed),)).items()
        return item.fingerprint

    for change in ({"owner": "x"}, {"group": "x"}, {"mode": "0600"}, {"sha256": "2"}, {"kind": "symlink"}):
        assert fingerprint(**change) != fingerprint()
    assert fingerprint(origin="unowned", package="p") == fingerprint()


def test_sealed_secrets_stay_when_a_posture_is_written(tmp_path: Path) -> None:
    write_posture(small_posture(), tmp_path / "ember")
    (tmp_path / "ember" / "secrets.age").write_bytes(b"sealed")
    write_posture(small_posture(hostname="other"), tmp_path / "ember")
    assert (tmp_path / "ember" / "secrets.age").read_bytes() == b"sealed"
    assert read_posture(tmp_path / "ember") == small_posture(hostname="other")
