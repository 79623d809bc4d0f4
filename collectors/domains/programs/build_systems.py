"""What do build systems leave behind of how they were called and what they installed?

Sources: CMake (`install_manifest.txt`, `CMakeCache.txt`), Meson (`meson-logs/install-log.txt`,
`meson-private/cmd_line.txt`), Autoconf (`config.status`, `config.log`).
"""

from __future__ import annotations

import re
import shlex

CACHE_LINE = re.compile(r"([^:=#/][^:=]*):([A-Z]+)=(.*)")
CMAKE_KEYS = ("CMAKE_BUILD_TYPE", "CMAKE_INSTALL_PREFIX")
BY_OWNER = "//No help, variable specified on the command line."
AGAIN = re.compile(r"(?m)^ *set X (\S+ .*) \$ac_configure_extra_args ")
CONFIGURED = re.compile(r"(?m)^  \$ (\S*configure\b.*)$")


def parse_paths(content: str) -> tuple[str, ...]:
    """Return the absolute paths in a list of one a line; `#` begins a comment (CMake's and Meson's logs)."""
    lines = (line.rstrip("\r") for line in content.split("\n"))
    return tuple(dict.fromkeys(line for line in lines if line.startswith("/")))


def parse_cmake_cache(content: str) -> dict[str, str]:
    """Return what a CMakeCache.txt says was chosen: kind of build, prefix, switches, the command line's rest.

    A switch that nobody touched is among them, with the value that it had for this commit all the same.
    """
    found, advanced, before = {}, set(), ""
    for line in (line.rstrip("\r") for line in content.split("\n")):
        entry = CACHE_LINE.fullmatch(line)
        if entry:
            key, kind, value = entry.groups()
            if kind == "INTERNAL" and key.endswith("-ADVANCED"):
                advanced.add(key.removesuffix("-ADVANCED"))
            elif value and (key in CMAKE_KEYS or before == BY_OWNER or _is_switch(key, kind)):
                found[key] = value
        before = line
    return {key: found[key] for key in sorted(found.keys() - advanced)}


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


def parse_configure(content: str) -> str:
    """Return the command line in a config.status or a config.log, `./configure --prefix=/opt/x`, or "".

    Only the first has it quoted: `set X /bin/bash './configure'  'CFLAGS=-O2 -g' $ac_configure_extra_args`.
    """
    again = AGAIN.search(content)
    found = CONFIGURED.search(content)
    try:
        if again:
            return shlex.join(shlex.split(again[1])[1:])
        return shlex.join(shlex.split(found[1])) if found else ""
    except ValueError:
        return shlex.quote(found[1].split(" ")[0]) if found else ""


def _is_switch(key: str, kind: str) -> bool:
    return kind == "BOOL" and not key.startswith("CMAKE_")


def prefix_of(command: str) -> str:
    """Return where `./configure ...` installs to."""
    given = re.search(r"--prefix[= ]'?(/[^' ]*)", command)
    return given[1].rstrip("/") if given else "/usr/local"
