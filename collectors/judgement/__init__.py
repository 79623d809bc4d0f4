"""What is the owner's, what is noise, and what is secret?"""
