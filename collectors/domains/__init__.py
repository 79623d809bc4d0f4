"""What is there of each domain: one module for each section."""
