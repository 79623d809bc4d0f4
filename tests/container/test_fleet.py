"""Two hosts over SSH, one of them down; then the secrets come back on the one that is there."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest

from builder.payload.pack import write_payload
from builder.payload.program import restore_program
from builder.payload.signature import own_key
from builder.restore.people import renamed
from builder.secrets import Sealed, SealedFile, seal
from collectors.collect import collect
from collectors.command import run
from collectors.compare import score
from collectors.domains.apt import Apt
from collectors.domains.files import Files
from collectors.domains.network import Network
from collectors.domains.network.wireguard import parse_tunnel
from collectors.host import Machine
from collectors.posture import Posture
from collectors.record import File, LeftOut, sha256
from tests.container.minimal import NSPAWN, PACKAGES, Container, container, minimal_root, remove
from tests.sample.archive import Key
from tests.sample.posture import sample_posture

pytestmark = [
    pytest.mark.container,
    pytest.mark.skipif(os.geteuid() != 0, reason="containers need root"),
]

IDENTITY = pyrage.x25519.Identity.generate()
PASSPHRASE = "open up"
TUNNEL = "[Interface]\nPrivateKey = c2VjcmV0\nAddress = 10.0.0.2/32\n\n[Peer]\nPublicKey = AAAA=\n"
WG = "/etc/wireguard/wg0.conf"
CONF = "/etc/hearth/conf"
CONTENT = b"home = /home/ada\nnot = /home/adam\n"
INVENTORY = """
[ovens]
oven ansible_port={port}
[ovens:vars]
ansible_host=127.0.0.1
ansible_user=root
ansible_ssh_private_key_file={key}
ansible_ssh_common_args='-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes'
[down]
cold ansible_host=127.0.0.1 ansible_port=1 ansible_user=root
"""
# Run a command at a terminal, and type the first word when it asks.
ASK = """
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
seen = b""
while True:
    try:
        got = os.read(terminal, 4096)
    except OSError:
        break
    seen += got
    if b"passphrase of the identity: " in seen:
        os.write(terminal, sys.argv[1].encode() + b"\\n")
        sys.stdout.buffer.write(seen)
        seen = b""
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def posture() -> Posture:
    sample = sample_posture("http://127.0.0.1:1", Key(b"binary", b"armored"))
    conf = File(
        path=CONF,
        kind="file",
        origin="unowned",
        owner="ada",
        group="ada",
        mode="0640",
        sha256=sha256(CONTENT),
    )
    tunnel, _ = parse_tunnel(TUNNEL, name=WG)
    return replace(
        sample,
        apt=Apt(),
        files=Files(files=(conf,)),
        network=Network(tunnels=(tunnel,), left_out=(LeftOut(path=WG, reason="the keys of the tunnel wg0"),)),
        contents={CONF: CONTENT},
    )


@pytest.fixture
def oven(program_cache: Path, tmp_path: Path) -> Iterator[Container]:
    machine = container(minimal_root(program_cache, (*PACKAGES, "openssh-server")), tmp_path / "machine")
    yield machine
    remove(machine)


@contextmanager
def served(machine: Container, key: Path) -> Iterator[int]:
    """Let `key` in as root by a real sshd on a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (machine.root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    (machine.root / "root/.ssh/authorized_keys").write_bytes(Path(f"{key}.pub").read_bytes())
    machine.run("ssh-keygen", "-A")
    (machine.root / "run/sshd").mkdir(exist_ok=True)
    listen = ("-o", f"ListenAddress=127.0.0.1:{port}", "-o", "UsePAM=no")
    start = ("sh", "-c", 'mkdir -p /run/sshd; exec /usr/sbin/sshd -D -e "$@"', "sh", *listen)
    argv = [*NSPAWN, "--as-pid2", "--pipe", f"--directory={machine.root}", *start]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(port)
            yield port
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("sshd does not listen")


def test_a_fleet_is_restored_one_host_down_and_secrets_come_back(
    oven: Container, program_cache: Path, tmp_path: Path
) -> None:
    program, key, payload = restore_program(program_cache, print), tmp_path / "key", tmp_path / "payload.tar"
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
    write_payload(
        posture(),
        program,
        host="hearth",
        output=payload,
        key=own_key(tmp_path / "config"),
        secrets=seal(Sealed(files=(tunnel_file(),)), str(IDENTITY.to_public())),
    )
    inventory = tmp_path / "hosts.ini"
    words = ["restore", "--from", payload, "--inventory", inventory, "--map-user", "ada:eve"]
    with served(oven, key) as port:
        inventory.write_text(INVENTORY.format(port=port, key=key))
        done = by_the_program(program, *words, folder=tmp_path)
    assert done.returncode == 1, done.stderr
    for said in ("signed by SHA256:", "oven: restoring", "cold: not reached: "):
        assert said in done.stderr
    rows = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    assert rows["cold"].startswith("-\t-\tnot reached: ")
    restored, gaps, percent = rows["oven"].split("\t")
    report = json.loads((tmp_path / "reports/oven/restore-report.json").read_text())
    states = {entry["id"]: entry["state"] for entry in report["items"]}
    assert states["user:eve"] == states[f"file:{CONF}"] == "restored"
    assert states["wireguard:wg0"] == "deferred"
    assert (int(restored), gaps) == (len([s for s in states.values() if s in ("restored", "already")]), "1")
    assert 50 < float(percent.split()[0]) < 100
    assert not (tmp_path / "reports/cold").exists()
    assert not list((oven.root / "var/tmp").glob("rekindle*"))
    unlocked(oven, tmp_path)
    result = score(renamed(posture(), {"ada": "eve"}), collect(Machine(oven.root)).posture)
    assert (result.missing, result.changed) == ((), ())
    assert (oven.root / CONF.lstrip("/")).read_bytes() == b"home = /home/eve\nnot = /home/adam\n"


def unlocked(oven: Container, tmp_path: Path) -> None:
    """Unlock with an identity that a passphrase opens, by the command that the restore left there."""
    identity = pyrage.passphrase.encrypt(f"{IDENTITY}\n".encode(), PASSPHRASE)
    (oven.root / "root/identity").write_bytes(identity)
    (oven.root / "root/ask.py").write_text(ASK)
    unlock = ("/usr/local/sbin/rekindle", "secrets", "unlock", "--identity", "/root/identity")
    done = oven.run("python3", "/root/ask.py", PASSPHRASE, *unlock)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "put back 1 files" in done.stdout
    assert PASSPHRASE not in done.stdout
    assert (oven.root / WG.lstrip("/")).read_text() == TUNNEL
    assert (oven.root / WG.lstrip("/")).stat().st_mode & 0o777 == 0o600
    for log in (oven.root / "var").rglob("*"):
        if log.is_file() and not log.is_symlink() and log.name != "payload.tar":
            assert b"c2VjcmV0" not in log.read_bytes()
    report = json.loads((oven.root / "var/lib/rekindle/restore-report.json").read_text())
    assert {entry["id"]: entry["state"] for entry in report["items"]}["wireguard:wg0"] == "already"
    for name in ("identity", "ask.py"):
        (oven.root / "root" / name).unlink()


def tunnel_file() -> SealedFile:
    import base64

    content = base64.b64encode(TUNNEL.encode()).decode()
    return SealedFile(path=WG, owner="root", group="root", mode="0600", content=content)


def by_the_program(program: Path, *words: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, program, *words],
        cwd=folder,
        env={**os.environ, "PEX_ROOT": str(folder / "pex"), "REKINDLE_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
