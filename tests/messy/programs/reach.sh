# No vendor is to be reached, and the sources are none that anything could be built from.
for name in curl cmake make; do fake $name; done
