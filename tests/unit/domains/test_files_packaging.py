"""What the owner told dpkg, update-alternatives and systemd about files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.debian.alternatives import parse_alternative
from collectors.debian.overrides import parse_overrides
from collectors.domains import files
from collectors.domains.files.packaging import Alternative, Diversion, StatOverride
from collectors.domains.files.units import Unit
from tests.unit.fakes import FakeHost, machine
from tests.unit.sampled import sampled

test_alternative = sampled("alternative", lambda text, name: parse_alternative(text))
test_statoverride = sampled("statoverride", lambda text, name: parse_overrides(text))

DATABASE = "/var/lib/dpkg/alternatives"
EDITOR = "{}\n/usr/bin/editor\n\n/bin/nano\n40\n/usr/bin/vim.basic\n30\n\n"
ENABLED = "/var/lib/systemd/deb-systemd-helper-enabled"
WANTS = "multi-user.target.wants"


def alternatives(tmp_path: Path, content: str, target: str) -> tuple[Alternative, ...]:
    host = machine(tmp_path, {f"{DATABASE}/editor": content, "/etc/alternatives/editor": f"-> {target}"})
    return files.collect(host).section.alternatives


def test_an_alternative_that_nobody_chose_is_not_told(tmp_path: Path) -> None:
    assert alternatives(tmp_path, EDITOR.format("auto"), "/bin/nano") == ()


@pytest.mark.parametrize(
    ("mode", "target"), [("manual", "/usr/bin/vim.basic"), ("manual", "/bin/nano"), ("auto", "/usr/bin/ed")]
)
def test_an_alternative_that_was_chosen_is_an_item(tmp_path: Path, mode: str, target: str) -> None:
    (found,) = alternatives(tmp_path, EDITOR.format(mode), target)
    assert found == Alternative(name="editor", target=target)
    assert found.item_id() == "alternative:editor"
    assert found.by_hand() == f"update-alternatives --set editor {target}"


def test_an_alternative_that_no_package_brings_is_made_known_again(tmp_path: Path) -> None:
    content = EDITOR.format("auto").replace("/bin/nano\n40", "/opt/my ed/ed\n50")
    (found,) = alternatives(tmp_path, content, "/opt/my ed/ed")
    assert found.by_hand() == (
        "update-alternatives --install /usr/bin/editor editor '/opt/my ed/ed' 50"
        " && update-alternatives --set editor '/opt/my ed/ed'"
    )


def test_an_alternative_in_opt_that_a_package_brings_is_not_told(tmp_path: Path) -> None:
    content = EDITOR.format("auto").replace("/bin/nano", "/opt/vendor/ed")
    host = machine(
        tmp_path,
        {
            f"{DATABASE}/editor": content,
            "/etc/alternatives/editor": "-> /opt/vendor/ed",
            "/var/lib/dpkg/info/vendor.list": "/opt/vendor/ed\n",
        },
    )
    assert files.collect(host).section.alternatives == ()


def test_an_alternative_that_is_not_understood_is_a_finding(tmp_path: Path) -> None:
    found = files.collect(machine(tmp_path, {f"{DATABASE}/bad": "x\n"}))
    assert [each.subject for each in found.findings] == [f"{DATABASE}/bad"]


def test_overrides_that_packages_make_are_not_told(tmp_path: Path) -> None:
    found = files.collect(
        machine(
            tmp_path,
            {
                "/var/lib/dpkg/statoverride": "root ssl-cert 710 /etc/ssl/private\n"
                "root x 4754 /usr/lib/d/helper\n"
                "root adm 4750 /usr/bin/mine\nroot root 600 relative\n",
                "/var/lib/dpkg/info/ssl-cert.postinst": "dpkg-statoverride --add x x 710 /etc/ssl/private",
                "/var/lib/dpkg/info/d.postinst": "D=/usr/lib/d\ndpkg-statoverride --list $D/helper\n",
                "/var/lib/dpkg/info/other.postinst": "chmod /usr/bin/mine\n",
            },
        )
    )
    (own,) = found.section.overrides
    assert own == StatOverride(path="/usr/bin/mine", owner="root", group="adm", mode="4750")
    assert own.by_hand() == (
        "dpkg-statoverride --force-statoverride-add --update --add root adm 4750 /usr/bin/mine"
    )
    assert [each.subject for each in found.findings] == ["/var/lib/dpkg/statoverride:4"]


def test_local_diversions_are_items_and_packages_are_not(tmp_path: Path) -> None:
    host = machine(
        tmp_path,
        {"/var/lib/dpkg/diversions": "/usr/bin/a\n/usr/bin/a.real\n:\n/bin/sh\n/bin/sh.distrib\ndash\n"},
    )
    (found,) = files.collect(host).section.diversions
    assert found == Diversion(path="/usr/bin/a", to="/usr/bin/a.real")
    assert found.by_hand() == "dpkg-divert --local --rename --divert /usr/bin/a.real --add /usr/bin/a"


def with_unit(tmp_path: Path, **links: str | None) -> FakeHost:
    """Return a host whose package enabled cups.service, as cups.service and as printing.service."""
    unit = "/lib/systemd/system/cups.service"
    return machine(
        tmp_path,
        {
            unit: "[Unit]\n",
            f"{ENABLED}/{WANTS}/cups.service": "",
            f"{ENABLED}/printing.service": "",
            f"{ENABLED}/cups.service.dsh-also": f"/etc/systemd/system/{WANTS}/cups.service\n"
            "/etc/systemd/system/printing.service\n",
            f"{ENABLED}/never.service.dsh-also": f"/etc/systemd/system/{WANTS}/never.service\n",
            **{f"/etc/systemd/system/{name}": link for name, link in links.items()},
        },
    )


def test_a_unit_as_its_package_enabled_it_is_not_told(tmp_path: Path) -> None:
    unit = "-> /lib/systemd/system/cups.service"
    found = files.collect(with_unit(tmp_path, **{f"{WANTS}/cups.service": unit, "printing.service": unit}))
    assert found.section.units == ()
    assert [file for file in found.section.files if file.kind == "symlink"] == []


@pytest.mark.parametrize("left", [None, "printing.service", f"{WANTS}/cups.service"])
def test_a_unit_that_was_disabled_is_an_item(tmp_path: Path, left: str | None) -> None:
    links = {left: "-> /lib/systemd/system/cups.service"} if left else {}
    (found,) = files.collect(with_unit(tmp_path, **links)).section.units
    assert found == Unit(name="cups.service")
    assert (found.item_id(), found.by_hand()) == ("unit:cups.service", "systemctl disable -- cups.service")


def test_a_unit_that_is_gone_was_not_disabled(tmp_path: Path) -> None:
    host = with_unit(tmp_path)
    (tmp_path / "lib/systemd/system/cups.service").unlink()
    assert files.collect(host).section.units == ()


def test_instances_and_units_of_sessions(tmp_path: Path) -> None:
    host = machine(
        tmp_path,
        {
            "/usr/lib/systemd/system/a@.service": "",
            f"{ENABLED}/{WANTS}/a@b.service": "",
            "/usr/lib/systemd/user/s.service": "",
            "/var/lib/systemd/deb-systemd-user-helper-enabled/default.target.wants/s.service": "",
        },
    )
    units = files.collect(host).section.units
    assert [each.item_id() for each in units] == ["unit:a@b.service", "unit:user/s.service"]
    assert units[1].by_hand() == "systemctl disable --global -- s.service"


def test_a_mask_is_a_file_unless_a_package_made_it(tmp_path: Path) -> None:
    host = machine(
        tmp_path,
        {
            "/etc/systemd/system/mine.service": "-> /dev/null",
            "/etc/systemd/system/removed.service": "-> /dev/null",
            "/var/lib/systemd/deb-systemd-helper-masked/removed.service": "",
        },
    )
    found = files.collect(host).section
    assert [file.target for file in found.files if file.kind == "symlink"] == ["/dev/null"]
    assert [file.path for file in found.files][-1] == "/etc/systemd/system/mine.service"
    assert found.units == ()


@given(st.text(alphabet=st.sampled_from("auto\nmanl/x-1 "), max_size=60))
def test_an_alternative_may_be_anything(text: str) -> None:
    for content in (text, f"auto\n/l\n\n{text}"):
        group = parse_alternative(content)
        assert group is None or all(choice.path.startswith("/") for choice in group.choices)


@given(st.text(alphabet=st.sampled_from("root 640/x\n#ü\udcff"), max_size=60))
def test_each_line_of_overrides_is_one_or_a_finding(text: str) -> None:
    found, findings = parse_overrides(text)
    assert len(found) + len(findings) == len([line for line in text.split("\n") if line.strip()])
