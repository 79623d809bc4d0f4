rm /usr/sbin/NetworkManager
