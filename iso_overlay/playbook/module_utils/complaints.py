"""Why did a command fail, by what it said? Stdlib only: it runs on the target's bare python3."""

from __future__ import annotations

import re

from ansible.module_utils.rekindle import DEFERRED, FAILED, UNAVAILABLE, has_route, outcome

REASON_LETTERS = 300
# What timeout(1) ends with.
TOOK_TOO_LONG = 124
CONNECT = "connect the network and restart: it goes on by itself"
UNLOCK = "run `rekindle secrets unlock`: it goes on by itself"


def any_of(*parts):
    return re.compile("|".join(parts), re.IGNORECASE)


# Without a password, a key or a login nothing comes.
NO_ENTRY = any_of(
    *(r"permission denied \(", r"could not read (username|password)", r"host key verification failed"),
    *(r"authentication (failed|(is )?required)", r"terminal prompts disabled", r"http basic: access denied"),
    *(r"\b401\b.*(unauthorized|error)", r"\bE401\b", r"may require 'docker login'", r"unauthorized: "),
    r"no secret with name",
)
# A resolver that has nobody to ask, whatever the route.
NO_RESOLVER = any_of(r"temporary failure (in name )?resol", r"\bEAI_AGAIN\b")
NO_NETWORK = any_of(
    *(r"could(n't| not) resolve", r"temporary failure", r"name or service not known", r"getaddrinfo"),
    *(r"network is unreachable", r"no route to host", r"connection refused", r"no such host", r"dns error"),
    *(r"couldn't connect to server", r"failed to connect to", r"server misbehaving"),
    r"\b(EAI_AGAIN|ENOTFOUND|ENETUNREACH|EHOSTUNREACH|ECONNREFUSED)\b",
)
# What may be over in a moment.
PASSING = any_of(
    *(r"timed? ?out", r"connection (was )?reset", r"ECONNRESET", r"unexpected EOF", r"tls handshake"),
    *(
        r"too many requests",
        r"\b(429|50[0234])\b.*(error|unavailable|gateway|limit)",
        r"error: (429|50[0234])\b",
    ),
    *(r"change in progress", r"try again later"),
)
# Whoever was asked has no such thing.
UNKNOWN = any_of(
    *(r"\b404\b.{0,20}not found", r"error:? 404", r"\bE404\b", r"\bETARGET\b", r"unknown revision"),
    *(r"no matching (distribution|version)", r"could not find (a version|a valid gem|`.*` in registry)"),
    *(r"not found in (the )?(package )?registry", r"no available (formula|cask)", r"definition not found"),
    *(r"packagesnotfounderror", r"resolvepackagenotfound", r"no remote refs found", r"nothing matches"),
    *(r"snap \".*\" not found", r"manifest( for .*)? (unknown|not found)", r"no such (image|remote)"),
    *(r"does not appear to be a git repository", r"\brepository not found"),
    *(r"repository .* (does not exist|not found)", r"extension '.*' not found", r"version '.*' not found"),
    *(r"is not in this registry", r"couldn't find (any versions|package)", r"FETCH_404"),
    *(r"unknown plugins?: ", r"toolchain '.*' is not installable", r"could not download nonexistent"),
)
# Lines that say only that something went wrong, or where more is written down.
EMPTY = any_of(
    *(r"complete log of this run", r"full pip output", r"^code E\w+$", r"^(npm )?warn", r"^(errno|syscall) "),
    *(r"possibly relevant errors", r"^(note|hint|usage):", r"debug\.log$", r"^failed installing extensions"),
    r"^traceback \(",
)
COMPLAINT = any_of(
    *(r"\w*(error|exception)\b", r"\b(fatal|failed|failure|cannot|can't|could not|unable|denied)\b"),
    *(r"not found", r"no such"),
)
BEFORE = re.compile(r"^(npm (ERR!|error)|\[ERROR\])\s*")
COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# What stands before the host in an address, what follows `token=`, what a header carries.
CREDENTIALS = (
    re.compile(r"(?P<before>[A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s'\"@]+(?=@)"),
    re.compile(r"(?i)(?P<before>[?&][\w-]*(?:token|passw|secret|signature|key|sig)[\w-]*=)[^&#\s'\"]+"),
    re.compile(r"(?i)(?P<before>\b(?:bearer|basic) )[A-Za-z0-9+/=._~-]{16,}"),
)


class Refusal:
    """Why a command brought nothing back; `remedy` is "" where the item's own command is meant."""

    def __init__(self, state, reason, remedy="", until=""):
        self.state, self.reason, self.remedy, self.until = state, reason, remedy, until

    def of(self, step):
        """Return the outcome of a step."""
        by_hand = f"by hand: {step['by_hand']}" if step["by_hand"] else "read the log, then restore again"
        return outcome(step, self.state, self.reason, self.remedy or by_hand, until=self.until)


def lacking(missing):
    """Return the refusal for want of programs, or of files where there is a `/` in the name."""
    inside = [name for name in missing if any(name.startswith(f"{other}/") for other in missing)]
    names = " and ".join(name for name in missing if name not in inside)
    verb = "put back" if "/" in names else "install"
    return Refusal(UNAVAILABLE, f"no {names} here", f"{verb} {names}, then restore again")


def refused(code, said, seconds):
    """Return why a command that had so many `seconds` failed, by its code and what it `said`."""
    if code == TOOK_TOO_LONG:
        return Refusal(FAILED, f"it took longer than {seconds} s")
    if NO_ENTRY.search(said):
        return Refusal(DEFERRED, line_with(NO_ENTRY, said), UNLOCK, "secret")
    if NO_RESOLVER.search(said) or (NO_NETWORK.search(said) and not has_route()):
        return Refusal(DEFERRED, line_with(NO_NETWORK, said), CONNECT, "network")
    for pattern in (UNKNOWN, NO_NETWORK):
        if pattern.search(said):
            return Refusal(UNAVAILABLE, line_with(pattern, said))
    return Refusal(FAILED, line_with(COMPLAINT, said) or f"it ended with {code}")


def is_passing(said):
    """Tell whether what a command said may be otherwise in a moment."""
    return bool(NO_NETWORK.search(said) or PASSING.search(said))


def line_with(pattern, said):
    """Return the first line that a pattern is in and that tells something, else the last one that does."""
    lines = [BEFORE.sub("", COLOUR.sub("", line).strip()) for line in said.splitlines()]
    telling = [line for line in lines if line and not EMPTY.search(line)]
    found = [line for line in telling if pattern.search(line)]
    return (found or telling[-1:] or [""])[0][:REASON_LETTERS]


def masked(text):
    """Return a text without the credentials in it."""
    for pattern in CREDENTIALS:
        text = pattern.sub(lambda found: f"{found['before']}***", text)
    return text
