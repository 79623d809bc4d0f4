"""How does an owner's change come into a file that a newer release changed? Stdlib only, on the target.

The version that the package brought on the old machine is the base of a three-way merge (diff3(1)). It is
done once for each version of the owner's: what somebody makes of the file afterwards is theirs.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile

from ansible.module_utils.rekindle import write_whole

MEMORY = "/var/lib/rekindle/merged.json"
BESIDE = b".owners"
MERGED, LAID_BESIDE = "merged", "beside"
SECONDS = 60


def merged(owners, base, release, work):
    """Return `release` with the change from `base` to `owners`, None where that cannot be.

    `work` is a folder that is nobody else's.
    """
    if any(b"\0" in content for content in (owners, base, release)):
        return None
    with tempfile.TemporaryDirectory(dir=work) as folder:
        for name, content in (("release", release), ("base", base), ("owners", owners)):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)
        try:
            # -E: a change that both made is none to quarrel about.
            done = subprocess.run(
                ["diff3", "--merge", "-E", "release", "base", "owners"],
                cwd=folder,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=SECONDS,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            )
        except (FileNotFoundError, subprocess.TimeoutExpired):
            return None
    return done.stdout if done.returncode == 0 else None


class Memory:
    """What was merged: for each escaped path how, and the digests of the owner's and the release's file."""

    def __init__(self, path):
        self.path = path
        self.ways = read_json(path, {})

    def way(self, name, owners, there):
        """Return how the owner's version was treated before: MERGED, LAID_BESIDE, or "" where it was not.

        `there` is what is there now. The release's own, where a merged one was, is to be merged again.
        """
        known = self.ways.get(name, {})
        if known.get("owners") != digest(owners):
            return ""
        is_lost = known["way"] == MERGED and known["release"] == digest(there)
        return "" if is_lost else known["way"]

    def is_release(self, name, there):
        """Tell whether what is there is the release's version as it was then."""
        return self.ways[name]["release"] == digest(there)

    def keep(self, name, way, owners, release):
        self.ways[name] = {"way": way, "owners": digest(owners), "release": digest(release)}
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        write_json(self.path, self.ways)


def digest(content):
    return hashlib.sha256(content).hexdigest()


def read_json(path, otherwise):
    """Return what a file of ours holds; `otherwise` where it is not there, or cut short."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return otherwise
    return found if isinstance(found, type(otherwise)) else otherwise


def write_json(path, data):
    write_whole(path, json.dumps(data, sort_keys=True).encode(), 0o600, os.getuid(), os.getgid())
