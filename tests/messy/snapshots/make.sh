# Three programs that take snapshots and as many that back up, with their words and keys; /etc/fstab is section services'.
put() { mkdir -p "$(dirname "$1")"; cat > "$1"; }
home=/home/ada
bob=/srv/people/bob

put /etc/timeshift/timeshift.json << 'END_OF_FILE'
{
  "backup_device_uuid" : "11111111-0000-4000-8000-000000000001",
  "parent_device_uuid" : "",
  "do_first_run" : "false",
  "btrfs_mode" : "true",
  "include_btrfs_home_for_backup" : "false",
  "include_btrfs_home_for_restore" : "false",
  "stop_cron_emails" : "true",
  "schedule_monthly" : "false",
  "schedule_weekly" : "true",
  "schedule_daily" : "true",
  "schedule_boot" : "false",
  "count_monthly" : "2",
  "count_weekly" : "3",
  "count_daily" : "5",
  "snapshot_size" : "31337",
  "snapshot_count" : "42",
  "exclude" : ["/home/ada/**", "+ /root/.{{ 7*7 }}'s", "/srv/Größe/$(id)\n"],
  "exclude-apps" : ["steam"]
}
END_OF_FILE
printf 'SUBVOLUME="/home"\nTIMELINE_LIMIT_DAILY="7"\n' | put /etc/snapper/configs/home
printf '*.iso\n' | put "$(printf '/etc/snapper/filters/b\303\266b'\''s \377.txt')"
printf 'SNAPPER_CONFIGS="home"\n' | put /etc/default/snapper
printf 'snapshot_preserve 14d\nvolume /mnt/top\n' | put /etc/btrbk/btrbk.conf
printf -- '-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n' | put /etc/btrbk/ssh/id
printf 'GRUB_BTRFS_LIMIT="10"\n' | put /etc/default/grub-btrfs/config
printf 'x' | put /etc/snapper/configs/home~

printf 'repositories:\n  - path: ssh://nas.example.org/./backup\n' | put /etc/borgmatic/config.yaml
printf 'encryption_passphrase: hunter2\n' | put /etc/borgmatic.d/nas.yaml
printf '/home\n/etc\n' | put /etc/restic/includes
printf 'RESTIC_REPOSITORY=sftp:nas:/srv\nRESTIC_PASSWORD=hunter2\n' | put /etc/restic/nas.env
printf 'hunter2-hunter2\n' | put /etc/restic/nas.key
printf 'hunter2\n' | put /etc/restic/password
ln -s /srv/vault/word /etc/restic/word
printf 'snapshot_root\t/srv/rsnapshot/\n' | put /etc/rsnapshot.conf

printf 'source_directories: [/home/ada]\n' | put $home/.config/borgmatic/config.yaml
printf 'hunter2' | put $home/.config/resticprofile/word.txt
printf '[default]\npassword-file = "word.txt"\n' | put $home/.config/resticprofile/profiles.toml
printf 'profile1.snapshots.path=/srv/backintime\n' | put $home/.config/backintime/config
printf 'BORG_KEY hunter2\n' | put $home/.config/borg/keys/nas
printf '{"storage": {"config": {"secretAccessKey": "hunter2"}}}' | put $home/.config/kopia/repository.config
printf 'SQLite format 3 hunter2' | put $home/.local/share/Vorta/settings.db
printf 'x' | put $home/.cache/restic/x
printf 'version: 2\nbackends: {}\n' | put $bob/.autorestic.yml
printf 'BORG_KEY hunter2\n' | put $bob/.config/borg/keys/nas

chown -R ada: $home/.config $home/.local $home/.cache
chown -R bob: $bob/.autorestic.yml $bob/.config
