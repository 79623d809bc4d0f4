# What is mounted and shared: a system on btrfs, data disks, a NAS by every road; Samba, NFS, autofs; Syncthing, rclone.
put() { mkdir -p "$(dirname "$1")"; cat > "$1"; }
home=/home/ada
bob=/srv/people/bob

put /etc/fstab << 'END_OF_FILE'
# /etc/fstab: static file system information.
UUID=11111111-0000-4000-8000-000000000001 / btrfs defaults,subvol=@,compress=zstd:1 0 0
UUID=11111111-0000-4000-8000-000000000001 /home btrfs defaults,noatime,subvol=@home 0 0
UUID=11111111-0000-4000-8000-000000000001 /.snapshots btrfs subvol=/@snapshots,subvolid=258 0 0
UUID=AAAA-BBBB /boot/efi vfat umask=0077 0 1
UUID=22222222-0000-4000-8000-000000000002 none swap sw 0 0
/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0
tmpfs /tmp tmpfs size=4G,mode=1777 0 0
LABEL=films /srv/films ext4 defaults,nofail 0 2
LABEL=pool /srv/pool btrfs subvol=@media,compress=zstd:3 0 0
/dev/sdb1 /mnt/old ext4 defaults 0 0
/dev/mapper/vault /srv/vault ext4 noauto 0 0
/srv/films/ada /home/ada/Films none bind 0 0
/srv/images/a.img /mnt/image ext4 loop,ro 0 0
//nas.example.org/photos /mnt/photos cifs credentials=/root/.nas,uid=1000,_netdev 0 0
//nas.example.org/music /mnt/music cifs username=ada,password=hunter2,vers=3.0 0 0
//ada:hunter2@22@nas.example.org/old /mnt/old\040share cifs user=ada%hunter2 0 0
nas.example.org:/export/home /mnt/nas nfs4 x-systemd.automount,_netdev 0 0
ada@nas.example.org:/srv /mnt/ssh fuse.sshfs IdentityFile=/home/ada/.ssh/id_nas,reconnect 0 0
curlftpfs#ada:hunter2@ftp.example.org /mnt/ftp fuse noauto 0 0
https://dav.example.org/ada /mnt/dav davfs user,noauto 0 0
LABEL=Gr\303\266\303\237e /mnt/{{\0407*7\040}}'s\011$(id)\012\377 ext4
hunter2 is
END_OF_FILE

# Shares
printf '[global]\n  workgroup = HOME\n[films]\n  path = /srv/films\n' | put /etc/samba/smb.conf
printf 'path=/srv/photos\n' | put "$(printf '/var/lib/samba/usershares/b\303\266b'\''s \377')"
printf 'x' | put /etc/samba/secrets.tdb
printf 'ada = "hunter2"\n' | put /etc/samba/smbpasswd
printf '/srv/films 192.0.2.0/24(ro)\n' | put /etc/exports
printf '/srv/vault nas.example.org(rw)\n' | put /etc/exports.d/vault.exports
printf '[nfsd]\nvers3=n\n' | put /etc/nfs.conf.d/home.conf
printf '/net -hosts\n/- /etc/auto.nas\n' | put /etc/auto.master
printf '/mnt/auto -fstype=cifs,username=ada,password=hunter2 ://nas.example.org/auto\n' | put /etc/auto.nas
printf '/mnt/disk -fstype=ext4 :LABEL=disk\n' | put /etc/auto.master.d/disk.autofs

# Syncthing of ada, where it is kept now, and of bob, where it was
put $home/.local/state/syncthing/config.xml << 'END_OF_FILE'
<configuration version="37">
    <folder id="abcd-1234" label="Löw's {{ 7*7 }}" path="/home/ada/Größe $(id)" type="sendreceive" rescanIntervalS="3600" fsWatcherEnabled="true" fsWatcherDelayS="10" autoNormalize="true">
        <device id="PSW4CXL-ATRFOTX-NF6MJS3-RYOKZY6-LON6TYV-ANLBR6R-3QLTIPJ-6IM6SQT" introducedBy=""></device>
        <device id="CCCCCCC-DDDDDDD" introducedBy=""><encryptionPassword>hunter2</encryptionPassword></device>
    </folder>
    <folder id="default" label="" path="~/Sync" type="receiveonly" rescanIntervalS="3600" fsWatcherEnabled="true" fsWatcherDelayS="10" autoNormalize="true">
        <versioning type="staggered"><cleanupIntervalS>3600</cleanupIntervalS><param key="maxAge" val="31536000"></param></versioning>
        <maxConflicts>-1</maxConflicts>
    </folder>
    <folder id="films" path="/srv/films" type="sendonly" rescanIntervalS="3600" fsWatcherEnabled="true" fsWatcherDelayS="10" autoNormalize="true"><device id="CCCCCCC-DDDDDDD"></device><device id="unnamed"></device><maxConflicts>10</maxConflicts></folder>
    <device id="PSW4CXL-ATRFOTX-NF6MJS3-RYOKZY6-LON6TYV-ANLBR6R-3QLTIPJ-6IM6SQT" name="ember"><address>dynamic</address></device>
    <device id="CCCCCCC-DDDDDDD" name="phone" introducer="true"><address>dynamic</address></device>
    <gui enabled="true"><address>127.0.0.1:8384</address><user>ada</user><password>hunter2</password><apikey>hunter2</apikey></gui>
    <defaults><folder id="" path="~"></folder><device id=""></device></defaults>
</configuration>
END_OF_FILE
printf -- '-----BEGIN CERTIFICATE-----\nZW1iZXI=\n-----END CERTIFICATE-----\n' | put $home/.local/state/syncthing/cert.pem
printf -- '-----BEGIN EC PRIVATE KEY-----\nhunter2\n' | put $home/.local/state/syncthing/key.pem
printf 'x' | put $home/.local/state/syncthing/index-v0.14.0.db/000001.ldb
printf '<configuration><folder id="hunter2' | put $bob/.config/syncthing/config.xml

# rclone of ada, and of bob, who has it encrypted
put $home/.config/rclone/rclone.conf << 'END_OF_FILE'
[gdrive]
type = drive
scope = drive
root_folder_id = 0B
token = {"access_token":"hunter2"}

[vault]
type = crypt
remote = gdrive:vault
filename_encryption = standard
password = hunter2

[nas {{ 7*7 }} 'Ü']
type = sftp
host = nas.example.org
port = 22
user = ada
pass = hunter2

[link]
type = alias
remote = :webdav,url=https://dav.example.org,pass=hunter2:/x

[dav]
type = webdav
url = https://ada:hunter2@dav.example.org
vendor = other
END_OF_FILE
printf '# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\nhunter2\n' | put $bob/.config/rclone/rclone.conf
printf 'x' | put $home/.cache/rclone/vfs/x

chown -R ada: $home/.local $home/.config $home/.cache
chown -R bob: $bob/.config
