"""What does an ISO carry, is it whole, how is it undone?"""
