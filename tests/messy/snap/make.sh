# What snapd keeps of a desktop's snaps, written as it would; no store is to be reached from here.
state=/var/lib/snapd
mkdir -p $state/snaps $state/seed/snaps $state/sequence $state/snapshots $state/cookie $state/desktop/applications \
    /snap/bin /var/snap/nextcloud/common
cat > $state/state.json << 'END'
{"data": {
 "auth": {"last-id": 1, "users": [{"id": 1, "email": "ada@example.org", "macaroon": "hunter2",
   "store-macaroon": "hunter2", "store-discharges": ["hunter2"]}], "device": {"session-macaroon": "hunter2"}},
 "config": {
  "core": {"cloud": {"name": "none"}, "seed": {"loaded": true},
   "refresh": {"retain": 2, "metered": "hold", "timer": "fri,23:00-01:00", "last": "2024-05-10T10:00:00Z"},
   "proxy": {"http": "http://ada:hunter2@proxy.example.org:3128"},
   "swap": {"size": ""}, "experimental": {"parallel-instances": true, "hotplug": null}},
  "nextcloud": {"ports": {"http": 81, "https": null}, "php": {"memory-limit": "512M"},
   "mail": {"smtp-password": "hunter2", "from": "L\u00f6w's \"{{ 7*7 }}\" $(id)\n"},
   "private": {"mode": "extra", "apache-port": 8080}, "trusted": ["a", "b"]},
  "firefox": {}},
 "conns": {
  "code:home core:home": {"auto": true, "interface": "home"},
  "firefox:camera core:camera": {"auto": true, "interface": "camera", "undesired": true},
  "firefox:gnome-46-2404 gnome-46-2404:gnome-46-2404": {"auto": true, "interface": "content"},
  "nextcloud:removable-media snapd:removable-media": {"interface": "removable-media"},
  "hello_work:joystick system:joystick": {"interface": "joystick"},
  "obs-studio:kdata ffmpeg-2404:kdata": {"interface": "content"},
  "obs-studio:camera core:camera": {"by-gadget": true, "interface": "camera"},
  "obs-studio:serial core:ttyusb0": {"interface": "serial-port", "hotplug-key": "0a1b"},
  "obs-studio:jack1 core:jack1": {"undesired": true, "interface": "jack1"},
  "gone:home core:home": {"interface": "home"},
  "no connection": {}},
 "seeded": true,
 "snaps": {
  "bare": {"type": "base", "sequence": [{"name": "bare", "revision": "5"}], "active": true, "current": "5", "channel": "latest/stable"},
  "core22": {"type": "base", "sequence": [{"name": "core22", "revision": "1380"}], "active": true, "current": "1380", "channel": "latest/stable"},
  "snapd": {"type": "snapd", "sequence": [{"name": "snapd", "revision": "21465"}], "active": true, "current": "21465", "channel": "latest/stable"},
  "firefox": {"type": "app", "sequence": [{"name": "firefox", "revision": "4336"}], "active": true, "current": "4336",
   "channel": "latest/stable/ubuntu-24.04", "aliases": {"geckodriver": {"auto": "geckodriver"}}},
  "code": {"type": "app", "sequence": [{"name": "code", "revision": "160"}, {"name": "code", "revision": "164"}], "active": true,
   "current": "164", "channel": "latest/stable", "classic": true, "user-id": 1,
   "aliases": {"vc": {"manual": "url-handler"}, "codium": {"manual": "code", "auto": "code"}}},
  "hello_work": {"type": "app", "sequence": [{"name": "hello", "revision": "42"}], "active": false, "current": "42",
   "channel": "latest/edge", "devmode": true, "instance-key": "work", "auto-aliases-disabled": true,
   "aliases": {"hi": {"manual": "hello"}}},
  "mine": {"type": "app", "sequence": [{"name": "mine", "revision": "x1"}, {"name": "mine", "revision": "x2"}], "active": true,
   "current": "x2", "devmode": true},
  "nextcloud": {"type": "app", "sequence": [{"name": "nextcloud", "revision": "42567"}], "active": true, "current": "42567",
   "channel": "28/stable", "cohort-key": "hunter2"},
  "obs-studio": {"type": "app", "sequence": [{"name": "obs-studio", "revision": "1284"}], "active": true, "current": "1284",
   "channel": "latest/candidate", "jailmode": true},
  "ffmpeg-2404": {"type": "app", "sequence": [{"name": "ffmpeg-2404", "revision": "36"}], "active": true, "current": "36",
   "channel": "latest/stable"},
  "half": {"type": "app", "sequence": [], "active": false}},
 "snaps-hold": {
  "nextcloud": {"system": {"first-held": "2024-05-10T10:00:00Z", "hold-until": "2316-08-21T09:47:16Z"}},
  "code": {"gate": {"hold-until": "2316-08-21T09:47:16Z"}},
  "obs-studio": {"system": {"first-held": "2024-05-10T10:00:00Z", "hold-until": "2024-05-12T10:00:00Z"}}}},
 "changes": {"12": {"id": "12", "kind": "refresh", "summary": "hunter2"}}, "tasks": {}, "last-change-id": 12}
END
chmod 0600 $state/state.json
cat > $state/seed/seed.yaml << 'END'
snaps:
  - {name: snapd, channel: stable, file: snapd_21465.snap}
  - {name: bare, channel: stable, file: bare_5.snap}
  - {name: firefox, channel: stable/ubuntu-24.04, file: firefox_4173.snap}
END
printf '[Desktop Entry]\nType=Application\nName=Code\nExec=code\n' > $state/desktop/applications/code_code.desktop
printf 'hunter2' > $state/cookie/snap.code
for snap in bare_5 core22_1380 snapd_21465 firefox_4336 code_160 code_164 hello_work_42 mine_x1 mine_x2 nextcloud_42567 \
    obs-studio_1284 ffmpeg-2404_36; do
    printf 'hsqs' > "$state/snaps/$snap.snap"
    name=${snap%_*}
    mkdir -p "/snap/$name/${snap##*_}"
    ln -sfn "${snap##*_}" "/snap/$name/current"
done
printf '{}' > $state/sequence/code.json
printf 'PK' > $state/snapshots/1_code_164.zip
printf 'snaps are mounted here\n' > /snap/README
for name in firefox code code.url-handler hello_work mine nextcloud.occ obs-studio; do ln -s /usr/bin/snap "/snap/bin/$name"; done
ln -s code.url-handler /snap/bin/vc
ln -s code /snap/bin/codium
ln -s hello_work /snap/bin/hi
ln -s firefox.geckodriver /snap/bin/geckodriver
runuser -u ada -- mkdir -p /home/ada/snap/code/common/.cache /home/ada/snap/code/164
printf 'x' | runuser -u ada -- tee /home/ada/snap/code/common/.cache/x > /dev/null
runuser -u ada -- ln -s 164 /home/ada/snap/code/current
