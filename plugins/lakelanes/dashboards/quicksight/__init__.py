"""The dashboards in QuickSight: the resources that infrastructure/dashboards.yaml makes of their description."""
