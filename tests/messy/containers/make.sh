# Engines as they leave their data: Docker of the machine and of bob, Podman of the machine, of ada and of bob,
# boxes, virtual machines. None of them runs here, so their files are written in their own formats.
docker=/var/lib/docker
home=/home/ada
bob=/srv/people/bob
own=.local/share/containers/storage
hex() { printf "%064d" 0 | tr 0 "$1"; }
put() { mkdir -p "$(dirname "$1")"; cat > "$1"; }

# --- Docker: images that a registry has, built by a project, built by hand, without a tag
put $docker/image/overlay2/repositories.json << 'END_OF_FILE'
{"Repositories": {
 "postgres": {"postgres:16": "sha256:aa", "postgres@sha256:01": "sha256:aa"},
 "redis": {"redis:7": "sha256:bb", "redis:latest": "sha256:bb", "redis@sha256:02": "sha256:bb"},
 "registry.example.org:5000/kiln/agent": {"registry.example.org:5000/kiln/agent:1.2": "sha256:cc",
  "registry.example.org:5000/kiln/agent@sha256:03": "sha256:cc"},
 "shop-web": {"shop-web:latest": "sha256:dd"},
 "kiln/own": {"kiln/own:2": "sha256:ee"},
 "busybox": {"busybox@sha256:04": "sha256:ff"}}}
END_OF_FILE
put $docker/image/overlay2/imagedb/content/sha256/aa << 'END_OF_FILE'
{"config": {"Env": ["PATH=/usr/bin", "PGDATA=/var/lib/postgresql/data"], "Cmd": ["postgres"],
 "Entrypoint": ["docker-entrypoint.sh"]}}
END_OF_FILE
# name, config.v2.json, hostconfig.json
container() {
    printf '%s' "$2" | put "$docker/containers/$1/config.v2.json"
    printf '%s' "$3" | put "$docker/containers/$1/hostconfig.json"
}
container "$(hex 1)" '{"Name": "/db", "Image": "sha256:aa", "Config": {"Image": "postgres:16",
 "Env": ["POSTGRES_PASSWORD=hunter2", "PGDATA=/var/lib/postgresql/data", "PATH=/usr/bin"], "Cmd": ["postgres"],
 "Entrypoint": ["docker-entrypoint.sh"]}, "NetworkSettings": {"Networks": {"backend": {}}}, "MountPoints": {
 "/var/lib/postgresql/data": {"Type": "volume", "Name": "pgdata", "Source": "/var/lib/docker/volumes/pgdata/_data", "RW": true},
 "/etc/pg.conf": {"Type": "bind", "Source": "/srv/Größe {{ 7*7 }}/$(id)\n.conf", "RW": false}}}' \
    '{"RestartPolicy": {"Name": "unless-stopped"}, "PortBindings": {"5432/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5432"}]}}'
container "$(hex 2)" '{"Name": "/cache", "Image": "sha256:bb", "Config": {"Image": "redis:7",
 "Cmd": ["redis-server", "--requirepass", "hunter2"]}, "NetworkSettings": {"Networks": {"bridge": {}}}}' \
    '{"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 5}}'
container "$(hex 3)" '{"Name": "/render", "Config": {"Image": "registry.example.org:5000/kiln/agent:1.2",
 "Entrypoint": ["/agent", "--heat", "it'\''s {{ 7*7 }}"], "Cmd": ["$(id)"]}, "NetworkSettings": {"Networks": {"host": {}}}}' \
    '{"Privileged": true, "CapAdd": ["SYS_ADMIN"], "ExtraHosts": ["nas:192.0.2.7"], "RestartPolicy": {"Name": "no"},
 "Devices": [{"PathOnHost": "/dev/dri", "PathInContainer": "/dev/dri"}], "DeviceRequests": [{"Count": -1}]}'
# id, service, volume
part_of_shop() {
    container "$(hex "$1")" '{"Name": "/shop-'"$2"'-1", "Config": {"Image": "shop-'"$2"'", "Labels": {
 "com.docker.compose.project": "shop", "com.docker.compose.service": "'"$2"'",
 "com.docker.compose.project.working_dir": "/home/ada/src/shop",
 "com.docker.compose.project.config_files": "/home/ada/src/shop/compose.yaml,/home/ada/src/shop/local.yaml"}},
 "NetworkSettings": {"Networks": {"shop_default": {}}}, "MountPoints": {"/data": {"Name": "'"$3"'", "RW": true}}}' \
        '{"RestartPolicy": {"Name": "always"}}'
}
part_of_shop 4 web "$(hex a)"
part_of_shop 5 db shop_db
container "$(hex 6)" '{"Name": "/pots-x-1", "Config": {"Image": "redis:7", "Labels": {"com.docker.compose.project": "pots",
 "com.docker.compose.service": "x", "com.docker.compose.project.working_dir": "/srv/people/bob/Töpfe {{ 7*7 }}/$(id)"}}}' '{}'
# Neither named nor started again; gone when it ends; half removed
container "$(hex 7)" '{"Name": "/happy_curie", "Config": {"Image": "busybox"}}' '{"RestartPolicy": {"Name": "no"}}'
container "$(hex 8)" '{"Name": "/once", "Config": {"Image": "busybox"}}' '{"AutoRemove": true}'
mkdir -p "$docker/containers/$(hex 9)/mounts"
# Volumes: with data, empty, of a share with its password, without a name and used or left behind
for name in pgdata shop_db "$(hex a)" "$(hex b)"; do printf 'x' | put "$docker/volumes/$name/_data/base"; done
touch -d 2024-05-06T07:08:09Z "$docker/volumes/pgdata/_data"
mkdir -p $docker/volumes/scratch/_data $docker/volumes/films/_data
printf '{"MountType": "cifs", "MountOpts": "username=ada,password=hunter2,vers=3.0", "MountDevice": "//nas.example.org/films"}' |
    put $docker/volumes/films/opts.json
printf 'x' | put $docker/volumes/metadata.db
printf 'x' | put $docker/overlay2/0/diff/usr/bin/x
printf 'x' | put $docker/buildkit/cache.db
# Broken
printf '{"Repositories": {"hunter2' | put $docker/image/fuse-overlayfs/repositories.json
# bob's Docker keeps its images in containerd's store
printf 'x' | put "$bob/.local/share/docker/containerd/daemon/io.containerd.content.v1.content/blobs/sha256/$(hex c)"
mkdir -p $bob/.local/share/docker/volumes/notes/_data

# --- Podman of the machine: a database of before 4.8
root=/var/lib/containers/storage
printf '[{"names": ["docker.io/grafana/grafana:11"], "digest": "sha256:05"}, {"names": null}]' | put $root/overlay-images/images.json
printf '[{"id": "%s", "names": ["grafana"]}, {"id": "%s", "names": ["old-db"], "metadata": "%s"}]' "$(hex 1)" "$(hex 2)" \
    '{\"image-name\": \"docker.io/library/mariadb:11\"}' | put $root/overlay-containers/containers.json
{
    printf 'bolt\355\332\014\355\000'
    printf '{"spec":{"process":{"env":["GF_SECURITY_ADMIN_PASSWORD=hunter2"]}},"id":"%s","name":"grafana",' "$(hex 1)"
    printf '"rootfsImageName":"docker.io/grafana/grafana:11","restart_policy":"always","newNetworks":{"podman":{}}}'
    printf '\000\377'
} | put $root/libpod/bolt_state.db

# --- Podman of ada: a database in SQLite, with a toolbox, a distrobox, a pod's helper
printf '[{"names": ["docker.io/library/nginx:1.27", "docker.io/library/nginx@sha256:06"], "digest": "sha256:06", "id": "aa"},
 {"names": ["localhost/mine:1"]}, {"names": ["registry.example.org/fedora-toolbox:40"], "digest": "sha256:07"}]' |
    put $home/$own/overlay-images/images.json
printf '{"config": {"Env": ["NGINX_VERSION=1.27"], "Cmd": ["nginx", "-g", "daemon off;"]}}' |
    put "$home/$own/overlay-images/aa/=$(printf 'sha256:aa' | base64)"
python3 - $home/$own << 'END_OF_FILE'
import json, os, sqlite3, sys

top = sys.argv[1]
web = {
    "id": "1", "name": "web", "rootfsImageID": "aa", "rootfsImageName": "docker.io/library/nginx:1.27",
    "command": ["nginx", "-g", "daemon off;"], "restart_policy": "always", "newNetworks": {"proxy": {}},
    "spec": {
        "process": {"env": ["NGINX_VERSION=1.27", "API_TOKEN=hunter2", "TERM=xterm"]},
        "mounts": [
            {"destination": "/site", "type": "bind", "source": "/home/ada/Größe 'x'/$(id)\n", "options": ["rbind", "ro"]},
            {"destination": "/etc/hosts", "type": "bind", "source": "/run/hosts"},
        ],
    },
    "userVolumes": ["/site", "/data"],
    "namedVolumes": [{"volumeName": "web-data", "dest": "/data"}, {"volumeName": "a" * 64, "dest": "/cache"}],
    "newPortMappings": [{"host_port": 8080, "container_port": 80, "protocol": "tcp"}],
}
toolbox = {
    "id": "2", "name": "fedora-toolbox-40", "rootfsImageName": "registry.example.org/fedora-toolbox:40",
    "command": ["toolbox", "init-container"], "labels": {"com.github.containers.toolbox": "true"}, "spec": {},
}
distrobox = {
    "id": "3", "name": "dev", "rootfsImageName": "registry.example.org/arch:latest", "labels": {"manager": "distrobox"},
    "command": ["--verbose", "--name", "ada", "--home", "/home/ada/boxes/dev Ü {{ 7*7 }}", "--init", "0"], "spec": {},
}
infra = {"id": "4", "name": "0123-infra", "pause": True, "spec": {}}
configs = [web, toolbox, distrobox, infra]
stored = [{"id": each["id"], "names": [each["name"]]} for each in configs]
os.makedirs(f"{top}/overlay-containers")
with open(f"{top}/overlay-containers/containers.json", "w") as file:
    json.dump(stored, file)
with sqlite3.connect(f"{top}/db.sql") as made:
    made.execute("CREATE TABLE ContainerConfig(ID TEXT, Name TEXT, PodID TEXT, JSON TEXT)")
    rows = [(each["id"], each["name"], json.dumps(each)) for each in configs]
    made.executemany("INSERT INTO ContainerConfig(ID, Name, JSON) VALUES(?, ?, ?)", rows)
END_OF_FILE
printf '{"name": "proxy", "driver": "bridge", "subnets": [{"subnet": "10.89.7.0/24", "gateway": "10.89.7.1"}]}' |
    put $home/$own/networks/proxy.json
printf '{"name": "pots_default", "driver": "bridge", "labels": {"io.podman.compose.project": "pots"}}' |
    put $home/$own/networks/pots_default.json
: | put $home/$own/networks/netavark.lock
printf '{"nameToID": {"db-word": "1", "tls {{ 7*7 }}": "2"}, "idToName": {}}' | put $home/$own/secrets/secrets.json
printf '{"1": "hunter2"}' | put $home/$own/secrets/filedriver/secretsdata.json
printf 'x' | put $home/$own/volumes/web-data/_data/x
printf 'x' | put "$home/$own/volumes/$(hex a)/_data/x"
printf 'x' | put $home/$own/overlay/0/diff/x
put $home/.local/bin/hx << 'END_OF_FILE'
#!/bin/sh
# distrobox_binary
# name: dev
exec /usr/bin/distrobox-enter -n dev -- hx "$@"
END_OF_FILE
chmod 0755 $home/.local/bin/hx
# What systemd makes containers of
printf '[Container]\nImage=docker.io/library/nginx:1.27\nPublishPort=8081:80\n' | put $home/.config/containers/systemd/site.container
printf '[Container]\nImage=docker.io/library/redis:7\nEnvironment=REDIS_PASSWORD=hunter2\n' | put $home/.config/containers/systemd/redis.container

# --- Podman of bob: its database is broken
printf '[{"id": "1", "names": ["scratch"]}]' | put $bob/$own/overlay-containers/containers.json
printf 'no database' | put $bob/$own/db.sql

# --- Virtual machines of libvirt: two of the machine, one of bob; system containers
domain() { printf "<domain type='kvm'><name>%s</name><devices>%s</devices></domain>\n" "$1" "$2"; }
domain "Wind's {{ 7*7 }} 11" "<disk device='disk'><source file='/srv/vms/win11.qcow2'/></disk><disk device='cdrom'><source file='/srv/iso/x.iso'/></disk>" |
    put /etc/libvirt/qemu/win11.xml
domain screen "<graphics type='vnc' passwd='hunter2hunter2'/>" | put /etc/libvirt/qemu/screen.xml
mkdir -p /etc/libvirt/qemu/autostart /etc/libvirt/qemu/networks/autostart
ln -s /etc/libvirt/qemu/win11.xml /etc/libvirt/qemu/autostart/win11.xml
printf '<network>\n  <name>default</name>\n  <uuid>00000000-0000-4000-8000-000000000001</uuid>\n</network>\n' | put /etc/libvirt/qemu/networks/default.xml
ln -s /etc/libvirt/qemu/networks/default.xml /etc/libvirt/qemu/networks/autostart/default.xml
printf '<network>\n  <name>lab</name>\n</network>\n' | put /etc/libvirt/qemu/networks/lab.xml
printf '<pool type="dir">\n  <name>vms</name>\n</pool>\n' | put /etc/libvirt/storage/vms.xml
printf 'x' | put /srv/vms/win11.qcow2
domain bench "<disk><source file='/srv/people/bob/gone.img'/></disk>" | put $bob/.config/libvirt/qemu/bench.xml
printf '<domain><na' | put $bob/.config/libvirt/qemu/broken.xml
printf 'x' | put $bob/.config/libvirt/qemu/nvram/bench_VARS.fd
mkdir -p /var/lib/incus/containers/web /var/lib/incus/virtual-machines/lab /var/snap/lxd/common/lxd/containers/old

chown -R ada: $home/.local $home/.config
chown -R bob: $bob/.local $bob/.config
