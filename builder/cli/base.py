"""Which base ISO is there, is it the vendor's, how does one come here?"""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal

from builder.cli.app import AllowUnverified, AsJson, Host, app
from builder.places import places
from builder.show import arriving, out, say, show_json, show_rows

if TYPE_CHECKING:
    from builder.base.vendor import Signer

base_app = typer.Typer(no_args_is_help=True, help="The installer ISO that a recovery ISO is built on.")
app.add_typer(base_app, name="base")


class Architecture(str, Enum):
    """What the ISO is for."""

    AMD64 = "amd64"
    ARM64 = "arm64"


class Flavour(str, Enum):
    """Which of the vendor's ISOs."""

    LIVE_SERVER = "live-server"
    DESKTOP = "desktop"


Mirror = Annotated[
    str | None, typer.Option(help="A mirror of the vendor's server: the address that has a folder `24.04/`.")
]
Keyring = Annotated[
    Path | None,
    typer.Option(help="A keyring of gpgv that has the vendor's key, where ubuntu-keyring is not."),
]


@base_app.command("fetch")
def base_fetch(
    release: Annotated[str | None, typer.Option(help="24.04, or 24.04.3; default: the machine's.")] = None,
    arch: Annotated[Architecture | None, typer.Option(help="Default: the machine's.")] = None,
    flavour: Annotated[Flavour, typer.Option(help="Which of the vendor's.")] = Flavour.LIVE_SERVER,
    mirror: Mirror = None,
    keyring: Keyring = None,
    host: Host = None,
) -> None:
    """Download the vendor's newest ISO of a release into the cache, verified by the vendor's signature.

    A download that was cut goes on where it stopped.

    Example: sudo rekindle base fetch --release 24.04
    """
    from builder.base.fetch import fetch
    from builder.base.vendor import sites
    from builder.chain import wanted_base

    wanted = wanted_base(
        places(),
        release=release,
        architecture=arch.value if arch else None,
        flavour=flavour.value,
        host=host,
    )
    at = sites(wanted.architecture, mirror)
    with arriving() as moved:
        base = fetch(wanted, at, _signer(keyring), cache=places().cache, say=say, moved=moved)
    say(f"signed by {base.verified}")
    out.print(base.path, markup=False, highlight=False)


@base_app.command("verify")
def base_verify(file: Path, mirror: Mirror = None, keyring: Keyring = None, as_json: AsJson = False) -> None:
    """Say who signed a base ISO; the exit code is 1 where nobody did.

    SHA256SUMS and SHA256SUMS.gpg lie beside it, or are asked of the vendor by its name.

    Example: rekindle base verify ubuntu-24.04.3-live-server-amd64.iso
    """
    from builder.base.verify import verified

    base = verified(file, _signer(keyring), cache=places().cache, say=say, mirror=mirror, anew=True)
    if as_json:
        show_json(asdict(base))
    else:
        out.print(f"{file}: signed by {base.verified}", markup=False, highlight=False)


@base_app.command("list")
def base_list(as_json: AsJson = False) -> None:
    """Show the base ISOs that are here, and the prepared ones.

    Example: rekindle base list
    """
    from builder.base.kept import kept_bases, kept_prepared

    bases, prepared = kept_bases(places().cache), kept_prepared(places().cache)
    if as_json:
        listed = [{**asdict(each), "base": each.base.model_dump()} for each in prepared]
        show_json({"bases": [asdict(base) for base in bases], "prepared": listed})
        return
    rows = [
        *(("base", str(each.path), each.size_bytes, each.verified, "") for each in bases),
        *(
            ("prepared", str(each.path), each.size_bytes, each.base.verified, each.base.info)
            for each in prepared
        ),
    ]
    show_rows(
        ("what", "where", "size", "signed by", "made of"),
        [
            (what, where, decimal(size), "the vendor" if by else "nobody", of)
            for what, where, size, by, of in rows
        ],
    )


@base_app.command("prepare")
def base_prepare(
    base: Annotated[str | None, typer.Option(help="The base ISO, or `standin`.")] = None,
    allow_unverified: AllowUnverified = False,
    host: Host = None,
) -> None:
    """Do now what the first build on a base does: author it once, with areas that builds then fill.

    Example: sudo rekindle base prepare --base ubuntu-24.04.3-live-server-amd64.iso
    """
    from builder.chain import prepare_base

    prepared = prepare_base(places(), base=base, host=host, allow_unverified=allow_unverified, say=say)
    out.print(prepared.path, markup=False, highlight=False)
    show_rows(
        ("area", "at byte", "holds up to"),
        [(area.name, str(area.offset), decimal(area.capacity)) for area in prepared.layout.areas],
    )


@base_app.command("standin")
def base_standin() -> None:
    """Make the stand-in base: a small installer ISO for tests and the demo only.

    Example: rekindle base standin
    """
    from builder.base.choose import standin_iso

    out.print(standin_iso(places(), say), markup=False)
    say("this is a stand-in for tests and the demo: a recovery needs Ubuntu's own ISO")


def _signer(keyring: Path | None) -> Signer:
    from builder.base import vendor

    return vendor.Signer(vendor.UBUNTU.fingerprint, keyring) if keyring else vendor.UBUNTU
