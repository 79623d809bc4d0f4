"""Secrets travel sealed, come back as they were, and what waited for them goes on."""

from __future__ import annotations

import base64
import os
import pwd
import stat
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest
from typer.testing import CliRunner

from builder import history, secrets
from builder.chain import seal_secrets, secrets_of
from builder.cli import app
from builder.payload.pack import write_payload
from builder.places import Places
from builder.restore import keep, unlock
from builder.restore import restore as restoring
from builder.restore.people import Words
from builder.restore.report import Outcome, Report
from builder.secrets import Sealed, SealedFile, gathered, left_out, seal, unseal, without_card
from collectors.domains.dotfiles import Dotfiles
from collectors.domains.network import Network
from collectors.domains.network.connections import Connection
from collectors.domains.network.netplan import Plan
from collectors.domains.services import Services
from collectors.domains.services.fstab import Mount
from collectors.domains.users import Users
from collectors.failure import Failure
from collectors.host import Machine
from collectors.posture import Posture
from collectors.record import LeftOut
from tests.postures import small_posture

KEY = pyrage.x25519.Identity.generate()
RECIPIENT = str(KEY.to_public())
WORD = b"hunter-of-hearths"
FILES = {
    "/home/ada/.ssh/id_ed25519": b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + WORD,
    "/home/ada/.local/share/kwalletd/a.kwl": WORD,
    "/etc/NetworkManager/system-connections/Home": b"[connection]\ninterface-name=wlp3s0\nid=Home\n"
    b"[wifi]\nmac-address=00:11:22:33:44:55\n[wifi-security]\npsk=" + WORD + b"\n",
    "/etc/nas.credentials": b"password=" + WORD,
    "/etc/netplan/50.yaml": WORD,
    "/etc/shadow": b"ada:$6$x",
    "/etc/fstab": WORD,
}


def no_questions(what: str) -> str:
    raise AssertionError(f"nobody should be asked for {what}")


@pytest.fixture
def host(tmp_path: Path) -> Machine:
    root = tmp_path / "root"
    for path, content in FILES.items():
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        place.chmod(0o600)
    (root / "home/ada/.ssh/link").symlink_to("/etc/shadow")
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    return Machine(root)


def posture() -> Posture:
    left = (
        LeftOut(path="/home/ada/.local/share/kwalletd", reason="a wallet of passwords"),
        LeftOut(path="/home/ada/.ssh/id_ed25519", reason="a private key"),
        LeftOut(path="/home/ada/.local/share/kscreen", reason="this machine's screens"),
        LeftOut(path="/home/ada/.ssh/gone", reason="a private key"),
    )
    return replace(
        small_posture(),
        dotfiles=Dotfiles(left_out=left),
        users=Users(
            users=small_posture().users.users,
            left_out=(LeftOut(path="/etc/shadow", reason="passwords or tokens"),),
        ),
        network=Network(
            connections=(Connection(name="Home", type="wifi", secrets=("wifi-security.psk",)),),
            plans=(Plan(name="50.yaml", document="{}", secrets=("x",), bound="the installer's"),),
            left_out=(
                LeftOut(path="/etc/NetworkManager/system-connections/Home", reason="secret: psk"),
                LeftOut(path="/etc/netplan/50.yaml", reason="secret: x"),
            ),
        ),
        services=Services(
            mounts=(
                Mount(
                    path="/mnt/nas",
                    source="//nas/x",
                    kind="cifs",
                    where="network",
                    credentials="/etc/nas.credentials",
                    secrets=("credentials",),
                ),
            ),
            left_out=(LeftOut(path="/etc/fstab", reason="holds a password for /mnt/old: put it"),),
        ),
    )


def test_whole_files_are_told_and_accounts_and_what_is_bound_are_not(host: Machine) -> None:
    assert [each.path for each in left_out(host, posture())] == [
        "/etc/NetworkManager/system-connections/Home",
        "/etc/nas.credentials",
        "/home/ada/.local/share/kwalletd",
        "/home/ada/.ssh/gone",
        "/home/ada/.ssh/id_ed25519",
    ]


def test_files_are_gathered_with_owner_and_mode_and_without_the_old_cards(host: Machine) -> None:
    sealed, findings = gathered(host, posture())
    assert findings == ()
    files = {each.path: each for each in sealed.files}
    assert set(files) == set(FILES) - {"/etc/netplan/50.yaml", "/etc/shadow", "/etc/fstab"}
    assert files["/home/ada/.ssh/id_ed25519"].raw() == FILES["/home/ada/.ssh/id_ed25519"]
    assert files["/home/ada/.ssh/id_ed25519"].mode == "0600"
    connection = files["/etc/NetworkManager/system-connections/Home"].raw()
    assert connection == b"[connection]\nid=Home\n[wifi]\n[wifi-security]\npsk=" + WORD + b"\n"


def test_what_is_sealed_opens_with_its_key_alone(host: Machine) -> None:
    sealed, _ = gathered(host, posture())
    content = seal(sealed, RECIPIENT)
    assert WORD not in content
    assert base64.b64encode(WORD)[:12] not in content
    assert unseal(content, f"# a comment\n{KEY}\n".encode(), no_questions) == sealed
    other = pyrage.x25519.Identity.generate()
    for identity in (str(other).encode(), b"", b"AGE-SECRET-KEY-1QQQ", b"\xff"):
        with pytest.raises(Failure) as raised:
            unseal(content, identity, no_questions)
        assert str(KEY) not in str(raised.value)


@pytest.mark.parametrize("head", [b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----\n"])
def test_an_identity_may_need_a_passphrase(head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening one takes a second on purpose: tests/container/test_fleet.py does it once in earnest."""

    def opened(identity: bytes, passphrase: str) -> bytes:
        if passphrase != "open up":
            raise pyrage.DecryptError
        return f"{KEY}\n".encode()

    monkeypatch.setattr(secrets.pyrage.passphrase, "decrypt", opened)
    content = seal(Sealed(), RECIPIENT)
    assert unseal(content, head, lambda what: "open up") == Sealed()
    with pytest.raises(Failure, match="passphrase does not open"):
        unseal(content, head, lambda what: "wrong")


@pytest.mark.parametrize("recipient", [None, "", "age1none"])
def test_nobody_to_seal_for_is_refused(recipient: str | None) -> None:
    with pytest.raises(Failure) as raised:
        seal(Sealed(), recipient)
    assert "recipient: age1" in raised.value.remedy


def test_sealing_writes_nothing_in_the_clear(
    host: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = Places(tmp_path / "config", tmp_path / "state", tmp_path / "cache")
    history.commit_posture(places.repository, "ember", posture(), "a posture")
    places.config.mkdir()
    places.config_file.write_text(f"secrets: {{recipient: {RECIPIENT}}}\n")
    monkeypatch.setattr("builder.chain.Machine", lambda: host)
    left, lacking = secrets_of(places, host=None)
    assert left["/home/ada/.ssh/id_ed25519"] == "a private key"
    assert lacking["connection:Home"] == "wifi-security.psk"
    sealed, _ = seal_secrets(places, host=None)
    content = history.sealed_secrets(places.repository, "ember")
    assert unseal(content, str(KEY).encode(), no_questions) == sealed
    history.commit_posture(places.repository, "ember", small_posture(), "another posture")
    assert history.sealed_secrets(places.repository, "ember") == content
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if in_clear(path, tmp_path))
    assert b"ember" in everything
    assert WORD not in everything


def in_clear(path: Path, tmp_path: Path) -> bool:
    return path.is_file() and not path.is_relative_to(tmp_path / "root")


def sealed_file(path: Path, content: bytes, mode: str = "0600") -> SealedFile:
    me = pwd.getpwuid(os.getuid()).pw_name
    return SealedFile(
        path=str(path), owner=me, group="root", mode=mode, content=base64.b64encode(content).decode()
    )


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to others")


@needs_root
def test_files_come_back_with_their_modes_and_what_was_there_is_kept(tmp_path: Path) -> None:
    new, other, same = (tmp_path / "etc" / name for name in ("deep/new", "other", "same"))
    other.parent.mkdir()
    other.write_bytes(b"mine")
    same.write_bytes(WORD)
    files = (sealed_file(new, WORD), sealed_file(other, WORD, "0640"), sealed_file(same, WORD))
    said = list(unlock.put_back(Sealed(files=files), tmp_path / "kept"))
    assert [done for _, done in said] == [True, True, True]
    assert [line for line, _ in said if line] == [
        f"{other}: what was there is kept as {tmp_path}/kept{other}"
    ]
    assert {place.read_bytes() for place in (new, other, same)} == {WORD}
    assert [stat.S_IMODE(place.stat().st_mode) for place in (new, other, same)] == [0o600, 0o640, 0o600]
    assert stat.S_IMODE(new.parent.stat().st_mode) == 0o700
    assert (tmp_path / f"kept{other}").read_bytes() == b"mine"
    assert list(unlock.put_back(Sealed(files=files), tmp_path / "kept")) == [("", True)] * 3


@needs_root
def test_in_a_home_the_person_puts_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:
        if folder.stat().st_mode & 0o007 == 0:
            folder.chmod(folder.stat().st_mode | 0o001)
    home, forbidden = tmp_path / "home", tmp_path / "forbidden"
    for folder in (home, forbidden):
        folder.mkdir()
    forbidden.chmod(0o755)
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    (home / "out").symlink_to(forbidden)
    person = pwd.struct_passwd((*nobody[:5], str(home), nobody[6]))
    monkeypatch.setattr(unlock, "_whose", lambda path: person)
    files = (sealed_file(home / ".ssh/id", WORD), sealed_file(home / "out/pwned", WORD))
    [good, bad] = unlock.put_back(Sealed(files=files), tmp_path / "kept")
    assert good == ("", True)
    assert bad[1] is False
    assert "Permission denied" in bad[0]
    assert (home / ".ssh/id").stat().st_uid == (home / ".ssh").stat().st_uid == nobody.pw_uid
    assert list(forbidden.iterdir()) == []


def test_whose_a_path_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ada = pwd.struct_passwd(("ada", "x", 1000, 1000, "", "/home/ada/", "/bin/sh"))
    monkeypatch.setattr(unlock.pwd, "getpwall", lambda: [ada, pwd.getpwuid(0)])
    assert unlock._whose("/home/ada/.ssh/id") == ada
    assert unlock._whose("/home/adam/x") is None
    assert unlock._whose("/root/x") is None


def test_a_file_for_somebody_who_is_not_here_is_said(tmp_path: Path) -> None:
    file = sealed_file(tmp_path / "x", WORD).model_copy(update={"owner": "nobody-at-all"})
    [(line, done)] = unlock.put_back(Sealed(files=(file,)), tmp_path / "kept")
    assert "there is no nobody-at-all" in line
    assert not done


def test_who_reads_only_when_told_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, ...]] = []

    def run(argv: tuple[str, ...], timeout_seconds: float) -> None:
        told.append(argv)
        if argv[0] == "systemctl":
            raise Failure("no bus", remedy="none")

    monkeypatch.setattr(unlock, "found_program", lambda program: True)
    monkeypatch.setattr(unlock, "run", run)
    paths = ("/etc/NetworkManager/system-connections/x", "/etc/systemd/system/y", "/etc/z")
    files = tuple(sealed_file(Path(path), b"") for path in paths)
    assert unlock.tell_hearers(Sealed(files=files)) == ["/etc/systemd/: not read again: no bus"]
    assert told == [("nmcli", "connection", "reload"), ("systemctl", "daemon-reload")]
    assert unlock.tell_hearers(Sealed(files=files[2:])) == []


def test_other_names_are_for_secrets_too() -> None:
    words = Words.of(small_posture(), {"ada": "eve"})
    file = SealedFile(
        path="/home/ada/.netrc",
        owner="ada",
        group="ada",
        mode="0600",
        content=base64.b64encode(b"/home/ada/x").decode(),
    )
    [new] = unlock.renamed(Sealed(files=(file,)), words).files
    assert (new.path, new.owner, new.group, new.raw()) == ("/home/eve/.netrc", "eve", "eve", b"/home/eve/x")


@pytest.fixture
def restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder as a restore left it: an item waits, another one failed."""
    state = tmp_path / "state"
    state.mkdir()
    items = (
        Outcome(id="apt:htop", state="failed", reason="no", remedy="try"),
        Outcome(id="repo:~eve/x", state="deferred", reason="no key", remedy="unlock", until="secret"),
    )
    report = Report(host="ember", items=items, map_user={"ada": "eve"})
    (state / "restore-report.json").write_text(report.text())
    asked: list[dict] = []

    def resume(payload: Path, **options: object) -> Report:
        asked.append({"payload": payload, **options})
        done = Outcome(id="repo:~eve/x", state="restored")
        report = Report(host="ember", items=(done,), map_user={"ada": "eve"})
        return restoring._left(report, payload, state, partly=True)

    monkeypatch.setattr(unlock, "restore", resume)
    monkeypatch.setattr(restoring, "keep", lambda payload, folder: None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(unlock, "asked", asked, raising=False)
    return state


def packed(tmp_path: Path, state: Path, content: bytes) -> None:
    (tmp_path / "program").write_bytes(b"P")
    write_payload(
        posture(), tmp_path / "program", host="ember", output=state / "payload.tar", secrets=content
    )


def test_unlocking_puts_back_and_finishes_what_waited(restored: Path, tmp_path: Path) -> None:
    place = tmp_path / "put/back"
    packed(tmp_path, restored, seal(Sealed(files=(sealed_file(place, WORD),)), RECIPIENT))
    (tmp_path / "key").write_text(f"{KEY}\n")
    words = ["secrets", "unlock", "--state", str(restored), "--identity", str(tmp_path / "key")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 3, done.output
    assert place.read_bytes() == WORD
    assert "put back 1 files" in done.output
    assert WORD.decode() not in done.output
    [resume] = unlock.asked
    assert (resume["only"], resume["map_user"]) == (["repo:~eve/x"], {"ada": "eve"})
    assert resume["payload"] == restored / "payload.tar"
    states = {each.id: each.state for each in unlock.read_report(restored).items}
    assert states == {"apt:htop": "failed", "repo:~eve/x": "restored"}


def test_the_identity_is_asked_for_and_not_shown(restored: Path, tmp_path: Path) -> None:
    packed(tmp_path, restored, seal(Sealed(), RECIPIENT))
    done = CliRunner().invoke(app, ["secrets", "unlock", "--state", str(restored)], input=f"{KEY}\n")
    assert done.exit_code == 3, done.output
    assert "age identity" in done.output
    assert str(KEY) not in done.output
    wrong = pyrage.x25519.Identity.generate()
    done = CliRunner().invoke(app, ["secrets", "unlock", "--state", str(restored)], input=f"{wrong}\n")
    assert done.exit_code == 1
    assert len(unlock.asked) == 1


def test_without_sealed_secrets_it_says_what_to_put_where_and_goes_on(restored: Path, tmp_path: Path) -> None:
    packed(tmp_path, restored, b"")
    done = CliRunner().invoke(app, ["secrets", "unlock", "--state", str(restored)])
    assert done.exit_code == 3, done.output
    assert "/home/eve/.ssh/id_ed25519: a private key" in done.output
    assert len(unlock.asked) == 1


def test_what_waits_is_listed(restored: Path, tmp_path: Path) -> None:
    packed(tmp_path, restored, b"")
    left, waiting = unlock.listed(restored)
    assert "/home/eve/.ssh/id_ed25519" in left
    assert waiting == {"repo:~eve/x": "no key"}


def test_nothing_restored_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(Failure, match="no report of a restore"):
        unlock.locked(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Failure, match="several people's homes"):
        unlock.locked(tmp_path)


def test_a_payload_is_kept_for_roots_eyes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    payload, state, command = tmp_path / "payload.tar", tmp_path / "state", tmp_path / "sbin/rekindle"
    payload.write_bytes(b"tar")
    monkeypatch.setattr(keep, "STATE", state)
    monkeypatch.setattr(keep, "COMMAND", command)
    monkeypatch.setattr(keep, "found", lambda program: False)
    for source in (payload, state / "payload.tar"):
        keep.keep(source, state)
        assert (state / "payload.tar").read_bytes() == b"tar"
        assert stat.S_IMODE((state / "payload.tar").stat().st_mode) == 0o600
    assert stat.S_IMODE(command.stat().st_mode) == 0o755
    assert "restore.pex" in command.read_text()
    command.unlink()
    monkeypatch.setattr(keep, "found", lambda program: True)
    keep.keep(payload, state)
    assert not command.exists()


def test_what_is_too_large_is_told(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "MAX_FILE_BYTES", 20)
    sealed, findings = gathered(host, posture())
    assert [each.path for each in sealed.files] == ["/home/ada/.local/share/kwalletd/a.kwl"]
    assert "too large" in {each.reason.partition(" to")[0] for each in findings}


@pytest.mark.parametrize(("state", "keeps"), [("failed", True), ("unavailable", True), ("restored", False)])
def test_the_payload_stays_for_what_is_to_be_restored_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, keeps: bool
) -> None:
    kept: list[Path] = []
    monkeypatch.setattr(restoring, "keep", lambda payload, folder: kept.append(payload))
    outcome = Outcome.model_validate({"id": "apt:a", "section": "apt", "state": state})
    restoring._left(Report(host="h", items=(outcome,)), tmp_path / "payload.tar", tmp_path, partly=False)
    assert bool(kept) == keeps


def test_what_is_restored_in_part_is_told_beside_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [("apt:a", "failed"), ("file:/b", "deferred"), ("apt:a", "restored")]
    monkeypatch.setattr(restoring, "keep", lambda payload, folder: None)
    for name, state in parts:
        outcome = Outcome.model_validate({"id": name, "section": "apt", "state": state})
        report = Report(host="h", items=(outcome,))
        restoring._left(report, tmp_path / "payload.tar", tmp_path, partly=True)
    told = {each.id: each.state for each in unlock.read_report(tmp_path).items}
    assert told == {"apt:a": "restored", "file:/b": "deferred"}
    elsewhere = Report(host="other", items=(outcome,))
    restoring._left(elsewhere, tmp_path / "payload.tar", tmp_path, partly=True)
    assert unlock.read_report(tmp_path) == elsewhere


def test_what_is_found_on_a_machine_is_for_no_other_eyes(tmp_path: Path) -> None:
    with restoring._workshop(tmp_path / "lib/rekindle", check=False) as work:
        assert work.parent.stat().st_mode & 0o777 == 0o700


def test_an_interface_that_a_connection_makes_keeps_its_name() -> None:
    tunnel = b"[connection]\ntype=wireguard\ninterface-name=wg0\n"
    assert without_card(tunnel) == tunnel
    assert without_card(b"[connection]\ntype=wifi\ninterface-name=wlp3s0\n") == b"[connection]\ntype=wifi\n"
