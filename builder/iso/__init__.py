"""How does a base ISO become a recovery ISO?"""
