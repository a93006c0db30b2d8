"""Learned strategies: the state they see, the network that scores it, and their folders on disk."""
