rm -r /srv/git /etc/gitconfig
