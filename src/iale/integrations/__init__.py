"""Optional parts: each needs a package that iale does without, and none imports another."""
