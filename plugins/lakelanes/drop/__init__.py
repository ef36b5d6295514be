"""Taking an entity or a table out of the lake, with all that it left there."""
