"""What was a program asked? A fake stands for one that cannot be reached, records that, and obeys nothing.

Each call is one line of JSON in the file `asked` beside the fakes. A fake needs /usr/bin/python3 alone: it
runs on a machine that was just installed, too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FAKE = """#!/usr/bin/python3 -IS
import json, os, pwd, sys
argv = [os.path.basename(sys.argv[0]), *sys.argv[1:]]
line = json.dumps({{"argv": argv, "user": pwd.getpwuid(os.getuid()).pw_name, "cwd": os.getcwd()}})
with open({record!r}, "a") as record:
    record.write(line + "\\n")
if not {refuses!r} or any(word in each for word in {refuses!r} for each in argv):
    sys.stderr.write({says!r})
    sys.exit({code})
"""


@dataclass(frozen=True)
class Asked:
    """One call: its words from the program's name on, who called, and where."""

    argv: tuple[str, ...]
    user: str
    cwd: str


@dataclass(frozen=True)
class Recording:
    """Fakes in a folder that is to be on PATH."""

    folder: Path

    @property
    def record(self) -> Path:
        return self.folder / "asked"

    def fake(self, *names: str, code: int = 0, says: str = "", refuses: Sequence[str] = ()) -> None:
        """Have programs say `says` and end with `code`: always, or when a word has one of `refuses` in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.record.exists():
            self.record.touch()
            self.record.chmod(0o666)
        text = FAKE.format(record=str(self.record), code=code, says=says, refuses=tuple(refuses))
        for name in names:
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o755)

    def asked(self) -> list[Asked]:
        """Return the calls in their order."""
        if not self.record.exists():
            return []
        lines = map(json.loads, self.record.read_text().splitlines())
        return [Asked(tuple(line["argv"]), line["user"], line["cwd"]) for line in lines]

    def argvs(self) -> list[str]:
        """Return the words of each call, parted by blanks."""
        return [" ".join(each.argv) for each in self.asked()]
