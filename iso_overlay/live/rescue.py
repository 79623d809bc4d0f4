#!/usr/bin/python3
"""What can a person do with this medium by hand?

Started by the boot menu in the live system, with nothing but the standard library. It unpacks the payload,
asks for a network, and gives a root shell on the screen and on the serial line.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import console

PAYLOAD = Path("/cdrom/rekindle/payload.tar")
CHECK = "/cdrom/rekindle/live/check.py"
UNPACKED = Path("/run/rekindle/payload")
NETWORK = Path("/run/systemd/network/90-rekindle.network")
NETWORK_TEXT = "[Match]\nType=ether\n\n[Network]\nDHCP=yes\n"


def main() -> int:
    unpacked = unpack()
    start_network()
    if unpacked:
        console.say(f"the payload is unpacked at {UNPACKED}: posture/ is what the machine had")
    console.say(
        f"the medium is at {PAYLOAD.parent.parent}; no disk is mounted, nothing was written\n"
        "the network comes up by itself where a cable gives an address\n"
        f"`python3 {CHECK}` checks the medium; `reboot` or `poweroff` leaves this shell"
    )
    console.shells(UNPACKED if unpacked else Path("/"))
    return 0


def unpack() -> bool:
    UNPACKED.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["tar", "-x", "-f", PAYLOAD, "-C", UNPACKED], stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        console.say(f"the payload cannot be unpacked: {done.stderr.strip()}")
    return done.returncode == 0


def start_network() -> None:
    NETWORK.parent.mkdir(parents=True, exist_ok=True)
    NETWORK.write_text(NETWORK_TEXT)
    services = ("systemd-networkd.service", "systemd-resolved.service")
    subprocess.run(["systemctl", "--no-block", "restart", *services], check=False)


if __name__ == "__main__":
    sys.exit(main())
