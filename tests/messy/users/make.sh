# People of every kind and a machine's owner: groups of their own, of the system, of a team; odd names and homes,
# foreign shells, numbers for containers.
groupadd --gid 1500 film
groupadd --gid 1501 kiln-team
groupadd --system kilnd
mkdir -p /srv/people

useradd --uid 1000 --create-home --shell /bin/bash --comment 'Ada Löw,,,' --groups sudo,audio,film ada
echo 'ada:hunter2' | chpasswd
chmod 0750 /home/ada
useradd --uid 1001 --create-home --shell /bin/sh --comment '{{ 7 * 7 }} $(id)' --home-dir /srv/people/bob bob
chmod 0711 /srv/people/bob
chage --expiredate 2031-02-28 bob
# Who logs in to a shell of her own, without a password, to a home with a slash too many; its group is the team's
useradd --uid 1002 --gid kiln-team --no-create-home --home-dir /home/carol/ --shell /usr/local/bin/nush carol
passwd --quiet --delete carol
install -d -m 0701 -o carol -g kiln-team /home/carol
# A person by home and shell alone, who has none; a home that is another's; a machine; one without a shell
useradd --system --uid 499 --no-user-group --gid users --home-dir /home/eve --shell /usr/bin/zsh eve
install -d /srv/shared
useradd --uid 1005 --no-create-home --home-dir /srv/shared --shell /bin/rbash --groups film gina
useradd --uid 1006 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin --no-log-init 'kiln1$'
useradd --uid 1007 --no-create-home --home-dir /home/ada.lovelace --shell '' --comment "O'Löw \"L\"" ada.lovelace
# Nobody: services
useradd --system --gid kilnd --home-dir /home/kilnd --shell /usr/sbin/nologin kilnd
useradd --system --no-user-group --gid kilnd --home-dir /var/lib/kiln --shell /bin/bash kiln-runner
# A name from before UTF-8, and lines that are none; the first, so that their numbers stay
{
    printf 'dave:x:1003:1500:L\366w:/home/dave:/bin/bash\n'
    printf 'half:x:1004\n'
    cat /etc/passwd
} > /etc/passwd.new
cat /etc/passwd.new > /etc/passwd
rm /etc/passwd.new

# Numbers for containers: further ones, root's, by number, of somebody who is gone
usermod --add-subuids 700000-700999 --add-subgids 800000-800999 bob
usermod --add-subuids 1000000-1000000 root
printf '1002:900000:10\nghost:950000:10\n' >> /etc/subuid

install -d -m 0755 /var/lib/systemd/linger
touch /var/lib/systemd/linger/ada /var/lib/systemd/linger/root /var/lib/systemd/linger/ghost
sessions=/var/lib/AccountsService
install -d $sessions/users $sessions/icons
printf '[User]\nSession=plasma\nIcon=%s/icons/ada\nSystemAccount=false\n' $sessions > $sessions/users/ada
printf 'png' > $sessions/icons/ada
printf '[User]\nSession=\nSystemAccount=false\n' > $sessions/users/bob
printf '[User]\nSystemAccount=true\n' > $sessions/users/kilnd

printf 'ada ALL=(root) NOPASSWD: /usr/bin/apt-get update\n' > /etc/sudoers.d/ada
chmod 0440 /etc/sudoers.d/ada
