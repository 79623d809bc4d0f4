# The repository that the remotes lead to.
cp -a /old/srv/flatpaks /srv/
