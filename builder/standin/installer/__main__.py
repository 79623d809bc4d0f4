"""Start the stand-in's installer."""

import pathlib

for t in ("/dev/tty1", "/dev/ttyS0"):
    try:
        with open(t, "w") as f:
            f.write("standin: hello\n")
    except OSError:
        pass
