"""Why commands fail, by what tools really say: which state it comes to, and the line that tells it."""

from __future__ import annotations

import pytest

from tests.unit.restore.playbook import shared

complaints = shared("complaints")

NPM_404 = """npm ERR! code E404
npm ERR! 404 Not Found - GET https://registry.npmjs.org/no-such-x - Not found
npm ERR! 404
npm ERR! 404  'no-such-x@*' is not in this registry.
npm ERR! 404 Note that you can also install from a

npm ERR! A complete log of this run can be found in:
npm ERR!     /home/ada/.npm/_logs/2024-05-10T10_00_00_000Z-debug-0.log
"""
NPM_SCRIPT = """npm WARN deprecated har-validator@5.1.5: this library is no longer supported
npm ERR! code 1
npm ERR! path /home/ada/.npm-global/lib/node_modules/sharp
npm ERR! command failed
npm ERR! command sh -c node-gyp rebuild
npm ERR! A complete log of this run can be found in: /home/ada/.npm/_logs/x-debug-0.log
"""
NPM_OFFLINE = """npm ERR! code EAI_AGAIN
npm ERR! syscall getaddrinfo
npm ERR! errno EAI_AGAIN
npm ERR! request to https://registry.npmjs.org/x failed, reason: getaddrinfo EAI_AGAIN registry.npmjs.org
"""
PIPX = """Fatal error from pip prevented installation. Full pip output in file:
    /home/ada/.local/pipx/logs/cmd_2024-05-10_10.00.00_pip_errors.log

Some possibly relevant errors from pip install:
    ERROR: Could not find a version that satisfies the requirement no-such-x (from versions: none)
    ERROR: No matching distribution found for no-such-x

Error installing no-such-x.
"""
PIP_CUT = """WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'
ERROR: Could not find a version that satisfies x: [Errno -3] Temporary failure in name resolution
"""
PIP_DIED = """Traceback (most recent call last):
  File "/usr/lib/python3/dist-packages/pip/_internal/x.py", line 3, in run
PermissionError: [Errno 13] Permission denied: '/home/ada/.local/lib'
"""
CARGO = "\x1b[1m\x1b[31merror\x1b[0m: could not find `rg2` in registry `crates-io` with version `*`\n"
SNAP = 'error: snap "no-such" not found\n'
FLATPAK = "Looking for matches…\nerror: No remote refs found for \u2018org.example.Gone\u2019\n"
CONDA = """Collecting package metadata (repodata.json): ...working... done
Solving environment: ...working... failed

PackagesNotFoundError: The following packages are not available from current channels:
  - no-such
"""
DOCKER = (
    "Error response from daemon: manifest for postgres:99 not found: manifest unknown: manifest unknown\n"
)
DENIED = (
    "Error response from daemon: pull access denied for kiln/own, repository does not exist or may require "
    "'docker login': denied: requested access to the resource is denied\n"
)
GIT = "fatal: could not read Username for 'https://example.org': terminal prompts disabled\n"
SSH = "git@example.org: Permission denied (publickey).\nfatal: Could not read from remote repository.\n"
GIT_CUT = "fatal: unable to access 'https://example.org/x/': Could not resolve host: example.org\n"
GEM = "ERROR:  Could not find a valid gem 'no-such' (>= 0) in any repository\n"
NVM = "Version 'v99.0.0' not found - try `nvm ls-remote` to browse available versions.\n"
PYENV = (
    "python-build: definition not found: 9.9.9\n\nSee all available versions with `pyenv install --list'.\n"
)
CODE = (
    "Installing extensions...\nExtension 'ada.none' not found.\n"
    "Make sure you use the full extension ID\nFailed Installing Extensions: ada.none\n"
)
PODMAN = (
    "Trying to pull localhost/x:1...\nError: initializing source docker://localhost/x:1: pinging container "
    'registry localhost: Get "https://localhost/v2/": dial tcp 127.0.0.1:443: connect: connection refused\n'
)

TOLD = [
    (NPM_404, "unavailable", "404 Not Found - GET https://registry.npmjs.org/no-such-x - Not found"),
    (NPM_SCRIPT, "failed", "command failed"),
    (NPM_OFFLINE, "deferred", "request to https://registry.npmjs.org/x failed"),
    (PIPX, "unavailable", "ERROR: Could not find a version that satisfies the requirement no-such-x"),
    (PIP_CUT, "deferred", "ERROR: Could not find a version that satisfies x: [Errno -3]"),
    (PIP_DIED, "failed", "PermissionError: [Errno 13] Permission denied: '/home/ada/.local/lib'"),
    (CARGO, "unavailable", "error: could not find `rg2` in registry `crates-io`"),
    (SNAP, "unavailable", 'error: snap "no-such" not found'),
    (FLATPAK, "unavailable", "error: No remote refs found for"),
    (CONDA, "unavailable", "PackagesNotFoundError: The following packages are not available"),
    (DOCKER, "unavailable", "Error response from daemon: manifest for postgres:99 not found"),
    (DENIED, "deferred", "Error response from daemon: pull access denied for kiln/own"),
    (GIT, "deferred", "fatal: could not read Username for 'https://example.org'"),
    (SSH, "deferred", "git@example.org: Permission denied (publickey)."),
    (GIT_CUT, "unavailable", "fatal: unable to access 'https://example.org/x/': Could not resolve host"),
    (GEM, "unavailable", "ERROR:  Could not find a valid gem 'no-such'"),
    (NVM, "unavailable", "Version 'v99.0.0' not found"),
    (PYENV, "unavailable", "python-build: definition not found: 9.9.9"),
    (CODE, "unavailable", "Extension 'ada.none' not found."),
    (PODMAN, "unavailable", "Error: initializing source docker://localhost/x:1"),
    ("", "failed", "it ended with 3"),
    ("just this\n", "failed", "just this"),
]


@pytest.mark.parametrize(("said", "state", "reason"), TOLD)
def test_what_a_tool_says_is_told_in_one_line(
    said: str, state: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(complaints, "has_route", lambda: True)
    refusal = complaints.refused(3, said, 60)
    assert (refusal.state, refusal.reason[: len(reason)]) == (state, reason)
    assert "\n" not in refusal.reason


def test_of_what_is_missing_the_outermost_is_named() -> None:
    refusal = complaints.lacking(["docker", "/src/shop", "/src/shop/compose.yaml"])
    assert refusal.reason == "no docker and /src/shop here"


@pytest.mark.parametrize("said", [GIT_CUT, PODMAN, NPM_OFFLINE])
def test_without_a_route_all_that_fetches_waits_for_the_network(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(complaints, "has_route", lambda: False)
    assert complaints.refused(1, said, 60).until == "network"


def test_what_needs_a_secret_waits_for_it() -> None:
    assert {complaints.refused(1, said, 60).until for said in (DENIED, GIT, SSH)} == {"secret"}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("https://ada:p%40ss@example.org/x", "https://***@example.org/x"),
        ("https://tok3n@example.org", "https://***@example.org"),
        ("ssh://git@example.org/x", "ssh://***@example.org/x"),
        ("https://example.org/x?a=1&api_token=s3cr3t&b=2", "https://example.org/x?a=1&api_token=***&b=2"),
        ("Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30", "Authorization: Bearer ***"),
        (
            "see https://example.org/a and mail ada@example.org",
            "see https://example.org/a and mail ada@example.org",
        ),
        ("a basic installation", "a basic installation"),
    ],
)
def test_credentials_are_masked_and_nothing_else(said: str, shown: str) -> None:
    assert complaints.masked(said) == shown


@pytest.mark.parametrize("said", ["curl: (28) Operation timed out", "read ECONNRESET", GIT_CUT])
def test_what_may_pass_is_worth_another_try(said: str) -> None:
    assert complaints.is_passing(said)
    assert not complaints.is_passing(NPM_404 + PYENV + CARGO)
