"""Triggers; they run in the triggerer, which imports them from the plugins folder."""
