"""The dashboards as a Power BI project (PBIP): a semantic model in TMDL and a report in PBIR, rendered as text."""
