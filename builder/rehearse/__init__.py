"""Does this recovery ISO restore the machine?"""
