"""QuickSight, which ministack lacks: data sets on Athena, their copies in SPICE, and the dashboards on them."""
