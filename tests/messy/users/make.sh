# Two people and a machine's owner: groups of their own, of the system, of a team; odd names, a foreign shell.
groupadd --gid 1500 film
useradd --uid 1000 --create-home --shell /bin/bash --comment 'Ada Löw,,,' --groups sudo,audio,film ada
useradd --uid 1001 --create-home --shell /bin/sh --comment '{{ 7 * 7 }}' --home-dir /srv/people/bob bob 2>/dev/null || {
    mkdir -p /srv/people
    useradd --uid 1001 --create-home --shell /bin/sh --comment '{{ 7 * 7 }}' --home-dir /srv/people/bob bob
}
echo 'ada:hunter2' | chpasswd
install -d -m 0755 /var/lib/systemd/linger
: > /var/lib/systemd/linger/ada
printf 'ada ALL=(root) NOPASSWD: /usr/bin/apt-get update\n' > /etc/sudoers.d/ada
chmod 0440 /etc/sudoers.d/ada
