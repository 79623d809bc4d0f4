rm -r /srv/mirror /srv/kilns /srv/closed
