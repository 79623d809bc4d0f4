"""The scripts of the boot menu: what is damaged is named; where it is not clear where, nothing is written."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

import iso_overlay

LIVE = Path(iso_overlay.__file__).parent / "live"


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"live_{name}", LIVE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def console():
    with pytest.MonkeyPatch.context() as patch:
        module = loaded("console")
        patch.setitem(sys.modules, "console", module)
        yield module


@pytest.fixture(scope="module")
def check(console):
    return loaded("check")


@pytest.fixture(scope="module")
def restore_only(console):
    return loaded("restore_only")


def test_the_kernels_consoles_are_spoken_to(console, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(console, "ACTIVE", tmp_path / "active")
    (tmp_path / "active").write_text("tty0 ttyS0\n")
    assert console.consoles() == ["/dev/tty1", "/dev/ttyS0"]
    (tmp_path / "active").write_text("tty0\n")
    assert console.consoles() == ["/dev/tty1"]


@pytest.fixture
def typed(console, monkeypatch):
    """Two consoles: when keys are offered, they are typed on one of them; what both said is returned."""
    pairs = [os.openpty() for _ in range(2)]
    monkeypatch.setattr(console, "consoles", lambda: [os.ttyname(slave) for _, slave in pairs])
    said = [b"", b""]

    def person(keys: bytes, at: int) -> None:
        for number, (master, _) in enumerate(pairs):
            while not said[number].endswith(b"\n"):
                said[number] += os.read(master, 1000)
        os.write(pairs[at][0], keys)

    def starts(keys: bytes, at: int) -> list[bytes]:
        threading.Thread(target=person, args=(keys, at), daemon=True).start()
        return said

    yield starts
    for end in (end for pair in pairs for end in pair):
        os.close(end)


@pytest.mark.parametrize("at", [0, 1])
def test_a_key_on_any_console_chooses(console, typed, at: int) -> None:
    said = typed(b"xp", at)
    assert console.asked({"r": "restart", "p": "power off"}) == "p"
    assert all(b"rekindle: press [r] to restart, [p] to power off\r" in each for each in said)


@pytest.mark.parametrize(("key", "verb"), [(b"r", "reboot"), (b"p", "poweroff")])
def test_a_person_says_how_it_goes_on(console, typed, monkeypatch, key: bytes, verb: str) -> None:
    left = []
    monkeypatch.setattr(console, "leave", left.append)
    typed(key, 0)
    console.finish()
    assert left == [verb]


PAYLOAD = b"payload"


def medium(folder: Path) -> Path:
    files = {
        "casper/vmlinuz": b"kernel",
        "pool/ü\udce9": b"",
        "rekindle/payload.tar": PAYLOAD + b"\0" * 100,
        "rekindle/manifest.json": json.dumps(
            {
                "areas": [
                    {
                        "name": "rekindle/payload.tar",
                        "size_bytes": len(PAYLOAD),
                        "sha256": hashlib.sha256(PAYLOAD).hexdigest(),
                    }
                ]
            }
        ).encode()
        + b"\n\n\n",
    }
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    sums = "".join(f"{hashlib.md5(content).hexdigest()}  ./{name}\n" for name, content in files.items())
    (folder / "md5sum.txt").write_text(f"{sums}\n\n", errors="surrogateescape")
    return folder


def test_a_medium_that_is_whole_has_no_damage(check, tmp_path: Path) -> None:
    told = []
    assert check.damaged(medium(tmp_path), told.append) == []
    assert [line.split()[0] for line in told] == [str(percent) for percent in range(10, 101, 10)]


@pytest.mark.parametrize("name", ["casper/vmlinuz", "pool/ü\udce9"])
def test_a_changed_file_is_named(check, tmp_path: Path, name: str) -> None:
    place = medium(tmp_path) / name
    place.write_bytes(place.read_bytes() + b"!")
    assert check.damaged(tmp_path, print) == [name]


def test_a_file_that_is_gone_is_named(check, tmp_path: Path) -> None:
    (medium(tmp_path) / "casper/vmlinuz").unlink()
    assert check.damaged(tmp_path, print) == ["casper/vmlinuz (No such file or directory)"]


def test_another_payload_than_the_manifest_says_is_named(check, tmp_path: Path) -> None:
    place = medium(tmp_path) / "rekindle/payload.tar"
    place.write_bytes(b"Payload" + b"\0" * 100)
    sums = tmp_path / "md5sum.txt"
    before = hashlib.md5(PAYLOAD + b"\0" * 100).hexdigest()
    sums.write_bytes(sums.read_bytes().replace(before.encode(), check.md5_of(place).encode()))
    assert check.damaged(tmp_path, print) == ["rekindle/payload.tar (it is not what the manifest says)"]


@pytest.mark.parametrize("name", ["md5sum.txt", "rekindle/manifest.json"])
def test_a_list_that_does_not_read_is_a_damage(check, tmp_path: Path, name: str) -> None:
    (medium(tmp_path) / name).unlink()
    assert "its lists cannot be read" in check.damaged(tmp_path, print)[0]
    (tmp_path / name).write_text("{}")
    assert check.damaged(tmp_path, print)


def part(path: str, fstype: str | None, **facts: object) -> dict:
    return {"path": path, "fstype": fstype, "rm": False, "tran": None, "mountpoint": None, **facts}


INTERNAL = part(
    "/dev/nvme0n1",
    None,
    tran="nvme",
    children=[
        part("/dev/nvme0n1p1", "vfat"),
        part("/dev/nvme0n1p2", "ext4"),
        part("/dev/nvme0n1p3", "LVM2_member", children=[part("/dev/mapper/a-root", "xfs")]),
        part("/dev/nvme0n1p4", "crypto_LUKS"),
        part("/dev/nvme0n1p5", "crypto_LUKS", children=[part("/dev/mapper/open", None)]),
    ],
)


def test_what_may_hold_a_system_is_looked_at_without_a_trace(restore_only) -> None:
    found = restore_only.volumes([INTERNAL], "/dev/sda1")
    assert [(volume.path, volume.options) for volume in found] == [
        ("/dev/nvme0n1p2", "ro,noload"),
        ("/dev/mapper/a-root", "ro,norecovery"),
    ]
    assert restore_only.locked([INTERNAL]) == ["/dev/nvme0n1p4"]


@pytest.mark.parametrize(
    ("facts", "medium"),
    [({"tran": "usb"}, ""), ({"rm": True}, ""), ({"rm": "1"}, ""), ({}, "/dev/sda2"), ({}, "/dev/sda")],
)
def test_nothing_removable_nor_the_medium_is_looked_at(restore_only, facts: dict, medium: str) -> None:
    disk = part("/dev/sda", None, children=[part("/dev/sda1", "ext4"), part("/dev/sda2", "iso9660")], **facts)
    assert restore_only.volumes([disk], medium) == []
    assert restore_only.volumes([disk | {"tran": "sata", "rm": False}], "/dev/sdb")


def test_a_btrfs_is_looked_at_as_ubuntu_lays_it_out_too(restore_only) -> None:
    found = restore_only.volumes([part("/dev/sda", "btrfs")], "")
    assert [volume.options for volume in found] == ["ro,subvol=@", "ro"]
    systems = [restore_only.Installed("Ubuntu", volume) for volume in found]
    assert [system.options for system in systems] == ["subvol=@", "rw"]


def test_a_mounted_volume_is_left_alone(restore_only) -> None:
    assert restore_only.volumes([part("/dev/sda", "ext4", mountpoint="/mnt")], "") == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('ID=ubuntu\nPRETTY_NAME="Ubuntu 24.04.3 LTS"\n', "Ubuntu 24.04.3 LTS"),
        ("PRETTY_NAME='Linux Mint 22'\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "Linux Mint 22"),
        ("ID=debian\n", "debian"),
        ("ID=fedora\nPRETTY_NAME=Fedora\n", ""),
        ("# nothing\n\n", ""),
    ],
)
def test_a_system_is_known_by_its_os_release(restore_only, text: str, name: str) -> None:
    assert restore_only.os_name(text) == name


def test_one_system_is_restored(restore_only) -> None:
    system = restore_only.Installed("Ubuntu", restore_only.Volume("/dev/sda2", "ext4", "ro"))
    assert restore_only.only([system], ["/dev/sda4"]) is system


def test_a_system_that_is_seen_in_two_ways_is_one(restore_only) -> None:
    systems = [
        restore_only.Installed("Ubuntu", restore_only.Volume("/dev/sda2", "btrfs", way))
        for way in ("ro,subvol=@", "ro")
    ]
    assert restore_only.only(systems, []) is systems[0]


def test_none_or_two_systems_are_told_and_left_alone(restore_only) -> None:
    two = [
        restore_only.Installed(name, restore_only.Volume(path, "ext4", "ro"))
        for name, path in (("Ubuntu", "/dev/sda2"), ("Debian", "/dev/sdb1"))
    ]
    with pytest.raises(restore_only.NotOne, match="nothing was written: 2 installed systems") as raised:
        restore_only.only(two, [])
    assert "/dev/sda2  Ubuntu" in str(raised.value)
    assert "/dev/sdb1  Debian" in str(raised.value)
    with pytest.raises(restore_only.NotOne, match=r"(?s)nothing was written: 0 .*/dev/sda4  \(encrypted"):
        restore_only.only([], ["/dev/sda4"])


def test_own_file_systems_are_mounted_outer_ones_first(restore_only) -> None:
    fstab = """\
# /usr is named in a comment
UUID=1 / ext4 defaults 0 1
UUID=2 /boot/efi vfat umask=0077 0 1
UUID=3 /boot ext4 defaults 0 2  # and this, too
UUID=4 /home ext4 defaults 0 2
UUID=5 none swap sw 0 0

"""
    assert restore_only.own_parts(fstab) == ["/boot", "/boot/efi"]
