"""The Glue catalogue and Athena: tables, partitions, views, statements."""
