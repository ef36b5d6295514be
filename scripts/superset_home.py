"""Makes a Superset ready: its tables, its roles, its administrator, and the dashboards of a bundle.

    .local/bi/bin/python scripts/superset_home.py BUNDLE

Run by the Python of .local/bi, which has nothing of this repository. SUPERSET_CONFIG_PATH names the settings; the
administrator's password comes by standard input. What is there already stays, but what the bundle has is replaced.
"""

from __future__ import annotations

import sys
import zipfile

ADMIN = "admin"


def main(bundle: str, password: str) -> None:
    """Prepares the Superset of the environment; raises what Superset raises."""
    from superset.app import create_app

    app = create_app()
    with app.app_context():
        from flask import g
        from flask_migrate import upgrade
        from superset.commands.importers.v1.assets import ImportAssetsCommand
        from superset.commands.importers.v1.utils import get_contents_from_bundle
        from superset.extensions import appbuilder, security_manager

        upgrade()
        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        user = security_manager.find_user(username=ADMIN)
        if user is None:
            role = security_manager.find_role("Admin")
            user = security_manager.add_user(ADMIN, "Local", "Admin", "admin@localhost", role, password=password)
        g.user = user
        with zipfile.ZipFile(bundle) as file:
            ImportAssetsCommand(get_contents_from_bundle(file)).run()


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.readline().rstrip("\n"))
