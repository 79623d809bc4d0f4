"""The script that starts the restore at first boot, without a machine around it."""

from __future__ import annotations

import os
import stat
import subprocess
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

from builder.payload.pack import write_payload
from builder.restore import first_boot, offer
from builder.restore.report import Outcome, Report
from collectors.compare import score
from collectors.repository import read_posture, write_posture
from tests.sample.archive import Key
from tests.sample.posture import sample_posture
from tests.unit.restore.playbook import OVERLAY, loaded

SAMPLE = sample_posture("http://127.0.0.1:1", Key(b"binary", b"armored"))
STAND_IN = """
import json, os, sys
print("rekindle: restore started", *sys.argv[1:], os.environ["PEX_MODULE"], flush=True)
print("noise", flush=True)
sys.exit(int(os.environ.get("CODE", "0")))
"""


@pytest.fixture
def boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load the script with all its places under `tmp_path`, and a payload with a small program."""
    script = loaded("first-boot/first-boot", "first_boot")
    for name in ("tty1", "sbin", "state"):
        (tmp_path / name).mkdir() if name != "tty1" else (tmp_path / name).touch()
    (tmp_path / "program").write_text(STAND_IN)
    write_payload(SAMPLE, tmp_path / "program", host="h", output=tmp_path / "state" / "payload.tar")
    places = {
        "STATE": tmp_path / "state",
        "CACHE": tmp_path / "cache",
        "LOG": tmp_path / "log",
        "CONSOLES": (str(tmp_path / "tty1"), str(tmp_path / "no-such-tty")),
        "REPORT_PORT": tmp_path / "port",
        "POLICY": tmp_path / "sbin" / "policy-rc.d",
    }
    for name, value in places.items():
        monkeypatch.setattr(script, name, value)
    monkeypatch.setattr(script, "wait_for_network", lambda: None)
    ran: list[list[str]] = []
    monkeypatch.setattr(script.subprocess, "run", lambda argv, check: ran.append(argv))
    script.ran = ran
    return script


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (3, 0), (1, 1)])
def test_the_machine_goes_on_and_only_success_is_final(
    boot: ModuleType, monkeypatch: pytest.MonkeyPatch, code: int, ends: int
) -> None:
    monkeypatch.setenv("CODE", str(code))
    assert boot.main() == ends
    assert (boot.STATE / "restored.done").exists() == (ends == 0)
    assert not boot.POLICY.exists()


def test_however_it_ended_the_machine_comes_up(boot: ModuleType) -> None:
    boot.POLICY.write_text(boot.POLICY_TEXT)
    assert boot.after() == 0
    assert boot.ran == [
        ["systemctl", "daemon-reload"],
        ["systemctl", "--no-block", "start", "default.target"],
    ]
    assert not boot.POLICY.exists()


def test_what_fails_again_and_again_is_not_tried_for_ever(
    boot: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODE", "1")
    assert [boot.main() for _ in range(boot.FAILURES + 1)] == [1] * boot.FAILURES + [0]
    told = boot.LOG.read_text()
    assert told.count("restore started") == told.count("the next start tries again") == boot.FAILURES
    assert "is not tried again" in told
    (boot.STATE / "restored.failed").unlink()
    monkeypatch.setenv("CODE", "0")
    assert boot.main() == 0
    assert (boot.STATE / "restored.done").exists()


@pytest.mark.parametrize(("result", "times"), [("timeout", 1), ("signal", 0), ("success", 0)])
def test_what_never_ends_is_not_tried_for_ever(
    boot: ModuleType, monkeypatch: pytest.MonkeyPatch, result: str, times: int
) -> None:
    monkeypatch.setenv("SERVICE_RESULT", result)
    boot.after()
    assert boot.failures() == times


def test_a_full_disk_under_the_log_sinks_no_restore(
    boot: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot, "LOG", Path("/dev/full"))
    assert boot.main() == 0
    assert (boot.STATE / "restored.done").exists()
    assert "restore started" in Path(boot.CONSOLES[0]).read_text()


def test_without_a_network_the_next_boot_goes_on(boot: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODE", str(first_boot.WAITING))
    assert boot.main() == 0
    assert not (boot.STATE / "restored.done").exists()


def test_a_rehearsal_without_a_network_reports_and_powers_off(
    boot: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODE", str(first_boot.WAITING))
    boot.REPORT_PORT.touch()
    assert boot.main() == 0
    assert not (boot.STATE / "restored.done").exists()
    with tarfile.open(boot.REPORT_PORT) as tar:
        assert tar.getnames() == ["restore.log"]
    assert boot.ran == [["systemctl", "--no-block", "poweroff"]]


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ({"restored": "", "already": ""}, first_boot.DONE),
        ({"restored": "", "unavailable": ""}, first_boot.GAPS),
        ({"restored": "", "deferred": "secret"}, first_boot.GAPS),
        ({"failed": "", "deferred": "network"}, first_boot.WAITING),
    ],
)
def test_the_exit_code_tells_what_waits_for_the_network(states: dict[str, str], code: int) -> None:
    items = tuple(
        Outcome.model_validate({"id": f"apt:{state}", "state": state, "until": until})
        for state, until in states.items()
    )
    report = Report(host="h", items=items, score=score(SAMPLE, SAMPLE))
    assert first_boot.ended(report) == code
    assert len({first_boot.DONE, first_boot.FAILED, first_boot.GAPS, first_boot.WAITING}) == 4


def test_a_crash_says_one_line_and_leaves_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def crashed(*words: object, **options: object) -> None:
        raise ValueError("two\nlines")

    monkeypatch.setattr(first_boot, "restore", crashed)
    assert first_boot.main(["payload", "state"]) == first_boot.FAILED
    out, err = capfd.readouterr()
    assert out.splitlines()[1:] == ["rekindle: restore failed: ValueError: two lines"]
    assert "Traceback" in err


def test_consoles_see_progress_and_the_log_everything(boot: ModuleType, tmp_path: Path) -> None:
    boot.main()
    started = f"rekindle: restore started {boot.STATE}/payload.tar {boot.STATE}"
    assert (tmp_path / "tty1").read_bytes() == f"{started} builder.restore.first_boot\r\n".encode()
    assert (tmp_path / "log").read_text().splitlines()[1] == "noise"
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def test_a_rehearsal_sends_what_there_is_and_powers_off(boot: ModuleType, tmp_path: Path) -> None:
    boot.REPORT_PORT.touch()
    (boot.STATE / "restore-report.json").write_text("{}")
    sent = tmp_path / "sent"
    write_posture(SAMPLE, boot.STATE / "restored")
    assert boot.main() == 0
    assert boot.ran[-1] == ["systemctl", "--no-block", "poweroff"]
    with tarfile.open(boot.REPORT_PORT) as tar:
        tar.extractall(sent)
    assert (sent / "restore-report.json").read_text() == "{}"
    assert "restore started" in (sent / "restore.log").read_text()
    assert read_posture(sent / "posture") == SAMPLE


def test_a_rehearsal_of_a_damaged_payload_still_reports(boot: ModuleType) -> None:
    boot.REPORT_PORT.touch()
    payload = boot.STATE / "payload.tar"
    payload.write_bytes(payload.read_bytes().replace(b'print("noise"', b'print("n0ise"'))
    assert boot.main() == 1
    with tarfile.open(boot.REPORT_PORT) as tar:
        assert tar.getnames() == ["restore.log"]
        log = tar.extractfile("restore.log")
        assert log is not None
        assert b"restore failed" in log.read()
    assert boot.ran[-1] == ["systemctl", "--no-block", "poweroff"]
    assert not (boot.STATE / "restored.done").exists()


def test_services_do_not_start_meanwhile(boot: ModuleType) -> None:
    with boot.services_held():
        assert boot.POLICY.stat().st_mode & 0o111
        assert "exit 101" in boot.POLICY.read_text()
    assert not boot.POLICY.exists()


def test_a_policy_that_is_gone_already_is_no_failure(boot: ModuleType) -> None:
    with boot.services_held():
        boot.POLICY.unlink()
    assert not boot.POLICY.exists()


def test_an_owners_policy_stays(boot: ModuleType) -> None:
    boot.POLICY.write_text("#!/bin/sh\nexit 0\n")
    with boot.services_held():
        pass
    assert boot.POLICY.read_text() == "#!/bin/sh\nexit 0\n"


def test_a_stopped_console_holds_nothing_up(boot: ModuleType, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(boot, "CONSOLE_SECONDS", 0.2)
    pipe = tmp_path / "stopped"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        boot.show(str(pipe), b"x" * 1_000_000)
        assert os.read(reader, 1) == b"x"
    finally:
        os.close(reader)


@pytest.mark.parametrize(
    ("ipv4", "ipv6", "there"),
    [
        ([], [], False),
        (["Iface Destination", "eth0 00000000 0100000A"], [], True),
        (["Iface Destination", "eth0 0000000A 00000000"], [], False),
        ([], ["0" * 32 + " 00 " + "0" * 32 + " 00 x eth0"], True),
        ([], ["0" * 32 + " 00 " + "0" * 32 + " 00 x lo"], False),
    ],
)
def test_a_default_route_is_seen(
    boot: ModuleType, monkeypatch: pytest.MonkeyPatch, ipv4: list[str], ipv6: list[str], there: bool
) -> None:
    tables = {"/proc/net/route": ipv4, "/proc/net/ipv6_route": ipv6}
    monkeypatch.setattr(boot, "read_lines", tables.__getitem__)
    assert boot.has_route() == there


def test_the_unit_runs_once_and_starts_the_script() -> None:
    unit = (OVERLAY / "first-boot" / "rekindle-restore.service").read_text()
    assert "ConditionPathExists=!/var/lib/rekindle/restored.done" in unit
    assert "ConditionPathExists=/var/lib/rekindle/payload.tar" in unit
    assert "Type=oneshot" in unit
    assert "TimeoutStartSec=12h" in unit
    assert "ExecStopPost=/usr/bin/python3 /usr/local/lib/rekindle/first-boot after\n" in unit
    assert "ExecStart=/usr/bin/python3 /usr/local/lib/rekindle/first-boot\n" in unit
    assert os.access(OVERLAY / "first-boot" / "first-boot", os.X_OK)


def test_the_script_needs_no_more_than_python_and_its_library() -> None:
    code = "import ast,sys;t=ast.parse(open(sys.argv[1]).read());" + (
        "n={a.name for x in ast.walk(t) if isinstance(x,ast.Import) for a in x.names}|"
        "{x.module for x in ast.walk(t) if isinstance(x,ast.ImportFrom)};"
        "print(sorted(m for m in n if m.split('.')[0] not in sys.stdlib_module_names))"
    )
    script = OVERLAY / "first-boot" / "first-boot"
    done = subprocess.check_output(["python3", "-c", code, script], text=True)
    assert done.strip() == "[]"


@pytest.mark.parametrize("route", [False, True])
def test_after_a_start_without_a_network_only_one_with_it_goes_on(
    boot: ModuleType, monkeypatch: pytest.MonkeyPatch, route: bool
) -> None:
    (boot.STATE / "restored.waiting").touch()
    monkeypatch.setattr(boot, "has_route", lambda: route)
    assert boot.main() == 0
    assert ("still no network" in boot.LOG.read_text()) != route
    assert (boot.STATE / "restored.done").exists() == route
    assert (boot.STATE / "restored.waiting").exists() != route


def test_an_empty_policy_of_a_power_cut_is_ours(boot: ModuleType) -> None:
    boot.POLICY.touch()
    boot.release_services()
    assert not boot.POLICY.exists()


def test_the_log_keeps_what_all_parts_said_but_for_passwords(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "apt.log").write_text("rekindle: not ours\nGet:1 http://me:secret@host/x\n")
    first_boot.keep_logs(tmp_path)
    said = capsys.readouterr().out.splitlines()
    assert said == ["--- apt.log", "| rekindle: not ours", "| Get:1 http://********@host/x"]
    assert not list(tmp_path.iterdir())


def test_gaps_are_told_together(capsys: pytest.CaptureFixture[str]) -> None:
    gaps = [
        Outcome(id=f"apt:{n}", state="unavailable", reason="no source", remedy="look for it")
        for n in range(7)
    ]
    first_boot.show(Report(host="h", items=tuple(gaps), changed=0))
    said = capsys.readouterr().out.splitlines()
    assert said[0] == (
        "rekindle: apt:0, apt:1, apt:2, apt:3, apt:4 and 2 more: unavailable: no source; look for it"
    )
    assert "rekindle: changed=0" in said


@pytest.fixture
def person(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a person whose `xdg-open` tells what it was asked to open."""
    opener = tmp_path / "bin" / "xdg-open"
    opener.parent.mkdir()
    opener.write_text('#!/bin/sh\necho "$1" >> "$HOME/opened"\n')
    opener.chmod(0o755)
    return {"HOME": str(tmp_path), "PATH": f"{opener.parent}:/usr/bin:/bin"}


def shown(person: dict[str, str], page: Path) -> None:
    script = (OVERLAY / "first-boot" / "show-report").read_text()
    script = script.replace("/usr/local/lib/rekindle/report.html", str(page))
    subprocess.run(["sh", "-c", script], env=person, check=True)


def test_the_page_opens_once_for_each_person(person: dict[str, str], tmp_path: Path) -> None:
    shown(person, tmp_path / "report.html")
    assert not (tmp_path / "opened").exists()
    (tmp_path / "report.html").write_text("what came back")
    shown(person, tmp_path / "report.html")
    shown(person, tmp_path / "report.html")
    [opened] = (tmp_path / "opened").read_text().splitlines()
    assert Path(opened).read_text() == "what came back"
    assert "/." not in opened


def test_a_desktop_gets_the_page_and_what_opens_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OURS", "AUTOSTART", "DISPLAY_MANAGER"):
        monkeypatch.setattr(offer, name, tmp_path / name)
    (tmp_path / "report.html").write_text("page")
    offer.offer(tmp_path)
    assert not (tmp_path / "OURS").exists()
    (tmp_path / "DISPLAY_MANAGER").touch()
    offer.offer(tmp_path)
    assert stat.S_IMODE((tmp_path / "OURS/report.html").stat().st_mode) == 0o640
    assert os.access(tmp_path / "OURS/show-report", os.X_OK)
    assert "show-report" in (tmp_path / "AUTOSTART/rekindle-report.desktop").read_text()
