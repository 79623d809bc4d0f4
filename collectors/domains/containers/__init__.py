"""Which containers, images and projects are there?

Docker and Podman, the machine's and each person's own; what distrobox and toolbox made of them; virtual
machines. What containers keep in volumes is the owner's data: it is told as a loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from collectors.collected import Collected, Loss
from collectors.domains.containers.docker import collect_docker
from collectors.domains.containers.exported import exported
from collectors.domains.containers.machines import collect_machines, definitions
from collectors.domains.containers.podman import collect_podman
from collectors.domains.containers.things import (
    Box,
    Container,
    Image,
    Instance,
    Network,
    Project,
    Volume,
)
from collectors.host import Host
from collectors.reading.looking import files_of, parted
from collectors.record import File, Section


class Containers(Section):
    """Images, volumes, networks, containers, compose projects, boxes, virtual machines."""

    NAME: ClassVar[str] = "containers"

    images: tuple[Image, ...] = ()
    volumes: tuple[Volume, ...] = ()
    networks: tuple[Network, ...] = ()
    projects: tuple[Project, ...] = ()
    containers: tuple[Container, ...] = ()
    boxes: tuple[Box, ...] = ()
    instances: tuple[Instance, ...] = ()
    files: tuple[File, ...] = ()


def collect(host: Host) -> Collected[Containers]:
    """Collect the section `containers`."""
    found = parted((*collect_docker(host), *collect_podman(host), *collect_machines(host)))
    files = files_of(host, *definitions(host))
    images, projects = found.of(Image), found.of(Project)
    section = Containers(
        images=images,
        volumes=found.of(Volume),
        networks=found.of(Network),
        projects=projects,
        containers=found.of(Container),
        boxes=found.of(Box),
        instances=found.of(Instance),
        files=files.records,
        left_out=(*found.left_out, *files.left_out),
    )
    return Collected(
        section,
        files.contents,
        (*found.findings, *files.findings),
        (*found.covers, *exported(host, found.of(Box))),
        (*found.losses, *sourceless(images, projects)),
    )


def sourceless(images: Iterable[Image], projects: Iterable[Project]) -> Iterator[Loss]:
    """Yield the images that were built here and that no compose project builds."""
    built = {
        f"{project.name}{joint}{service}"
        for project in projects
        for service in project.services
        for joint in "-_"
    }
    for image in images:
        name = image.name.removeprefix("localhost/").rpartition(":")[0]
        if image.local and name not in built:
            archive = f"{name.rpartition('/')[2]}.tar"
            remedy = image.said("save", "--output", archive, image.name)
            yield Loss("sourceless", image.item_id(), f"the image {name}, which was built here", remedy)
