# Which drivers a machine needs only Ubuntu knows.
fake ubuntu-drivers
