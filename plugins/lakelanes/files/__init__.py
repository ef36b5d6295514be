"""The lane of CSV files: found, matched, claimed, converted, committed, published."""
