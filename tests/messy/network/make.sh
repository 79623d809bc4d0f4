# Networks of a laptop that has been around: NetworkManager, netplan, tunnels, filters, printers, headphones.
put() { mkdir -p "$(dirname "$1")"; cat > "$1"; }

# --- NetworkManager
connections=/etc/NetworkManager/system-connections
put "$connections/Home WiFi.nmconnection" << 'END_OF_FILE'
[connection]
id=Home WiFi
uuid=00000000-0000-4000-8000-000000000001
type=wifi
interface-name=wlp2s0
timestamp=1714982400
permissions=user:ada:;

[wifi]
mac-address=00:11:22:33:44:55
seen-bssids=66:77:88:99:AA:BB;
ssid=Löw's {{ 7*7 }}

[wifi-security]
key-mgmt=wpa-psk
psk=hunter2hunter2

[ipv4]
dns=192.0.2.53;
method=auto
END_OF_FILE
printf '[connection]\nid=Home WiFi\ntype=ethernet\n\n[ipv4]\naddress1=192.0.2.9/24,192.0.2.1\nmethod=manual\n' |
    put "$connections/Home WiFi 2.nmconnection"
printf '[connection]\nid=eduroam\ntype=wifi\n[wifi]\nssid=eduroam\n[802-1x]\neap=peap;\nidentity=ada@uni.example.org\npassword=hunter2\npassword-flags=0\n' |
    put $connections/eduroam.nmconnection
printf '[connection]\nid=Work\ntype=vpn\n[vpn]\nremote=vpn.example.org\nusername=ada\npassword-flags=1\nca=/etc/ssl/work.pem\nservice-type=org.freedesktop.NetworkManager.openvpn\n[vpn-secrets]\npassword=hunter2\n' |
    put $connections/Work.nmconnection
printf '[connection]\nid=home-tunnel\ntype=wireguard\ninterface-name=wg-home\n[wireguard]\nprivate-key=hunter2\n[wireguard-peer.AAAA=]\nendpoint=home.example.org:51820\npreshared-key=hunter2\nallowed-ips=10.0.0.0/24;\n' |
    put $connections/home-tunnel.nmconnection
printf '[connection]\nid=Phone card\ntype=gsm\n[gsm]\napn=internet\npin=hunter2\n' | put "$connections/Phone card"
printf '[connection]\ntype=ethernet\nzone=work\nhunter2 is no setting\n' | put "$(printf "$connections/caf\\303\\251\\377 \$(id)\n.nmconnection")"
printf '[connection]\nid=Old\n[wifi-security]\npsk=hunter2\n' | put $connections/Old.nmconnection~
printf '[connection]\nid=Hidden\n' | put $connections/.hidden.nmconnection
: | put $connections/empty.nmconnection
chmod 0600 $connections/*
printf '[main]\nplugins=keyfile\ndns=dnsmasq\n' | put /etc/NetworkManager/NetworkManager.conf
printf '[connection]\nwifi.powersave=2\n' | put "$(printf '/etc/NetworkManager/conf.d/{{ 7*7 }} \374.conf')"
printf '#!/bin/sh\nexit 0\n' | put /etc/NetworkManager/dispatcher.d/50-share
printf '#!/bin/sh\nAPI_TOKEN=hunter2hunter2 report\n' | put /etc/NetworkManager/dispatcher.d/60-report
chmod 0755 /etc/NetworkManager/dispatcher.d/*
printf 'x' | put /etc/NetworkManager/dispatcher.d/50-share~

# --- netplan: the manager's own, the installer's, what the manager keeps there, a bridge, and a broken one
printf 'network:\n  version: 2\n  renderer: NetworkManager\n' | put /etc/netplan/01-network-manager-all.yaml
printf 'network: {ethernets: {enp3s0: {dhcp4: true}}, version: 2}\n' | put /etc/netplan/50-cloud-init.yaml
put /etc/netplan/90-NM-0001.yaml << 'END_OF_FILE'
network:
  version: 2
  wifis:
    NM-0001:
      renderer: NetworkManager
      match: {}
      access-points:
        "Café {{ 7*7 }}":
          auth: {key-management: psk, password: "hunter2hunter2"}
      networkmanager:
        passthrough: {wifi-security.psk: hunter2, ipv6.method: auto}
END_OF_FILE
printf 'network:\n  bridges:\n    br0: {interfaces: [], addresses: [192.0.2.20/24]}\n' | put /etc/netplan/60-bridge.yaml
printf 'network:\n  wifis: {wlan0: {password: hunter2: [\n' | put "/etc/netplan/broken's.yaml"
printf 'network: {}\n' | put /etc/netplan/off.yaml.disabled

# --- Tunnels
put /etc/wireguard/wg0.conf << 'END_OF_FILE'
[Interface]
Address = 10.8.0.2/24
PrivateKey = hunter2
DNS = 10.8.0.1 # home
PostUp = iptables -A FORWARD -i %i -j ACCEPT

[Peer]
PublicKey = cHVibGljIGtleSBvZiB0aGUgb3RoZXIgZW5kLi4uLi4=
PresharedKey = hunter2
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = home.example.org:51820
PersistentKeepalive = 25
END_OF_FILE
printf 'hunter2\n' | put /etc/wireguard/wg0.key
printf 'client\nremote vpn.example.org 1194\nauth-user-pass login.txt\n' | put /etc/openvpn/client/home.conf
printf 'ada\nhunter2\n' | put /etc/openvpn/client/login.txt
printf 'client\n<key>\nhunter2\n</key>\n' | put /etc/openvpn/client/work.ovpn
printf 'IPSec secret hunter2\n' | put /etc/vpnc/uni.conf
printf 'user ada\npassword hunter2\n' | put /etc/ppp/peers/dsl
printf 'conn home\n  left=%%any\n' | put /etc/ipsec.conf
printf ': PSK "hunter2"\n' | put /etc/ipsec.secrets
printf '{"key": "hunter2"}' | put /var/lib/tailscale/tailscaled.state
printf '{"account": "hunter2"}' | put /etc/mullvad-vpn/account.json

# --- Wireless besides NetworkManager, headphones
printf '[Security]\nPassphrase=hunter2\n' | put "/var/lib/iwd/Garden.psk"
printf '[Security]\nPassphrase=hunter2\n' | put /var/lib/iwd/=636166c3a90aff.psk
: | put /var/lib/iwd/Guests.open
printf 'x' | put /var/lib/iwd/.known_network.freq
printf 'network={\n  ssid="Shed"\n  psk="hunter2"\n}\nnetwork={\n  ssid=42c3a465\n  key_mgmt=NONE\n}\n' |
    put /etc/wpa_supplicant/wpa_supplicant.conf
bluetooth=/var/lib/bluetooth/00:11:22:33:44:55
printf '[General]\nName=WH-1\nAlias=Löw'\''s {{ 7*7 }}\nClass=0x240404\nTrusted=true\n[LinkKey]\nKey=hunter2\n' | put $bluetooth/AA:BB:CC:DD:EE:01/info
printf '[General]\nName=Keys\n[LongTermKey]\nKey=hunter2\n' | put $bluetooth/AA:BB:CC:DD:EE:02/info
printf '[General]\nName=Keys\n[IdentityResolvingKey]\nKey=hunter2\n' | put $bluetooth/AA:BB:CC:DD:EE:03/info
printf '[General]\nName=Neighbour TV\nTrusted=false\n' | put $bluetooth/AA:BB:CC:DD:EE:04/info
printf '[General]\nName=Passer-by\n' | put $bluetooth/cache/AA:BB:CC:DD:EE:05

# --- Filters and names; /etc/resolv.conf is what whoever made this system had
printf '### RULES ###\n### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n-A ufw-user-input -p tcp --dport 22 -j ACCEPT\n' | put /etc/ufw/user.rules
printf 'ENABLED=no\n' | put /usr/share/ufw/ufw.conf
printf 'ENABLED=yes\n' | put /etc/ufw/ufw.conf
printf '# after\n' | put /usr/share/ufw/iptables/after.rules
cp /usr/share/ufw/iptables/after.rules /etc/ufw/after.rules
printf 'IPV6=no\n' | put /etc/default/ufw
chmod 0640 /etc/ufw/user.rules
printf 'table inet filter {}\n' | put /etc/nftables.conf
printf '<zone/>\n' | put /etc/firewalld/zones/home.xml
printf 'address=/nas.home/192.0.2.7\n' | put /etc/dnsmasq.d/home
printf '[Resolve]\nDNS=192.0.2.53\n' | put /etc/systemd/resolved.conf.d/home.conf
printf '[Match]\nName=br0\n' | put /etc/systemd/network/20-br0.network
printf '[NetDev]\nName=wg1\n[WireGuard]\nPrivateKey=hunter2hunter2hunter2hunter2hunter2hunter2h=\n' | put /etc/systemd/network/30-wg1.netdev

# --- Printers
put /etc/cups/printers.conf << 'END_OF_FILE'
# Printer configuration file for CUPS v2.4.2
# Written by cupsd
# DO NOT EDIT THIS FILE WHEN CUPSD IS RUNNING
NextPrinterId 5
<DefaultPrinter Brother_HL>
PrinterId 1
UUID urn:uuid:00000000-0000-4000-8000-000000000002
Info Ada's {{ 7*7 }}
Location Küche
MakeModel Brother HL-L2350DW
DeviceURI ipp://brother.local:631/ipp/print
State Idle
StateTime 1714982400
ConfigTime 1714982400
Type 8425492
Accepting Yes
Shared Yes
JobSheets none none
QuotaPeriod 0
PageLimit 0
KLimit 0
AllowUser ada bob
OpPolicy default
ErrorPolicy retry-job
Option sides two-sided-long-edge
Attribute marker-levels 40
</DefaultPrinter>
<Printer Office>
PrinterId 2
MakeModel Generic PCL
DeviceURI smb://ada:hunter2@22@office.example.org/laser
State Stopped
Shared No
ErrorPolicy abort-job
</Printer>
<Printer Neighbour>
PrinterId 3
DeviceURI implicitclass://Neighbour/
Shared No
</Printer>
stray
END_OF_FILE
printf '<Class Both>\nPrinterId 4\nInfo\nPrinter Brother_HL\nPrinter Office\nShared No\n</Class>\n' | put /etc/cups/classes.conf
printf '<Printer hunter2>\n' | put /etc/cups/printers.conf.O
printf '*PPD-Adobe: "4.3"\n' | put /etc/cups/ppd/Office.ppd
printf '*PPD-Adobe: "4.3"\n' | put /etc/cups/ppd/Office.ppd.O
printf 'Default Office\n' | put /etc/cups/lpoptions
runuser -u ada -- mkdir -p /home/ada/.cups
printf 'Default Brother_HL sides=one-sided\n' | runuser -u ada -- tee /home/ada/.cups/lpoptions > /dev/null
