"""How do packages become the root of the target, and of the live system on top of it?

mmdebstrap(1) does the work: as root, or as a user in a namespace of its own. Both roots are tar files, so
that no file on this machine ever has an owner that this user may not give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from builder.standin.archive import Release, Source
from builder.standin.packages import EXCLUDED, INCLUDED, LIVE, target_packages
from builder.standin.tarball import write_overlay
from collectors.command import run

INSTALLER = "usr/lib/standin/installer"
SCHEMA = "usr/lib/standin/schema.json"
INITRD = "boot/standin-initrd"
ELTORITO_BUILT = "boot/standin-eltorito.img"
UUID_CONF = "usr/share/standin/initramfs/conf.d/uuid"

# Any fixed time will do; newer files are clamped to it, so that the same packages give the same bytes.
EPOCH = 1_735_689_600  # 2025-01-01

_RESOLVED = "ln -sf ../run/systemd/resolve/stub-resolv.conf"
_TIDY = (
    'rm -f "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$1/etc/hostname"',
    f'{_RESOLVED} "$1/etc/resolv.conf"',
)


def write_target(release: Release, sources: Sequence[Source], work: Path) -> Path:
    """Install the target's packages; return its root as `work/target.tar`."""
    overlay, output = work / "target-files.tar", work / "target.tar"
    write_overlay(static_tree("target"), overlay, EPOCH)
    _mmdebstrap(
        release,
        sources,
        output,
        "--variant=minbase",
        f"--include={','.join(target_packages(release.distribution))}",
        f"--customize-hook=tar-in {overlay} /",
        '--customize-hook=chroot "$1" systemctl --quiet enable systemd-networkd systemd-resolved',
        '--customize-hook=chroot "$1" setupcon --save-only',
        *(f"--customize-hook={command}" for command in _TIDY),
    )
    return output


def write_live(
    release: Release, sources: Sequence[Source], target: Path, own: Mapping[str, bytes], work: Path
) -> Path:
    """Install the live system's packages and `own` files over the target; return `work/live.tar`."""
    overlay, output = work / "live-files.tar", work / "live.tar"
    write_overlay(own, overlay, EPOCH)
    _mmdebstrap(
        release,
        sources,
        output,
        "--variant=custom",
        f"--setup-hook=tar-in {target} /",
        f"--include={','.join(LIVE)}",
        f"--customize-hook=tar-in {overlay} /",
        '--customize-hook=chroot "$1" /usr/lib/standin/prepare',
        *(f"--customize-hook={command}" for command in _TIDY),
    )
    return output


def live_files(schema_json: str, uuid: str) -> dict[str, bytes]:
    """Return all that is ours in the live system, by its path without the leading slash."""
    return {
        **static_tree("live"),
        **{f"{INSTALLER}/{name}": data for name, data in static_tree("installer").items()},
        SCHEMA: schema_json.encode(),
        UUID_CONF: f"STANDIN_UUID={uuid}\n".encode(),
    }


def static_tree(folder: str) -> dict[str, bytes]:
    """Return the files below one folder of this package, by their path in it."""
    return dict(_walk(files("builder.standin").joinpath(folder), ""))


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name != "__pycache__":
            found += _walk(entry, f"{prefix}{entry.name}/")
        elif entry.is_file():
            found.append((f"{prefix}{entry.name}", entry.read_bytes()))
    return found


def _mmdebstrap(release: Release, sources: Sequence[Source], output: Path, *options: str) -> None:
    run(
        [
            "mmdebstrap",
            "--quiet",
            "--format=tar",
            *options,
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED),
            *(f"--dpkgopt=path-include={pattern}" for pattern in INCLUDED),
            release.codename,
            output,
            *(source.line for source in sources),
        ],
        env={"SOURCE_DATE_EPOCH": str(EPOCH), "PYTHONDONTWRITEBYTECODE": ""},
        remedy="see that the archive in /etc/apt answers (`apt update`), or the lines above",
    )
