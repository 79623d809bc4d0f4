"""What do git repositories have, and where are they?"""
