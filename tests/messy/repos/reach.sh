# What the clones lead to: git goes to /srv/git for it, which has what was pushed. Of clones that were only told to
# have a remote, a copy is one. Nothing else is to be reached.
cp -a /old/srv/git /srv/
git config --system safe.directory '*'
git config --system protocol.file.allow always
for from in https://git.example.org/ ssh://git@git.example.org/ git@git.example.org:; do
    git config --system --add url./srv/git/.insteadOf $from
done
git config --system url./srv/git/nowhere/.insteadOf https://github.com/
remote() { # clone on the old machine, its name in /srv/git
    test -e "/srv/git/$2" || git clone --quiet --bare "/old$1" "/srv/git/$2"
}
mkdir -p /srv/git/ada /srv/git/gnu /srv/git/tpope
for name in kilncam tally unbuilt; do remote /home/ada/src/$name ada/$name.git; done
remote /home/ada/src/hello gnu/hello.git
remote /usr/src/lamp ada/lamp.git
remote /home/ada/.vim/pack/mine/start/vim-tally ada/vim-tally.git
remote /home/ada/.local/share/nvim/site/pack/mine/opt/nvim-tally ada/nvim-tally.git
remote /srv/people/bob/.vim/bundle/vim-sensible tpope/vim-sensible.git
remote /home/ada/.vim/pack/mine/start/vim-near vim-near.git
