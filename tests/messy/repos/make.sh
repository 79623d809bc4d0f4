# Ada's and Bob's clones, in every state in which work is lost or is not. Addresses are elsewhere, and git goes to
# /srv/git for them.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_COUNT=3
export GIT_CONFIG_KEY_0=init.defaultBranch GIT_CONFIG_VALUE_0=main
export GIT_CONFIG_KEY_1=url.file:///srv/git/.insteadOf GIT_CONFIG_VALUE_1=https://git.example.org/
export GIT_CONFIG_KEY_2=protocol.file.allow GIT_CONFIG_VALUE_2=always
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.org GIT_AUTHOR_DATE=2024-04-01T12:00:00Z
export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.org GIT_COMMITTER_DATE=2024-04-01T12:00:00Z
home=/home/ada
work=$home/work
remote=https://git.example.org
user=ada
as() { runuser -u $user -- "$@"; }
put() { as mkdir -p "$(dirname "$1")" && as tee "$1" > /dev/null; }
in_() { as git -C "$@"; }
# clone, file: its content is its name
commit() {
    printf '%s\n' "$2" | put "$1/$2"
    in_ "$1" add -- "$2"
    in_ "$1" commit --quiet --message "$2"
}
# name in /srv/git: with one commit
origin() {
    as git init --quiet --bare "/srv/git/$1.git"
    as git clone --quiet "/srv/git/$1.git" /tmp/origin 2> /dev/null
    commit /tmp/origin README
    in_ /tmp/origin push --quiet origin main
    rm -r /tmp/origin
}
# name: a clone of $remote/<name>.git in $work
cloned() {
    origin "$1"
    as mkdir -p $work
    as git clone --quiet $remote/"$1".git "$work/$1"
}
install -d -m 1777 /srv/git
cd /

# Nothing is lost: pushed, with a fork and another address to push to; only the newest commit; bare; still empty; LFS
cloned pushed
in_ $work/pushed remote add fork git@git.example.org:ada/fork.git
in_ $work/pushed remote add 'löw.$(id)' $remote/low.git
in_ $work/pushed remote set-url --push origin ssh://git@git.example.org/ada/pushed.git
in_ $work/pushed switch --quiet --create side
in_ $work/pushed push --quiet --set-upstream $remote/pushed.git side
in_ $work/pushed update-ref refs/remotes/origin/side HEAD
in_ $work/pushed config branch.side.remote origin
: | put $work/pushed/.env.example
: | put $work/pushed/node_modules/x/index.js
printf 'node_modules\n.env.example\n' >> $work/pushed/.git/info/exclude
origin shallow
as git clone --quiet --depth 1 $remote/shallow.git $work/shallow
as git clone --quiet --bare $remote/shallow.git $work/bare.git
as git init --quiet --bare /srv/git/blank.git
as git clone --quiet $remote/blank.git $work/blank 2> /dev/null
as git init --quiet $work/begun
cloned pictures
printf '*.psd filter=lfs diff=lfs merge=lfs -text\n' | put $work/pictures/.gitattributes
in_ $work/pictures add .gitattributes
in_ $work/pictures commit --quiet --message attributes
in_ $work/pictures push --quiet

# Commits: on a branch, on one that was never pushed, on one whose upstream is gone, on none, in bob's home
cloned unpushed
commit $work/unpushed one
commit $work/unpushed two
cloned branch
in_ $work/branch switch --quiet --create 'lö"w/$(id)'
commit $work/branch one
in_ $work/branch switch --quiet main
cloned gone
in_ $work/gone switch --quiet --create gone
commit $work/gone one
in_ $work/gone push --quiet --set-upstream origin gone
in_ $work/gone push --quiet origin :gone
cloned detached
in_ $work/detached switch --quiet --detach
commit $work/detached one

# Work: a stash, a change, a new file with a hard name, one that git ignores with a password in it, a conflict
cloned stashed
printf 'changed\n' | put $work/stashed/README
in_ $work/stashed stash --quiet
cloned modified
printf 'changed\n' | put $work/modified/README
cloned untracked
: | put "$(printf $work/untracked/'new\nl\303\266w "$(id)" {{ 7*7 }}\377')"
printf '*.log\n' | put $home/.gitignore_global
: | put $work/untracked/x.log
cloned ignored
printf '.env\nbuild\n' >> $work/ignored/.git/info/exclude
printf 'API_TOKEN=hunter2\n' | put $work/ignored/.env
: | put $work/ignored/build/x
cloned conflict
in_ $work/conflict switch --quiet --create other
printf 'theirs\n' | put $work/conflict/README
in_ $work/conflict commit --quiet --all --message theirs
in_ $work/conflict push --quiet --set-upstream origin other
in_ $work/conflict switch --quiet main
printf 'ours\n' | put $work/conflict/README
in_ $work/conflict commit --quiet --all --message ours
in_ $work/conflict push --quiet
in_ $work/conflict merge --quiet other > /dev/null || true

# Remotes: none, only a folder of this machine, addresses with passwords
as git init --quiet $work/lone
commit $work/lone one
origin near
as git clone --quiet /srv/git/near.git $work/near
cloned secret
in_ $work/secret remote set-url origin https://ada:hunter2@git.example.org/secret.git
in_ $work/secret remote add token https://hunter2hunter2hunter2hunter2@git.example.org/token.git
in_ $work/secret remote set-url --push token 'https://git.example.org/token.git?access_token=hunter2'

# Parts: worktrees, one with work in it; a submodule with a commit of its own; a clone in a clone that ignores it
cloned trees
in_ $work/trees worktree add --quiet -b tree "$work/trees of löw" 2> /dev/null
in_ $work/trees push --quiet --set-upstream origin tree
: | put "$work/trees of löw/new"
origin part
cloned whole
in_ $work/whole submodule --quiet add $remote/part.git "parts/löw's part"
in_ $work/whole config --file .gitmodules 'submodule.closed.path' closed
in_ $work/whole config --file .gitmodules 'submodule.closed.url' https://ada:hunter2@git.example.org/closed.git
in_ $work/whole commit --quiet --all --message parts
in_ $work/whole push --quiet
commit "$work/whole/parts/löw's part" one
in_ $work/whole commit --quiet --all --message newer
in_ $work/whole push --quiet
cloned outer
printf 'inner\n' >> $work/outer/.git/info/exclude
origin inner
as git clone --quiet $remote/inner.git $work/outer/inner
commit $work/outer/inner one

# Hard: a name, programs that its configuration names, an owner that git does not trust, what is broken
name=$(printf 'new\nl\303\266w '\''"$(id)" {{ 7*7 }} \377')
origin hard
as git clone --quiet $remote/hard.git "$work/$name"
cloned hostile
printf '* filter=evil diff=evil\n' | put $work/hostile/.gitattributes
in_ $work/hostile add .gitattributes
in_ $work/hostile commit --quiet --message attributes
in_ $work/hostile push --quiet
for key in core.fsmonitor core.pager core.sshCommand core.askPass core.editor core.alternateRefsCommand core.gitProxy \
    credential.helper diff.external diff.evil.command diff.evil.textconv filter.evil.clean filter.evil.smudge \
    filter.evil.process gpg.program alias.status alias.config uploadpack.packObjectsHook; do
    in_ $work/hostile config "$key" 'touch pwned; false'
done
in_ $work/hostile config filter.evil.required true
printf '#!/bin/sh\ntouch pwned\n' | put $work/hostile/.git/hooks/post-index-change
chmod 0755 $work/hostile/.git/hooks/post-index-change
as touch $work/hostile/README
cloned roots
chown -R root:root $work/roots
as mkdir -p $work/broken
as cp -r $work/pushed/.git $work/broken/
printf '[core\n' | put $work/broken/.git/config
printf 'gitdir: %s/nowhere\n' $work | put $work/dangling/.git

# Where nobody looks for clones
for place in .cache/x work/pushed/node_modules/dep .local/share/Trash/files/x; do
    as git init --quiet $home/$place
    commit $home/$place one
done

# Bob's
user=bob work=/srv/people/bob
cloned kiln
commit $work/kiln one
