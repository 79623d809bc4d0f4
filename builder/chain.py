"""What are the links from this machine to a published recovery ISO?"""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from autoinstall.config import Config, read_config
from autoinstall.delivery import delivery
from builder import history
from builder.base.choose import base_iso
from builder.base.provenance import Base
from builder.base.vendor import Wanted
from builder.build import build, ready, rebuild, refuse_unbuildable
from builder.contents import Recovery
from builder.iso import areas
from builder.iso.medium import read_medium
from builder.iso.prepare import Prepared, prepare
from builder.payload.signature import own_key
from builder.places import Places
from builder.pool import repository
from builder.pool.pool import gather_pool
from builder.pool.target import read_target
from builder.publish import publish
from builder.secrets import Sealed, gathered, left_out, seal
from collectors.collect import Survey, collect
from collectors.compare import changes, message
from collectors.domains.system import Release, own_name
from collectors.failure import Failure, Finding
from collectors.host import Machine
from collectors.posture import SECTIONS, Posture

Say = Callable[[str], None]

ROOT = Path("/")
DEFAULT_RELEASE = Release(distribution="ubuntu", version="24.04", codename="noble", architecture="amd64")


@dataclass(frozen=True)
class Collection:
    """What a collection came to: `commit` is None when nothing changed, or nothing was to be written."""

    host: str
    survey: Survey
    changes: str
    commit: str | None


def collect_posture(
    places: Places,
    *,
    root: Path = ROOT,
    host: str | None = None,
    only: tuple[str, ...] = (),
    dry_run: bool,
    say: Say,
) -> Collection:
    """Collect the machine under `root`, and commit what changed unless it is a dry run."""
    _refuse_unknown(only)
    machine = Machine(root)
    name = host or read_config(places.config_file).host or own_name(machine) or platform.node()
    old = history.last_posture(places.repository, name)
    survey = collect(
        machine, only=only or SECTIONS, before=old, on_section=lambda section: say(f"collecting {section}")
    )
    found = changes(old, survey.posture)
    said = message(found) if found else ""
    commit = None
    if not dry_run:
        commit = history.commit_posture(places.repository, name, survey.posture, message(found))
    return Collection(name, survey, said, commit)


def posture_of(places: Places, config: Config, host: str | None) -> tuple[str, Posture]:
    """Return the machine to build for, and its posture; raises Failure where that is not clear."""
    known = history.known_hosts(places.repository)
    wanted = host or config.host or (known[0] if len(known) == 1 else None)
    if wanted is None and known:
        raise Failure(f"the repository has {', '.join(known)}", remedy="say which with --host")
    posture = history.last_posture(places.repository, wanted) if wanted else None
    if wanted is None or posture is None:
        raise Failure(f"no posture of {wanted or 'any machine'} yet", remedy="run `rekindle collect`")
    return wanted, posture


@dataclass(frozen=True)
class Built:
    """Where a recovery ISO is, and what a machine without network will not have of it."""

    iso: Path
    gaps: tuple[Finding, ...] = ()


def build_iso(
    places: Places,
    *,
    base: str | None,
    output: Path | None,
    host: str | None,
    allow_unverified: bool = False,
    offline: bool = False,
    say: Say,
) -> Built:
    """Build the recovery ISO of the last posture: `output`, or the latest.

    With `offline`, or if the config says so, it has what a machine without network needs; with
    `allow_unverified`, or if the config says so, the base may be one that nobody vouches for.
    """
    config = read_config(places.config_file)
    recovery = _recovery(places, config, host)
    chosen = _base(places, config, base, allow_unverified, say)
    recovery = _with_pool(recovery, chosen, places, offline or config.offline, say)
    if output:
        build(recovery, chosen, output=output, cache=places.cache, say=say)
    elif not rebuild(recovery, chosen, latest=places.recovery_iso, cache=places.cache, say=say):
        say("nothing changed: the latest recovery ISO is up to date")
    return Built(output or places.recovery_iso, recovery.pool.gaps if recovery.pool else ())


def prepare_base(
    places: Places, *, base: str | None, host: str | None, allow_unverified: bool, say: Say
) -> Prepared:
    """Prepare the base as the next build needs it; without any posture yet, with the least areas."""
    config = read_config(places.config_file)
    chosen = _base(places, config, base, allow_unverified, say)
    if not history.known_hosts(places.repository):
        told = delivery(read_medium(chosen.path).release)
        least = areas.capacities((told.name,), payload_bytes=0)
        return prepare(chosen, told, least, cache=places.cache, say=say)
    recovery = _recovery(places, config, host)
    return ready(_with_pool(recovery, chosen, places, config.offline, say), chosen, places.cache, say)[0]


def wanted_base(
    places: Places, *, release: str | None, architecture: str | None, flavour: str, host: str | None
) -> Wanted:
    """Return which ISO to get: what is not said is as on the machine whose posture is here.

    Raises Failure for a release that no build is possible on.
    """
    if not (release and architecture):
        own = _own_release(places, host)
        release, architecture = release or own.version, architecture or own.architecture
    delivery(".".join(release.split(".")[:2]))
    return Wanted(release, architecture, flavour)


def _own_release(places: Places, host: str | None) -> Release:
    """Return what the machine runs, or would where it runs no Ubuntu, or is not known yet."""
    if not history.known_hosts(places.repository):
        return DEFAULT_RELEASE
    own = posture_of(places, read_config(places.config_file), host)[1].system.release
    return own if own.distribution == "ubuntu" else DEFAULT_RELEASE


def _base(places: Places, config: Config, named: str | None, allow_unverified: bool, say: Say) -> Base:
    allowed = allow_unverified or config.allow_unverified
    return base_iso(named or config.base, places, say, allow_unverified=allowed)


def _recovery(places: Places, config: Config, host: str | None) -> Recovery:
    name, posture = posture_of(places, config, host)
    return Recovery(
        host=name,
        posture=posture,
        config=config,
        commit=history.last_commit(places.repository, name),
        key=own_key(places.config),
        secrets=history.sealed_secrets(places.repository, name),
    )


def _with_pool(recovery: Recovery, base: Base, places: Places, offline: bool, say: Say) -> Recovery:
    if not offline:
        return recovery
    refuse_unbuildable(recovery, base)
    pool = gather_pool(
        recovery.posture,
        read_target(base.path, recovery.config.source),
        folder=places.cache / "pool" / recovery.host,
        key=repository.own_key(places.config / repository.KEY),
        say=say,
    )
    return replace(recovery, pool=pool)


def secrets_of(places: Places, *, host: str | None) -> tuple[dict[str, str], dict[str, str]]:
    """Return why each path was left out of the last posture as secret, and what each item lacks."""
    _, posture = posture_of(places, read_config(places.config_file), host)
    lacking = ((thing.item_id(), getattr(thing, "secrets", ())) for _, thing in posture.things())
    left = {each.path: each.reason for each in left_out(Machine(), posture)}
    return left, {name: ", ".join(secrets) for name, secrets in lacking if secrets}


def seal_secrets(places: Places, *, host: str | None) -> tuple[Sealed, tuple[Finding, ...]]:
    """Seal what the last posture left out as secret, as it is on this machine now; return what was."""
    config = read_config(places.config_file)
    name, posture = posture_of(places, config, host)
    found, findings = gathered(Machine(), posture)
    history.commit_secrets(places.repository, name, seal(found, config.secrets.recipient))
    return found, findings


def publish_iso(places: Places, *, iso: Path | None, to: tuple[str, ...], host: str | None, say: Say) -> None:
    """Publish the recovery ISO to `to`, or to all that the config lists."""
    config = read_config(places.config_file)
    name, _ = posture_of(places, config, host)
    publish(iso or places.recovery_iso, to or config.publish, host=name, say=say)


@dataclass(frozen=True)
class Refreshed:
    """What a run of the chain came to."""

    collection: Collection
    built: Built

    def gaps(self) -> tuple[Finding, ...]:
        """Return what is not protected, or not for a machine without network."""
        return (*self.collection.survey.gaps(), *self.built.gaps)


def refresh(places: Places, *, say: Say) -> Refreshed:
    """Collect, build and publish: what the timer runs."""
    collection = collect_posture(places, dry_run=False, say=say)
    built = build_iso(places, base=None, output=None, host=collection.host, say=say)
    publish_iso(places, iso=built.iso, to=(), host=collection.host, say=say)
    return Refreshed(collection, built)


def _refuse_unknown(sections: tuple[str, ...]) -> None:
    unknown = sorted(set(sections) - set(SECTIONS))
    if unknown:
        raise Failure(f"no such section: {', '.join(unknown)}", remedy=f"use {', '.join(SECTIONS)}")
