"""Mounts, Syncthing, rclone: all is as it was, and no start waits for a disk that is not there."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from collectors.domains.services import Services, fstab, rclone, syncthing
from collectors.homes import Home
from collectors.record import Thing
from tests.unit.restore.made import made
from tests.unit.restore.playbook import library

keyfiles = library("rekindle_keyfiles")
mounts = library("rekindle_mounts")
synced = library("rekindle_syncthing")

ME = "root" if os.getuid() == 0 else os.environ.get("USER", "")
GENERATOR = Path("/usr/lib/systemd/system-generators/systemd-fstab-generator")
OLD = """\
UUID=1 / ext4 defaults 0 1
LABEL=films /srv/films ext4 nofail 0 2
LABEL=pool /srv/pool btrfs subvol=@media,compress=zstd:3 0 0
/srv/films/ada /srv/Films\\040of\\040Ada none bind 0 0
tmpfs /tmp tmpfs size=4G 0 0
//nas.example.org/x /mnt/x cifs credentials=/root/.nas,_netdev 0 0
nas:/home /mnt/nas nfs4 x-systemd.automount 0 0
curlftpfs#ada@ftp.example.org /mnt/ftp fuse noauto 0 0
LABEL=Gr\\303\\266\\303\\237e /mnt/{{\\0407*7}}'s\\011$(id)\\012\\377 ext4
UUID=2 /mnt/two ext4 noauto 0 0
UUID=3 /mnt/two ext4 noauto 0 0
"""
OWN = "UUID=9 / ext4 defaults 0 1\n# own\nUUID=8 /boot/efi vfat umask=0077 0 1"


def read(text: str) -> list[fstab.Mount]:
    lines, _ = fstab.parse_fstab(text)
    names = fstab.distinct(line.path for line in lines)
    found = [fstab.mount(line, "UUID=1") for line in lines]
    return [
        each.model_copy(update={"path": fstab.escaped(name)}) for name, each in zip(names, found, strict=True)
    ]


def mount_steps(*things: fstab.Mount) -> list[dict[str, Any]]:
    return made(Services(mounts=things))[0]["mounts"]


def facts(*things: Thing) -> list[Any]:
    return [thing.item("services") for thing in things]


def with_fstab(tmp_path: Path, text: str) -> Path:
    place = tmp_path / "etc/fstab"
    place.parent.mkdir()
    place.write_text(text)
    return place


# --- mounts


def test_the_owners_lines_join_the_new_machines(tmp_path: Path) -> None:
    place = with_fstab(tmp_path, OWN)
    was = [each for each in read(OLD) if not each.bound]
    assert [each.path for each in was if "two" in each.path] == ["/mnt/two", "/mnt/two (2)"]
    steps = mount_steps(*was)
    told = [mounts.brought_back(step, f"{tmp_path}/", False)["state"] for step in steps]
    assert set(told) == {"restored"}
    after = place.read_bytes().decode(errors="surrogateescape")
    assert after.startswith(OWN + "\n")
    now = [each for each in read(after) if not each.bound]
    assert facts(*now[-len(was) :]) == facts(*was)
    for path in ("srv/Films of Ada", "mnt/two", "mnt/nas"):
        assert (tmp_path / path).is_dir()
    assert not (tmp_path / "mnt/two (2)").exists()
    told = [mounts.brought_back(step, f"{tmp_path}/", False)["state"] for step in steps]
    assert (set(told), place.read_bytes()) == ({"already"}, after.encode(errors="surrogateescape"))


@pytest.mark.skipif(not GENERATOR.exists(), reason="systemd makes units of fstab")
def test_no_start_waits_for_what_is_not_there(tmp_path: Path) -> None:
    place = with_fstab(tmp_path, OWN + "\n")
    (tmp_path / "srv/here").mkdir(parents=True)
    here = read("/srv/here /srv/there none bind 0 0\n")
    was = [each for each in read(OLD) if not each.bound and "two" not in each.path]
    for step in mount_steps(*was, *here):
        mounts.brought_back(step, f"{tmp_path}/", False)
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder in folders:
        folder.mkdir()
    env = {**os.environ, "SYSTEMD_FSTAB": str(place), "SYSTEMD_IN_INITRD": "0"}
    subprocess.run([GENERATOR, *folders], env=env, check=True)
    required = {unit.name for unit in folders[0].glob("*.requires/*") if "fsck" not in unit.name}
    assert required == {"-.mount", "boot-efi.mount", "tmp.mount", "srv-there.mount"}
    waited = (folders[0] / "srv-pool.mount").read_text()
    assert "Options=subvol=@media,compress=zstd:3,x-rekindle.added,nofail" in waited


@pytest.mark.parametrize(
    ("line", "added"),
    [
        ("LABEL=none /mnt/a ext4 ro 0 2", ["nofail", "x-systemd.device-timeout=10s"]),
        ("LABEL=none /mnt/a ext4 nofail 0 2", []),
        ("LABEL=none /mnt/a ext4 noauto 0 2", []),
        ("/dev/mapper/none /mnt/a ext4 ro 0 2", ["nofail", "x-systemd.device-timeout=10s"]),
        ("nas:/x /mnt/a nfs ro 0 0", ["nofail"]),
        ("tmpfs /mnt/a tmpfs size=4G 0 0", []),
        ("/srv/none.img /mnt/a ext4 loop 0 0", ["nofail"]),
        ("/srv/here /mnt/a none bind 0 0", []),
    ],
)
def test_what_may_not_be_there_is_not_waited_for(line: str, added: list[str], tmp_path: Path) -> None:
    place = with_fstab(tmp_path, OWN)
    (tmp_path / "srv/here").mkdir(parents=True)
    [step] = mount_steps(*read(line))
    mounts.brought_back(step, f"{tmp_path}/", False)
    options = place.read_text().splitlines()[-1].split()[3].split(",")
    assert options[options.index(fstab.ADDED) + 1 :] == added if added else fstab.ADDED not in options
    assert facts(read(place.read_text())[-1]) == facts(*read(line))


def test_a_place_that_this_machine_uses_stays_its_own(tmp_path: Path) -> None:
    place = with_fstab(tmp_path, "UUID=8 /srv/data ext4 defaults 0 2\n")
    [step] = mount_steps(*read("UUID=2 /srv/data ext4 defaults 0 2\n"))
    assert mounts.brought_back(step, f"{tmp_path}/", False)["state"] == "substituted"
    assert place.read_text() == "UUID=8 /srv/data ext4 defaults 0 2\n"


@pytest.mark.parametrize(
    ("line", "secrets", "remedy"),
    [
        ("//nas/x /mnt/x cifs username=ada,password=hunter2 0 0", "password", "credentials=FILE"),
        ("curlftpfs#ada:hunter2@nas /mnt/x fuse noauto 0 0", "source", "credentials=FILE"),
    ],
)
def test_a_mount_without_its_password_waits(line: str, secrets: str, remedy: str, tmp_path: Path) -> None:
    place = with_fstab(tmp_path, "")
    [step] = mount_steps(*read(line))
    for _ in range(2):
        told = mounts.brought_back(step, f"{tmp_path}/", False)
        assert (told["state"], told["until"]) == ("deferred", "secret")
        assert secrets in told["reason"]
        assert remedy in told["remedy"]
    assert len(place.read_text().splitlines()) == 1
    assert "hunter2" not in place.read_text()


def test_credentials_are_a_secret_where_their_file_is(tmp_path: Path) -> None:
    line = "//nas/x /mnt/x cifs credentials=/root/.nas 0 0\n"
    [mount] = read(line)
    [step] = mount_steps(mount.model_copy(update={"secrets": ("credentials",)}))
    with_fstab(tmp_path, "")
    told = mounts.brought_back(step, f"{tmp_path}/", False)
    assert (told["state"], told["until"]) == ("deferred", "secret")
    assert "/root/.nas" in told["remedy"]


@pytest.fixture
def adas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "home/ada"
    place.mkdir(parents=True)
    owner = (1234, 1235) if os.getuid() == 0 else (os.getuid(), os.getgid())
    os.chown(place, *owner)
    monkeypatch.setattr(mounts, "homes", lambda: {os.fsencode(place): owner})
    return place


def test_a_place_in_a_home_is_its_persons(tmp_path: Path, adas: Path) -> None:
    with_fstab(tmp_path, "")
    [step] = mount_steps(*read("/srv/x /home/ada/a/Films none bind 0 0\n"))
    mounts.brought_back(step, f"{tmp_path}/", False)
    for place in (adas / "a", adas / "a/Films"):
        found = place.stat()
        assert (found.st_uid, found.st_gid) == (adas.stat().st_uid, adas.stat().st_gid)


def test_no_place_is_made_through_somebodys_symlink(tmp_path: Path, adas: Path) -> None:
    with_fstab(tmp_path, "")
    (tmp_path / "elsewhere").mkdir()
    (adas / "a").symlink_to(tmp_path / "elsewhere")
    [step] = mount_steps(*read("/srv/x /home/ada/a/Films none bind 0 0\n"))
    assert "make the directory by hand" in mounts.brought_back(step, f"{tmp_path}/", False)["remedy"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("path", ["/mnt/\\x00b", "/mnt/../etc"])
def test_a_place_that_is_none_comes_to_no_line(path: str, tmp_path: Path) -> None:
    place = with_fstab(tmp_path, OWN)
    [step] = mount_steps(*read("/srv/x /mnt/a none bind 0 0\n"))
    assert mounts.brought_back({**step, "path": path}, f"{tmp_path}/", False)["state"] == "failed"
    assert place.read_text() == OWN


def test_a_check_adds_no_line_and_makes_no_place(tmp_path: Path) -> None:
    place = with_fstab(tmp_path, OWN)
    [step] = mount_steps(*read("tmpfs /mnt/a tmpfs size=4G 0 0"))
    assert mounts.brought_back(step, f"{tmp_path}/", True)["state"] == "restored"
    assert (place.read_text(), (tmp_path / "mnt").exists()) == (OWN, False)


@pytest.mark.parametrize("field", [r"a\x0aUUID=6 / ext4", "#x", r"\x5c040", "a b", "-x", "$(id)", "{{ 1 }}"])
def test_a_field_is_one_field(field: str, tmp_path: Path) -> None:
    place = with_fstab(tmp_path, "")
    thing = fstab.Mount(path="/mnt/a", source=field, kind="ext4", where="network", options=("ro",))
    mounts.brought_back(mount_steps(thing)[0], f"{tmp_path}/", False)
    [line], findings = fstab.parse_fstab(place.read_text())
    assert (fstab.escaped(line.source), line.path, findings) == (field, "/mnt/a", ())


# --- Syncthing


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home for whoever runs the tests."""
    account = synced.pwd.getpwuid(os.getuid())
    fields = [*account]
    fields[5] = str(tmp_path / "home")
    (tmp_path / "home").mkdir()
    moved = type(account)(fields)
    for module in (synced, keyfiles):
        monkeypatch.setattr(module.pwd, "getpwnam", {account.pw_name: moved}.__getitem__)
    monkeypatch.setattr(synced, "is_running", lambda uid: False)
    return Home(account.pw_name, os.getuid(), str(tmp_path / "home"))


CONFIG = """\
<configuration version="37">
    <folder id="abcd-1234" label="Löw's {{ 7*7 }}" path="~/Größe $(id)" type="sendreceive"
        rescanIntervalS="60" fsWatcherEnabled="false" fsWatcherDelayS="10" autoNormalize="true">
        <versioning type="simple">
            <param key="keep" val="5"/>
        </versioning>
        <device id="CCCCCCC-DDDDDDD"></device><device id="unnamed"></device>
    </folder>
    <folder id="films" path="/srv/films" type="sendonly"
        rescanIntervalS="3600" fsWatcherEnabled="true" fsWatcherDelayS="10" autoNormalize="true">
        <maxConflicts>-1</maxConflicts>
    </folder>
    <folder id="vault" path="~/vault">
        <device id="CCCCCCC-DDDDDDD"><encryptionPassword>x</encryptionPassword></device>
    </folder>
    <device id="CCCCCCC-DDDDDDD" name="phone" introducer="true" compression="always">
        <address>tcp://phone.example.org:22000</address>
    </device>
</configuration>
"""


def test_syncthing_is_told_before_its_first_start(home: Home) -> None:
    found, _ = syncthing.parse_config(CONFIG, home, name="x")
    folders = tuple(each for each in found if isinstance(each, syncthing.SyncedFolder))
    devices = tuple(each for each in found if isinstance(each, syncthing.SyncedDevice))
    plan, [waits] = made(Services(synced=folders, devices=devices))
    assert (waits.id, waits.state, waits.until) == (
        f"syncthing-folder:~{home.user}/vault",
        "deferred",
        "secret",
    )
    for state in ("restored", "already"):
        assert {synced.brought_back(step, False)["state"] for step in plan["syncthing"]} == {state}
    place = Path(home.path, ".config/syncthing/config.xml")
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    now, findings = syncthing.parse_config(place.read_text(), home, name="x")
    assert findings == ()
    assert sorted(facts(*now), key=str) == sorted(
        facts(*(each for each in found if each.item_id() != waits.id)), key=str
    )


def test_a_letter_that_xml_has_not_leaves_the_configuration_whole(home: Home) -> None:
    folder = syncthing.SyncedFolder(place=f"~{home.user}/a", folder="a", label=r"x\x01", user=home.user)
    [step] = made(Services(synced=(folder,)))[0]["syncthing"]
    assert synced.brought_back(step, False)["state"] == "failed"
    assert not Path(home.path, ".config/syncthing/config.xml").exists()


def test_a_pipe_in_place_of_a_configuration_is_not_waited_for(home: Home) -> None:
    place = Path(home.path, ".config/syncthing/config.xml")
    place.parent.mkdir(parents=True)
    os.mkfifo(place)
    device = syncthing.SyncedDevice(user=home.user, name="phone", device="C-D")
    [step] = made(Services(devices=(device,)))[0]["syncthing"]
    assert "no file" in synced.brought_back(step, False)["reason"]


def test_a_folder_of_which_nothing_more_is_known_is_watched_and_keeps_conflicts(home: Home) -> None:
    folder = syncthing.SyncedFolder(place=f"~{home.user}/a", folder="a", user=home.user)
    device = syncthing.SyncedDevice(user=home.user, name="phone", device="C-D")
    for step in made(Services(synced=(folder,), devices=(device,)))[0]["syncthing"]:
        assert synced.brought_back(step, False)["state"] == "restored"
    text = Path(home.path, ".config/syncthing/config.xml").read_text()
    assert 'rescanIntervalS="3600" fsWatcherEnabled="true"' in text
    assert "<maxConflicts>10</maxConflicts>" in text
    assert "<address>dynamic</address>" in text


@pytest.mark.parametrize("setting", ['<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "<a>", "x"])
def test_a_setting_is_one_element(setting: str, home: Home) -> None:
    thing = syncthing.SyncedDevice(user=home.user, name="phone", device="C-D", settings=(setting,))
    [step] = made(Services(devices=(thing,)))[0]["syncthing"]
    assert synced.brought_back(step, False)["state"] == "failed"
    assert list(Path(home.path).iterdir()) == []


def test_what_syncthing_knows_stays(home: Home) -> None:
    place = Path(home.path, ".local/state/syncthing/config.xml")
    place.parent.mkdir(parents=True)
    place.write_text(
        '<configuration version="51"><folder id="a" path="~/other"/><gui enabled="false"/></configuration>'
    )
    things = [
        syncthing.SyncedFolder(place=f"~{home.user}/{name}", folder=name, user=home.user)
        for name in ("a", "b")
    ]
    steps = made(Services(synced=tuple(things)))[0]["syncthing"]
    assert [synced.brought_back(step, False)["state"] for step in steps] == ["substituted", "restored"]
    text = place.read_text()
    assert 'version="51"' in text and "~/other" in text and 'enabled="false"' in text
    assert not Path(home.path, ".config").exists()


@pytest.mark.parametrize("text", ["<configuration>", ""])
def test_a_broken_configuration_is_not_touched(text: str, home: Home) -> None:
    place = Path(home.path, ".config/syncthing/config.xml")
    place.parent.mkdir(parents=True)
    place.write_text(text)
    thing = syncthing.SyncedDevice(user=home.user, name="phone", device="C-D")
    [step] = made(Services(devices=(thing,)))[0]["syncthing"]
    assert synced.brought_back(step, False)["state"] == "failed"
    assert place.read_text() == text


def test_a_syncthing_that_runs_is_left_alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synced, "is_running", lambda uid: uid == os.getuid())
    thing = syncthing.SyncedDevice(user=home.user, name="phone", device="C-D")
    [step] = made(Services(devices=(thing,)))[0]["syncthing"]
    told = synced.brought_back(step, False)
    assert (told["state"], told["remedy"]) == ("failed", "syncthing cli config devices add --device-id C-D")
    assert list(Path(home.path).iterdir()) == []


# --- rclone

REMOTES = """\
[gdrive]
type = drive
scope = drive
token = {"access_token":"hunter2"}

[nas {{ 7*7 }} 'Ü']
type = sftp
host = nas.example.org
pass = hunter2

[plain]
type = alias
remote = /srv
"""


def test_remotes_come_back_and_wait_for_their_tokens(home: Home) -> None:
    was, _ = rclone.parse_remotes(REMOTES, home, name="x")
    steps = made(Services(remotes=was))[0]["keyfiles"]
    for _ in range(2):
        told = {step["id"]: keyfiles.brought_back(step, False) for step in steps}
        assert [each["until"] for each in told.values()] == ["secret", "secret", ""]
    assert told[f"rclone:~{home.user}/gdrive"]["remedy"].startswith("run `rclone config reconnect gdrive:`")
    place = Path(home.path, rclone.CONFIG)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    now, findings = rclone.parse_remotes(place.read_text(), home, name="x")
    assert findings == ()
    assert [each.model_copy(update={"secrets": ()}) for each in was] == list(now)
    assert "hunter2" not in place.read_text()


def test_a_remote_that_is_here_stays_with_its_token(home: Home) -> None:
    place = Path(home.path, rclone.CONFIG)
    place.parent.mkdir(parents=True)
    there = '[gdrive]\ntype = drive\nscope = drive\ntoken = {"a":"b"}\n[plain]\ntype = local\n'
    place.write_text(there)
    was, _ = rclone.parse_remotes(REMOTES, home, name="x")
    steps = made(Services(remotes=was))[0]["keyfiles"]
    told = [keyfiles.brought_back(step, False)["state"] for step in steps]
    assert told == ["already", "deferred", "substituted"]
    assert place.read_text().startswith(there)
