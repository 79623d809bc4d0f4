"""How does a base become a recovery ISO, a stick, an upload, a rehearsal?"""

VERSION = "0.1.0"
