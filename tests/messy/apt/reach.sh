# What the sources name: the flat archives on a disk, and the distribution's packages.
cp -a /old/srv/kilns /old/srv/closed /srv/
ln -s /mirror /srv/mirror
