"""Which steps bring the items of each section back?"""
