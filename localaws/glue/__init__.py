"""The local Glue Data Catalog: ministack's, with what it lacks put in front of it."""
