"""What does this machine have?"""
