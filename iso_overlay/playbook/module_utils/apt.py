"""How are apt and dpkg asked, and how are they run? Stdlib only: it runs on the target's bare python3."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import time

from ansible.module_utils.rekindle import count, read_lines, say

ENVIRONMENT = {
    "DEBIAN_FRONTEND": "noninteractive",
    "APT_LISTCHANGES_FRONTEND": "none",
    "NEEDRESTART_SUSPEND": "1",
    "LC_ALL": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}
APT_GET = (
    *("apt-get", "--yes", "--quiet"),
    # With a delay, apt 2.6 waits for ever once one port of a host refused and another is asked.
    *("-o", "Acquire::Retries::Delay=false"),
    *("-o", "DPkg::Lock::Timeout=600"),
    *("-o", "Dpkg::Use-Pty=0"),
    # The package's own file comes now, the owner's comes later: nothing is asked.
    *("-o", "Dpkg::Options::=--force-confdef"),
    *("-o", "Dpkg::Options::=--force-confold"),
    # What is unpacked takes room twice otherwise.
    *("-o", "APT::Keep-Downloaded-Packages=false"),
)
# apt tries each index twice by itself; a source that hangs must not hold up the others for long.
INDEXES = ("-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=15", "-o", "Acquire::https::Timeout=15")
FILES = ("-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=30", "-o", "Acquire::https::Timeout=30")
# A question leaves no cache behind.
WITHOUT_CACHE = ("-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=")
EXTENDED_STATES = "/var/lib/apt/extended_states"
JOURNAL = "/var/lib/dpkg/updates"
LOCKS = (
    *("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock"),
    *("/var/lib/apt/lists/lock", "/var/cache/apt/archives/lock"),
)
LOCK_SECONDS = 600
# struct flock of fcntl(2), with 64 bits.
FLOCK = "hhqqi"
TOO_LATE = 124
# How long a download may stand still, and a package's script say nothing.
STILL_SECONDS = {"dlstatus": 120, "pmstatus": 3600}
# What fetching and installing are of all that there is to do, about, and of what a line is worth.
FROM_TO = {"dlstatus": (0.0, 0.4), "pmstatus": (0.4, 1.0)}
LEAST_SHARE = 0.01
INSTALLED = re.compile(r"pmstatus:([^ ]+):[0-9.]+:Installed ")


class Here:
    """What dpkg has, by names with and without the architecture where it is this machine's own.

    `there` is installed and configured, `held` stays as it is, `broken` is begun and not finished;
    `unborn` of these were never configured before, so that nothing is lost with them.
    """

    def __init__(self, listed, native):
        self.there, self.held, self.broken, self.unborn = set(), set(), set(), set()
        for line in listed.splitlines():
            name, architecture, status, configured = line.split("\t")
            names = {f"{name}:{architecture}", *([name] if architecture in ("all", native) else ())}
            if status[1:2] == "i":
                self.there |= names
            elif status[1:2] not in ("n", "c"):
                self.broken.add(f"{name}:{architecture}")
                if not configured:
                    self.unborn.add(f"{name}:{architecture}")
            if status[:1] == "h":
                self.held |= names


def here():
    """Ask dpkg what it has."""
    shape = "${Package}\t${Architecture}\t${db:Status-Abbrev}\t${Config-Version}\n"
    return Here(asked(["dpkg-query", "-W", "-f", shape]), native())


def native():
    """Return the machine's own architecture."""
    if not NATIVE:
        NATIVE.append(asked(["dpkg", "--print-architecture"]).strip())
    return NATIVE[0]


NATIVE: list[str] = []


def own(name):
    """Return `tree` for `tree:amd64` where that is this machine's architecture, `tree:i386` as it is."""
    bare, _, architecture = name.partition(":")
    return bare if architecture in ("", "all", native()) else name


def automatic():
    """Return the names of the packages that came for others' sake (apt-mark(8))."""
    found = set()
    for stanza in "\n".join(read_lines(EXTENDED_STATES)).split("\n\n"):
        fields = dict(line.partition(": ")[::2] for line in stanza.split("\n"))
        if fields.get("Auto-Installed") == "1" and "Package" in fields:
            name, architecture = fields["Package"], fields.get("Architecture", "")
            found |= {f"{name}:{architecture}", *([name] if architecture == native() else ())}
    return found


def is_in_midst():
    """Tell whether dpkg was killed before it wrote down all that it did."""
    try:
        return bool(os.listdir(JOURNAL))
    except OSError:
        return False


def policies(names, quietly=False):
    """Return the candidate of each of `names` that is known, "" for one without: `{"tree": "2.1.0-1"}`.

    One that has versions, of which none may be installed, has the candidate "pinned".
    """
    if not names:
        return {}
    return candidates_of(asked(["apt-cache", *(WITHOUT_CACHE if quietly else ()), "policy", *names]))


def candidates_of(policy):
    """Read `apt-cache policy`: a name in the first column, its candidate and its versions below."""
    found, name = {}, ""
    for line in policy.splitlines():
        word = line.strip()
        if line and not line.startswith(" "):
            name = line.rstrip(":")
        elif word.startswith("Candidate:"):
            found[name] = word.partition(": ")[2].replace("(none)", "")
        elif not found.get(name, "pinned") and re.fullmatch(r"     \S+ -?\d+", line):
            found[name] = "pinned"
    return found


def asked(argv):
    """Ask a question, and return the answer; warnings are none, and go where ours go."""
    done = subprocess.run(
        argv,
        env={**os.environ, **ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    return done.stdout.decode(errors="replace")


class Apt:
    """Runs commands one after the other, tells how far they are, and keeps what they said in a log.

    `options` are of apt-get, for all that it does.
    """

    def __init__(self, progress, log, options=()):
        self.progress, self.log, self.options = progress, log, tuple(options)

    def update(self):
        """Fetch the indexes, and return apt's code and all it said."""
        say(self.progress, "fetching the package indexes")
        return self.run([*APT_GET, *INDEXES, *self.options, "update"])

    def plan(self, words):
        """Ask what an installation would do, as apt says it; nothing is fetched, nothing locked."""
        argv = [*APT_GET, *self.options, "--print-uris", "install", *words]
        done = subprocess.run(
            argv,
            env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return done.returncode, done.stdout.decode(errors="replace")

    def install(self, words, names):
        """Install, and tell how far `names` are; return apt's code and all it said."""
        return self.run([*APT_GET, *FILES, *self.options, "install", *words], frozenset(names))

    def run(self, argv, names=frozenset()):
        """Run apt-get or dpkg once nobody else is at it; one that stands still is ended."""
        wait_for_locks(self.progress)
        ours, theirs = os.pipe()
        told = ["-o", f"APT::Status-Fd={theirs}"] if argv[0] == "apt-get" else ["--status-fd", str(theirs)]
        with open(self.log, "a+b") as file:
            file.write(f"--- {' '.join(argv)[:2000]}\n".encode(errors="replace"))
            file.flush()
            start = file.seek(0, os.SEEK_END)
            process = subprocess.Popen(
                [argv[0], *told, *argv[1:]],
                env={**os.environ, **ENVIRONMENT},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs,),
            )
            os.close(theirs)
            try:
                ended = self.follow(process, ours, names)
            finally:
                os.close(ours)
            code = process.wait() if ended else TOO_LATE
            file.seek(start)
            return code, file.read().decode(errors="replace")

    def follow(self, process, status, names):
        """Read apt's status lines until it ends; a daemon may hold the pipe open for longer.

        Return whether it ended by itself.
        """
        watch = Watch(names)
        while process.poll() is None or select.select([status], [], [], 0)[0]:
            if select.select([status], [], [], 0.5)[0]:
                block = os.read(status, 65536).decode(errors="replace")
                if not block:
                    break
                for told in watch.read(block):
                    count(self.progress, "packages", *told)
            if watch.is_still() and process.poll() is None:
                end(process)
                return False
        return True


class Watch:
    """Reads how far `names` are out of apt's status lines, and knows how long nothing has moved."""

    def __init__(self, names):
        self.names, self.done, self.rest, self.share = names, set(), "", 0.0
        self.place, self.since = ("dlstatus", ""), time.monotonic()

    def read(self, block):
        """Return what there is to count in the next block of status lines: `(3, 18, "tree", 0.51)`."""
        *lines, self.rest = (self.rest + block).split("\n")
        return [each for line in lines for each in self.told(line)]

    def told(self, line):
        # `dlstatus:1:20.5:Retrieving file…` comes twice a second, whether its number grows or not.
        kind, _, rest = line.partition(":")
        place = (kind, rest.split(":")[1] if kind == "dlstatus" and ":" in rest else line)
        if place != self.place:
            self.place, self.since = place, time.monotonic()
        name, share = configured(line), max(self.share, share_of(line))
        is_new = name in self.names and name not in self.done
        if is_new:
            self.done.add(name)
        if self.names and (is_new or share >= self.share + LEAST_SHARE):
            self.share = share
            yield len(self.done), len(self.names), name or line.rpartition(":")[2], round(share, 3)

    def is_still(self):
        """Tell whether it is too long ago that something moved."""
        return time.monotonic() - self.since > STILL_SECONDS.get(self.place[0], STILL_SECONDS["pmstatus"])


def share_of(line):
    """Return how much of an installation is done: fetching is the first part of it."""
    kind, _, rest = line.partition(":")
    fields = rest.split(":")
    if kind not in FROM_TO or len(fields) < 3:
        return 0.0
    begin, end = FROM_TO[kind]
    with contextlib.suppress(ValueError):
        return begin + (end - begin) * float(fields[1]) / 100
    return 0.0


def configured(line):
    """Return the package that is installed by now: `pmstatus:tree:100.0:Installed tree (amd64)`."""
    match = INSTALLED.match(line)
    return match[1] if match else ""


def end(process):
    """End apt-get with what it started: its methods and dpkg are its children."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        for pid in (*children(process.pid), process.pid):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        try:
            process.wait(10)
            return
        except subprocess.TimeoutExpired:
            continue


def children(pid):
    """Return the processes that a process started, and those that these did."""
    found = []
    for line in read_lines(f"/proc/{pid}/task/{pid}/children"):
        for child in map(int, line.split()):
            found += [*children(child), child]
    return found


class LockedError(Exception):
    """Somebody else has been installing packages for too long."""


def wait_for_locks(progress):
    """Wait until nobody else installs packages; raises LockedError after LOCK_SECONDS."""
    until, told = time.monotonic() + LOCK_SECONDS, ""
    while holding := holder():
        if time.monotonic() > until:
            raise LockedError(holding)
        if holding != told:
            say(progress, f"waiting: {holding}")
            told = holding
        time.sleep(0.5)


def holder():
    """Return who holds one of the locks, `apt-get (process 12) holds /var/lib/dpkg/lock`, or ""."""
    for path in LOCKS:
        try:
            with open(path, "rb") as file:
                asked_for = struct.pack(FLOCK, fcntl.F_WRLCK, 0, 0, 0, 0)
                kind, _, _, _, pid = struct.unpack(FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked_for))
        except OSError:
            continue
        if kind != fcntl.F_UNLCK:
            # One outside this container has no number here.
            name = read_lines(f"/proc/{pid}/comm") if pid > 0 else ()
            who = f"{name[0]} (process {pid})" if name else "another program"
            return f"{who} holds {path}"
    return ""
