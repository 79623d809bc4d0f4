"""What the installer is told: strict, complete, and within the installer's own schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from autoinstall.bake import UNCHOSEN_DISK, bake
from autoinstall.config import Config, Disk, Identity, Restore, read_config
from autoinstall.delivery import delivery
from autoinstall.userdata import Autoinstall, schema
from collectors.domains.system import Keyboard
from collectors.failure import Failure
from collectors.posture import Posture
from tests.postures import HASH, small_posture

CONFIG = Config(identity=Identity(password_hash=HASH))
INSTALLERS_OWN = Path(__file__).parents[3] / "shared" / "autoinstall-schema.json"


def baked(posture: Posture | None = None, config: Config = CONFIG) -> Autoinstall:
    return bake(posture or small_posture(), config, medium_id="0f1e2d3c4b5a")


def document() -> dict:
    return yaml.safe_load(baked().text())


def test_everything_of_the_posture_is_told() -> None:
    told = document()
    assert told["version"] == 1
    assert told["locale"] == "de_DE.UTF-8"
    assert told["timezone"] == "Europe/Berlin"
    assert told["keyboard"] == {"layout": "de", "variant": "nodeadkeys", "toggle": None}
    assert told["identity"] == {
        "realname": "Ada Löw",
        "username": "ada",
        "hostname": "ember",
        "password": HASH,
    }
    assert told["apt"] == {"fallback": "offline-install", "geoip": False}
    assert told["shutdown"] == "reboot"


def test_no_disk_is_named_before_one_is_chosen() -> None:
    told = document()
    assert told["storage"] == {"layout": {"name": "direct", "match": {"path": UNCHOSEN_DISK}}}
    [choose] = told["early-commands"]
    assert choose == [
        "python3",
        "/cdrom/rekindle/installer/choose_disk.py",
        "{}",
        UNCHOSEN_DISK,
        "0f1e2d3c4b5a",
    ]


def test_the_disk_rule_reaches_the_early_command() -> None:
    config = CONFIG.model_copy(update={"disk": Disk(serial="S5GX*")})
    [choose] = baked(config=config).early_commands
    assert json.loads(choose[2]) == {"serial": "S5GX*"}


def test_nothing_that_the_network_must_provide_is_in_it() -> None:
    assert not {"packages", "snaps", "drivers", "codecs"} & set(document())


def test_the_disk_is_marked_when_all_else_is_done() -> None:
    assert document()["late-commands"] == [
        ["sh", "/cdrom/rekindle/installer/lay"],
        ["sh", "/cdrom/rekindle/installer/mark", "0f1e2d3c4b5a"],
    ]


@pytest.mark.skipif(
    not INSTALLERS_OWN.exists(), reason="the installer's own schema is not beside the checkout"
)
def test_the_installers_own_schema_is_satisfied() -> None:
    own = json.loads(INSTALLERS_OWN.read_text())
    told = document()
    jsonschema.validate(told, own)
    assert set(told) <= set(own["properties"])


def test_our_schema_knows_no_key_that_the_installer_does_not() -> None:
    jsonschema.validate(document(), schema())
    with pytest.raises(jsonschema.ValidationError, match="matchh"):
        wrong = document()
        wrong["storage"]["layout"]["matchh"] = {"path": "/dev/sda"}
        jsonschema.validate(wrong, schema())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("unknown",), 1),
        (("version",), 2),
        (("storage", "layout", "name"), "lvmm"),
        (("storage", "layout", "match"), {}),
        (("storage", "layout", "match"), {"serial": None}),
        (("storage", "layout", "match"), {"path": "*"}),
        (("storage",), {"config": [{"type": "disk", "id": "d", "ptable": "gpt"}]}),
        (("storage", "layout", "matchh"), {"path": "/dev/sda"}),
        (("apt", "fall-back"), "abort"),
        (("identity", "password"), "hunter2"),
        (("identity", "username"), "root"),
        (("identity", "username"), "Ada"),
        (("identity", "hostname"), "a b"),
        (("timezone",), "Europe/Ber lin"),
        (("locale",), "german"),
        (("shutdown",), "halt"),
        (("storage",), {"config": [{"type": "disk", "id": "d", "serial": "S", "sizee": 1}]}),
    ],
)
def test_what_the_installer_would_let_through_is_refused(path: tuple, value: object) -> None:
    told = document()
    place = told
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ValidationError):
        Autoinstall.model_validate(told)


def test_a_storage_config_is_checked_action_by_action() -> None:
    told = document()
    told["storage"] = {
        "config": [
            {"type": "disk", "id": "disk", "serial": "S1", "ptable": "gpt", "preserve": True},
            {"type": "partition", "id": "root", "device": "disk", "size": "50%", "offset": 1048576},
            {"type": "format", "id": "fs", "volume": "root", "fstype": "btrfs", "uuid": "u"},
            {"type": "mount", "id": "m", "device": "fs", "path": "/", "options": "subvol=@"},
        ],
        "swap": {"size": 0},
    }
    assert Autoinstall.model_validate(told).storage.config is not None


def test_a_missing_password_is_said_with_its_remedy() -> None:
    with pytest.raises(Failure, match=r"identity\.password_hash") as raised:
        baked(config=Config())
    assert "mkpasswd" in raised.value.remedy


def test_a_posture_without_people_needs_a_name() -> None:
    posture = small_posture()
    nobody = posture.__class__(**{**vars(posture), "users": posture.users.model_copy(update={"users": ()})})
    with pytest.raises(Failure, match="no person") as raised:
        baked(nobody)
    assert "identity.username" in raised.value.remedy
    named = Config(identity=Identity(password_hash=HASH, username="eve"))
    assert baked(nobody, named).identity.username == "eve"


def test_a_service_that_may_log_in_is_no_person() -> None:
    posture = small_posture()
    [ada] = posture.users.users
    git = ada.model_copy(update={"name": "git", "uid": 998, "home": "/home/git"})
    users = posture.users.model_copy(update={"users": (ada, git)})
    both = posture.__class__(**{**vars(posture), "users": users})
    assert baked(both).identity.username == "ada"


def test_values_are_dumped_not_templated() -> None:
    posture = small_posture(keyboard=Keyboard(layout="no"))
    assert yaml.safe_load(baked(posture).text())["keyboard"]["layout"] == "no"


@pytest.mark.parametrize("release", ["24.04", "26.04", "26.10"])
def test_later_installers_read_bare_keys_on_the_medium(release: str) -> None:
    told = delivery(release)
    assert (told.name, told.seeds) == ("autoinstall.yaml", {})
    assert "autoinstall" not in yaml.safe_load(told.document(baked()))
    assert told.arguments == ("autoinstall",)


def test_2204_reads_a_nocloud_seed() -> None:
    told = delivery("22.04")
    assert (told.name, told.seeds) == ("nocloud/user-data", {"nocloud/meta-data": b""})
    user_data = told.document(baked()).decode()
    assert user_data.startswith("#cloud-config\n")
    assert set(yaml.safe_load(user_data)) == {"autoinstall"}
    assert told.arguments == ("autoinstall", "ds=nocloud;s=/cdrom/nocloud/")


def test_an_unknown_release_is_refused() -> None:
    with pytest.raises(Failure, match=r"20\.04"):
        delivery("20.04")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "identity:\n  pasword_hash: x\n",
            r"rekindle\.yaml:2: identity\.pasword_hash: unknown key",
        ),
        ("identity:\n  password_hash: hunter2\n", r"rekindle\.yaml:2: identity\.password_hash: "),
        ("base: [\n", r"rekindle\.yaml:2: "),
        ("disk:\n  serial: '*'\n", r"rekindle\.yaml:2: disk\.serial: matches any disk"),
        ("countdown_seconds: soon\n", r"rekindle\.yaml:1: countdown_seconds: "),
        ("- a\n", r"rekindle\.yaml:1: not a mapping"),
    ],
)
def test_a_wrong_config_is_named_by_file_line_and_key(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "rekindle.yaml"
    file.write_text(text)
    with pytest.raises(Failure, match=said) as raised:
        read_config(file)
    assert raised.value.remedy


def test_a_secret_in_a_wrong_config_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "rekindle.yaml"
    file.write_text("identity:\n  password_hash: hunter2\n")
    with pytest.raises(Failure) as raised:
        read_config(file)
    assert "hunter2" not in str(raised.value)


def test_no_config_is_the_default(tmp_path: Path) -> None:
    assert read_config(tmp_path / "none.yaml") == Config()


def test_a_person_with_another_name_is_the_installers_user() -> None:
    for username in (None, "ada", "eve"):
        identity = Identity(password_hash=HASH, username=username)
        config = Config(identity=identity, restore=Restore(map_user={"ada": "eve"}))
        told = baked(config=config).identity
        assert (told.username, told.realname) == ("eve", "Ada Löw")


def test_other_names_and_a_recipient_are_read_from_the_config(tmp_path: Path) -> None:
    file = tmp_path / "rekindle.yaml"
    file.write_text("restore: {map_user: {ada: eve}}\nsecrets: {recipient: age1qqqqqqqqqqqqqqqqqqqqqq}\n")
    config = read_config(file)
    assert config.restore.map_user == {"ada": "eve"}
    assert config.secrets.recipient == "age1qqqqqqqqqqqqqqqqqqqqqq"
    file.write_text("restore: {map_user: {ada: 'E v'}}\n")
    with pytest.raises(Failure, match="map_user"):
        read_config(file)
