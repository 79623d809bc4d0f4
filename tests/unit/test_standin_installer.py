"""The stand-in's installer obeys an autoinstall as Ubuntu's does, and drops nothing in silence."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

import builder.standin.installer
from autoinstall.userdata import schema
from builder.standin.installer import autoinstall, bootloader, disks, plan, storage, target
from builder.standin.installer.disks import Disk
from builder.standin.installer.errors import Refusal
from builder.standin.installer.plan import MIB, Format, Mount, OnDisk, Slice, Table

GIB = 1 << 30
HASH = "$6$abcdefgh$" + "a" * 86
SCHEMA = schema()


def document(**changed: Any) -> dict[str, Any]:
    usual = {
        "version": 1,
        "locale": "en_US.UTF-8",
        "keyboard": {"layout": "us"},
        "timezone": "Etc/UTC",
        "identity": {"realname": "Ada", "username": "ada", "hostname": "ember", "password": HASH},
        "apt": {"fallback": "offline-install", "geoip": False},
        "storage": {"layout": {"name": "direct", "match": {"serial": "ONE"}}},
    }
    return {key: value for key, value in {**usual, **changed}.items() if value is not None}


def refused(changed: dict[str, Any]) -> str:
    with pytest.raises(Refusal) as reason:
        autoinstall.check(document(**changed), SCHEMA)
    return str(reason.value)


# Where it is looked for


def test_places_are_searched_in_ubuntus_order() -> None:
    line = "autoinstall subiquity.autoinstallpath=/cdrom/x.yaml ds=nocloud;s=/cdrom/nocloud/ --- quiet"
    assert [place.path for place in autoinstall.places(line)] == [
        "/cdrom/x.yaml",
        "/autoinstall.yaml",
        "/cdrom/nocloud/user-data",
        "/cdrom/autoinstall.yaml",
    ]


@pytest.mark.parametrize("word", ["ds=nocloud", "ds=ec2;s=/x/", "xds=nocloud;s=/x/", "ds=nocloud;h=name"])
def test_other_words_are_no_seed(word: str) -> None:
    assert [place.path for place in autoinstall.places(word)] == [autoinstall.COPY, autoinstall.ON_MEDIUM]


def put(root: Path, name: str, text: str) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_the_first_hit_wins(tmp_path: Path) -> None:
    assert autoinstall.find("autoinstall", tmp_path) is None
    put(tmp_path, "cdrom/autoinstall.yaml", "on: medium")
    found = autoinstall.find("autoinstall", tmp_path)
    assert found and (found[0].path, found[1]) == ("/cdrom/autoinstall.yaml", "on: medium")
    put(tmp_path, "autoinstall.yaml", "in: root")
    found = autoinstall.find("autoinstall", tmp_path)
    assert found and found[1] == "in: root"


def test_a_seed_is_read_as_cloud_init_would(tmp_path: Path) -> None:
    line = "autoinstall ds=nocloud;s=/cdrom/nocloud/"
    put(tmp_path, "cdrom/nocloud/user-data", "#cloud-config\nautoinstall:\n  version: 1\nbootcmd: []\n")
    assert autoinstall.find(line, tmp_path) is None  # without meta-data it is no seed
    put(tmp_path, "cdrom/nocloud/meta-data", "")
    found = autoinstall.find(line, tmp_path)
    assert found and yaml.safe_load(found[1]) == {"version": 1}
    put(tmp_path, "cdrom/nocloud/user-data", "autoinstall: {version: 1}\n")
    assert autoinstall.find(line, tmp_path) is None  # without the first line it is no cloud-config


@pytest.mark.parametrize(
    ("line", "confirmed"),
    [("autoinstall", True), ("quiet autoinstall ---", True), ("", False), ("noautoinstall", False)],
)
def test_the_word_on_the_command_line_is_the_consent(line: str, confirmed: bool) -> None:
    assert autoinstall.is_confirmed(line) is confirmed


# What it may say


def test_a_good_document_passes() -> None:
    autoinstall.check(document(), SCHEMA)
    autoinstall.refuse_unable(document())


def test_it_may_be_wrapped_alone() -> None:
    assert autoinstall.unwrapped({"autoinstall": {"version": 1}}) == {"version": 1}
    assert autoinstall.unwrapped({"version": 1}) == {"version": 1}
    with pytest.raises(Refusal, match=r"^locale: stands beside autoinstall"):
        autoinstall.unwrapped({"autoinstall": {"version": 1}, "locale": "C"})
    with pytest.raises(Refusal, match=r"^autoinstall: not a mapping"):
        autoinstall.unwrapped({"autoinstall": "yes"})


@pytest.mark.parametrize(
    ("text", "said"), [("a: [1\n", "^line 2: "), ("- 1\n", "not a mapping"), ("", "not a mapping")]
)
def test_broken_yaml_is_refused(text: str, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        autoinstall.parsed(text)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"version": None}, "version: missing"),
        ({"version": 2}, "version: 1 was expected"),
        ({"matchh": {}}, "matchh: unknown key"),
        ({"locale": None}, "locale: missing"),
        ({"shutdown": "halt"}, "shutdown: 'halt' is not one of"),
        ({"identity": {"username": "ada"}}, "identity.hostname: missing"),
        (
            {"storage": {"layout": {"name": "direct", "matchh": {"serial": "x"}}}},
            "storage.layout.matchh: unknown key",
        ),
        ({"storage": {"layout": {"name": "zfs", "match": {"serial": "x"}}}}, "storage.layout.name: "),
        (
            {"storage": {"layout": {"name": "direct", "match": {"serial": 7}}}},
            "storage.layout.match.serial: 7 is not of type 'string'",
        ),
        (
            {"storage": {"config": [{"type": "disk", "id": "d", "pathh": "/dev/vda"}]}},
            "storage.config[0].pathh: unknown key",
        ),
        (
            {"storage": {"config": [{"type": "mount", "id": "m", "device": "f"}]}},
            "storage.config[0].path: missing",
        ),
        (
            {"storage": {"config": [{"type": "raid", "id": "r"}]}},
            "storage.config[0].type: 'raid' is not one of disk, ",
        ),
        ({"late-commands": [["sh", 1]]}, "late-commands[0][1]: 1 is not of type 'string'"),
        ({"late-commands": [7]}, "late-commands[0]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_schema_forbids_is_refused_by_its_key(changed: dict[str, Any], said: str) -> None:
    assert refused(changed).startswith(said)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"snaps": [{"name": "x"}]}, "snaps: the stand-in cannot"),
        ({"drivers": {"install": True}}, "drivers: the stand-in cannot"),
        ({"proxy": "http://x"}, "proxy: the stand-in cannot"),
        ({"user-data": {"users": []}}, "user-data: the stand-in cannot"),
        ({"interactive-sections": ["storage"]}, "interactive-sections: the stand-in cannot"),
        ({"refresh-installer": {"update": True}}, "refresh-installer: the stand-in cannot"),
        ({"kernel": {"flavor": "hwe"}}, "kernel: the stand-in cannot"),
        ({"colour": "red"}, "colour: the stand-in does not know"),
        ({"apt": {"sources": {}}}, "apt.sources: the stand-in cannot"),
        ({"storage": {"bootloader": {}}}, "storage.bootloader: the stand-in cannot"),
        ({"identity": None}, "identity: missing"),
        ({"storage": None}, "storage: missing"),
    ],
)
def test_what_it_cannot_do_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal) as reason:
        autoinstall.refuse_unable(document(**changed))
    assert str(reason.value).startswith(said)


@pytest.mark.parametrize(
    "switched_off",
    [
        {"snaps": []},
        {"drivers": {"install": False}},
        {"codecs": {"install": False}},
        {"oem": {"install": "auto"}},
        {"proxy": None},
        {"refresh-installer": {"update": False}},
        {"interactive-sections": []},
        {"kernel-crash-dumps": {"enabled": None}},
    ],
)
def test_what_is_switched_off_is_no_matter(switched_off: dict[str, Any]) -> None:
    autoinstall.refuse_unable({**document(), **switched_off})


SOURCES = [{"id": "small", "default": True, "path": "small.squashfs"}, {"id": "big", "path": "big.squashfs"}]


def test_the_source_is_one_on_the_medium() -> None:
    assert autoinstall.chosen_source({}, SOURCES) == "small.squashfs"
    assert autoinstall.chosen_source({"source": {"id": "big"}}, SOURCES) == "big.squashfs"
    with pytest.raises(Refusal, match=r"source\.id: huge is not on this medium; it has small, big"):
        autoinstall.chosen_source({"source": {"id": "huge"}}, SOURCES)


@pytest.fixture
def live(tmp_path: Path) -> Path:
    put(tmp_path, "usr/share/zoneinfo/Etc/UTC", "")
    put(tmp_path, "usr/share/i18n/SUPPORTED", "en_US.UTF-8 UTF-8\nde_DE ISO-8859-1\n")
    put(
        tmp_path,
        "usr/share/X11/xkb/rules/base.lst",
        "! layout\n  us  English\n  de German\n\n! variant\n x y\n",
    )
    return tmp_path


def test_words_of_this_system_pass(live: Path) -> None:
    autoinstall.refuse_unknown_words(document(keyboard={"layout": "us,de"}), live)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone: there is no Mars/Olympus"),
        ({"timezone": "Etc"}, "timezone: there is no Etc"),
        ({"locale": "xx_YY.UTF-8"}, "locale: there is no xx_YY"),
        ({"keyboard": {"layout": "us,klingon"}}, "keyboard.layout: there is no klingon"),
        ({"keyboard": {"layout": "x"}}, "keyboard.layout: there is no x"),
    ],
)
def test_unknown_words_are_refused(live: Path, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal) as reason:
        autoinstall.refuse_unknown_words(document(**changed), live)
    assert str(reason.value).startswith(said)


@pytest.mark.parametrize(
    ("locale", "line"),
    [("C.UTF-8", ""), ("en_US.UTF-8", "en_US.UTF-8 UTF-8"), ("de_DE.ISO-8859-1", "de_DE ISO-8859-1")],
)
def test_a_locale_is_made_by_its_line(locale: str, line: str) -> None:
    assert autoinstall.locale_line(locale, "en_US.UTF-8 UTF-8\nde_DE ISO-8859-1\n") == line


# Which disk


def disk(name: str, gib: int, **facts: Any) -> Disk:
    usual = {"ssd": True, "in_use": False, "is_medium": False, "serials": (name.upper(),)}
    path = f"/dev/{name}"
    return Disk(path=path, size_bytes=gib * GIB, names=(path,), **{**usual, **facts})


STICK = disk("sdz", 9000, is_medium=True, in_use=True)
BUSY = disk("sdy", 8000, in_use=True)
SMALL = disk("vda", 10, model="Fast One", vendor="Acme", id_path="pci-0000:00:04.0", devpath="/devices/a")
LARGE = disk("vdb", 20, ssd=False, serials=("Long_TWO", "TWO"))
ALL = [STICK, BUSY, SMALL, LARGE]


def test_without_a_match_the_largest_free_disk_is_taken() -> None:
    assert disks.choose(ALL, None, "k") == LARGE


@pytest.mark.parametrize(
    ("match", "chosen"),
    [
        ({"serial": "VDA"}, SMALL),
        ({"serial": "TW*"}, LARGE),
        ({"serial": "*TWO", "ssd": False}, LARGE),
        ({"path": "/dev/vd?"}, SMALL),
        ({"path": "/dev/vd*", "size": "largest"}, LARGE),
        ({"path": "/dev/vd*", "size": "smallest"}, SMALL),
        ({"model": "Fast*"}, SMALL),
        ({"vendor": "Acme"}, SMALL),
        ({"id_path": "pci-*"}, SMALL),
        ({"devpath": "/devices/*"}, SMALL),
        ({"ssd": False}, LARGE),
        ({"serial": "VDA", "model": None}, SMALL),
    ],
)
def test_a_match_means_a_disk(match: dict[str, Any], chosen: Disk) -> None:
    assert disks.choose(ALL, match, "k") == chosen


@pytest.mark.parametrize(
    ("match", "said"),
    [
        ({"serial": "SDZ"}, "k: no disk fits; the disks of this machine: /dev/sdy"),
        ({"serial": "vda"}, "k: no disk fits"),
        ({"serial": "VDA", "ssd": False}, "k: no disk fits"),
        ({"serial": "SDY"}, "k: /dev/sdy is in use"),
        ({"size": "largest"}, "k: /dev/sdy is in use"),
        ({"colour": "red"}, "k.colour: the stand-in cannot match by this"),
    ],
)
def test_a_match_that_fits_no_free_disk_is_refused(match: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal) as reason:
        disks.choose(ALL, match, "k")
    assert str(reason.value).startswith(said)


def test_a_disk_is_described_with_its_partitions() -> None:
    part = {"path": "/dev/sda1", "mountpoints": ["/cdrom"], "type": "part"}
    row = {
        "path": "/dev/sda",
        "size": 42,
        "rota": True,
        "ro": False,
        "mountpoints": [None],
        "children": [part],
    }
    facts = disks.udev("DEVLINKS=/dev/disk/by-id/a /dev/disk/by-id/b\nID_SERIAL=Acme_7\nID_SERIAL_SHORT=7\n")
    seen = disks.described(row, facts, "/dev/sda1")
    assert seen.is_medium and seen.in_use and not seen.ssd
    assert seen.serials == ("Acme_7", "7")
    assert seen.names == ("/dev/sda", "/dev/disk/by-id/a", "/dev/disk/by-id/b")
    assert not disks.described({**row, "children": []}, {}, "/dev/sda1").in_use


# What is done to it


def made(section: dict[str, Any], *, is_uefi: bool = True, there: OnDisk | None = None) -> plan.Plan:
    on_disk = {SMALL.path: there} if there else {}
    return plan.make_plan(section, ALL, on_disk, is_uefi=is_uefi)


DIRECT = {"layout": {"name": "direct", "match": {"serial": "VDA"}}}


def test_the_direct_layout_under_uefi() -> None:
    result = made(DIRECT)
    [table] = result.tables
    assert (table.disk, table.label, table.is_new) == ("/dev/vda", "gpt", True)
    esp, root = table.slices
    assert esp == Slice("/dev/vda1", 1, MIB, GIB, plan.ESP_TYPE)
    assert (root.offset_bytes, root.size_bytes) == (MIB + GIB, 9 * GIB - 2 * MIB)
    assert result.formats == (Format("/dev/vda2", "ext4"), Format("/dev/vda1", "vfat"))
    assert result.mounts == (Mount("/dev/vda2", "/", "ext4"), Mount("/dev/vda1", "/boot/efi", "vfat"))
    assert result.grub_disks == ()


def test_the_direct_layout_under_bios() -> None:
    result = made(DIRECT, is_uefi=False)
    bios, root = result.tables[0].slices
    assert (bios.kind, bios.size_bytes) == (plan.GPT_TYPES["bios_grub"], MIB)
    assert result.mounts == (Mount(root.device, "/", "ext4"),)
    assert result.grub_disks == ("/dev/vda",)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"layout": {"name": "lvm"}}, "storage.layout.name: the stand-in cannot do lvm"),
        ({"layout": {"name": "direct", "mode": "use_gap"}}, "storage.layout.mode: "),
        ({**DIRECT, "swap": {"size": "2G"}}, "storage.swap.size: "),
        ({"layout": {"name": "direct", "match": {"serial": "NO"}}}, "storage.layout.match: no disk fits"),
        ({"config": []}, "storage.config: nothing is mounted at /"),
        ({}, "storage: needs either layout or config"),
        ({**DIRECT, "config": []}, "storage: needs either layout or config"),
        ({"config": [{"type": "lvm_volgroup", "id": "v"}]}, "storage.config[0].type: "),
    ],
)
def test_a_storage_it_cannot_make_is_refused(section: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal) as reason:
        made(section)
    assert str(reason.value).startswith(said)


def test_no_swap_file_may_be_said() -> None:
    assert made({**DIRECT, "swap": {"size": 0}}).tables


ESP = Slice("/dev/vda1", 1, MIB, 512 * MIB, plan.ESP_TYPE)
BTRFS = Slice("/dev/vda2", 2, 513 * MIB, 8 * GIB, plan.GPT_TYPES["linux"])
THERE = OnDisk("gpt", (ESP, BTRFS), {"/dev/vda1": ("vfat", "AB-CD"), "/dev/vda2": ("btrfs", "UUID-1")})


def preserving(**changed: Any) -> list[dict[str, Any]]:
    """The actions by which the facts say a btrfs with subvolumes is installed; `id__key` changes one."""
    actions: list[dict[str, Any]] = [
        {"type": "disk", "id": "disk", "serial": "VDA", "ptable": "gpt", "preserve": True},
        {
            "type": "partition",
            "id": "esp",
            "device": "disk",
            "number": 1,
            "preserve": True,
            "size": ESP.size_bytes,
            "offset": ESP.offset_bytes,
            "flag": "boot",
            "grub_device": True,
        },
        {
            "type": "partition",
            "id": "root",
            "device": "disk",
            "number": 2,
            "preserve": True,
            "size": BTRFS.size_bytes,
            "offset": BTRFS.offset_bytes,
        },
        {"type": "format", "id": "espfs", "volume": "esp", "fstype": "fat32"},
        {
            "type": "format",
            "id": "rootfs",
            "volume": "root",
            "fstype": "btrfs",
            "uuid": "uuid-1",
            "preserve": True,
        },
        {
            "type": "mount",
            "id": "m-home",
            "device": "rootfs",
            "path": "/home",
            "options": "subvol=@home,compress=zstd:1",
        },
        {"type": "mount", "id": "m-root", "device": "rootfs", "path": "/", "options": "subvol=@"},
        {"type": "mount", "id": "m-esp", "device": "espfs", "path": "/boot/efi"},
    ]
    for word, value in changed.items():
        which, _, key = word.partition("__")
        next(action for action in actions if action["id"] == which)[key] = value
    return actions


def test_what_is_there_can_be_preserved() -> None:
    result = made({"config": preserving()}, there=THERE)
    assert result.tables == (Table("/dev/vda", "gpt", False, ()),)
    assert result.formats == (Format("/dev/vda1", "vfat"),)
    assert [(mount.path, mount.options) for mount in result.mounts] == [
        ("/", "subvol=@"),
        ("/home", "subvol=@home,compress=zstd:1"),
        ("/boot/efi", ""),
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"esp__size": 511 * MIB}, "storage.config[1].size: /dev/vda1 has"),
        ({"root__offset": 514 * MIB}, "storage.config[2].offset: /dev/vda2 has"),
        ({"root__number": 7}, "storage.config[2]: /dev/vda has no such partition"),
        ({"disk__ptable": "msdos"}, "storage.config[0].ptable: /dev/vda has gpt"),
        ({"disk__preserve": False}, "storage.config[1].preserve: the disk's table is made afresh"),
        ({"rootfs__uuid": "other"}, "storage.config[4].uuid: /dev/vda2 has UUID-1"),
        ({"rootfs__fstype": "ext4"}, "storage.config[4].fstype: /dev/vda2 has btrfs"),
        ({"rootfs__volume": "nothing"}, "storage.config[4].volume: nothing is not one of the actions"),
        ({"m-root__device": "esp"}, "storage.config[6].device: esp is not one of the actions"),
        ({"m-root__path": "/home"}, "storage.config[6].path: /home is mounted twice"),
        ({"m-root__path": "home"}, "storage.config[6].path: home is not an absolute path"),
        ({"m-esp__path": "/efi"}, "storage.config: UEFI needs a fat32 partition"),
        ({"root__id": "esp"}, "storage.config[2].id: esp is there twice"),
        ({"disk__nvme_controller": "x"}, "storage.config[0].nvme_controller: the stand-in cannot"),
    ],
)
def test_what_does_not_fit_the_disk_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal) as reason:
        made({"config": preserving(**changed)}, there=THERE)
    assert str(reason.value).startswith(said)


def fresh(*partitions: dict[str, Any], ptable: str = "gpt") -> list[dict[str, Any]]:
    head = {"type": "disk", "id": "disk", "path": "/dev/vda", "ptable": ptable, "grub_device": True}
    parts = [
        {"type": "partition", "id": f"p{number}", "device": "disk", **part}
        for number, part in enumerate(partitions, 1)
    ]
    last = f"p{len(partitions)}"
    return [
        head,
        *parts,
        {"type": "format", "id": "fs", "volume": last, "fstype": "ext4"},
        {"type": "mount", "id": "m", "device": "fs", "path": "/"},
    ]


def test_partitions_are_placed_one_after_the_other() -> None:
    actions = fresh({"size": "1M", "flag": "bios_grub"}, {"size": "50%", "flag": "swap"}, {"size": -1})
    result = made({"config": actions}, is_uefi=False)
    first, second, third = result.tables[0].slices
    assert [part.number for part in result.tables[0].slices] == [1, 2, 3]
    assert (second.offset_bytes, second.size_bytes) == (2 * MIB, 5 * GIB)
    assert third.offset_bytes == 2 * MIB + 5 * GIB
    assert third.offset_bytes + third.size_bytes == 10 * GIB - MIB
    assert plan.sfdisk_script(Table("/dev/vda", "gpt", True, (first,))) == (
        f"label: gpt\n1 : start=2048, size=2048, type={plan.GPT_TYPES['bios_grub']}\n"
    )


@pytest.mark.parametrize(
    ("partitions", "said"),
    [
        ([{"size": "11G"}], "storage.config[1].size: 11G does not fit on /dev/vda"),
        ([{"size": -1}, {"size": "1M"}], "storage.config[2].size: 1M does not fit"),
        ([{"size": "1G"}, {"size": "1G", "offset": "512M"}], "storage.config[2].offset: lies over /dev/vda1"),
        ([{"size": "1 elephant"}], "storage.config[1].size: 1 elephant is not a size"),
        ([{"size": -1}], "storage.config: BIOS needs a bios_grub partition on /dev/vda"),
    ],
)
def test_partitions_that_do_not_fit_are_refused(partitions: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(Refusal) as reason:
        made({"config": fresh(*partitions)}, is_uefi=False)
    assert str(reason.value).startswith(said)


def test_an_msdos_table_needs_no_bios_partition_but_knows_no_such_flag() -> None:
    result = made({"config": fresh({"size": -1}, ptable="msdos")}, is_uefi=False)
    assert (result.tables[0].label, result.tables[0].slices[0].kind) == ("dos", "83")
    with pytest.raises(Refusal, match="cannot do bios_grub on dos"):
        made({"config": fresh({"size": "1M", "flag": "bios_grub"}, ptable="msdos")}, is_uefi=False)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (4096, 4096),
        ("512M", 512 * MIB),
        ("512MB", 512 * MIB),
        ("512MiB", 512 * MIB),
        ("1.5G", 3 * GIB // 2),
        ("4096B", 4096),
        ("50%", 5 * GIB),
        ("-1", -1),
        (-1, -1),
    ],
)
def test_sizes(size: int | str, expected: int) -> None:
    assert plan.size_bytes(size, 10 * GIB, "k") == expected


@pytest.mark.parametrize(
    ("disk_path", "device"), [("/dev/vda", "/dev/vda3"), ("/dev/nvme0n1", "/dev/nvme0n1p3")]
)
def test_partitions_are_named_as_the_kernel_does(disk_path: str, device: str) -> None:
    assert plan.partition_device(disk_path, 3) == device


def test_fstab_is_by_uuid() -> None:
    mounts = [
        Mount("/dev/a", "/", "ext4"),
        Mount("/dev/b", "/home", "btrfs", "subvol=@home"),
        Mount("/dev/c", "/boot/efi", "vfat"),
        Mount("/dev/d", "none", "swap"),
    ]
    assert plan.fstab(mounts, {f"/dev/{letter}": letter.upper() for letter in "abcd"}) == (
        "UUID=A / ext4 defaults 0 1\n"
        "UUID=B /home btrfs subvol=@home 0 0\n"
        "UUID=C /boot/efi vfat defaults 0 2\n"
        "UUID=D none swap sw 0 0\n"
    )


def test_a_table_is_read_in_bytes() -> None:
    text = (
        '{"partitiontable": {"label": "gpt", "sectorsize": 512, "partitions": ['
        '{"node": "/dev/nvme0n1p12", "start": 2048, "size": 4096, "type": "X"}]}}'
    )
    assert storage.table_of(text) == ("gpt", (Slice("/dev/nvme0n1p12", 12, MIB, 2 * MIB, "X"),))
    assert storage.table_of("") == ("", ())


@pytest.mark.parametrize(
    ("wanted", "argv"),
    [
        (Format("/dev/a", "ext4", "ROOT", "U"), "mkfs.ext4 -q -F -L ROOT -U U /dev/a"),
        (Format("/dev/a", "vfat", "ESP", "AB-CD"), "mkfs.vfat -F 32 -n ESP -i ABCD /dev/a"),
        (Format("/dev/a", "xfs", "", "U"), "mkfs.xfs -q -f -m uuid=U /dev/a"),
        (Format("/dev/a", "btrfs"), "mkfs.btrfs -q -f /dev/a"),
        (Format("/dev/a", "swap", "S", "U"), "mkswap -L S -U U /dev/a"),
    ],
)
def test_file_systems_are_made(wanted: Format, argv: str) -> None:
    assert storage.mkfs(wanted) == argv.split()


# What becomes the owner's


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("BOOT_IMAGE=/casper/vmlinuz autoinstall --- quiet splash\n", "quiet splash"),
        ("autoinstall ---\n", ""),
        ("autoinstall\n", ""),
        ("a --- b --- c", "b --- c"),
    ],
)
def test_what_follows_the_dashes_is_kept(line: str, kept: str) -> None:
    assert bootloader.kept_arguments(line) == kept


def test_kept_arguments_are_quoted_for_the_shell() -> None:
    settings = bootloader.grub_settings('a="b c" $(reboot)')
    assert 'GRUB_CMDLINE_LINUX="a=\\"b c\\" \\$(reboot)"\n' in settings


def test_a_line_is_put_in_force() -> None:
    line = "de_DE.UTF-8 UTF-8"
    assert target.with_line("# de_DE.UTF-8 UTF-8\n# other\n", line) == f"{line}\n# other\n"
    assert target.with_line("# other\n", line) == f"# other\n{line}\n"
    assert target.with_line(f"{line}\n", line) == f"{line}\n"


def test_words_are_set_where_they_stand() -> None:
    words = {"XKBLAYOUT": "de", "XKBOPTIONS": "grp:x"}
    assert target.with_words('XKBLAYOUT="us"\nA=1\n', words) == 'XKBLAYOUT="de"\nA=1\nXKBOPTIONS="grp:x"\n'


# Where it runs


def test_the_live_system_needs_nothing_of_ours() -> None:
    """It has the standard library, PyYAML and jsonschema, and Python may be older than ours."""
    allowed = {*__import__("sys").stdlib_module_names, "yaml", "jsonschema"}
    modules = sorted(Path(builder.standin.installer.__file__).parent.glob("*.py"))
    assert len(modules) > 8
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text("utf-8"), feature_version=(3, 11))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names.append(node.module or "")
            assert {name.partition(".")[0] for name in names} <= allowed, module
