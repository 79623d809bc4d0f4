"""Which base ISO is built on, and is it the vendor's?"""
