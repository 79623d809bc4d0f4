"""How does the unpacked system become the owner's: its name, locale, keyboard, time zone and person?"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .autoinstall import locale_line
from .chroot import inside
from .command import run
from .errors import Broken

LAYERS = Path("/cdrom/casper")
# The groups that Ubuntu's installer gives the first person, where the system has them.
GROUPS = ("adm", "cdrom", "dip", "plugdev", "sudo")
TRIES = 3


def unpack(layer: str, target: Path) -> None:
    """Unpack the layer `standin-minimal.squashfs` of the medium onto the target."""
    run(["unsquashfs", "-force", "-no-progress", "-quiet", "-dest", str(target), str(LAYERS / layer)])


def name_machine(hostname: str, target: Path) -> None:
    """Write the machine's name, its hosts(5) and an identity of its own."""
    (target / "etc/hostname").write_text(f"{hostname}\n")
    (target / "etc/hosts").write_text(hosts(hostname))
    (target / "etc/machine-id").unlink(missing_ok=True)
    run(["systemd-machine-id-setup", f"--root={target}"])
    for place in ("etc", "var"):
        (target / place / ".updated").touch()  # systemd's mark that its caches are as new as /usr


def hosts(hostname: str) -> str:
    """Return hosts(5) for a machine of this name."""
    return (
        "127.0.0.1 localhost\n"
        f"127.0.1.1 {hostname}\n"
        "\n"
        "::1 localhost ip6-localhost ip6-loopback\n"
        "ff02::1 ip6-allnodes\n"
        "ff02::2 ip6-allrouters\n"
    )


def set_locale(locale: str, target: Path) -> None:
    """Make the locale, where it needs making, and the default."""
    line = locale_line(locale, (target / "usr/share/i18n/SUPPORTED").read_text())
    if line:
        file = target / "etc/locale.gen"
        file.write_text(with_line(file.read_text() if file.exists() else "", line))
        inside(target, ["locale-gen"])
    inside(target, ["update-locale", f"LANG={locale}"])


def with_line(text: str, line: str) -> str:
    """Return the text with `line` in force: uncommented where it is commented out, else added."""
    commented = re.compile(rf"^#\s*{re.escape(line)}\s*$", re.MULTILINE)
    if re.search(rf"^{re.escape(line)}\s*$", text, re.MULTILINE):
        return text
    replaced, count = commented.subn(line, text, count=1)
    return replaced if count else f"{text}{line}\n"


def set_keyboard(keyboard: Mapping[str, Any], target: Path) -> None:
    """Write the words of keyboard(5)."""
    toggle = keyboard.get("toggle")
    file = target / "etc/default/keyboard"
    words = {
        "XKBLAYOUT": keyboard.get("layout", "us"),
        "XKBVARIANT": keyboard.get("variant", ""),
        "XKBOPTIONS": f"grp:{toggle}" if toggle else "",
    }
    before = file.read_text()
    after = with_words(before, words)
    if after != before:
        file.write_text(after)
        inside(target, ["setupcon", "--save-only"])


def with_words(text: str, words: Mapping[str, str]) -> str:
    """Set `NAME="value"` lines of a shell-like file, each where it stands or at the end."""
    for name, value in words.items():
        line = f'{name}="{value}"'
        there = re.search(rf"^{name}=.*$", text, re.MULTILINE)
        text = text.replace(there[0], line, 1) if there else f"{text}{line}\n"
    return text


def set_timezone(zone: str, target: Path) -> None:
    """Point /etc/localtime and Debian's /etc/timezone at the zone."""
    link = target / "etc/localtime"
    link.unlink(missing_ok=True)
    link.symlink_to(f"/usr/share/zoneinfo/{zone}")
    (target / "etc/timezone").write_text(f"{zone}\n")


def add_person(identity: Mapping[str, str], target: Path) -> None:
    """Make the one account, with the password hash as it is written."""
    there = {line.split(":")[0] for line in (target / "etc/group").read_text().splitlines()}
    groups = [group for group in GROUPS if group in there]
    inside(
        target,
        [
            *("useradd", "--create-home", "--user-group", "--shell", "/bin/bash"),
            *("--comment", identity.get("realname", ""), "--groups", ",".join(groups)),
            identity["username"],
        ],
    )
    inside(target, ["chpasswd", "--encrypted"], stdin=f"{identity['username']}:{identity['password']}\n")


def install_packages(packages: Sequence[str], target: Path) -> None:
    """Install one by one, each with its own update and three tries, as Ubuntu's installer does."""
    for package in packages:
        for attempt in range(1, TRIES + 1):
            try:
                inside(target, ["apt-get", "--quiet", "update"])
                inside(target, ["apt-get", "--quiet", "--assume-yes", "install", package])
                break
            except Broken as error:
                if attempt == TRIES:
                    raise Broken(f"packages: {package}: {error}") from None


def allow_logins(ssh: Mapping[str, Any], username: str, target: Path) -> None:
    """Write the keys that may log in; whether a password may, where a server is installed."""
    keys = ssh.get("authorized-keys") or []
    if keys:
        file = target / f"home/{username}/.ssh/authorized_keys"
        file.parent.mkdir(mode=0o700)
        file.write_text("".join(f"{key}\n" for key in keys))
        file.chmod(0o600)
        owner = os.stat(target / f"home/{username}")
        for place in (file.parent, file):
            os.chown(place, owner.st_uid, owner.st_gid)
    if ssh.get("install-server"):
        word = "yes" if ssh.get("allow-pw", not keys) else "no"
        file = target / "etc/ssh/sshd_config.d/50-standin.conf"
        file.write_text(f"PasswordAuthentication {word}\n")
