"""What does the ISO carry to the new machine, and how is it made and opened?"""
