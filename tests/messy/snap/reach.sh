# The store; nothing is installed yet.
fake snap
printf 'test "$1" != list\n' >> /usr/local/sbin/snap
