"""What dpkg and apt say of a small machine."""

from __future__ import annotations

from tests.unit.fakes import STATUS


def stanza(
    name: str, status: str = "install ok installed", architecture: str = "amd64", **fields: str
) -> str:
    more = "".join(f"{key}: {value}\n" for key, value in fields.items())
    return f"\nPackage: {name}\nStatus: {status}\nArchitecture: {architecture}\n{more}"


PACKAGES = "".join(
    (
        STATUS,
        stanza("htop", Priority="optional"),
        stanza("bash", Essential="yes", Priority="required", Depends="base-lib (>= 1) | other"),
        stanza("base-lib", Priority="optional"),
        stanza("nano", Priority="important"),
        stanza("libfoo", Priority="optional"),
        stanza("steam", architecture="i386"),
        stanza("fonts", architecture="all"),
        stanza("fonts-auto", architecture="all"),
        stanza("kept", status="hold ok installed"),
        stanza("gone", status="deinstall ok config-files"),
        stanza("linux-image-6.1.0-18-amd64"),
        stanza("linux-image-rt-amd64"),
        stanza("grub-pc"),
        stanza("ubuntu-desktop", Section="metapackages"),
    )
)
STATES = "".join(
    f"Package: {name}\nArchitecture: amd64\nAuto-Installed: 1\n\n" for name in ("libfoo", "fonts-auto")
)
DATABASE = {"/var/lib/dpkg/status": PACKAGES, "/var/lib/apt/extended_states": STATES}
