"""What a step read and wrote, in OpenLineage's terms: data sets by name, their columns, partitions and counts."""
