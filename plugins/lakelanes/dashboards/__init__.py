"""Dashboards as files: what is shown of the views, drawn on the Lake page, in QuickSight and in Power BI."""
