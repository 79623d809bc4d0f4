"""What would be lost today, and where does each program come from?"""
