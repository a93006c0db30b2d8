"""Classifiers: a recipe that is fitted anew for every labeled set."""
