#!/usr/bin/python
"""How do all packages come back in one transaction, and what became of each?

The indexes are fetched, what has no candidate is set aside or found under its new name, and apt is asked
whether the rest goes together and finds room. Then all is installed at once. When that fails, apt and dpkg
say for which packages; where they do not, halves are tried. What was configured once is not given up for what
fails later.
"""

from __future__ import annotations

import contextlib
import email.utils
import hashlib
import os
import re
import shutil
import socket
import time
import urllib.error
import urllib.parse
import urllib.request

from ansible.module_utils.apt import (
    APT_GET,
    TOO_LATE,
    WITHOUT_CACHE,
    Apt,
    LockedError,
    asked,
    automatic,
    here,
    is_in_midst,
    own,
    policies,
)
from ansible.module_utils.apt_complaints import (
    FULL,
    NOT_YET,
    Trouble,
    complaint,
    file_sizes,
    of_source,
    removed,
    sizes,
    unconfigured,
    unfetched,
    unmet,
    unreached,
    unreadable,
)
from ansible.module_utils.apt_names import choices, fits, providers
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.pool import URI as POOL_URI
from ansible.module_utils.pool import alone, pooled
from ansible.module_utils.rekindle import (
    ALREADY,
    ARGUMENTS,
    DEFERRED,
    FAILED,
    RESTORED,
    SUBSTITUTED,
    UNAVAILABLE,
    answer,
    orphaned,
    outcome,
    raw,
    read_plan,
    say,
)

NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?")
CONNECT = "connect the network and restart: it goes on by itself"
LATER = Trouble("no source offers it yet", "restore, then see", "", DEFERRED, "network")
ARCHIVES, PROGRAMS = "/var/cache/apt/archives", "/usr"
# What dpkg's database and the scripts of packages take besides.
SPARE_BYTES = 32 * 1024 * 1024
# So often the disk may turn out to be full in the midst of it.
FULL_TIMES = 5
SOURCES_SET_ASIDE = 20
PROXY = re.compile(r'^(Acquire::(?:https?|ftp)::Proxy(?:::[^\s"]+)?) "([a-z0-9+]+://[^"]+)";$', re.M)
PROXY_SECONDS = 3
DATE_SECONDS = 10
DAY_SECONDS = 86400
AGAIN_SECONDS = 5
SIGNED_BY = re.compile(r"(?i)\bsigned-by(?::|=)\s*([^\]\n]*)")


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    plan, progress = module.params["plan"], module.params["progress"]
    steps, held = read_plan(plan, "packages"), read_plan(plan, "holds")
    wanted = [step for step in steps if NAME.fullmatch(step["name"])]
    nonsense = [step for step in steps if step not in wanted]
    before = here()
    if module.check_mode:
        outcomes, notes = planned(wanted, held, before), []
    else:
        outcomes, notes = restored(plan, progress, wanted, held, before)
    refused = [outcome(step, FAILED, "not the name of a package", "mend the posture") for step in nonsense]
    # What has a new name is told each time, and is there after the first.
    changed = here().there != before.there or any(each["state"] == RESTORED for each in outcomes)
    answer(module, [*outcomes, *refused], notes, changed)


def planned(wanted, held, before):
    """Say what a restore would do; what the indexes of today do not offer may come with its source."""
    auto = automatic()
    found = Found([step for step in wanted if step["name"] not in before.there], quietly=True)
    _, plan = Apt("", os.devnull, WITHOUT_CACHE).plan(found.words.values()) if found.words else (0, "")
    clashes = {name: Trouble(why) for name, why in unmet(plan).items() if name in found.words}
    troubles = {**dict.fromkeys(found.troubles, LATER), **clashes}
    soon = frozenset(found.words) - frozenset(clashes)
    told = [package_outcome(step, before, auto, before.there | soon, found, troubles) for step in wanted]
    return [*told, *(hold_outcome(step, before.held, {step["name"]}) for step in held)]


def restored(plan, progress, wanted, held, before):
    """Bring all back, from the pool, too; return the outcomes, and notes on the files that apt obeys."""
    with pooled(os.path.dirname(plan)) as has_pool:
        return brought_back(plan, progress, wanted, held, before, has_pool)


def brought_back(plan, progress, wanted, held, before, has_pool):
    folder = os.path.dirname(plan)
    apt = Apt(progress, os.path.join(folder, "apt.log"))
    sources = read_plan(plan, "sources")
    obeyed = [step for step in read_plan(plan, "files") if step.get("first")]
    auto = automatic()
    missing = [step for step in wanted if step["name"] not in before.there]
    found, troubles, notes, set_aside = Found([]), {}, [], []
    try:
        finish(apt, before)
        if missing or sources or any(step["name"] not in before.held for step in held):
            said, set_aside, notes = indexes(apt, sources, obeyed)
            away, has_pool = offline(said, has_pool)
            if away and not has_pool:
                troubles = {step["name"]: away for step in missing}
            else:
                with alone() if away else contextlib.nullcontext():
                    mend(apt)
                    now = here()
                    found = Found(
                        [step for step in missing if step["name"] not in now.there], said, folder, away=away
                    )
                    # dpkg does not list what is held and away: what a killed run held may still be missing.
                    kept = now.held | {step["name"] for step in held}
                    troubles = brought(apt, found, read_plan(plan, "owned"), now.there, kept)
                troubles = put_off(troubles) if away else troubles
        marked = mark(wanted, found)
        held_now = before.held if orphaned() else hold(held)
    except LockedError as locked:
        trouble = Trouble(str(locked), "wait until it is done, then restore again")
        troubles = {step["name"]: trouble for step in missing}
        marked, held_now = here(), before.held
    outcomes = [package_outcome(step, before, auto, marked.there, found, troubles) for step in wanted]
    later = next((each for each in troubles.values() if each.until), None)
    outcomes += [hold_outcome(step, before.held, held_now, later) for step in held]
    return [*outcomes, *set_aside], notes


def offline(said, has_pool):
    """Return what defers packages where no source was reached, or None, and whether the pool has any."""
    reason = unreached(said)
    refused = of_source(said, [POOL_URI], []) if has_pool else None
    if reason and refused:
        reason = f"{reason}; what travelled along is refused: {refused[0]}"
    away = Trouble(reason, CONNECT, "fetch", DEFERRED, "network") if reason else None
    return away, has_pool and not refused


def put_off(troubles):
    """Return the troubles with those deferred that a network mends: what no more than the pool has."""
    return {
        name: trouble._replace(remedy=CONNECT, state=DEFERRED, until="network")
        if trouble.kind in ("fetch", "unmet")
        else trouble
        for name, trouble in troubles.items()
    }


def package_outcome(step, before, auto, there, found, troubles):
    """Say what became of one package."""
    name = step["name"]
    target = found.renamed.get(name, name)
    if target in there and target != name:
        return outcome(step, SUBSTITUTED, f"here it is {target}")
    if name in before.there and name not in auto:
        return outcome(step, ALREADY)
    if name in there:
        return outcome(step, RESTORED)
    trouble = troubles.get(target) or found.troubles.get(name) or Trouble("apt did not install it")
    remedy = trouble.remedy or f"run `apt install {target}` and read what it says"
    return outcome(step, trouble.state, trouble.reason, remedy, trouble.until)


def hold_outcome(step, before, after, offline=None):
    name = step["name"]
    if not NAME.fullmatch(name):
        return outcome(step, FAILED, "not the name of a package", "mend the posture")
    if name in before:
        return outcome(step, ALREADY)
    if name in after:
        return outcome(step, RESTORED)
    if offline:
        return outcome(step, DEFERRED, offline.reason, offline.remedy, offline.until)
    return outcome(step, FAILED, "apt does not know it", f"run `apt-mark hold {name}` later")


def finish(apt, before):
    """Finish what a restore that was killed had begun."""
    if before.broken or is_in_midst():
        say(apt.progress, "finishing what was begun")
        apt.run(["dpkg", "--configure", "-a"])


def mend(apt):
    """Let apt fetch what begun packages lack; those that were never configured are given up otherwise."""
    if here().broken:
        apt.run([*APT_GET, *apt.options, "--no-remove", "--fix-broken", "install"])
        consistent(apt)


def consistent(apt):
    """Leave no package half installed: configure what can be, remove what was never configured.

    Return what dpkg said of it.
    """
    if not here().broken and not is_in_midst():
        return ""
    _, said = apt.run(["dpkg", "--configure", "-a"])
    for force in ("--force-remove-reinstreq", "--force-all"):
        unborn = sorted(here().unborn)
        if not unborn:
            break
        apt.run(["dpkg", force, "--remove", *unborn])
    return said


def mark(wanted, found):
    """Make all that is there the owner's choice; return what dpkg has."""
    now, auto = here(), automatic()
    names = {found.renamed.get(step["name"], step["name"]) for step in wanted}
    chosen = sorted(names & now.there & auto)
    if chosen:
        asked(["apt-mark", "manual", *chosen])
    return now


def hold(steps):
    """Hold packages at their version, known to apt or not; return what is held."""
    names = {step["name"] for step in steps if NAME.fullmatch(step["name"])}
    for several in (True, False):
        missing = sorted(names - here().held) if names else []
        for words in [missing] if several else ([name] for name in missing):
            if words:
                asked(["apt-mark", "hold", *words])
    return here().held


class Found:
    """Under which words apt installs packages that are missing: by name the name, or where its `.deb` lies.

    `renamed` are the new names of those that have one, `troubles` those that are not to be had: `away` is the
    trouble of what the pool alone does not offer.
    """

    def __init__(self, missing, said="", folder="", quietly=False, away=None):
        self.words, self.renamed, self.troubles = {}, {}, {}
        on_offer = policies([step["name"] for step in missing], quietly)
        lost = []
        for step in missing:
            name = step["name"]
            path = deb_of(step, folder) if not on_offer.get(name) and folder else ""
            if on_offer.get(name) == "pinned":
                self.troubles[name] = Trouble(
                    "a pin in /etc/apt/preferences.d keeps every version away",
                    "mend the pin",
                    "",
                    UNAVAILABLE,
                )
            elif on_offer.get(name) or path:
                self.words[name] = path or name
            else:
                lost.append(step)
        if away:
            self.troubles.update((step["name"], away) for step in lost)
        else:
            self.rename(lost, said, quietly)

    def rename(self, lost, said, quietly):
        """Look for the new names of packages that are not offered."""
        options = new_names(lost, quietly)
        for step in lost:
            name, new = step["name"], options.get(step["name"], [])
            if len(new) == 1:
                self.renamed[name] = new[0]
                self.words[new[0]] = new[0]
            else:
                self.troubles[name] = not_offered(step, new, said)


def new_names(lost, quietly):
    """Return the names under which packages may be had, by their old ones."""
    if not lost:
        return {}
    names = [step["name"] for step in lost]
    cache = ("apt-cache", *(WITHOUT_CACHE if quietly else ()))
    provided = providers(asked([*cache, "showpkg", *names]))
    known = frozenset(asked([*cache, "pkgnames"]).split())
    options = {
        step["name"]: choices(step["name"], step.get("version", ""), provided.get(step["name"], ()), known)
        for step in lost
    }
    on_offer = policies(sorted({new for some in options.values() for new in some}), quietly)
    return {
        name: [
            new
            for new in some
            if on_offer.get(new, "pinned") != "pinned"
            and (name in provided or fits(name, new, on_offer[new]))
        ]
        for name, some in options.items()
    }


def not_offered(step, new, said):
    """Return the trouble of a package that no source offers."""
    _, _, architecture = step["name"].partition(":")
    reason = f"no source offers it{f' for {architecture}' if architecture else ''}"
    remedy = "add its source, or look for its new name"
    source = of_source(said, [step["origin"].split()[0]], []) if step.get("origin") else None
    if source:
        reason, remedy = f"its source did not answer: {source[0]}", f"{source[1]}; then restore again"
    elif step.get("deb"):
        reason = f"{reason}; its file was {step['deb']}"
        remedy = "bring that file back, then restore again, or `apt install` it"
    elif new:
        remedy = f"install one of {', '.join(new)}"
    return Trouble(reason, remedy, "", UNAVAILABLE)


def deb_of(step, folder):
    """Return a copy, under a plain name, of the package's file that is where it was, or ""."""
    if not step.get("deb") or not step.get("deb_sha256"):
        return ""
    copy = os.path.join(folder, "debs", f"{step['name'].replace(':', '_')}.deb")
    try:
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copyfile(raw(step["deb"]), copy)
        with open(copy, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return ""
    return copy if digest == step["deb_sha256"] else ""


def brought(apt, found, protected, there, held):
    """Install what was found and is not `there`; return the trouble of each that could not be."""
    names = [name for name in found.words if name not in there]
    transactions = Transactions(apt, found.words, protected, held)
    transactions.install(names)
    again = [name for name, trouble in transactions.troubles.items() if trouble.kind == "fetch"]
    if not again or orphaned():
        return transactions.troubles
    # The index may be older than what its source has; or there is no network any more.
    _, said = apt.update()
    if reason := unreached(said):
        away = Trouble(reason, CONNECT, "fetch", DEFERRED, "network")
        return {**transactions.troubles, **dict.fromkeys(again, away)}
    second = Transactions(apt, found.words, protected, held)
    second.install(again)
    first = {name: trouble for name, trouble in transactions.troubles.items() if name not in again}
    return {**first, **second.troubles}


class Transactions:
    """Installs packages, and learns what stands in the way: the `troubles` by name.

    `words` are what apt is told of each, `protected` the names of what must not be removed for others.
    """

    def __init__(self, apt, words, protected, held):
        self.apt, self.words, self.protected = apt, words, frozenset(protected) | frozenset(words)
        self.options = ["--allow-change-held-packages"] if held & set(words) else []
        self.troubles, self.avoided, self.full_times = {}, {}, 0

    def install(self, names):
        """Install all that can be."""
        rest = list(names)
        while rest and not orphaned():
            code, plan = self.apt.plan(self.told(rest))
            robbed = removed(plan) & self.protected & here().there if code == 0 else ()
            if robbed:
                rest = self.halved(rest, f"E: it would remove {', '.join(sorted(robbed))}")
            elif code:
                rest = self.without(rest, {name: self.unmet(why) for name, why in unmet(plan).items()}, plan)
            elif short := lacking(plan):
                rest = self.in_part(rest, plan, *short)
            else:
                rest = self.left(rest, plan, *self.apt.install(self.told(rest), rest))

    def told(self, names):
        """Return what apt is told: what to install, and what not to take for it."""
        return [*self.options, *(self.words[name] for name in names), *(f"{name}-" for name in self.avoided)]

    def without(self, rest, troubles, said):
        """Blame whom apt or dpkg blames, nobody else; where they blame none, try halves."""
        blamed = {name: troubles[name] for name in rest if name in troubles}
        self.troubles.update(blamed)
        return [name for name in rest if name not in blamed] if blamed else self.halved(rest, said)

    def halved(self, rest, said):
        if len(rest) == 1:
            self.troubles[rest[0]] = Trouble(complaint(said))
        else:
            middle = (len(rest) + 1) // 2
            self.install(rest[:middle])
            self.install(rest[middle:])
        return []

    def unmet(self, why):
        """Return the trouble of what does not go with the rest; until a download failed, it all did."""
        for name, reason in self.avoided.items():
            if name in why.split() or len(self.avoided) == 1:
                return Trouble(f"it needs {name}: {reason}", "", "fetch")
        if self.avoided:
            return Trouble(f"what it needs was not to be downloaded: {why}", "", "fetch")
        return Trouble(why, "", "unmet")

    def in_part(self, rest, plan, reason, share):
        """Install the smallest ones that find room; none but what is left after them may try again."""
        self.apt.run([*APT_GET, "clean"])
        if len(rest) == 1:
            self.troubles[rest[0]] = Trouble(reason, "make room, then restore again", "room")
            return []
        part = smallest(rest, file_sizes(plan), share)
        self.install(part)
        rest = [name for name in rest if name not in part]
        if all(name in self.troubles and self.troubles[name].kind == "room" for name in part):
            self.troubles.update((name, self.troubles[part[0]]) for name in rest)
            return []
        return rest

    def left(self, rest, plan, code, said):
        """Return what is still to be tried after a transaction."""
        if code == 0 and not here().broken:
            there = here().there
            return (
                self.without([name for name in rest if name not in there], {}, said)
                if set(rest) - there
                else []
            )
        said += consistent(self.apt)
        there = here().there
        missing = [name for name in rest if name not in there]
        if not missing:
            return []
        lost = self.lost(plan, code, said, there)
        troubles = {name: Trouble(reason, "", "fetch") for name, reason in lost.items()}
        is_full = FULL.search(said) is not None
        for name, reason in unconfigured(said).items():
            troubles[own(name)] = no_room(reason) if is_full else Trouble(reason)
        if is_full:
            self.full_times += 1
            self.apt.run([*APT_GET, "clean"])
            if self.full_times > FULL_TIMES:
                self.troubles.update((name, no_room("the disk is full")) for name in missing)
                return []
        is_further = bool(lost) or len(missing) < len(rest)
        if is_further and not set(missing) & set(troubles):
            return missing
        return self.without(missing, troubles, said)

    def lost(self, plan, code, said, there):
        """Return what could not be downloaded, and avoid it from now on."""
        found = {own(name): reason for name, reason in unfetched(said).items()}
        if code == TOO_LATE:
            still = self.apt.plan(self.told(list(self.words)))[1]
            found = {
                own(name): "its download stood still" for name in {**file_sizes(plan), **file_sizes(still)}
            }
        found = {name: reason for name, reason in found.items() if name not in there | set(self.avoided)}
        self.avoided.update(found)
        return found


def no_room(reason):
    return Trouble(f"no room: {reason}", "make room, then restore again", "room")


def smallest(names, bytes_by_name, share):
    """Return the smallest of `names` that make up a share of all that is fetched: one at least, never all."""
    by_name = {own(name): size for name, size in bytes_by_name.items()}
    ordered = sorted(names, key=lambda name: by_name.get(name, 0))
    room, part = share * sum(by_name.values()), []
    for name in ordered[:-1]:
        room -= by_name.get(name, 0)
        if part and room < 0:
            break
        part.append(name)
    return part


def lacking(plan):
    """Return for want of what room a planned installation fails, and for which share of it there is room."""
    fetched, unpacked = sizes(plan)
    needs = {}
    for path, size in ((ARCHIVES, fetched), (PROGRAMS, unpacked + SPARE_BYTES if unpacked else 0)):
        device = os.stat(path).st_dev
        needs[device] = (path, needs.get(device, (path, 0))[1] + size)
    for path, size in needs.values():
        disk = os.statvfs(path)
        free = disk.f_bavail * disk.f_frsize
        if size > free:
            reason = f"it needs {megabytes(size)}, and the disk of {path} has {megabytes(free)} left"
            return reason, free / size
    return None


def megabytes(size):
    return f"{size / 1_000_000:.0f} MB"


def indexes(apt, sources, obeyed):
    """Fetch the indexes, whatever stands in the way.

    Return what apt said, the outcomes of the files that were set aside, and notes on the others.
    """
    apt.options, notes = without_dead_proxies(obeyed)
    set_aside = []
    _, said = apt.update()
    while len(set_aside) < SOURCES_SET_ASIDE and (bad := in_the_way(said, [*sources, *obeyed])):
        step, line = bad
        os.replace(raw(step["path"]), raw(step["path"]) + b".disabled")
        remedy = f"mend {step['path']}.disabled, and give it its name back"
        set_aside.append(outcome(step, FAILED, f"apt reads no sources with it: {line}", remedy))
        _, said = apt.update()
    if NOT_YET.search(said) and clock_is_set(apt, sources):
        _, said = apt.update()
    if unreached(said):
        time.sleep(AGAIN_SECONDS)
        _, said = apt.update()
    return said, set_aside, [*notes, *unread(sources, said)]


def in_the_way(said, steps):
    """Return the first file of ours for which apt reads no sources at all, with apt's words, or None."""
    for place, line in unreadable(said).items():
        for step in steps:
            is_it = step["path"] == place or any(same(uri, place) for uri in step.get("uris", ()))
            if is_it and os.path.lexists(raw(step["path"])):
                return step, line
    return None


def same(uri, other):
    return uri.rstrip("/") == other.rstrip("/")


def unread(sources, said):
    """Match apt's complaints to the sources whose addresses they name."""
    found = ((step, of_source(said, step["uris"], keys_of(step))) for step in sources)
    return [{"id": step["id"], "reason": told[0], "remedy": told[1]} for step, told in found if told]


def keys_of(step):
    """Return the files of the keys that a file of sources names."""
    with contextlib.suppress(OSError), open(raw(step["path"]), encoding="utf-8", errors="replace") as file:
        words = " ".join(SIGNED_BY.findall(file.read())).replace(",", " ").split()
        return sorted({word for word in words if word.startswith("/")})
    return []


def without_dead_proxies(obeyed):
    """Return the options to do without proxies that do not answer, and notes on the files that name them."""
    options, notes = [], []
    for key, proxy in dict(PROXY.findall(asked(["apt-config", "dump"]))).items():
        if answers(proxy):
            continue
        options += ["-o", f"{key}=DIRECT"]
        reason = f"the proxy {urllib.parse.urlsplit(proxy).hostname} does not answer: done without it"
        for step in obeyed:
            if tells(step["path"], proxy):
                remedy = f"take it out of {step['path']} if it is gone for good"
                notes.append({"id": step["id"], "reason": reason, "remedy": remedy})
    return options, notes


def answers(proxy):
    """Tell whether something listens where a proxy should be."""
    try:
        parts = urllib.parse.urlsplit(proxy)
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
        socket.create_connection((parts.hostname or "", port), PROXY_SECONDS).close()
    except (OSError, ValueError):
        return False
    return True


def tells(path, text):
    with contextlib.suppress(OSError), open(raw(path), "rb") as file:
        return text.encode() in file.read()
    return False


def clock_is_set(apt, sources):
    """Set a clock that is behind to what the servers of the sources say, and tell whether it was.

    Only forward: an index that has expired stays so. apt's own check is not turned off, for old indexes with
    known holes would pass then. Nothing is set where the server's clock shows that the index is wrong.
    """
    for uri in dict.fromkeys(uri for step in sources for uri in step["uris"]):
        if (told := date_of(uri)) > time.time() + DAY_SECONDS:
            try:
                time.clock_settime(time.CLOCK_REALTIME, told)
            except OSError:
                return False
            say(apt.progress, f"the clock was behind: it is {email.utils.formatdate(told)} now")
            return True
    return False


def date_of(uri):
    """Return the time that a server says it is, 0 if it says none."""
    if not uri.startswith(("http://", "https://")):
        return 0
    parts = urllib.parse.urlsplit(uri)
    # Certificates are not valid yet either; the hour is nobody's secret.
    place = urllib.parse.urlunsplit(("http", parts.hostname or "", "/", "", ""))
    if parts.port and parts.scheme == "http":
        place = f"http://{parts.hostname}:{parts.port}/"
    opener = urllib.request.build_opener(NoRedirect)
    try:
        answered = opener.open(urllib.request.Request(place, method="HEAD"), timeout=DATE_SECONDS)
    except urllib.error.HTTPError as error:
        answered = error
    except (OSError, ValueError):
        return 0
    try:
        return email.utils.parsedate_to_datetime(answered.headers.get("Date", "")).timestamp()
    except (TypeError, ValueError):
        return 0


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirection has a date, too."""

    def redirect_request(self, *_):
        return None


if __name__ == "__main__":
    main()
