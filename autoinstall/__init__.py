"""What must the installer be told?"""
