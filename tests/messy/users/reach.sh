# The shells that carol and eve log in to: one is nobody's package, the other's is not among those of this desktop
for shell in /usr/local/bin/nush /usr/bin/zsh; do
    test -e "$shell" || install -m 0755 /bin/sh "$shell"
    echo "$shell" >> /root/fakes
done
