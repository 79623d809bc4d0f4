"""How is what lies on a machine read?"""
