"""The knowledge about /etc: what it must leave out, and what it must not."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.judgement.knowledge import ContentRule, Rule, choices, knowledge

# A search that goes over the rest of a line again at each letter takes minutes for so much.
LONG_BYTES = 128 * 1024
KEY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
WIREGUARD = "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789ABCDEFE="


def verdict(path: str, content: str | bytes = "x\n", kind: str = "file") -> str:
    """Return what comes of a path in the section that has it."""
    raw = content.encode() if isinstance(content, str) else content
    rule = knowledge().by_name(path, kind, mine=True) or knowledge().by_content(path, kind, raw)
    return rule.verdict if rule else "captured"


@pytest.mark.parametrize(
    "path",
    [
        "/etc/ssh/ssh_host_ed25519_key",
        "/etc/ssl/private/server.key",
        "/etc/wireguard/wg0.conf",
        "/etc/letsencrypt/live/example.org/privkey.pem",
        "/etc/openvpn/client/home.key",
        "/etc/apt/auth.conf",
        "/etc/apt/auth.conf.d/90ubuntu-advantage",
        "/etc/wpa_supplicant/wpa_supplicant.conf",
        "/etc/ppp/chap-secrets",
        "/etc/rclone/rclone.conf",
        "/etc/rclone.conf",
        "/etc/backup/.netrc",
        "/etc/backup/.git-credentials",
        "/etc/cifs/.smbcredentials",
        "/etc/samba/smbcred-nas",
        "/etc/google/application_default_credentials.json",
        "/etc/aws/credentials",
        "/etc/krb5.keytab",
        "/etc/cryptsetup-keys.d/home.key",
        "/etc/msmtprc",
        "/etc/NetworkManager/system-connections/home.nmconnection",
        "/etc/NetworkManager/system-connections/an old one without a suffix",
        "/etc/vpnc/work.conf",
        "/etc/restic/password",
        "/etc/restic/repo-passwords.txt",
        "/etc/mosquitto/passwd",
        "/etc/borg-passphrase",
        "/etc/borg/passphrases/nas",
        "/etc/openvpn/client/auth.txt",
        "/etc/openvpn/auth-user-pass",
        "/etc/openvpn/client/home/pass.txt",
    ],
)
def test_secret_by_name(path: str) -> None:
    assert verdict(path) == "secret"


@pytest.mark.parametrize(
    "content",
    [
        f"-----BEGIN PRIVATE KEY-----\n{KEY}\n",
        f"-----BEGIN RSA PRIVATE KEY-----\n{KEY}\n",
        f"-----BEGIN EC PRIVATE KEY-----\n{KEY}\n",
        f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{KEY}\n",
        f"certificate first\n-----BEGIN OPENSSH PRIVATE KEY-----\n{KEY}\n",
        f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{KEY}\n",
        "-----BEGIN OpenVPN Static key V1-----\n",
        "PuTTY-User-Key-File-3: ssh-ed25519\n",
        "AGE-SECRET-KEY-1QQQQQQQQQQ\n",
        b"\x95\x03\x98\x04abcd\x01\x00",
        b"\x94\x58\x04abcd\x16\x00",
        b"\xc5\xc1\x10\x04abcd\x01\x00",
        b"(21:protected-private-key(3:rsa",
        f"[Interface]\nPrivateKey = {WIREGUARD}\n",
        "proxy = http://ada:geheim@proxy:3128\n",
        "index-url=https://:token@pypi.example.org/simple\n",
        "# once: smb://ada:geheim@nas/share\n",
        "ada:$6$rounds=5000$salt$hashhashhash\n",
        "admin:$apr1$salt$hashhashhash\n",
        "password_pbkdf2 root grub.pbkdf2.sha512.10000.ABCDEF\n",
        "token=ghp_0123456789abcdefghijABCDEFGHIJ012345\n",
        "AKIA0123456789ABCDEF\n",
        "//registry.example.org/:_authToken=0123-4567\n",
        "password = hunter2\n",
        "db_password: 'geheim'\n",
        '{"api_key": "abcdef"}\n',
        '  "client_secret" : "abcdef",\n',
        "export RESTIC_PASSWORD=geheim\n",
        "AuthPass=geheim\n",
        "bindpw=no-matter\n",
        "uri ldap://ldap\nbindpw hunter22\n",
        "rootpwmodpw hunter22\n",
        'rootdn "cn=admin"\nrootpw\t\thunter22\n',
        "rootpw {SSHA}0123456789abcdef\n",
        "requirepass hunter22\n",
        "ldap_default_authtok = hunter22\n",
        '[Service]\nEnvironment="DB_PASSWORD=hunter22"\n',
        "[Service]\nEnvironment=DB_PASSWORD=hunter22\n",
        "Environment=A=1 'DB_PASSWORD=hunter22'\n",
        "    environment:\n      - MYSQL_ROOT_PASSWORD=hunter22\n",
        '      - "MYSQL_ROOT_PASSWORD=hunter22"\n',
        "users:\n  - password: hunter22\n",
        "0 3 * * * root RESTIC_PASSWORD=hunter22 restic backup /home\n",
        "ExecStart=/usr/bin/backup --password=hunter22 /home\n",
        "Options=username=ada,password=hunter22,uid=1000\n",
        'token = "hunter22"\n',
        "token: glrt-0123456789abcdefghij\n",
        "runner glrt-0123456789abcdefghij\n",
        "db_pass = hunter22\n",
        "$dbpass='hunter22';\n",
        "$config['db_password'] = 'hunter22';\n",
        "pwd=hunter22\n",
        "Driver=x;Uid=ada;Pwd=hunter22;\n",
        'password "hunter22@read,add"\n',
        'password "hunter 22@read,add"\n',
        "password hunter22\n",
        "password hunter22\r\n",
        '{"color": "#fff", "password": "hunter22"}\n',
        'set imap_pass = "hunter22"\n',
        "set -gx DEPLOY_TOKEN hunter22\n",
        "set --global --export DEPLOY_TOKEN 'hunter22'\n",
        "SETUVAR --export DEPLOY_TOKEN:hunter22\n",
        "  setenv RESTIC_PASSWORD hunter22\n",
        "let g:openai_api_key = 'hunter22'\n",
        'local token = "hunter22"\n',
        "my $password = 'hunter22';\n",
        '(setq gptel-api-key "hunter22")\n',
        "#!/bin/sh\ncurl -sS -u ada:hunter22 https://example.org/\n",
        "curl https://example.org/ --user 'ada:hunter22'\n",
        "sshpass -p hunter22 ssh nas\n",
        "sshpass -p'hunter22' ssh nas\n",
        "mysqldump -u root -phunter22 photos\n",
        "smbclient //nas/photos -U ada%hunter22\n",
        "restic --password hunter22 backup\n",
        "gpg --batch --passphrase 'correct horse' -d x\n",
        "openssl enc -d -pass pass:hunter22\n",
        "curl -H 'Authorization: Bearer hunter22' https://example.org/\n",
        "curl -H 'X-API-Key: hunter22' https://example.org/\n",
        "machine nas login ada password hunter22\n",
        "CREATE USER ada IDENTIFIED BY 'hunter22';\n",
        "define( 'DB_PASSWORD', 'hunter22' );\n",
        "$this->password = 'a';\n$password = 'hunter22';\n",
        "password: |\n  hunter22\n",
        'users:\n  - "api_key": >-\n      hunter22\n',
        "token: |2 # mine\r\n    hunter22\r\n",
        "<server><password>hunter22</password></server>\n",
        '<m:dbPassword type="x">\n  hunter22\n</m:dbPassword>\n',
        '<entry key="mail.password">hunter22</entry>\n',
        '<property name="secret" value="hunter22"/>\n',
        "# password = Xk29dkQpz1Lm\n",
        "; api_key: 'Xk29dkQpz1Lm'\n",
        "// old token=Xk29dkQpz1Lm+x\n",
    ],
)
def test_secret_by_content(content: str | bytes) -> None:
    assert verdict("/etc/some/file", content) == "secret"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "x\n",
        "-----BEGIN CERTIFICATE-----\nMIIE\n",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ ada@ember\n",
        b"\x99\x01\x0d\x04abcd\x01\x00",
        "passwd:         files systemd\nshadow: files\n",
        "PasswordAuthentication no\nPermitRootLogin prohibit-password\n",
        "password\t[success=1 default=ignore]\tpam_unix.so obscure\n",
        "Defaults passwd_timeout=5\nDefaults env_reset\n",
        "password = yes\nsecret: none\n",
        "password=\n",
        "password=$PASSWORD\npassword: {{ password }}\npassword=<here>\n",
        "https_proxy = http://proxy.example.org:18023/\n",
        "url = http://user:password@host/ is how to write it\n",
        "deb https://example.org/ stable main\n",
        "GRUB_TIMEOUT=1\n",
        "XKBOPTIONS=caps:escape\n",
        "git@github.com:ada/dotfiles.git\n",
        "PasswordAuthentication no\nPermitEmptyPasswords no\n",
        "password requisite pam_pwquality.so retry=3 authtok_type=\n",
        "password\tinclude\tcommon-password\n",
        "passwd: winbind files\npasswd:\tldap files\npasswd: systemd\n",
        "# password = hunter22\n  # A_PASSWORD=hunter22\n; token = hunter22\n",
        "a = 1  # or b password=hunter22\n",
        "#rootpw hunter22\n#bindpw hunter22\n# password hunter22\n",
        "rootpwmoddn cn=admin\nbindpw\nrootpw $PASS\n",
        "password =\ntoken =   \npwd=\nA=1\n",
        'password = ""\npassword: \'\'\npassword ""\n',
        "password=$PASS\npassword = %(x)s\npassword: {{ x }}\npassword $PASS\n",
        'Environment="DB_PASSWORD=${PASS}" TOKEN=%i\n',
        "password_file=/x\nRESTIC_PASSWORD_FILE=/x\npassword-command = pass nas\n",
        "PASSWD=/etc/passwd\nPWD=/root\npwd=`pwd`\nsecret: /run/secrets/x\n",
        "token-ttl = 5m\ntokens = 3\ntoken_type = bearer\n",
        "SUDO_ASKPASS=/usr/bin/ssh-askpass\nbypass = loopback\nproxy_pass http://localhost:8080;\n",
        "ada ALL=(ALL) NOPASSWD: ALL\n%x ALL=(ALL) \\\n  NOPASSWD: ALL, PASSWD: ALL\nb ALL=NOPASSWD:ALL\n",
        'Defaults passprompt="[sudo] password for %u: "\n',
        "PKCS11Provider pkcs11:token=Card;object=x\n",
        'if [ "$password" = "foo" ]; then echo "Wrong password: again"; fi\n',
        "PASS_MAX_DAYS 99999\nLOGIN_RETRIES 5\nENCRYPT_METHOD YESCRYPT\n",
        "minlen = 8\ndictcheck = 1\n",
        "Accept-Type: password\nFilename: /var/cache/debconf/passwords.dat\nName: passwords\n",
        "encrypt passwords = yes\nunix password sync = yes\npasswd program = /usr/bin/passwd %u\n",
        'Acquire::Retries "3";\n',
        "secret = pass:insta # as OpenSSL ships it\n",
        "[Network]\nIPv6Token=static:::1a\nToken=eui64\n",
        "password: |\n  two words\nsecret: >\n  $SECRET\ntoken: |\nother: hunter22\n",
        "<password></password>\n<password>${pass}</password>\n<token>token</token>\n",
        '<entry name="Password" type="String"><label>The password</label></entry>\n',
        '<string name="password">Password</string>\n',
        'set my_pass = "$PASS"\nset smtp_pass=`pass mail`\nset imap_pass = "ask me"\nset pass_hint = w\n',
        "set -q TOKEN; or exit\nset -l token (cat /run/token)\nset -gx TOKEN_FILE x\nset token /run/token\n",
        "let token = getToken('abcdefgh')\nlocal password = nil\nlet s:password = input('Word: ')\n",
        '(setq password-cache-expiry 3600)\n(setq api-key (read-string "Key: "))\n',
        'curl -u "$USER:$PASS" x\ncurl -u ada:"$PASS" x\ncurl -u user:password x\ndocker run -u 1000:1000\n',
        'sshpass -p "$PASS" ssh nas\nsshpass -e ssh nas\nsshpass -p{{ pass }} x\nmysql -u root -p photos\n',
        "--password option\nx --token TOKEN\nx --token <token1>\nx --password $PASS1\nx --token-ttl 60000\n",
        'p.add_argument("--token", help="the token")\nx --password-file /x1\nx --token /run/t1\n',
        "Authorization: Bearer $TOKEN\nauthorization: Bearer {{ token }}\nX-Api-Key: ${KEY}\n",
        "machine nas login ada password $PASS\nIDENTIFIED BY '$PASS'\ndefine('DB_PASSWORD', getenv('X'));\n",
        "mkdir -p /srv/mysql && mysql -h nas && install -pm 755 x\nssh -p 22 nas; smbclient -U ada //nas\n",
        "# password = geheimgeheim\n# token: https://example.org/Ab1Cd2Ef3\n# the token: Words\n",
        "#!/usr/bin/python3\ntoken = args.token\npassword = getpass.getpass()\nsecret=os.environ['S']\n",
    ],
)
def test_no_secret(content: str | bytes) -> None:
    assert verdict("/etc/some/file", content) == "captured"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc/alternatives/editor", "symlink"),
        ("/etc/rc3.d/S01ssh", "symlink"),
        ("/etc/ssl/certs/ca-certificates.crt", "file"),
        ("/etc/ssl/certs/0a1b2c3d.0", "symlink"),
        ("/etc/ssh/sshd_config.dpkg-old", "file"),
        ("/etc/x/y/__pycache__/z.pyc", "file"),
        ("/etc/rekindle/rekindle.yaml", "file"),
        ("/etc/systemd/system/timers.target.wants/rekindle.timer", "symlink"),
        ("/etc/systemd/system/rekindle.service", "file"),
        ("/etc/systemd/system/rekindle-restore.service", "file"),
        ("/etc/xdg/autostart/rekindle-report.desktop", "file"),
        ("/etc/systemd/system/snap-core22-1.mount", "file"),
        ("/etc/cloud/cloud.cfg.d/99-installer.cfg", "file"),
        ("/etc/machine-id", "file"),
    ],
)
def test_noise(path: str, kind: str) -> None:
    assert verdict(path, kind=kind) == "noise"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc/ssl/certs/my-ca.pem", "file"),
        ("/etc/apt/preferences.d/pin", "file"),
        ("/etc/apt/apt.conf.d/99mine", "file"),
        ("/etc/logrotate.d/mine", "file"),
        ("/etc/udev/rules.d/99-mine.rules", "file"),
        ("/etc/systemd/system/backup.service", "file"),
        ("/etc/systemd/system/multi-user.target.wants/backup.service", "symlink"),
        ("/etc/sudoers.d/ada", "file"),
        ("/etc/modprobe.d/mine.conf", "file"),
        ("/etc/alternativesque", "file"),
        ("/etc/NetworkManager/system-connections", "directory"),
        ("/etc/NetworkManager/conf.d/dns.conf", "file"),
        ("/etc/pam.d/passwd", "file"),
        ("/etc/pam.d/common-password-mine", "file"),
        ("/etc/security/pwquality.conf", "file"),
        ("/etc/nsswitch.conf", "file"),
        ("/etc/login.defs", "file"),
        ("/etc/debconf.conf", "file"),
        ("/etc/passwdqc.conf", "file"),
        ("/etc/sudoers.d/010_ada-nopasswd", "file"),
        ("/etc/polkit-1/rules.d/49-nopasswd.rules", "file"),
        ("/etc/ssh/sshd_config.d/10-no-passwords.conf", "file"),
        ("/etc/systemd/system/systemd-ask-password-wall.service.d/mine.conf", "file"),
        ("/etc/dovecot/conf.d/auth-passwdfile.conf.ext", "file"),
        ("/etc/restic/password", "symlink"),
        ("/etc/openvpn/server/server.conf", "file"),
    ],
)
def test_an_owners_file_is_captured(path: str, kind: str) -> None:
    assert verdict(path, kind=kind) == "captured"


@pytest.mark.parametrize(
    ("path", "content", "then"),
    [
        ("/etc/openvpn/client/login.txt", "ada\nhunter22\n", "secret"),
        ("/etc/openvpn/client/login.txt", "ada\r\nhunter22", "secret"),
        ("/etc/openvpn/client/home.conf", "client\nremote vpn.example.org 1194\n", "captured"),
        ("/etc/restic/nas.key", "correct-horse-battery\n", "secret"),
        ("/home/ada/.config/resticprofile/key.txt", "correct-horse-battery", "secret"),
        ("/etc/restic/repository", "sftp:nas:/srv/restic\n", "captured"),
        ("/etc/restic/excludes", "*.iso\n", "captured"),
        ("/etc/restic/includes", "/home\n", "captured"),
        ("/etc/borgmatic/config.yaml", "repositories: []\n", "captured"),
        ("/etc/some/word", "hunter22\n", "captured"),
    ],
)
def test_files_of_nothing_but_a_word_or_two_are_secrets_where_passwords_are_read_from_such(
    path: str, content: str, then: str
) -> None:
    assert verdict(path, content) == then


@pytest.mark.parametrize(
    ("path", "as_made", "changed", "then"),
    [
        ("/etc/hosts", "127.0.1.1 ember\n::1 localhost\nff02::1 ip6-all\n", "10.0.0.7 nas\n", "captured"),
        ("/etc/default/locale", "# update-locale\nLANG=de_DE.UTF-8\n", "LC_TIME=en_DK.UTF-8\n", "captured"),
        ("/etc/default/keyboard", 'XKBLAYOUT="de"\nBACKSPACE="guess"\n', "KMAP=x\n", "captured"),
        ("/etc/environment", "", "EDITOR=vim\n", "captured"),
        ("/etc/locale.gen", "# de_DE.UTF-8 UTF-8\n\n", "de_DE.UTF-8 UTF-8\n", "captured"),
        ("/etc/security/opasswd", "", "ada:1000:1:$1$x\n", "secret"),
        ("/etc/aliases", "postmaster:    root\n", "root: ada@example.org\n", "captured"),
    ],
)  # fmt: skip
def test_noise_only_while_it_says_nothing(path: str, as_made: str, changed: str, then: str) -> None:
    assert verdict(path, as_made) == "noise"
    assert verdict(path, as_made + changed) == then


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("/etc/fstab", "x", "bound"),
        ("/etc/netplan/50-cloud-init.yaml", "x", "bound"),
        ("/etc/ssh/ssh_host_rsa_key.pub", "x", "bound"),
        ("/etc/default/grub", "GRUB_TIMEOUT=0\n# root=UUID=1\n", "captured"),
        ("/etc/default/grub", 'GRUB_CMDLINE_LINUX="resume=UUID=1"\n', "bound"),
        ("/etc/default/grub", "GRUB_CMDLINE_LINUX=cryptdevice=/dev/nvme0n1p3:x\n", "bound"),
        ("/etc/X11/xorg.conf.d/20-gpu.conf", 'Option "TearFree"\n', "captured"),
        ("/etc/X11/xorg.conf.d/20-gpu.conf", '  BusID "PCI:1:0:0"\n', "bound"),
        ("/etc/X11/xorg.conf", '  Driver      "nvidia"\n', "bound"),
        ("/etc/X11/xorg.conf", '#  Driver "nvidia"\n', "captured"),
        ("/etc/X11/xorg.conf.d/20-gpu.conf", '  Driver "modesetting"\n', "captured"),
        ("/etc/crypttab", "x", "bound"),
        ("/etc/initramfs-tools/conf.d/resume", "RESUME=UUID=1\n", "bound"),
        ("/etc/mdadm/mdadm.conf", "x", "bound"),
        ("/etc/network/interfaces", "x", "bound"),
        ("/etc/udev/rules.d/70-persistent-net.rules", "x", "bound"),
        ("/etc/machine-id", "x", "noise"),
    ],
)
def test_bound(path: str, content: str, expected: str) -> None:
    assert verdict(path, content) == expected


@pytest.mark.parametrize(
    ("pattern", "path", "covers"),
    [
        ("/etc/a", "/etc/a", True),
        ("/etc/a", "/etc/a/b/c", True),
        ("/etc/a", "/etc/ab", False),
        ("/etc/*.x", "/etc/a.x", True),
        ("/etc/*.x", "/etc/a/b.x", False),
        ("/etc/**/*.x", "/etc/b.x", True),
        ("/etc/**/*.x", "/etc/a/b/c.x", True),
        ("/etc/**/.git", "/etc/a/.gitignore", False),
        ("/etc/rc?.d", "/etc/rc10.d", False),
        ("/etc/*", "/etc/new\nline", True),
        ("/etc/**/*.x", "/etc/new\nline/a.x", True),
    ],
)
def test_patterns(pattern: str, path: str, covers: bool) -> None:
    assert Rule(verdict="noise", why="x", paths=(pattern,)).covers(path, "file") is covers


PATTERNS = sorted({path for rule in knowledge().names for path in rule.paths})


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PATTERNS), st.sampled_from(["", "a/", "cups/ppd/"]), st.booleans())
def test_the_first_rule_that_covers_a_path_counts(pattern: str, between: str, mine: bool) -> None:
    path = pattern.replace("**/", between).replace("*", "a").replace("?", "0")
    rules = (rule for rule in knowledge().names if not (mine and rule.verdict == "elsewhere"))
    expected = next((rule for rule in rules if rule.covers(path, "file")), None)
    assert knowledge().by_name(path, "file", mine=mine) is expected


@pytest.mark.parametrize(
    "unit",
    [
        "x",
        "\n",
        " ",
        "(",
        "$5$",
        "a:",
        "https://",
        "https://a?",
        "-----BEGIN A ",
        "sk-",
        "password",
        "a=",
        "\x95\xff",
        "password ",
        "password=",
        "password :",
        "{password",
        "[a'",
        ",a",
        "a ",
        "a-b_c.d",
        "token=$",
        "a=\n",
        'password "',
        "- ",
        "root",
        "{SHA}",
        "<password>",
        '<a key="password" ',
        "password: |\n",
        "# token=token=token=\n",
        "curl ",
        "curl -u a:",
        "mysql ",
        " --password ",
        " --token '",
        "machine a login ",
    ],
)
def test_a_long_line_does_not_take_forever(unit: str) -> None:
    content = (unit * (LONG_BYTES // len(unit))).encode("latin-1")
    started = time.process_time()
    assert verdict("/etc/apt/long", content) in ("captured", "secret")
    assert time.process_time() - started < 1


def test_a_pattern_that_is_no_regular_expression_is_refused() -> None:
    with pytest.raises(ValueError, match="not a regular expression"):
        ContentRule(verdict="noise", why="x", holds="(")


def test_every_content_rule_says_what_to_look_for() -> None:
    for rule in knowledge().contents:
        assert not (rule.holds and rule.lines), rule.why
        assert rule.holds or rule.kind != "any", rule.why


@pytest.mark.parametrize(
    "rule", [rule for rule in knowledge().contents if rule.needs], ids=lambda rule: rule.why
)
def test_what_a_rule_finds_has_a_word_that_it_needs(rule: ContentRule) -> None:
    assert all(word == word.lower() for word in rule.needs)

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.from_regex(re.compile(rule.holds, re.ASCII), alphabet=st.characters(codec="ascii")))
    def check(content: str) -> None:
        assert rule.holds_for("/etc/x", "file", content.encode())

    check()


def test_users_files_are_theirs() -> None:
    names = ("passwd", "shadow", "group", "gshadow")
    rules = [knowledge().by_name(f"/etc/{name}", "file") for name in names]
    assert {rule.verdict for rule in rules if rule} == {"elsewhere"}
    assert {verdict(f"/etc/{name}-") for name in names} == {"noise"}


def test_a_rule_is_not_for_what_it_excepts() -> None:
    rule = Rule(verdict="secret", why="x", paths=("/etc/**/*pass*",), but=("/etc/pam.d", "/etc/a*"))
    found = [
        rule.covers(path, "file") for path in ("/etc/pass", "/etc/b/pass", "/etc/pam.d/pass", "/etc/apass")
    ]
    assert found == [True, True, False, False]


@pytest.mark.parametrize(
    ("path", "content", "kept"),
    [
        ("/etc/default/grub", b'A="x root=/dev/sda1 ro"\n', b'A="x ro"\n'),
        ("/etc/default/grub.d/x.cfg", b"A='resume=PARTUUID=1'\n", b"A=''\n"),
        ("/etc/kernel/cmdline", b"root=UUID=1 rootflags=subvol=@ rd.luks.uuid=2\n", b"rootflags=subvol=@ \n"),
        ("/etc/default/grub", b"GRUB_TIMEOUT=1\nA=zroot=/dev/x\n", b"GRUB_TIMEOUT=1\nA=zroot=/dev/x\n"),
        ("/etc/default/x", b"root=UUID=1\n", b"root=UUID=1\n"),
    ],
)
def test_words_of_this_machine_are_cut_out(path: str, content: bytes, kept: bytes) -> None:
    trimmed, told = knowledge().trimmed(path, content)
    assert (trimmed, bool(told)) == (kept, content != kept)
    assert knowledge().trimmed(path, trimmed) == (kept, {})


def test_every_rule_is_about_etc_and_no_reason_is_empty() -> None:
    for rule in (*knowledge().names, *knowledge().contents):
        places = re.compile(r"/(?:etc/|etc$|usr/local|opt|home/\*\*?/|root/|var/|\*\*$|\*\*/\.rekindle)")
        assert rule.why and all(map(places.match, rule.paths))


@pytest.mark.parametrize(
    ("package", "theirs"),
    [("grub-pc", True), ("linux-generic-hwe-24.04", True), ("linux-image-rt-amd64", False), ("htop", False)],
)
def test_what_the_installer_chooses(package: str, theirs: bool) -> None:
    assert choices().by_installer(package) is theirs


@pytest.mark.parametrize(
    ("package", "why"),
    [
        ("nvidia-driver-550", "for a graphics card of NVIDIA"),
        ("firmware-b43-installer", "for a network card of this machine"),
        ("firmware-microbit-doc", None),
        ("nvidia-settings", None),
    ],
)
def test_packages_for_hardware(package: str, why: str | None) -> None:
    found = choices().driver(package)
    assert (found.why if found else None) == why
