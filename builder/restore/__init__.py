"""How does a payload become the owner's machine?"""
