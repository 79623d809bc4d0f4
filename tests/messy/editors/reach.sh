# No market is to be reached.
for name in code codium pycharm; do fake $name; done
