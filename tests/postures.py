"""Small postures for tests, made in code."""

from __future__ import annotations

from collectors.domains.apt import Apt, Package
from collectors.domains.files import Files
from collectors.domains.system import Keyboard, Release, System
from collectors.domains.users import Group, User, Users
from collectors.posture import Posture
from collectors.record import File, sha256

HASH = "$6$rounds=5000$saltsalt$" + "A" * 43
MOTD = b"hello {{ 1 + 1 }}\n"


def small_posture(**system: object) -> Posture:
    """One person, one package, one file; `system` replaces fields of its system section."""
    facts = {
        "release": Release(distribution="ubuntu", version="24.04", codename="noble", architecture="amd64"),
        "machine": "physical",
        "firmware": "uefi",
        "hostname": "ember",
        "locale": "de_DE.UTF-8",
        "timezone": "Europe/Berlin",
        "keyboard": Keyboard(model="pc105", layout="de", variant="nodeadkeys"),
    }
    ada = User(
        name="ada",
        uid=1000,
        group="ada",
        gecos="Ada Löw,,,",
        home="/home/ada",
        shell="/bin/bash",
        groups=("sudo",),
    )
    motd = File(
        path="/etc/motd.local",
        kind="file",
        origin="unowned",
        owner="root",
        group="root",
        mode="0644",
        sha256=sha256(MOTD),
    )
    return Posture(
        system=System.model_validate({**facts, **system}),
        apt=Apt(baseline="priority", packages=(Package(name="htop"),), shipped=("bash",)),
        files=Files(files=(motd,)),
        users=Users(users=(ada,), groups=(Group(name="ada", gid=1000),)),
        contents={"/etc/motd.local": MOTD},
    )
