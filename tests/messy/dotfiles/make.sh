# Dotfiles by yadm (ada), by chezmoi, links as stow makes them and a bare repository (bob), in a home that is a
# clone itself (root); and what no manager has. Addresses are elsewhere, and pushes go to /srv/git for them.
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.org GIT_AUTHOR_DATE='2024-03-01T12:00:00Z'
export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.org GIT_COMMITTER_DATE='2024-03-01T12:00:00Z'
export GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=init.defaultBranch GIT_CONFIG_VALUE_0=main
export GIT_CONFIG_KEY_1=url./srv/git/.insteadOf GIT_CONFIG_VALUE_1=https://git.example.org/
as() { runuser -u "$person" -- env HOME="$home" LC_ALL=C.UTF-8 "$@"; }
put() { as mkdir -p "$(dirname "$1")" && as tee "$1" > /dev/null; }
is() { person=$1 home=$2; cd "$home"; }
install -d -m 1777 /srv/git

# ada: yadm
is ada /home/ada
as git init --quiet --bare /srv/git/dotfiles.git
as yadm init -b main > /dev/null
as yadm remote add origin https://git.example.org/dotfiles.git
printf 'setopt autocd\n' | put "$home/.zshrc"
printf 'set -g mouse on\n' | put "$home/.tmux.conf"
printf 'font_size 12\n' | put "$home/.config/kitty/kitty.conf"
printf '[font]\nsize = 12\n' | put "$home/.config/alacritty/alacritty.toml##class.Work"
printf '# kept by gpg\n.aws/credentials\n!.aws/config\n"ü {{ 7*7 }} $(id)"*\n' | put "$home/.config/yadm/encrypt"
printf '#!/bin/sh\nsudo apt-get install zsh\n' | put "$home/.config/yadm/bootstrap"
as chmod +x "$home/.config/yadm/bootstrap"
as yadm add .zshrc .tmux.conf .config/kitty/kitty.conf '.config/alacritty/alacritty.toml##class.Work' \
    .config/yadm/encrypt .config/yadm/bootstrap
as yadm commit --quiet -m 'What every machine has'
as yadm push --quiet -u origin main
as yadm config local.class Work
as yadm config --add local.class Film
as yadm config yadm.auto-perms false
as yadm alt > /dev/null
printf 'set completion-ignore-case on\n' | put "$home/.inputrc"
as yadm add .inputrc
as yadm commit --quiet -m 'Never pushed'
printf 'setopt nobeep\n' | put "$home/.zshrc"
as yadm stash push --quiet -m 'for later'
printf 'set -g mouse off\n' | put "$home/.tmux.conf"

# bob: chezmoi's layout, its source pushed
is bob /srv/people/bob
source=$home/.local/share/chezmoi
as git init --quiet --bare /srv/git/chezmoi.git
as git init --quiet "$source"
printf 'set -o vi\n' | put "$source/dot_bash_aliases"
printf 'include = "{{ .name }}"\n' | put "$source/private_dot_config/starship.toml.tmpl"
printf 'theme: light\n' | put "$source/private_dot_config/bat/config"
printf '#!/bin/sh\n' | put "$source/run_once_install.sh"
as git -C "$source" add -A
as git -C "$source" commit --quiet -m source
as git -C "$source" remote add origin https://bob:hunter2@git.example.org/chezmoi.git
as git -C "$source" push --quiet https://git.example.org/chezmoi.git main
as git -C "$source" update-ref refs/remotes/origin/main HEAD
cat "$source/dot_bash_aliases" | put "$home/.bash_aliases"
printf 'include = "bob"\n' | put "$home/.config/starship.toml"
printf 'theme: dark\n' | put "$home/.config/bat/config"
printf '[data]\nname = "bob"\n' | put "$home/.config/chezmoi/chezmoi.toml"
printf 'state' | put "$home/.config/chezmoi/chezmoistate.boltdb"

# bob: a stow directory, linked whole and by file
stow=$home/stow
as git init --quiet --bare /srv/git/stow.git
as git init --quiet "$stow"
printf -- '--verbose=0\n' | put "$stow/.stowrc"
printf 'set editing-mode vi\n' | put "$stow/readline/.inputrc"
printf 'vo=gpu\n' | put "$stow/mpv/.config/mpv/mpv.conf"
printf 'x\n' | put "$stow/mpv/.config/mpv/$(printf 'new\nline \377')"
printf 'set mouse\n' | put "$stow/ranger/.config/ranger/rc.conf"
as git -C "$stow" add -A
as git -C "$stow" commit --quiet -m stow
as git -C "$stow" remote add origin https://git.example.org/stow.git
as git -C "$stow" push --quiet -u origin main
as mkdir -p "$home/.config/ranger"
as ln -s stow/readline/.inputrc "$home/.inputrc"
as ln -s ../stow/mpv/.config/mpv "$home/.config/mpv"
as ln -s ../../stow/ranger/.config/ranger/rc.conf "$home/.config/ranger/rc.conf"
printf 'map x quit\n' | put "$home/.config/ranger/own.conf"

# bob: a bare repository that only this disk has
as git init --quiet --bare /srv/git/bob.git
as git init --quiet --bare "$home/.cfg"
bare() { as git --git-dir="$home/.cfg" --work-tree="$home" "$@"; }
printf 'startup_message off\n' | put "$home/.screenrc"
bare add .screenrc
bare commit --quiet -m screen
bare remote add origin /srv/git/bob.git
bare push --quiet origin main

# root: the home is a clone
is root /root
git init --quiet --bare /srv/git/root.git
git init --quiet "$home"
printf 'alias ll="ls -l"\n' | put "$home/.bash_aliases"
printf 'set tabs\n' | put "$home/.tigrc"
printf 'tree_view=1\n' | put "$home/.config/htop/htoprc"
git -C "$home" add .bash_aliases .tigrc .config/htop/htoprc
git -C "$home" commit --quiet -m home
git -C "$home" remote add origin https://git.example.org/root.git
git -C "$home" push --quiet -u origin main
printf 'set mouse\n' | put "$home/.tigrc"
printf 'colors\n' | put "$home/.dircolors"
printf 'never looked at\n' | put "$home/Documents/plan"

# What no manager has
is ada /home/ada
printf '[user]\n\tname = Ada Löw\n[core]\n\texcludesFile = ~/.gitignore_global\n' | put "$home/.gitconfig"
printf '*.swp\n' | put "$home/.gitignore_global"
printf 'machine git.example.org login ada password hunter2\n' | put "$home/.netrc"
printf 'github.com:\n    oauth_token: hunter2\n' | put "$home/.config/gh/hosts.yml"
printf 'git_protocol: ssh\n' | put "$home/.config/gh/config.yml"
printf '[default]\naws_access_key_id = hunter2\n' | put "$home/.aws/credentials"
printf '[default]\nregion = eu-central-1\n' | put "$home/.aws/config"
printf 'alias e="echo {{ 7*7 }} $(id)"\n' | put "$home/.bash_aliases"
printf 'export DEPLOY_TOKEN=hunter2hunter2\n' | put "$home/.zshenv"
printf 'set -gx DEPLOY_TOKEN hunter2hunter2\n' | put "$home/.config/fish/conf.d/deploy.fish"
printf 'set -g fish_greeting\n' | put "$home/.config/fish/config.fish"
printf 'unbind l\n' | put "$home/.config/tmux/$(printf 'odd "ü\n\377').conf"
printf 'fs=yes\n' | put "$home/.config/mpv/mpv.conf"
printf 'alpha = 1\n' | put "$home/.config/htop/htoprc"
as chmod 0600 "$home/.config/htop/htoprc"
as ln -s /usr/share/doc/git/contrib/x "$home/.config/git-cliff"
printf 'Host forge\n    HostName git.example.org\n' | put "$home/.ssh/config"
printf 'git.example.org ssh-ed25519 AAAA\n' | put "$home/.ssh/known_hosts"
as ssh-keygen -q -t ed25519 -N '' -C hunter2 -f "$home/.ssh/id_ed25519"
printf 'ssh-ed25519 AAAA ada\n' | put "$home/.ssh/id_ed25519.pub"
cat "$home/.ssh/id_ed25519" | put "$home/.ssh/forge"
printf 'SETUVAR --export DEPLOY_TOKEN:hunter2hunter2\n' | put "$home/.config/fish/fish_variables"
as chmod 0700 "$home/.ssh"
as mkdir -m 0700 -p "$home/.gnupg/private-keys-v1.d"
printf 'use-agent\n' | put "$home/.gnupg/gpg.conf"
printf 'hunter2' | put "$home/.gnupg/private-keys-v1.d/ABCD.key"
printf 'set imap_pass = "hunter2hunter2"\n' | put "$home/.config/mutt/muttrc"
is bob /srv/people/bob
printf 'machine smtp.example.org login bob password hunter2\n' | put "$home/.authinfo"
printf 'PS1="# "\n' | put "$home/.shrc"
# Unasked
is ada /home/ada
for each in .zsh_history .zcompdump .bash_history .lesshst .config/fish/fish_history .config/mpv/watch_later/ABCD \
    .config/lazygit/state.yml .config/configstore/x.json .python_history .cache/starship/x .config/mpv/x~ \
    .config/tmux/plugins/x/x.tmux .ssh/known_hosts.old; do
    printf 'hunter2' | put "$home/$each"
done
