"""Clients that others wrote, on the sample lake: each in an environment of its own, with the rights of docs/clients.md.

``make clients`` runs all of it; a run of pytest has the parts that cost little.
"""
