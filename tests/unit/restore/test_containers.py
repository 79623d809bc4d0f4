"""What the engines of containers are asked, and what is told instead; fakes record it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.restore.steps.commands import CommandStep
from collectors.domains.containers import Containers
from collectors.domains.containers.running import without_command
from collectors.domains.containers.things import Box, Container, Image, Instance, Network, Project, Volume
from collectors.record import File, LeftOut
from tests.postures import small_posture
from tests.unit.restore.conftest import Playing, commands, plan_of


@pytest.fixture
def engines(playing: Playing, monkeypatch: pytest.MonkeyPatch) -> Playing:
    """Everybody has a session, nothing is there yet, and the daemon runs."""
    playing.programs.fake("docker", "podman", code=1, says="Error: no such object\n", refuses=["inspect"])
    playing.programs.fake("distrobox", "toolbox", "systemctl")
    monkeypatch.setattr(
        commands, "session", lambda uid, wanted: {"XDG_RUNTIME_DIR": "/run/user/1"} if wanted else {}
    )
    return playing


def asked(playing: Playing) -> list[str]:
    """Return what engines were asked to do, without the questions what they have."""
    return [
        argv for argv in playing.programs.argvs() if " inspect " not in argv and not argv.endswith(" info")
    ]


def states(told: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name.partition(":")[2]: each["state"] for name, each in told.items()}


def test_what_containers_are_made_of_comes_first(engines: Playing) -> None:
    told = engines.restored(
        Containers(
            images=(
                Image(store="docker", name="postgres:16"),
                Image(store="~ada/podman", name="x.org/nginx:1"),
            ),
            volumes=(Volume(store="docker", name="films", options=("type=nfs", "o=vers=3")),),
            networks=(
                Network(store="~ada/podman", name="proxy", driver="bridge", subnets=("10.89.7.0/24",)),
            ),
            containers=(
                Container(
                    store="docker",
                    name="db",
                    image="postgres:16",
                    restart="always",
                    ports=("127.0.0.1:5432:5432/tcp",),
                    mounts=("films:/films", f"{engines.folder}:/x:ro"),
                    command=("{{ 7*7 }} $(id)", "--x"),
                ),
                Container(store="~ada/podman", name="once", image="x.org/nginx:1"),
            ),
            boxes=(
                Box(store="~ada/podman", name="dev", manager="distrobox", image="arch", home="/home/ada/Ü x"),
                Box(store="~ada/podman", name="fedora", manager="toolbox", image="fedora:40"),
            ),
        )
    )
    assert set(states(told).values()) == {"restored"}
    mounts = f"--volume films:/films --volume {engines.folder}:/x:ro"
    lines = asked(engines)
    assert sorted(lines[:4]) == [
        "docker pull postgres:16",
        "docker volume create --opt type=nfs --opt o=vers=3 films",
        "podman network create --driver bridge --subnet 10.89.7.0/24 proxy",
        "podman pull x.org/nginx:1",
    ]
    assert sorted(lines[4:]) == [
        "distrobox create --name dev --image arch --home /home/ada/Ü x --yes",
        "docker run --detach --name db --restart always --publish 127.0.0.1:5432:5432/tcp"
        f" {mounts} postgres:16 {{{{ 7*7 }}}} $(id) --x",
        "podman create --name once x.org/nginx:1",
        "toolbox create --image fedora:40 fedora --assumeyes",
    ]
    assert told["volume:docker/films"]["reason"] == "it is empty: what was in it is not in a posture"


def test_what_is_there_is_not_made_again(engines: Playing) -> None:
    engines.programs.fake("docker")
    volume, network = Volume(store="docker", name="a"), Network(store="docker", name="b")
    told = engines.restored(Containers(volumes=(volume,), networks=(network,)))
    assert set(states(told).values()) == {"restored"}
    assert asked(engines) == []


def test_a_daemon_that_does_not_run_is_begun(engines: Playing) -> None:
    engines.programs.fake("docker", code=1, refuses=["info"])
    engines.restored(
        Containers(images=(Image(store="docker", name="a"), Image(store="~ada/docker", name="b")))
    )
    assert sorted(asked(engines)) == [
        "docker pull a",
        "docker pull b",
        "systemctl --user start docker",
        "systemctl start docker",
    ]


def test_what_lacks_a_value_or_its_command_is_put_off(engines: Playing) -> None:
    secret = Container(store="docker", name="db", image="postgres:16", environment=("POSTGRES_PASSWORD",))
    told = engines.restored(
        Containers(
            containers=(secret, Container(store="docker", name="cache", image="redis:7", restart="always")),
            left_out=(LeftOut(path="/x/config.v2.json", reason=without_command("cache")),),
        )
    )
    assert states(told) == {"docker/db": "deferred", "docker/cache": "deferred"}
    assert told["container:docker/db"]["remedy"] == (
        "set them, then: docker run --detach --name db --env POSTGRES_PASSWORD postgres:16"
    )
    assert asked(engines) == []


def test_what_no_registry_has_is_told_unless_a_project_builds_it(engines: Playing, tmp_path: Path) -> None:
    engines.programs.fake("docker")
    file = tmp_path / "compose.yaml"
    file.touch()
    project = Project(
        place="~ada/src/shop",
        name="shop",
        engine="docker",
        directory=str(tmp_path),
        config_files=(str(file),),
        services=("web",),
    )
    images = (
        Image(store="docker", name="shop-web:latest", local=True),
        Image(store="docker", name="own:2", local=True),
    )
    told = engines.restored(Containers(images=images, projects=(project,)))
    assert states(told) == {
        "docker/own:2": "unavailable",
        "~ada/src/shop": "restored",
        "docker/shop-web:latest": "restored",
    }
    assert asked(engines) == [
        f"docker compose --project-directory {tmp_path} --project-name shop --file {file} up --detach"
    ]


def test_a_project_waits_for_its_folder_and_its_secrets(engines: Playing, tmp_path: Path) -> None:
    project = Project(place="~ada/shop", name="shop", engine="podman", directory=str(tmp_path))
    env = LeftOut(path=f"{tmp_path}/.env", reason="holds what looks like a password")
    section = Containers(projects=(project,), left_out=(env,))
    told = engines.restored(section)
    assert told["compose:~ada/shop"]["reason"] == f"no {tmp_path}/.env here"
    (tmp_path / ".env").touch()
    assert set(states(engines.restored(section)).values()) == {"restored"}


def test_a_mount_of_what_is_not_there_is_not_made(engines: Playing) -> None:
    gone = Container(store="docker", name="x", image="a", mounts=("/no/such/folder:/x",))
    told = engines.restored(Containers(containers=(gone,)))
    assert told["container:docker/x"]["reason"] == "no /no/such/folder here"


def test_an_engine_of_a_person_is_asked_by_them(engines: Playing) -> None:
    made, _ = plan_of(
        Containers(
            volumes=(Volume(store="~bob/docker", name="n"), Volume(store="docker", name="n")),
            projects=(
                Project(place="~bob/x", name="x", engine="docker", directory="/x"),
                Project(place="~ada/x", name="x", engine="docker", directory="/x"),
            ),
        )
    )
    assert [(each.id, each.user, each.session) for each in made] == [
        ("volume:~bob/docker/n", "bob", True),
        ("volume:docker/n", "", False),
        ("compose:~bob/x", "bob", True),
        ("compose:~ada/x", "", False),
    ]


def test_without_a_session_what_needs_one_waits_for_a_login(
    engines: Playing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "session", lambda uid, wanted: {})
    told = engines.restored(Containers(volumes=(Volume(store="~ada/podman", name="n"),)))
    assert (told["volume:~ada/podman/n"]["state"], told["volume:~ada/podman/n"]["until"]) == (
        "deferred",
        "login",
    )


def machine(tmp_path: Path, name: str, **facts: Any) -> tuple[File, dict[str, bytes]]:
    path = f"{tmp_path}/libvirt/qemu/x.xml"
    Path(path).parent.mkdir(parents=True)
    Path(path).touch()
    file = File(path=path, kind="file", origin="unowned", owner="root", group="root", mode="0600", **facts)
    return file, {path: f"<domain><name>{name}</name></domain>".encode()}


def test_a_machine_is_there_once_libvirt_has_read_its_definition(engines: Playing, tmp_path: Path) -> None:
    engines.programs.fake("virsh")
    file, contents = machine(tmp_path, "Wind's {{ 7*7 }}")
    instance = Instance(manager="libvirt", name="Wind's {{ 7*7 }}", disks=("/srv/win.qcow2",))
    posture = replace(small_posture(), contents=contents)
    [step], _ = plan_of(Containers(instances=(instance,), files=(file,)), posture=posture)
    told = engines.play(step.model_dump(mode="json"))
    assert told[instance.item_id()]["reason"] == "copy its disks back: /srv/win.qcow2"
    assert engines.programs.argvs() == ["virsh --connect qemu:///system dominfo -- Wind's {{ 7*7 }}"]
    engines.programs.fake("virsh", code=1, refuses=["dominfo"])
    assert engines.play(step.model_dump(mode="json"))[instance.item_id()]["state"] == "failed"
    assert "systemctl try-restart libvirtd.service virtqemud.service" in engines.programs.argvs()


def test_a_machine_without_a_definition_or_of_another_manager_is_told(engines: Playing) -> None:
    told = engines.restored(
        Containers(
            instances=(
                Instance(manager="libvirt", name="screen"),
                Instance(manager="lxd", name="old"),
                Instance(manager="incus", name="web"),
            ),
        )
    )
    assert states(told) == {
        "libvirt/screen": "deferred",
        "lxd/old": "unavailable",
        "incus/web": "unavailable",
    }
    assert told["instance:lxd/old"]["remedy"] == "from a backup: lxc import FILE old"


def test_names_are_data(engines: Playing) -> None:
    odd = ("x; touch /pwned", "$(touch /pwned)", "{{ 7*7 }}", "a\\x0ab")
    made, _ = plan_of(Containers(volumes=tuple(Volume(store="podman", name=name) for name in odd)))
    assert all(isinstance(each, CommandStep) for each in made)
    engines.play(*(each.model_dump(mode="json") for each in made))
    created = [each.argv[-1] for each in engines.programs.asked() if "create" in each.argv]
    assert created == ["x; touch /pwned", "$(touch /pwned)", "{{ 7*7 }}", "a\nb"]
    assert shlex.split(made[0].by_hand)[-1] == odd[0]
