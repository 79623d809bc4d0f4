from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.collected import Collected, Loss
from collectors.domains import services
from collectors.domains.services import Services, fstab, rclone, syncthing, unwritten
from collectors.domains.services.known import known
from collectors.failure import Finding
from collectors.homes import Home
from collectors.host import Mount
from collectors.judgement.knowledge import knowledge
from tests.unit.fakes import FakeHost, machine
from tests.unit.sampled import SAMPLES, sampled

PASSWD = "root:x:0:0::/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n"
ADA = Home("ada", 1000, "/home/ada")
WORDS = st.sampled_from(
    [
        *("/dev/sda1", "UUID=1", "/", "/mnt/x", "none", "swap", "ext4", "nfs", "password=x", "defaults", "0"),
        *("#", "[a]", "type=drive", "url=x://a:b@c", "<configuration>", "</configuration>", "\\040", "\\777"),
        "\udcff",
    ]
)
TEXT = st.binary(max_size=200).map(lambda raw: raw.decode(errors="surrogateescape")) | st.lists(
    st.tuples(WORDS, st.sampled_from([" ", "\n", "\t"]))
).map(lambda pairs: "".join(word + end for word, end in pairs))


def mounted(text: str) -> tuple[list[fstab.Mount], tuple[Finding, ...]]:
    """Return the mounts of a fstab, and its lines that are none."""
    lines, findings = fstab.parse_fstab(text)
    root = next((line.source for line in lines if line.path == "/"), "")
    return [fstab.mount(line, root) for line in lines], findings


test_fstab = sampled("fstab", lambda text, name: mounted(text))
test_syncthing = sampled("syncthing", lambda text, name: syncthing.parse_config(text, ADA, name=name))
test_rclone = sampled("rclone", lambda text, name: rclone.parse_remotes(text, ADA, name=name))


def host_with(tmp_path: Path, files: dict[str, str | bytes | None]) -> FakeHost:
    return machine(tmp_path, {"/etc/passwd": PASSWD, "/home/ada": None, **files})


def ids(found: Collected[Services]) -> list[str]:
    return [thing.item_id() for thing in found.section.things()]


def test_nothing_there_is_nothing_told(tmp_path: Path) -> None:
    assert services.collect(host_with(tmp_path, {})) == Collected(Services())


def test_the_systems_disks_are_bound_and_the_owners_come_back(tmp_path: Path) -> None:
    text = (SAMPLES / "fstab/ubuntu-24.04").read_text("utf-8")
    found = services.collect(host_with(tmp_path, {"/etc/fstab": text}))
    assert {each.item_id(): (each.where, each.bound) for each in found.section.mounts} == {
        "mount:/": ("disk", fstab.INSTALLERS),
        "mount:/boot/efi": ("disk", fstab.INSTALLERS),
        "mount:swap /swap.img": ("file", fstab.INSTALLERS),
        "mount:/mnt/my photos": ("network", ""),
        "mount:/srv/nas": ("network", ""),
        "mount:/srv/data": ("disk", ""),
    }
    assert found.section.left_out == ()
    [photos] = [each for each in found.section.mounts if each.path == "/mnt/my photos"]
    assert photos.credentials == "/root/.nas"
    assert photos.by_hand() == (
        "echo '//nas.example.org/photos /mnt/my\\040photos cifs credentials=/root/.nas,uid=1000,_netdev 0 0'"
        " | sudo tee -a /etc/fstab"
    )


@pytest.mark.parametrize(
    ("line", "where", "bound"),
    [
        ("/dev/sdb1 /mnt/usb ext4", "disk", fstab.BY_DEVICE),
        ("/dev/mapper/data /mnt/data ext4", "disk", ""),
        ("/dev/cdrom /media/cdrom0 udf,iso9660 user,noauto", "disk", fstab.DRIVES),
        ("tmpfs /tmp tmpfs size=2G", "memory", ""),
        ("/srv/data/ada /home/ada/data none bind", "bind", ""),
        ("/srv/disk.img /mnt/img ext4 loop", "file", ""),
        ("UUID=1 /mnt/top btrfs subvolid=5", "disk", fstab.SUBVOLUMES),
        ("UUID=2 /mnt/other btrfs subvol=@x", "disk", ""),
        ("ada@nas.example.org:/x /mnt/x fuse.sshfs _netdev", "network", ""),
        ("gdrive: /mnt/drive rclone rw", "network", ""),
    ],
)
def test_where_data_are_and_what_is_bound(line: str, where: str, bound: str) -> None:
    (_, found), findings = mounted(f"UUID=1 / btrfs subvol=@\n{line}\n")
    assert not findings
    assert (found.where, found.bound) == (where, bound)


@pytest.mark.parametrize(
    "options",
    ["username=ada,password=hunter22", "user=ada%hunter22", "rw,pass=hunter22", "secret=hunter22", "rw"],
)
def test_a_password_is_not_captured_and_told(tmp_path: Path, options: str) -> None:
    text = f"//ada:hunter22@nas.example.org/x /mnt/x cifs {options}\n"
    found = services.collect(host_with(tmp_path, {"/etc/fstab": text}))
    assert ids(found)[0] == "mount:/mnt/x"
    assert "hunter22" not in repr(found)
    assert [each.path for each in found.section.left_out] == ["/etc/fstab"]


@pytest.mark.parametrize("source", ["curlftpfs#ada:hunter22@nas.example.org", "//ada:hunter@22@nas/x"])
def test_a_source_has_no_password(source: str) -> None:
    [found], _ = mounted(f"{source} /mnt/x fuse\n")
    assert "@nas" in found.source and "hunter" not in found.source and "22" not in found.source


def test_two_mounts_at_one_place_differ(tmp_path: Path) -> None:
    text = "LABEL=a /mnt/x ext4\nLABEL=b /mnt/x ext4\nUUID=1 none swap\nUUID=2 none swap\n"
    assert ids(services.collect(host_with(tmp_path, {"/etc/fstab": text}))) == [
        "mount:/mnt/x", "mount:/mnt/x (2)", "mount:swap UUID=1", "mount:swap UUID=2",
    ]  # fmt: skip


def test_shares_and_maps_are_files(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        "/etc/samba/smb.conf": "[global]\n",
        "/etc/samba/secrets.tdb": "x",
        "/var/lib/samba/usershares/photos": "path=/srv/photos\n",
        "/etc/exports": "/srv/nas 10.0.0.0/24(rw)\n",
        "/etc/auto.master": "/mnt /etc/auto.films\n",
        "/etc/auto.films": "films nas.example.org:/films\n",
    }
    found = services.collect(host_with(tmp_path, files))
    assert [file.path for file in found.section.files] == [
        "/etc/auto.films", "/etc/auto.master", "/etc/exports", "/etc/samba/smb.conf",
        "/var/lib/samba/usershares/photos",
    ]  # fmt: skip
    assert [each.path for each in found.section.left_out] == ["/etc/samba/secrets.tdb"]


def test_section_files_leaves_what_is_told_here() -> None:
    for path in (*known().settings, fstab.FSTAB, "/etc/auto.films", "/home/ada/.config/rclone/rclone.conf"):
        rule = knowledge().by_name(path, "file")
        assert path.startswith("/var") or (rule and rule.verdict == "elsewhere"), path


def test_what_syncthing_and_rclone_keep_in_step(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        "/home/ada/.local/state/syncthing/config.xml": (SAMPLES / "syncthing/config.xml").read_bytes(),
        "/home/ada/.local/state/syncthing/key.pem": "x",
        "/home/ada/.config/rclone/rclone.conf": (SAMPLES / "rclone/rclone.conf").read_bytes(),
    }
    found = services.collect(host_with(tmp_path, files))
    assert ids(found) == [
        "syncthing-folder:/srv/nas", "syncthing-folder:~ada/Documents", "syncthing-folder:~ada/Sync",
        "syncthing-device:~ada/ember", "syncthing-device:~ada/phone",
        "rclone:~ada/backup", "rclone:~ada/gdrive",
        "left-out:/home/ada/.config/rclone/rclone.conf",
        "left-out:/home/ada/.local/state/syncthing/config.xml",
        "left-out:/home/ada/.local/state/syncthing/key.pem",
    ]  # fmt: skip
    assert not any(secret in repr(found) for secret in ("abcdefghijklmnop", "ya29", "obscured"))
    assert found.section.synced[1].by_hand() == (
        "syncthing cli config folders add --id abcd-1234 --path ~ada/Documents"
    )
    assert found.section.remotes[1].by_hand() == "rclone config create gdrive drive scope=drive"


PEM = "-----BEGIN CERTIFICATE-----\nZW1iZXI=\n-----END CERTIFICATE-----\n"
EMBER = "PSW4CXL-ATRFOTX-NF6MJS3-RYOKZY6-LON6TYV-ANLBR6R-3QLTIPJ-6IM6SQT"


def test_the_machine_itself_is_bound_and_in_no_folder(tmp_path: Path) -> None:
    text = (SAMPLES / "syncthing/config.xml").read_text("utf-8").replace("AAAAAAA-BBBBBBB", EMBER)
    place = "/home/ada/.local/state/syncthing"
    found = services.collect(host_with(tmp_path, {f"{place}/config.xml": text, f"{place}/cert.pem": PEM}))
    bound = {each.item_id(): each.bound for each in found.section.devices}
    assert bound == {
        "syncthing-device:~ada/ember": syncthing.IDENTITY,
        "syncthing-device:~ada/phone": "",
    }
    assert found.section.synced[1].devices == ("phone",)


@pytest.mark.parametrize("text", ["", "x", PEM.replace("ZW1", "Z"), PEM.replace("ZW1iZXI=", "")])
def test_what_is_no_certificate_is_no_device(text: str) -> None:
    assert syncthing.device_of(text) == ""


def test_no_setting_of_rclone_holds_a_password() -> None:
    text = "[a]\ntype = alias\nremote = :sftp,host=nas,pass=hunter22:/x\nurl = https://x.example/?token=hunter22\n"
    [remote], findings = rclone.parse_remotes(text, ADA, name="x")
    assert (remote.settings, findings) == (("type=alias",), ())


NAS = "//ada:hunter22@nas.example.org/my photos"
AUTO = "# maps\n/- /etc/auto.direct\n"


def live(*mounts: tuple[str, str]) -> dict[str, Mount]:
    return {path: Mount(path, kind, NAS, "rw") for path, kind in mounts}


def test_a_share_that_was_mounted_by_hand_is_told(tmp_path: Path) -> None:
    mounts = live(("/mnt/my photos", "cifs"), ("/mnt/x", "fuse.gvfsd-fuse"), ("/mnt/y", "fuse.sshfs"))
    files: dict[str, str | bytes | None] = {"/etc/fstab": "nas:/y /mnt/y fuse.sshfs\n"}
    found = services.collect(replace(host_with(tmp_path, files), booted=True, mounts=mounts))
    assert found.losses == (
        Loss(
            "mounted",
            "/mnt/my photos",
            "//ada@nas.example.org/my photos is mounted there, and nothing mounts it again",
            "echo '//ada@nas.example.org/my\\040photos /mnt/my\\040photos cifs _netdev,nofail 0 0'"
            " | sudo tee -a /etc/fstab",
        ),
    )


@pytest.mark.parametrize(
    ("files", "mounts"),
    [
        ({"/etc/systemd/system/mnt-my\\x20photos.mount": ""}, live(("/mnt/my photos", "nfs4"))),
        (
            {"/etc/auto.direct": "/mnt/films nas:/films\n", "/etc/auto.master": AUTO},
            live(("/mnt/films", "nfs")),
        ),
        ({}, live(("/mnt", "autofs"), ("/mnt/films", "nfs"))),
        ({"/etc/fstab": "nas:/ /mnt nfs\n"}, live(("/mnt", "nfs4"), ("/mnt/a/b", "nfs4"))),
    ],
)
def test_a_share_that_something_mounts_again_is_no_loss(
    tmp_path: Path, files: dict[str, str | bytes | None], mounts: dict[str, Mount]
) -> None:
    host = replace(host_with(tmp_path, files), booted=True, mounts=mounts)
    assert services.collect(host).losses == ()


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("/", "-.mount"),
        ("/mnt/.x-y/ü", r"mnt-.x\x2dy-\xc3\xbc.mount"),
        ("/.a", r"\x2ea.mount"),
        ("/mnt/\udcff", r"mnt-\xff.mount"),
    ],
)
def test_names_of_units(path: str, unit: str) -> None:
    assert unwritten.unit_of(path) == unit


def test_the_line_of_a_mount_is_put_back_byte_for_byte() -> None:
    line = r"LABEL=a /mnt/my\040nas\012\134\377 ext4 defaults 0 0"
    [found], _ = mounted(line + "\n")
    assert found.by_hand() == f"echo '{line}' | sudo tee -a /etc/fstab"


def test_what_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    path = "/home/ada/.config/syncthing/config.xml"
    host = host_with(tmp_path, {"/etc/fstab": "nonsense\nLABEL=a /mnt/a ext4\n", path: "x"})
    found = services.collect(replace(host, failing={path: PermissionError(13, "no")}))
    assert ids(found) == ["mount:/mnt/a"]
    assert found.findings == (
        Finding(
            "/etc/fstab:1", "not `source path type options dump check`", "mend it, then `findmnt --verify`"
        ),
        Finding(path, "not readable", "run with sudo"),
    )


def test_hostile_names_are_one_line(tmp_path: Path) -> None:
    text = "LABEL=a /mnt/a\\012b\udcff ext4\n".encode(errors="surrogateescape")
    assert ids(services.collect(host_with(tmp_path, {"/etc/fstab": text}))) == [r"mount:/mnt/a\x0ab\xff"]


@given(TEXT)
def test_each_line_of_fstab_is_a_mount_or_a_finding(text: str) -> None:
    lines, findings = fstab.parse_fstab(text)
    said = [line for line in text.split("\n") if line.strip() and not line.strip().startswith("#")]
    assert len(lines) + len(findings) == len(said)
    for line in lines:
        fstab.mount(line, "/dev/sda1").model_dump_json()


@given(TEXT)
def test_no_text_crashes_a_parser(text: str) -> None:
    found, findings = syncthing.parse_config(text, ADA, name="x")
    assert found == () or findings == ()
    for remote in rclone.parse_remotes(text, ADA, name="x")[0]:
        assert "a:b@" not in remote.model_dump_json()
