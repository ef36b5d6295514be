"""``make acceptance``: tries a whole lake on an AWS account, in resources of its own, and reports what it saw.

It answers what no test on a laptop can: whether real AWS does what its documents say and what this project's local AWS
does. docs/acceptance.md says what it tries, what it costs and what to do with the report.
"""
