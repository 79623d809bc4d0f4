"""What are the links from this machine to a published recovery ISO?"""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from autoinstall.config import Config, read_config
from builder import history
from builder.base.choose import base_iso
from builder.base.provenance import Base
from builder.build import build, rebuild, refuse_unbuildable
from builder.contents import Recovery
from builder.payload.signature import own_key
from builder.places import Places
from builder.pool import repository
from builder.pool.pool import Pool, gather_pool
from builder.pool.target import read_target
from builder.publish import publish
from builder.secrets import Sealed, gathered, left_out, seal
from collectors.collect import Survey, collect
from collectors.compare import changes, message
from collectors.domains.system import own_name
from collectors.failure import Failure, Finding
from collectors.host import Machine
from collectors.posture import SECTIONS, Posture

Say = Callable[[str], None]

ROOT = Path("/")


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
    offline: bool = False,
    say: Say,
) -> Built:
    """Build the recovery ISO of the last posture: `output`, or the latest.

    With `offline`, or if the config says so, it has what a machine without network needs.
    """
    config = read_config(places.config_file)
    name, posture = posture_of(places, config, host)
    recovery = Recovery(
        host=name,
        posture=posture,
        config=config,
        commit=history.last_commit(places.repository, name),
        key=own_key(places.config),
        secrets=history.sealed_secrets(places.repository, name),
    )
    chosen = base_iso(base or config.base, places, say)
    if offline or config.offline:
        refuse_unbuildable(recovery, chosen)
        recovery = replace(recovery, pool=_pool(recovery, chosen, places, say))
    if output:
        build(recovery, chosen, output=output, cache=places.cache, say=say)
    elif not rebuild(recovery, chosen, latest=places.recovery_iso, cache=places.cache, say=say):
        say("nothing changed: the latest recovery ISO is up to date")
    return Built(output or places.recovery_iso, recovery.pool.gaps if recovery.pool else ())


def _pool(recovery: Recovery, base: Base, places: Places, say: Say) -> Pool:
    return gather_pool(
        recovery.posture,
        read_target(base.path, recovery.config.source),
        folder=places.cache / "pool" / recovery.host,
        key=repository.own_key(places.config / repository.KEY),
        say=say,
    )


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
