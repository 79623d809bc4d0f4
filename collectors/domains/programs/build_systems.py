"""What do build systems leave behind of how they were called and what they installed?

Sources: CMake (`install_manifest.txt`, `CMakeCache.txt`), Meson (`meson-logs/install-log.txt`,
`meson-private/cmd_line.txt`), Autoconf (`config.log`).
"""

from __future__ import annotations

import re
import shlex

CACHE_LINE = re.compile(r"([^:=#/][^:=]*):([A-Z]+)=(.*)")
CMAKE_KEYS = ("CMAKE_BUILD_TYPE", "CMAKE_INSTALL_PREFIX")
BY_OWNER = "//No help, variable specified on the command line."
CONFIGURED = re.compile(r"(?m)^  \$ (\S*configure\b.*)$")


def parse_paths(content: str) -> tuple[str, ...]:
    """Return the absolute paths in a list of one a line; `#` begins a comment (CMake's and Meson's logs)."""
    lines = (line.rstrip("\r") for line in content.split("\n"))
    return tuple(dict.fromkeys(line for line in lines if line.startswith("/")))


def parse_cmake_cache(content: str) -> dict[str, str]:
    """Return what a CMakeCache.txt says was chosen: the kind of build, the prefix, and the command line's."""
    found = {}
    before = ""
    for line in content.split("\n"):
        entry = CACHE_LINE.fullmatch(line.rstrip("\r"))
        if entry:
            key, kind, value = entry.groups()
            if kind not in ("INTERNAL", "STATIC") and value and (key in CMAKE_KEYS or before == BY_OWNER):
                found[key] = value
        before = line.rstrip("\r")
    return dict(sorted(found.items()))


def parse_meson_options(content: str) -> dict[str, str]:
    """Return the section `options` of a cmd_line.txt: those that were given by hand."""
    found, inside = {}, False
    for line in content.split("\n"):
        if line.startswith("["):
            inside = line.strip() == "[options]"
            continue
        key, equals, value = line.partition("=")
        if inside and equals and key.strip():
            found[key.strip()] = value.strip()
    return dict(sorted(found.items()))


def parse_config_log(content: str) -> str:
    """Return the command line in a config.log, `./configure --prefix=/opt/x`, "" where there is none."""
    found = CONFIGURED.search(content)
    try:
        return shlex.join(shlex.split(found[1])) if found else ""
    except ValueError:
        return found[1] if found else ""


def prefix_of(command: str) -> str:
    """Return where `./configure ...` installs to."""
    given = re.search(r"--prefix[= ]'?(/[^' ]*)", command)
    return given[1].rstrip("/") if given else "/usr/local"
