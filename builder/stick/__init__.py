"""How does a recovery ISO come onto a stick, and nothing else come to harm?"""
