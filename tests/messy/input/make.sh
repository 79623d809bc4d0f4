# A pedal that sends F13 starts the dictation: keyd, hwdb, input-remapper and what they leave; and years of
# keyboards, pads and pointers beside.
person=ada home=/home/ada
as() { runuser -u "$person" -- env HOME="$home" LC_ALL=C.UTF-8 "$@"; }
put() { as mkdir -p "$(dirname "$1")" && as tee "$1" > /dev/null; }
by_root() { mkdir -p "$(dirname "$1")" && cat > "$1"; }
# file, key, value, groups
kde() {
    file=$1 key=$2 value=$3
    shift 3
    for group; do set -- "$@" --group "$group"; shift; done
    as kwriteconfig5 --file "$file" "$@" --key "$key" -- "$value"
}

# The pedal
by_root /etc/keyd/default.conf << 'END'
[ids]
05f3:00ff

[main]
# the middle switch
f13 = command(runuser -u ada -- dictate --toggle)
capslock = overload(control, esc)
END
printf 'a = macro({{ 7*7 }} $(id))\n' | by_root /etc/keyd/common
printf '[ids]\n' | by_root "/etc/keyd/$(printf 'pedal "ü\n\377').conf"
by_root /etc/udev/hwdb.d/90-dictation.hwdb << 'END'
evdev:input:b0003v05F3p00FF*
 KEYBOARD_KEY_70005=f13
END
printf 'KSLPHHRH' | by_root /etc/udev/hwdb.bin
by_root /etc/libinput/local-overrides.quirks << 'END'
[Dictation pedal]
MatchUdevType=keyboard
MatchVendor=0x05F3
AttrKeyboardIntegration=external
END
put "$home/.config/input-remapper-2/presets/VEC Infinity Pedal/dictate.json" << 'END'
[{"input_combination": [{"type": 1, "code": 183}], "target_uinput": "keyboard", "output_symbol": "F13"}]
END
printf '{"version": "2.0.1", "autoload": {"VEC Infinity Pedal": "dictate"}}\n' |
    put "$home/.config/input-remapper-2/config.json"
printf '{"F13": 183}\n' | put "$home/.config/input-remapper-2/xmodmap.json"
printf 'keycode 191 = F13\n' | put "$home/.Xmodmap"
kde kglobalshortcutsrc _launch F13 services dictate.desktop

# Keyboards and what is typed
kde kxkbrc LayoutList us,de Layout
kde kxkbrc Options compose:caps,terminate:ctrl_alt_bksp Layout
kde kxkbrc ResetOldOptions true Layout
kde kcminputrc RepeatDelay 250 Keyboard
kde kcminputrc PointerAcceleration -0.400 Libinput 1133 16500 'Logitech G305'
by_root /etc/X11/xorg.conf.d/00-keyboard.conf << 'END'
# Written by systemd-localed(8), read by systemd-localed and Xorg.
Section "InputClass"
        Identifier "system-keyboard"
        Option "XkbLayout" "us,de"
EndSection
END
printf 'keycode 58 = Escape\n' | by_root /etc/console-setup/remap.inc
printf '<Multi_key> <h> <2> : "{{ 7*7 }}"\n' | put "$home/.XCompose"
printf 'default partial xkb_symbols "pedal" {};\n' | put "$home/.config/xkb/symbols/pedal"
printf '[Groups/0]\nName=Default\n' | put "$home/.config/fcitx5/profile"
printf 'hunter2' | put "$home/.config/fcitx/dbus/0123-0"
printf 'run_im fcitx5\n' | put "$home/.xinputrc"

# Pads, pointers and macros
printf 'gesture swipe up 3 xdotool key super\n' | put "$home/.config/libinput-gestures.conf"
printf 'None, Up, Button4, 3\n' | put "$home/.imwheelrc"
printf '%%YAML 1.3\n---\n- Rule: [Key: F13]\n' | put "$home/.config/solaar/rules.yaml"
printf 'devices: ({ name: "Wireless Mouse MX Master"; });\n' | by_root /etc/logid.cfg
printf 'keyboard.send_keys("<f13>")\n' | put "$home/.config/autokey/data/My Phrases/dictate.py"
printf 'password = "hunter2hunter2"\nkeyboard.send_keys(password)\n' |
    put "$home/.config/autokey/data/My Phrases/login.py"
printf 'hunter2' | put "$home/.config/autokey/autokey.log"
person=bob home=/srv/people/bob
printf '"dictate --toggle"\n    F13\n' | put "$home/.xbindkeysrc"
as chmod 0600 "$home/.xbindkeysrc"
as mkdir -p "$home/.config/sxhkd"
as ln -s /home/ada/.xbindkeysrc "$home/.config/sxhkd/sxhkdrc"
