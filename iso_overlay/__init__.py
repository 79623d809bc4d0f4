"""What does the ISO carry? A static tree: boot menu, playbook, roles, first boot."""
