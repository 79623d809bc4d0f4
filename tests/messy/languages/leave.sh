# The registry
kill "$(cat /var/tmp/sources/pid)"
rm -r /var/tmp/sources /etc/npmrc /etc/pip.conf /usr/local/sbin/pip
