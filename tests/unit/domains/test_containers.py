from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.collected import Collected, Cover, Loss
from collectors.domains import containers
from collectors.domains.containers import Containers, docker, machines, podman
from collectors.failure import Finding
from tests.unit.fakes import FakeHost, machine
from tests.unit.sampled import sampled

PASSWD = "root:x:0:0::/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n"
DOCKER = "/var/lib/docker"
MINE = ".local/share/containers/storage"
KEYS = st.sampled_from(
    [
        "Repositories",
        "a:1",
        "a@sha256:1",
        "Name",
        "Config",
        "Env",
        "Cmd",
        "Labels",
        "MountPoints",
        "Source",
        "PortBindings",
        "80/tcp",
        "HostPort",
        "RestartPolicy",
        "NetworkSettings",
        "Networks",
        "names",
        "digest",
        "name",
        "spec",
        "process",
        "env",
        "mounts",
        "destination",
        "namedVolumes",
        "volumeName",
        "labels",
        "newPortMappings",
        "userVolumes",
        "metadata",
        "subnets",
        "Devices",
        "MaximumRetryCount",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def docker_images(text: str) -> tuple[Any, ...]:
    return tuple(docker.images(json.loads(text), "docker"))


def docker_seen(text: str) -> list[Any]:
    config, limits, image = json.loads(text)
    return [docker.container(config, limits, image, "/config.v2.json")]


def podman_images(text: str) -> list[Any]:
    return list(podman.images(json.loads(text), "~ada/podman"))


def podman_seen(text: str) -> list[Any]:
    config, image = json.loads(text)
    return [podman.container(config, image, "/containers.json")]


test_repositories = sampled("docker_repositories", lambda text, name: docker_images(text))
test_docker_container = sampled("docker_container", lambda text, name: docker_seen(text))
test_listed = sampled("docker_listed", lambda text, name: docker.parse_listed(text, "docker"))
test_podman_images = sampled("podman_images", lambda text, name: podman_images(text))
test_podman_container = sampled("podman_container", lambda text, name: podman_seen(text))
test_domain = sampled("libvirt_domain", lambda text, name: machines.parse_domain(text, path=f"/{name}"))


def host_with(tmp_path: Path, files: dict[str, str | bytes | None]) -> FakeHost:
    return machine(tmp_path, {"/etc/passwd": PASSWD, "/home/ada": None, **files})


def ids(found: Collected[Containers]) -> list[str]:
    return [thing.item_id() for thing in found.section.things()]


def losses(found: Collected[Containers]) -> list[tuple[str, str]]:
    return [(loss.kind, loss.subject) for loss in found.losses]


def docker_container(
    name: str, restart: str = "always", labels: dict[str, str] | None = None, **config: Any
) -> dict[str, str | bytes | None]:
    """Return the two files of a container of Docker."""
    place = f"{DOCKER}/containers/{name}"
    inner = {"Image": "nginx:1", "Labels": labels or {}, **config}
    points = {"/data": {"Name": name, "Source": f"{DOCKER}/volumes/{name}/_data", "RW": True}}
    return {
        f"{place}/config.v2.json": json.dumps({"Name": f"/{name}", "Config": inner, "MountPoints": points}),
        f"{place}/hostconfig.json": json.dumps({"RestartPolicy": {"Name": restart}}),
    }


def repositories(*names: str) -> str:
    """Return a repositories.json of images, `postgres:16@` with a digest."""
    by_name: dict[str, dict[str, str]] = {}
    for name in names:
        tagged = name.rstrip("@")
        by_name.setdefault(tagged, {})[tagged] = f"sha256:{tagged}"
        if name.endswith("@"):
            by_name[tagged][f"{tagged.split(':')[0]}@sha256:0"] = f"sha256:{tagged}"
    return json.dumps({"Repositories": by_name})


def test_nothing_there_is_nothing_told(tmp_path: Path) -> None:
    assert containers.collect(host_with(tmp_path, {})) == Collected(Containers())


def test_images_of_docker_and_what_no_registry_has(tmp_path: Path) -> None:
    place = f"{DOCKER}/image/overlay2/repositories.json"
    found = containers.collect(host_with(tmp_path, {place: repositories("postgres:16@", "mine:1")}))
    assert [(image.item_id(), image.local, image.by_hand()) for image in found.section.images] == [
        ("image:docker/mine:1", True, ""),
        ("image:docker/postgres:16", False, "docker pull postgres:16"),
    ]
    assert found.losses == (
        Loss(
            "sourceless",
            "image:docker/mine:1",
            "the image mine, which was built here",
            "docker save --output mine.tar mine:1",
        ),
    )
    assert found.covers == (Cover(f"{DOCKER}/image", "made anew by docker, from its images"),)


def test_an_image_that_a_project_builds_is_no_loss(tmp_path: Path) -> None:
    labels = {
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "web",
        "com.docker.compose.project.working_dir": "/home/ada/src/shop",
        "com.docker.compose.project.config_files": "/home/ada/src/shop/a.yaml,/home/ada/src/shop/b.yaml",
    }
    files = {
        f"{DOCKER}/image/overlay2/repositories.json": repositories("shop-web:latest"),
        **docker_container("shop-web-1", labels=labels),
    }
    found = containers.collect(host_with(tmp_path, files))
    assert ids(found) == ["image:docker/shop-web:latest", "compose:~ada/src/shop"]
    assert found.losses == ()
    assert found.section.projects[0].by_hand() == (
        "docker compose --project-directory /home/ada/src/shop --project-name shop"
        " --file /home/ada/src/shop/a.yaml --file /home/ada/src/shop/b.yaml up --detach"
    )


@pytest.mark.parametrize(
    ("labels", "place"),
    [
        ({"com.docker.compose.project.working_dir": "/srv/shop"}, "compose:/srv/shop"),
        ({}, "compose:docker/shop"),
        ({"com.docker.compose.project.working_dir": "relative"}, "compose:docker/shop"),
    ],
)
def test_a_project_is_named_by_its_directory(tmp_path: Path, labels: dict[str, str], place: str) -> None:
    labels = {"com.docker.compose.project": "shop", **labels}
    found = containers.collect(host_with(tmp_path, docker_container("x", labels=labels)))
    assert ids(found) == [place]


def test_volumes_hold_the_owners_data(tmp_path: Path) -> None:
    anonymous, used = "0" * 64, "a" * 64
    files: dict[str, str | bytes | None] = {
        f"{DOCKER}/volumes/metadata.db": "x",
        f"{DOCKER}/volumes/pg/_data/base": "x",
        f"{DOCKER}/volumes/empty/_data": None,
        f"{DOCKER}/volumes/nas/_data": None,
        f"{DOCKER}/volumes/nas/opts.json": json.dumps(
            {"MountType": "cifs", "MountOpts": "username=a,password=secret", "MountDevice": "//nas/x"}
        ),
        f"{DOCKER}/volumes/{anonymous}/_data/x": "x",
        f"{DOCKER}/volumes/{used}/_data/x": "x",
        f"{DOCKER}/overlay2/x": "x",
        **docker_container(used),
    }
    found = containers.collect(host_with(tmp_path, files))
    assert [volume.by_hand() for volume in found.section.volumes] == [
        "docker volume create empty",
        "docker volume create --opt type=cifs --opt o=username=a --opt device=//nas/x nas",
        "docker volume create pg",
    ]
    assert losses(found) == [
        ("volume", f"{DOCKER}/volumes/{used}/_data"),
        ("volume", f"{DOCKER}/volumes/pg/_data"),
    ]
    assert [each.path for each in found.section.left_out] == [f"{DOCKER}/volumes/nas/opts.json"]
    covered = {cover.path for cover in found.covers}
    assert covered == {
        f"{DOCKER}/containers", f"{DOCKER}/overlay2", f"{DOCKER}/volumes/metadata.db",
        f"{DOCKER}/volumes/{anonymous}", f"{DOCKER}/volumes/empty", f"{DOCKER}/volumes/nas",
    }  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        {"Cmd": ["serve", "--password", "hunter22"]},
        {"Cmd": ["redis-server", "--requirepass", "hunter22"]},
        {"Cmd": ["sh", "-c", "exec serve --token hunter22"]},
        {"Entrypoint": ["serve", "--password=hunter22"]},
        {"Entrypoint": ["serve", "--password"], "Cmd": ["hunter22"]},
    ],
)
def test_a_container_is_told_without_its_secrets(tmp_path: Path, words: dict[str, list[str]]) -> None:
    files = docker_container("web", Env=["TOKEN=abc123", "PATH=/bin"], **words)
    found = containers.collect(host_with(tmp_path, files))
    assert ids(found) == [
        "container:docker/web",
        f"left-out:{DOCKER}/containers/web/config.v2.json",
    ]
    [container] = found.section.containers
    assert container.by_hand() == (
        "docker run --detach --name web --restart always --volume web:/data --env TOKEN nginx:1"
    )
    assert "abc123" not in repr(found) and "hunter22" not in repr(found)


def test_a_command_without_secrets_is_kept(tmp_path: Path) -> None:
    found = containers.collect(host_with(tmp_path, docker_container("web", Cmd=["serve", "--port", "80"])))
    assert found.section.containers[0].command == ("serve", "--port", "80")
    assert found.section.left_out == ()


@pytest.mark.parametrize(("name", "restart", "told"), [
    ("happy_curie", "no", False), ("happy_curie", "always", True), ("db", "no", True), ("db", "", True),
])  # fmt: skip
def test_a_leftover_is_not_told(tmp_path: Path, name: str, restart: str, told: bool) -> None:
    found = containers.collect(host_with(tmp_path, docker_container(name, restart)))
    assert bool(found.section.containers) is told


def test_a_distrobox_is_a_box(tmp_path: Path) -> None:
    command = ["--name", "ada", "--home", "/home/ada/boxes/dev", "--init", "0"]
    files = docker_container("dev", "no", {"manager": "distrobox"}, Cmd=command)
    found = containers.collect(host_with(tmp_path, files))
    assert [(box.item_id(), box.by_hand()) for box in found.section.boxes] == [
        ("box:docker/dev", "distrobox create --name dev --image nginx:1 --home /home/ada/boxes/dev")
    ]
    assert losses(found) == [("uncovered", "box:docker/dev")]


def test_a_command_that_enters_a_box_comes_back_by_it(tmp_path: Path) -> None:
    script = "#!/bin/sh\n# distrobox_binary\n# name: {}\nexec distrobox-enter\n"
    files: dict[str, str | bytes | None] = {
        **docker_container("dev", "no", {"manager": "distrobox"}),
        "/home/ada/.local/bin/hx": script.format("dev"),
        "/home/ada/.local/bin/gone": script.format("other"),
        "/home/ada/.local/bin/mine": "#!/bin/sh\n",
        "/home/ada/.local/bin/large": script.format("dev") + "#" * 5000,
    }
    covers = containers.collect(host_with(tmp_path, files)).covers
    assert [cover for cover in covers if cover.path.startswith("/home")] == [
        Cover("/home/ada/.local/bin/hx", "box:docker/dev")
    ]


def test_the_data_of_docker_may_be_elsewhere(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        "/etc/docker/daemon.json": '{"data-root": "/srv/docker"}',
        "/srv/docker/image/overlay2/repositories.json": repositories("a:1@"),
    }
    assert ids(containers.collect(host_with(tmp_path, files))) == ["image:docker/a:1"]


def test_a_daemon_that_runs_is_asked_where_the_disk_does_not_tell(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {f"{DOCKER}/volumes": None}
    row = json.dumps({"Repository": "postgres", "Tag": "16", "Digest": "sha256:1"})
    host = replace(host_with(tmp_path, files), booted=True, answers={docker.DIGESTS: row})
    assert (ids(containers.collect(host)), host.asked) == ([], [])
    (tmp_path / "run").mkdir()
    (tmp_path / "run/docker.pid").write_text("1")
    assert ids(containers.collect(host)) == ["image:docker/postgres:16"]
    assert [each.subject for each in containers.collect(replace(host, answers={})).findings] == [
        "docker image ls"
    ]


BLOBS = "io.containerd.content.v1.content/blobs/sha256"


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({f"{DOCKER}/volumes": None, f"/var/lib/containerd/{BLOBS}/0": "x"}, f"/var/lib/containerd/{BLOBS}"),
        ({f"{DOCKER}/containerd/daemon/{BLOBS}/0": "x"}, f"{DOCKER}/containerd/daemon/{BLOBS}"),
        (
            {
                f"{DOCKER}/image/overlay2/repositories.json": repositories("stale:1@"),
                "/etc/docker/daemon.json": '{"features": {"containerd-snapshotter": true}}',
                f"/var/lib/containerd/{BLOBS}/0": "x",
            },
            f"/var/lib/containerd/{BLOBS}",
        ),
        (
            {f"/home/ada/.local/share/docker/containerd/daemon/{BLOBS}/0": "x"},
            f"/home/ada/.local/share/docker/containerd/daemon/{BLOBS}",
        ),
    ],
)
def test_images_that_only_a_running_daemon_tells_are_a_finding(
    tmp_path: Path, files: dict[str, str | bytes | None], place: str
) -> None:
    found = containers.collect(host_with(tmp_path, files))
    assert ids(found) == []
    assert [each.subject for each in found.findings] == [place]


@pytest.mark.parametrize(
    "files",
    [
        {f"{DOCKER}/volumes": None, f"/var/lib/containerd/{BLOBS}": None},
        {f"{DOCKER}/image/overlay2/repositories.json": "{}", f"/var/lib/containerd/{BLOBS}/0": "x"},
        {f"/var/lib/containerd/{BLOBS}/0": "not Docker's"},
    ],
)
def test_what_containerd_keeps_for_others_is_none(
    tmp_path: Path, files: dict[str, str | bytes | None]
) -> None:
    assert containers.collect(host_with(tmp_path, files)).findings == ()


def test_the_data_of_somebodys_docker_may_be_elsewhere(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        "/home/ada/.config/docker/daemon.json": '{"data-root": "/srv/docker"}',
        "/srv/docker/image/overlay2/repositories.json": repositories("a:1@"),
    }
    assert ids(containers.collect(host_with(tmp_path, files))) == ["image:~ada/docker/a:1"]


def test_secrets_of_podman_are_told_by_their_names(tmp_path: Path) -> None:
    place = f"/home/ada/{MINE}/secrets"
    files: dict[str, str | bytes | None] = {
        f"{place}/secrets.json": '{"nameToID": {"token": "1", "a\\nb": "2"}}',
        f"{place}/filedriver/secretsdata.json": '{"1": "aHVudGVyMjI="}',
    }
    found = containers.collect(host_with(tmp_path, files))
    [told] = found.section.left_out
    assert told.path == place
    assert told.reason == r"secret: a\x0ab, token; make each again with `podman secret create NAME FILE`"
    assert found.covers == ()


def test_what_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        **docker_container("web"),
        f"{DOCKER}/image/overlay2/repositories.json": "{",
        "/home/ada/.local/share/docker/x": "x",
    }
    host = host_with(tmp_path, files)
    failing = {"/home/ada/.local/share/docker": PermissionError(13, "no")}
    found = containers.collect(replace(host, failing=failing))
    assert ids(found) == ["container:docker/web"]
    assert found.findings == (
        Finding(f"{DOCKER}/image/overlay2/repositories.json", "not JSON", "look at it by hand"),
        Finding("/home/ada/.local/share/docker", "not readable", "run with sudo"),
    )


def podman_files(configs: list[dict[str, Any]], database: bytes | None) -> dict[str, str | bytes | None]:
    """Return ada's own Podman with these containers in its storage, and what its database says of them."""
    top = f"/home/ada/{MINE}"
    stored = [
        {"id": each["id"], "names": [each["name"]], "metadata": json.dumps({"image-name": "bare:1"})}
        for each in configs
    ]
    files: dict[str, str | bytes | None] = {f"{top}/overlay-containers/containers.json": json.dumps(stored)}
    if database is not None:
        name = "libpod/bolt_state.db" if database.startswith(b"bolt") else "db.sql"
        files[f"{top}/{name}"] = database
    return files


CONFIG = {
    "spec": {"process": {"env": ["A=secret"]}, "mounts": []},
    "id": "1",
    "name": "dev",
    "rootfsImageName": "fedora:40",
    "command": ["toolbox", "init-container"],
    "labels": {"com.github.containers.toolbox": "true"},
}


def sqlite(tmp_path: Path, *rows: str) -> bytes:
    place = tmp_path / "made.db"
    place.unlink(missing_ok=True)
    with sqlite3.connect(place) as made:
        made.execute("CREATE TABLE ContainerConfig(ID TEXT, Name TEXT, PodID TEXT, JSON TEXT)")
        made.executemany("INSERT INTO ContainerConfig VALUES('1', 'x', '', ?)", [(row,) for row in rows])
    made.close()
    return place.read_bytes()


def test_podman_tells_of_its_containers_in_either_database(tmp_path: Path) -> None:
    text = json.dumps(CONFIG).replace(", ", ",").replace(": ", ":")
    for number, database in enumerate((sqlite(tmp_path, text), b"bolt\xff\0" + text.encode() + b"\0\xff")):
        found = containers.collect(host_with(tmp_path / str(number), podman_files([CONFIG], database)))
        assert [(box.item_id(), box.by_hand()) for box in found.section.boxes] == [
            ("box:~ada/podman/dev", "toolbox create --image fedora:40 dev")
        ]
        assert found.findings == ()


def test_a_container_of_podman_without_a_database_has_its_name_and_image(tmp_path: Path) -> None:
    found = containers.collect(host_with(tmp_path, podman_files([CONFIG], None)))
    assert [(each.item_id(), each.image) for each in found.section.containers] == [
        ("container:~ada/podman/dev", "bare:1")
    ]


def test_a_broken_database_of_podman_is_a_finding(tmp_path: Path) -> None:
    for number, database in enumerate((b"no database", sqlite(tmp_path, "no JSON"))):
        found = containers.collect(host_with(tmp_path / str(number), podman_files([CONFIG], database)))
        assert found.findings == (
            Finding(f"/home/ada/{MINE}/db.sql", podman.UNREADABLE, "run `podman ps --all`"),
        )
        assert ids(found) == ["container:~ada/podman/dev"]


def test_networks_of_podman(tmp_path: Path) -> None:
    top = f"/home/ada/{MINE}/networks"
    network = {"name": "proxy", "driver": "bridge", "subnets": [{"subnet": "10.89.0.0/24"}]}
    files: dict[str, str | bytes | None] = {
        f"{top}/proxy.json": json.dumps(network),
        f"{top}/podman.json": '{"name": "podman"}',
        f"{top}/shop.json": '{"name": "shop_default", "labels": {"io.podman.compose.project": "shop"}}',
        f"{top}/netavark.lock": "",
    }
    found = containers.collect(host_with(tmp_path, files))
    assert [each.by_hand() for each in found.section.networks] == [
        "podman network create --driver bridge --subnet 10.89.0.0/24 proxy"
    ]


DOMAIN = "<domain><name>win11</name><devices><disk><source file='/srv/win11.img'/></disk></devices></domain>"


def test_machines_are_kept_and_their_disks_are_losses(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        "/etc/libvirt/qemu/win11.xml": DOMAIN,
        "/home/ada/.config/libvirt/qemu/own.xml": DOMAIN.replace("/srv", "/gone"),
        "/home/ada/.config/libvirt/qemu/nvram/own_VARS.fd": "x",
        "/home/ada/.config/containers/systemd/web.container": "[Container]\n",
        "/srv/win11.img": "x" * 10,
        "/var/lib/incus/containers/web": None,
    }
    found = containers.collect(host_with(tmp_path, files))
    assert ids(found) == [
        "instance:incus/web", "instance:libvirt/win11", "instance:~ada/libvirt/win11",
        "file:/etc/libvirt/qemu/win11.xml", "file:/home/ada/.config/containers/systemd/web.container",
        "file:/home/ada/.config/libvirt/qemu/own.xml",
    ]  # fmt: skip
    assert found.contents["/etc/libvirt/qemu/win11.xml"] == DOMAIN.encode()
    assert [(loss.kind, loss.subject, loss.size_bytes) for loss in found.losses] == [
        ("volume", "/srv/win11.img", 10),
        ("volume", "instance:incus/web", 0),
    ]


def test_hostile_names_are_one_line_and_differ(tmp_path: Path) -> None:
    odd = ["a\nb", "\udcff", "ü", "a'b"]
    files: dict[str, str | bytes | None] = {f"{DOCKER}/volumes/{name}/_data": None for name in odd}
    found = ids(containers.collect(host_with(tmp_path, files)))
    assert sorted(found) == sorted(
        ["volume:docker/a\\x0ab", "volume:docker/\\xff", "volume:docker/ü", "volume:docker/a'b"]
    )


@given(VALUES, VALUES, VALUES)
def test_no_json_crashes_a_parser(one: Any, other: Any, third: Any) -> None:
    list(docker.images(one, "docker"))
    docker.container(one, other, third, "x")
    docker.container({"Name": "x", **(one if isinstance(one, dict) else {})}, other, third, "x")
    list(podman.images(one, "x"))
    podman.container({"name": "x", **(one if isinstance(one, dict) else {})}, other, "x")
    podman.bare(one if isinstance(one, dict) else {}, "x")
    list(podman.network(one, "x"))


@given(st.binary(max_size=200))
def test_no_text_crashes_a_parser_and_each_line_is_told(raw: bytes) -> None:
    text = raw.decode(errors="surrogateescape")
    found, findings = docker.parse_listed(text, "docker")
    assert len(found) + len(findings) <= len([line for line in text.split("\n") if line.strip()])
    machine, findings = machines.parse_domain(text, path="/x")
    assert (machine is None) == bool(findings)
    assert podman.parse_sqlite(raw) is None
    assert podman.parse_bolt(raw) == []
