"""Which sample goes to whom next."""
