"""How does chezmoi write its files where others may be?

Files that it would change are kept as `NAME.before-restore`, unless the system laid them there. Scripts are
not run, nor is anything asked. The only word is JSON: `note`, what is told of scripts.
"""

import json
import os
import subprocess
import sys

KEPT = ".before-restore"
SKELETON = "/etc/skel"
APPLIED = ("--exclude=scripts",)


def main():
    home, note = os.environ["HOME"], json.loads(sys.argv[1])["note"]
    said = subprocess.run(["chezmoi", "status", *APPLIED], check=True, stdout=subprocess.PIPE).stdout
    kept = [keep(os.path.join(home, name)) for name in changed(os.fsdecode(said))]
    subprocess.run(
        ["chezmoi", "apply", "--force", "--keep-going", *APPLIED], check=True, stdin=subprocess.DEVNULL
    )
    scripts = subprocess.run(["chezmoi", "status", "--include=scripts"], stdout=subprocess.PIPE).stdout
    notes = [f"what was there is kept as {name}" for name in kept if name] + [note] * bool(scripts.strip())
    if notes:
        told = {"state": "restored", "reason": "; ".join(notes), "remedy": "look, then run `chezmoi apply`"}
        print(f"rekindle: {json.dumps(told)}")


def changed(said):
    """Return the paths that would be changed: ` M .bashrc`."""
    return [line[3:] for line in said.splitlines() if line[1:2] == "M"]


def keep(path):
    """Copy a file that is somebody's, and return the name of that, "" for another."""
    if os.path.islink(path) or not os.path.isfile(path):
        return ""
    content = content_of(path)
    if content in (b"", content_of(os.path.join(SKELETON, os.path.basename(path)))):
        return ""
    number = 0
    while os.path.lexists(kept := path + KEPT + (f".{number}" if number else "")):
        number += 1
    os.link(path, kept)
    return os.path.basename(kept)


def content_of(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
