"""A Label Studio project that asks for the best task next: read over REST, refit, scored, again."""
