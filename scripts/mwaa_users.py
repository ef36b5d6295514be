"""Makes users of Airflow's FabAuthManager, each with a role of its own; run by the Python of .local/cluster, in a node.

Standard input has a JSON object: a role, and the password of its user, whose name is the role's in lower case.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping


def main(passwords: Mapping[str, str]) -> None:
    """Makes the users; raises SystemExit when one cannot be made."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        for role, password in passwords.items():
            name, found = role.lower(), builder.sm.find_role(role)
            if found is None or not builder.sm.add_user(name, name, role, f"{name}@localhost", found, password):
                sys.exit(f"no user with the role {role} can be made")


if __name__ == "__main__":
    main(json.load(sys.stdin))
