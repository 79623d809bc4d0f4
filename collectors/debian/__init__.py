"""What does the package system say?"""
