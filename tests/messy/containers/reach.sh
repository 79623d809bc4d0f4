# The engines; nothing is in their stores yet.
for name in docker podman; do
    fake $name
    printf 'test "$2" != inspect\n' >> /usr/local/sbin/$name
done
for name in distrobox toolbox virsh; do fake $name; done
