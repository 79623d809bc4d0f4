"""Which steps bring containers back, and what they are made of?

Images, volumes and networks first, those of each store side by side; then containers, boxes and projects of
compose; then the machines. What was in a volume or a box, and values that may be secret, are not in a
posture: that is told. Sources: docker(1), podman(1), distrobox(1), toolbox(1), virsh(1).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath

from builder.restore.report import Outcome
from builder.restore.steps.commands import CommandStep, person, step_of
from builder.restore.steps.step import Steps, Target
from collectors.domains.containers import Containers
from collectors.domains.containers.machines import parse_domain
from collectors.domains.containers.running import without_command
from collectors.domains.containers.things import (
    Box,
    Container,
    Image,
    Instance,
    Network,
    Project,
    Stored,
    Volume,
)
from collectors.record import Thing, word

PARTS, WHOLES, BUILT = range(3)
# The daemon of the machine, or of a person, is begun when it is needed.
DOCKER = "{ docker info &> /dev/null || timeout 120 systemctl start docker; }"
OWN_DOCKER = (
    'export DOCKER_HOST="unix://$XDG_RUNTIME_DIR/docker.sock" && '
    "{ docker info &> /dev/null || timeout 120 systemctl --user start docker; }"
)
LIBVIRT = "timeout 60 systemctl try-restart libvirtd.service virtqemud.service"
EMPTY_VOLUME = "it is empty: what was in it is not in a posture"
EMPTY_BOX = "it is new: what was installed in it is not in a posture"


def steps(to: Target) -> Steps:
    """Yield the steps of the section containers."""
    machines = dict(_machines(to))
    secrets = [left for section in to.posture.sections() for left in section.left_out]
    rootless = {each.store for each in to.posture.containers.things() if isinstance(each, Stored)}
    for thing in to.things(Containers.NAME):
        if isinstance(thing, Image):
            yield _image(thing, _built(to.posture.containers.projects))
        elif isinstance(thing, Volume | Network | Box):
            yield _stored(thing)
        elif isinstance(thing, Container):
            yield _container(thing, {left.reason for left in secrets})
        elif isinstance(thing, Project):
            yield _project(thing, rootless, [left.path for left in secrets])
        elif isinstance(thing, Instance):
            yield _instance(thing, machines.get(thing.item_name(), ""))


def _image(image: Image, built: frozenset[str]) -> CommandStep | Outcome:
    if not image.local:
        return _engine(image, image.by_hand(), PARTS)
    if image.name.removeprefix("localhost/").rpartition(":")[0] in built:
        return _engine(image, image.said("image", "inspect", "--format", "{{.Id}}", image.name), BUILT)
    remedy = f"build it again, or: {image.said('load', '--input', 'FILE')}"
    return _told(image, "unavailable", "it was built on the old machine: no registry has it", remedy)


def _built(projects: tuple[Project, ...]) -> frozenset[str]:
    """Return what the images are called that projects of compose build."""
    pairs = ((project.name, service) for project in projects for service in project.services)
    return frozenset(f"{name}{joint}{service}" for name, service in pairs for joint in "-_")


def _stored(thing: Volume | Network | Box) -> CommandStep:
    if isinstance(thing, Box):
        program = "toolbox" if thing.manager == "toolbox" else "distrobox"
        asked = f"{thing.by_hand()} {'--assumeyes' if program == 'toolbox' else '--yes'}"
        made = _unless(thing, "container", asked)
        return _engine(thing, made, WHOLES, program, note=EMPTY_BOX)
    kind, note = ("volume", EMPTY_VOLUME) if isinstance(thing, Volume) else ("network", "")
    return _engine(thing, _unless(thing, kind, thing.by_hand()), PARTS, note=note)


def _container(container: Container, reasons: set[str]) -> CommandStep | Outcome:
    """Return the step of a container; one that nothing starts again is made, and not started."""
    if not container.image:
        return _told(container, "unavailable", "its image is not known", "make it again by hand")
    if container.environment:
        reason = f"it lacks the values of {', '.join(container.environment)}"
        return _told(container, "deferred", reason, f"set them, then: {container.by_hand()}")
    if without_command(container.name) in reasons:
        reason = "its command held a password"
        return _told(container, "deferred", reason, f"with its command at the end: {container.by_hand()}")
    started = container.said("run", "--detach")
    asked = container.by_hand()
    if not container.restart:
        asked = asked.replace(started, container.said("create"), 1)
    # Docker makes a folder of root's where a mount's source is not there.
    sources = (mount.partition(":")[0] for mount in container.mounts if mount.startswith("/"))
    return _engine(container, _unless(container, "container", asked), WHOLES, *sources)


def _unless(thing: Stored, kind: str, asked: str) -> str:
    """Return a command for what is not there yet, as after a run that was cut short."""
    return f"{thing.said(kind, 'inspect', thing.name)} &> /dev/null || {asked}"


def _engine(thing: Stored, asked: str, stage: int, *needs: str, note: str = "") -> CommandStep:
    """Return a step that asks an engine, as whoever has the store."""
    before = "" if thing.engine != "docker" else f"{OWN_DOCKER if person(thing) else DOCKER} && "
    return step_of(
        Containers.NAME,
        thing,
        command=f"{before}{{ {asked}; }}" if before else asked,
        stage=stage,
        lane=thing.store,
        needs=(thing.engine, *needs),
        network=True,
        session=bool(person(thing)),
        note=note,
    )


def _project(project: Project, stores: set[str], secrets: list[str]) -> CommandStep:
    """Return the step of a project; without a file of secrets that lay in its folder nothing is started."""
    whose = person(project)
    is_own = project.engine != "docker" or f"~{whose}/docker" in stores
    before = "" if project.engine != "docker" else f"{OWN_DOCKER if is_own and whose else DOCKER} && "
    inside = (path for path in secrets if path.rpartition("/")[0] == project.directory)
    return step_of(
        Containers.NAME,
        project,
        user=whose if is_own else "",
        command=f"{before}{project.by_hand()}",
        stage=WHOLES,
        lane="compose",
        needs=(project.engine, project.directory, *project.config_files, *inside),
        network=True,
        session=bool(whose and is_own),
    )


def _instance(instance: Instance, definition: str) -> CommandStep | Outcome:
    """Return the step of a machine: libvirt reads the definitions that the posture has when it starts."""
    manager = instance.manager.rpartition("/")[2]
    if manager != "libvirt":
        program = "lxc" if manager == "lxd" else manager
        remedy = f"from a backup: {shlex.join((program, 'import', 'FILE'))} {word(instance.name)}"
        return _told(instance, "unavailable", "its disk and its configuration are not in a posture", remedy)
    if not definition:
        return _told(
            instance, "deferred", "its definition holds a password", "define it again: virsh define FILE"
        )
    whose = person(instance)
    known = f"virsh --connect qemu:///{'session' if whose else 'system'} dominfo -- {word(instance.name)}"
    disks = f"copy its disks back: {', '.join(instance.disks)}" if instance.disks else ""
    return step_of(
        Containers.NAME,
        instance,
        command=known if whose else f"{known} &> /dev/null || {{ {LIBVIRT}; {known}; }}",
        lane="libvirt",
        needs=("virsh", definition),
        by_hand=f"virsh define {word(definition)}",
        note=disks,
    )


def _machines(to: Target) -> Iterator[tuple[str, str]]:
    """Yield the name of each machine of libvirt, as its item has it, and the path of its definition."""
    for file in to.posture.containers.files:
        if file.kind != "file" or PurePosixPath(file.path).parent.name != "qemu":
            continue
        content = to.posture.contents.get(file.path, b"").decode(errors="surrogateescape")
        machine, _ = parse_domain(content, path=file.path)
        if machine:
            whose = "" if file.owner == "root" else f"~{file.owner}/"
            yield f"{whose}libvirt/{machine.name}", file.path


def _told(thing: Thing, state: str, reason: str, remedy: str) -> Outcome:
    return Outcome.model_validate({"id": thing.item_id(), "state": state, "reason": reason, "remedy": remedy})
