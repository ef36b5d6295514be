"""What a run was asked for, what it found, how far it is, and how it ends."""
