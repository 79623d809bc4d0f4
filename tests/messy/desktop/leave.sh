# What ada does when she has logged in, as the report tells her: she fetches what is too large for a posture
share=/home/ada/.local/share
theirs() { runuser -u ada -- mkdir -p "$(dirname "$1")" && cp -a "/old$1" "$1"; }
theirs "$share/icons/Stars"
theirs "$share/plasma/desktoptheme/Sweet"
theirs "$share/knewstuff3"
theirs "$share/fonts/large"
theirs "$share/gnome-shell/extensions/dash@example.org"
