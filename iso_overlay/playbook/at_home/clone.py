r"""How does a git repository come back where other files may be?

All is done in place, and what is done already is not done again: HEAD is on the branch `rekindle-unfinished`
until the rest is there, so that whoever looks sees that it is not. A file that is there is never overwritten;
in a home it is kept beside the repository's as `NAME.before-restore`, unless the system laid it there.

The only word is JSON: `path` and `git_dir`, absolute; `home` where that is the work tree; `bare`; `init`,
what makes the repository if git does not; `remotes` ([name, address, address to push to]); `branch`;
`commit`; `default_branch`, whichever the remote has; `worktrees` ([path, branch]); `submodules`; `lfs`;
`leave`, paths in the work tree that come back otherwise; `links` ([path, target]); `notes` ([what is told,
what a person can do]). Names are escaped: `\xNN` is one byte.
"""

import contextlib
import fcntl
import glob
import json
import os
import re
import shutil
import subprocess
import sys

UNFINISHED = b"refs/heads/rekindle-unfinished"
KEPT = b".before-restore"
SKELETON, SKELETON_OF_ROOT = b"/etc/skel", b"/usr/share/base-files/dot"
# No program named in an address; a module of a clone may lie in a folder only where the machine allows it.
MODULES = (
    "protocol.allow=never",
    *(f"protocol.{each}.allow=always" for each in ("https", "http", "ssh", "git")),
)
SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    *MODULES,
)
ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=30 -oServerAliveInterval=30",
    "GIT_HTTP_LOW_SPEED_LIMIT": "1000",
    "GIT_HTTP_LOW_SPEED_TIME": "60",
}
PASSWORD = re.compile(rb"(?<=://)[^/@]*@")
SHORT = 12


class RefusedError(Exception):
    """Why it does not come back, and what a person can do."""

    def __init__(self, reason, remedy):
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


class Repository:
    """A repository, and what is told of it in the end."""

    def __init__(self, path, git_dir, bare=False):
        self.path, self.git_dir, self.bare = path, git_dir, bare
        self.notes, self.remedies = [], []

    def git(self, *words, config=(), **options):
        """Run git, and return what it prints; raises CalledProcessError."""
        place = ["--git-dir", self.git_dir] + ([] if self.bare else ["--work-tree", self.path])
        settings = [word for each in (*SETTINGS, *config) for word in ("-c", each)]
        return subprocess.run(
            ["git", *settings, *place, *words],
            cwd=self.path,
            env={**os.environ, **ENVIRONMENT},
            stdin=None if "input" in options else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=True,
            **options,
        ).stdout

    def tries(self, *words, **options):
        """Run git, and return what it prints, None where it fails."""
        try:
            return self.git(*words, stderr=subprocess.DEVNULL, **options)
        except subprocess.CalledProcessError:
            return None

    def commit(self, name):
        """Return the commit that a name stands for, b"" for none."""
        return (self.tries("rev-parse", "--verify", "--quiet", name + b"^{commit}") or b"").strip()

    def head(self):
        """Return the ref that HEAD names, b"" where it is detached."""
        return (self.tries("symbolic-ref", "--quiet", "HEAD") or b"").strip()

    def tell(self, note, remedy):
        self.notes.append(note)
        self.remedies.append(remedy)


def main():
    told = json.loads(sys.argv[1])
    try:
        repository = brought_back(told)
    except RefusedError as refused:
        say("failed", refused.reason, refused.remedy)
        sys.exit(1)
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode if 0 < error.returncode < 124 else 1)
    if repository.notes:
        say("restored", "; ".join(repository.notes), "; ".join(dict.fromkeys(repository.remedies)))


def say(state, reason, remedy):
    """Tell what became of it, in a line that whoever runs this looks for."""
    sys.stdout.flush()
    print("rekindle: " + json.dumps({"state": state, "reason": reason, "remedy": remedy}), flush=True)


def brought_back(told):
    path, git_dir = raw(told["path"]), raw(told["git_dir"])
    repository = Repository(path, git_dir, told["bare"])
    made = not os.path.lexists(path)
    os.makedirs(path, exist_ok=True)
    # Another section may be at work on the same clone.
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    init(repository, told)
    if repository.head() == UNFINISHED:
        try:
            fetched(repository, told)
        except subprocess.CalledProcessError:
            clear(repository, made)
            raise
        finish(repository, told)
    else:
        complete(repository, told)
    for link in told["links"]:
        linked(repository, *map(raw, link))
    for note, remedy in told["notes"]:
        repository.tell(note, remedy)
    return repository


def init(repository, told):
    """Make the repository unless it is there; one without a commit or a remote is as none."""
    head = os.path.join(repository.git_dir, b"HEAD")
    is_new = not os.path.exists(head)
    if is_new and told["init"]:
        subprocess.run(
            [raw(word) for word in told["init"]], cwd=repository.path, check=True, stdout=subprocess.DEVNULL
        )
    elif is_new:
        kind = ["--bare"] if told["bare"] or told["home"] else []
        place = repository.git_dir if kind else repository.path
        if told["home"] and os.path.basename(repository.git_dir) == b".git":
            kind, place = [], repository.path
        subprocess.run(["git", "init", "--quiet", *kind, "--", place], check=True, stdin=subprocess.DEVNULL)
    is_begun = os.path.exists(os.path.join(repository.git_dir, b"index"))
    if is_new or not (is_begun or repository.commit(b"HEAD") or repository.tries("remote")):
        repository.git("symbolic-ref", "HEAD", UNFINISHED)
    if is_new and told["home"]:
        repository.git("config", "status.showUntrackedFiles", "no")


def clear(repository, made):
    """Leave nothing of a repository of which nothing came."""
    if repository.commit(UNFINISHED) or repository.tries("for-each-ref"):
        return
    shutil.rmtree(repository.git_dir, ignore_errors=True)
    if made:
        with contextlib.suppress(OSError):
            os.rmdir(repository.path)


def with_remotes(repository, told):
    """Add the remotes that are missing, and where to push; return their names, the first to fetch from."""
    there = set((repository.tries("remote") or b"").split(b"\n"))
    for name, url, push_url in ([raw(word) for word in each] for each in told["remotes"]):
        if name not in there:
            repository.git("remote", "add", "--", name, url)
            if told["bare"]:
                repository.tries("config", "--unset-all", b"remote.%s.fetch" % name)
        if push_url and not repository.tries("config", b"remote.%s.pushurl" % name):
            repository.git("config", b"remote.%s.pushurl" % name, push_url)
    names = [raw(name) for name, *_ in told["remotes"]]
    return sorted(names, key=lambda name: name != b"origin")


def fetched(repository, told):
    """Fetch from the first remote."""
    fetch(repository, with_remotes(repository, told)[0], told["bare"])


def fetch(repository, remote, bare, **options):
    refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*") if bare else ()
    repository.git("fetch", "--quiet", "--", remote, *refs, config=("protocol.file.allow=always",), **options)


def finish(repository, told):
    """Bring everything else, HEAD last."""
    first, *others = with_remotes(repository, told)
    if told["bare"]:
        repository.git("pack-refs", "--all")
    else:
        repository.tries("remote", "set-head", first, "--auto", config=("protocol.file.allow=always",))
    branch = wanted_branch(repository, told, first)
    commit, upstream = started(repository, branch, raw(told["commit"]), first, others, told["bare"])
    if commit and not told["bare"]:
        repository.git("update-ref", UNFINISHED, commit)
        populated(repository, told)
        with_parts(repository, told)
        with_worktrees(repository, told, first, others)
    elif told["worktrees"] and commit:
        with_worktrees(repository, told, first, others)
    if not branch and commit:
        repository.git("update-ref", "--no-deref", "HEAD", commit)
    else:
        if commit and not (told["bare"] and repository.commit(b"refs/heads/" + branch)):
            repository.git("update-ref", b"refs/heads/" + branch, commit)
        if upstream:
            repository.git("config", b"branch.%s.remote" % branch, upstream)
            repository.git("config", b"branch.%s.merge" % branch, b"refs/heads/" + branch)
        repository.git("symbolic-ref", "HEAD", b"refs/heads/" + branch)
    repository.tries("update-ref", "-d", UNFINISHED)


def wanted_branch(repository, told, first):
    """Return the name of the branch, b"" where HEAD is to be detached; raises RefusedError."""
    branch = raw(told["branch"])
    if told["default_branch"]:
        head = repository.tries("symbolic-ref", "--quiet", b"refs/remotes/%s/HEAD" % first) or b""
        branch = head.strip()[len(b"refs/remotes/%s/" % first) :] or b"main"
    if (
        branch and repository.tries("check-ref-format", b"refs/heads/" + branch) is None
    ) or branch.startswith(b"-"):
        raise RefusedError("its branch has a name that git takes for none", "clone it by hand")
    return branch


def started(repository, branch, commit, first, others, bare):
    """Return at which commit a branch begins, or for b"" a detached HEAD, and the remote that has it."""
    refs = b"refs/heads/%s" if bare else b"refs/remotes/%s/%s"
    upstream = ""
    if not bare and branch:
        upstream = next((each for each in (first, *others) if repository.commit(refs % (each, branch))), b"")
        upstream = upstream or elsewhere(repository, branch, others)
    if commit and repository.commit(commit):
        return commit, upstream
    tip = (
        repository.commit(refs % branch)
        if bare
        else repository.commit(refs % (upstream or first, branch or b"HEAD"))
    )
    tip = tip or fallback(repository, first)
    if commit and tip:
        what = f"commit {shown(commit[:SHORT])} was never pushed or is gone"
        place = f"{shown(branch)} is" if branch else "HEAD is"
        repository.tell(
            f"{what}: {place} at {shown(tip[:SHORT])}", "push it from the old disk, if that still reads"
        )
    return tip, upstream


def elsewhere(repository, branch, others):
    """Return which other remote has a branch."""
    for remote in others:
        with contextlib.suppress(subprocess.CalledProcessError):
            fetch(repository, remote, False, stderr=subprocess.DEVNULL)
        if repository.commit(b"refs/remotes/%s/%s" % (remote, branch)):
            return remote
    return b""


def fallback(repository, first):
    """Return the commit of the branch that the remote names, or of any that it has; b"" where it is empty."""
    known = repository.commit(b"refs/remotes/%s/HEAD" % first)
    if known:
        return known
    every = (
        repository.tries("for-each-ref", "--format=%(objectname)", b"refs/remotes/%s" % first, "refs/heads")
        or b""
    )
    return every.split(b"\n")[0]


def populated(repository, told):
    """Write the files that are missing; those that differ are kept in a home, elsewhere left as they are."""
    repository.git("read-tree", "HEAD")
    repository.tries("update-index", "-q", "--refresh")
    leave = {raw(each) for each in told["leave"]}
    changed = set(listed(repository, "diff-files", "--name-only", "--diff-filter=MT", "-z")) - leave
    if told["home"]:
        for name in sorted(changed):
            make_room(repository, name)
    elif changed:
        repository.tell(
            f"files that were there already are as they were: {few(changed)}", "look at them with `git diff`"
        )
    missing = sorted(set(listed(repository, "ls-files", "--deleted", "-z")) - leave)
    repository.git("checkout-index", "-z", "--stdin", input=b"".join(each + b"\0" for each in missing))
    repository.tries("update-index", "-q", "--refresh")


def listed(repository, *words):
    return filter(None, repository.git(*words).split(b"\0"))


def make_room(repository, name):
    """Take a file out of the way of the repository's, and keep it unless the system laid it there."""
    path = os.path.join(repository.path, name)
    if not is_laid(path, name):
        kept = put_aside(path)
        repository.tell(
            f"what was there is kept as {shown(os.path.basename(kept))}", "compare the two, then remove one"
        )
    else:
        os.unlink(path)


def is_laid(path, name):
    """Tell whether a file of a home is as new homes have it, or empty."""
    if os.path.islink(path) or not os.path.isfile(path):
        return False
    own = content_of(path)
    return own == b"" or own in (
        content_of(os.path.join(SKELETON, name)),
        content_of(SKELETON_OF_ROOT + name),
    )


def content_of(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def put_aside(path):
    """Rename what is at a path, and return its new one."""
    number = 0
    while os.path.lexists(kept := path + KEPT + (b".%d" % number if number else b"")):
        number += 1
    os.rename(path, kept)
    return kept


def with_parts(repository, told):
    """Bring submodules and what Git LFS keeps; what of them does not come is told."""
    where = f"git -C {shown(repository.path)}"
    if told["submodules"]:
        done = subprocess.run(
            [
                "git",
                *(word for each in SETTINGS for word in ("-c", each)),
                "submodule",
                "--quiet",
                "update",
                "--init",
                "--recursive",
            ],
            cwd=repository.path,
            env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        if done.returncode:
            repository.tell(
                f"not all submodules came: {last_line(done.stderr)}", f"{where} submodule update --init"
            )
    if told["lfs"]:
        remedy = f"install git-lfs, then `{where} lfs pull`"
        if repository.tries("lfs", "version") is None:
            repository.tell("without git-lfs here its large files are only named", remedy)
        elif repository.tries("lfs", "pull", config=("protocol.file.allow=always",)) is None:
            repository.tell("its large files did not come", f"{where} lfs pull")


def with_worktrees(repository, told, first, others):
    """Add the linked worktrees that are missing, and write their files where they have none."""
    there = {
        os.path.dirname(content_of(each).strip())
        for each in glob.glob(glob.escape(repository.git_dir) + b"/worktrees/*/gitdir")
    }
    for path, branch in ([raw(word) for word in each] for each in told["worktrees"]):
        if path not in there or not os.path.exists(os.path.join(path, b".git")):
            add_worktree(repository, path, branch, first, others)
        elif repository.head() != UNFINISHED:
            continue
        git_dir = content_of(os.path.join(path, b".git"))[len(b"gitdir: ") :].strip()
        tree = Repository(path, git_dir)
        populated(tree, {**told, "leave": []})
        repository.notes += tree.notes
        repository.remedies += tree.remedies


def add_worktree(repository, path, branch, first, others):
    name = b"refs/heads/" + branch
    if branch and repository.tries("check-ref-format", name) is None:
        raise RefusedError(
            f"the branch of worktree {shown(path)} has a name that git takes for none", "add it by hand"
        )
    if os.path.isdir(path) and os.listdir(path):
        raise RefusedError(
            f"files are where its worktree {shown(path)} goes", "move them away, then restore again"
        )
    if branch and not repository.commit(name):
        commit, upstream = started(repository, branch, b"", first, others, repository.bare)
        repository.git("update-ref", name, commit)
        if upstream:
            repository.git("config", b"branch.%s.remote" % branch, upstream)
            repository.git("config", b"branch.%s.merge" % branch, name)
        else:
            remedy = "push it from the old disk, if that still reads"
            repository.tell(
                f"branch {shown(branch)} was never pushed: it begins at {shown(commit[:SHORT])}", remedy
            )
    repository.tries("worktree", "prune")
    kind, at = ([], branch) if branch else (["--detach"], b"HEAD")
    repository.git("worktree", "add", "--no-checkout", *kind, "--", path, at)


def complete(repository, told):
    """Add what a clone that is there lacks; raises RefusedError for another one, or another branch."""
    urls = {without_password(raw(url)) for _, url, _ in told["remotes"]}
    said = repository.tries("config", "--get-regexp", "-z", r"^remote\..*\.url$") or b""
    there = {without_password(each.partition(b"\n")[2]) for each in said.split(b"\0") if each}
    if not urls & there:
        other = f"of {few(there)}" if there else "with commits and without a remote"
        raise RefusedError(f"another clone {other} is there", "move it away, then restore again")
    first, *others = with_remotes(repository, told)
    with_worktrees(repository, told, first, others)
    branch, head = raw(told["branch"]), repository.head()
    if not told["default_branch"] and head != (b"refs/heads/" + branch if branch else b""):
        what = shown(head[len(b"refs/heads/") :]) if head else "no branch"
        remedy = f"git -C {shown(repository.path)} switch {shown(branch) or '--detach'}"
        raise RefusedError(f"it is there already, on {what}", remedy)


def linked(repository, path, target):
    """Make a link; another thing that is there is kept, unless the system laid it there."""
    if os.path.islink(path) and os.readlink(path) == target:
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        name = os.path.basename(path)
        if is_laid(path, name):
            os.unlink(path)
        else:
            repository.tell(
                f"what was there is kept as {shown(os.path.basename(put_aside(path)))}",
                "compare the two, then remove one",
            )
    os.symlink(target, path)


def without_password(url):
    return PASSWORD.sub(b"", url).partition(b"?")[0]


def few(names):
    every = sorted(map(shown, names))
    return ", ".join(every[:3]) + (f" and {len(every) - 3} more" if len(every) > 3 else "")


def last_line(said):
    lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "git did not say why"


def shown(name):
    r"""Return bytes as text in one line: what does not show is `\xNN`."""
    text = name.decode(errors="backslashreplace")
    return "".join(
        each if each.isprintable() else "".join(f"\\x{byte:02x}" for byte in each.encode()) for each in text
    )


def raw(name):
    return re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), name.encode())


if __name__ == "__main__":
    main()
