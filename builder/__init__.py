"""How does a base become a recovery ISO, a stick, an upload, a rehearsal?"""
