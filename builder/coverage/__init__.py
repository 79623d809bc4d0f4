"""How is shown what a machine would lose today?"""
