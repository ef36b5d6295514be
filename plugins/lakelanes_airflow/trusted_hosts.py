"""By which names Airflow's UI and API answer, where the setting ``[lakelanes] allowed_hosts`` says so.

An Airflow without a login on 127.0.0.1 is open to every page that the browser has loaded from a name which its owner
lets point to 127.0.0.1 a moment later (DNS rebinding): to the browser that page and Airflow are one site then. But the
request's Host header still has that name. ``allowed_hosts`` lists names without ports, separated by commas; without it
every name is answered, as Airflow does. The check is Starlette's (https://starlette.dev/middleware/).
"""

from __future__ import annotations

from typing import Any

from airflow.sdk.configuration import conf

SECTION, OPTION = "lakelanes", "allowed_hosts"


def middlewares() -> list[dict[str, Any]]:
    """What a plugin registers as ``fastapi_root_middlewares``: around the whole application; [] without the setting."""
    hosts = [name for text in conf.get(SECTION, OPTION, fallback="").split(",") if (name := text.strip())]
    arguments = {"allowed_hosts": hosts, "www_redirect": False}
    return [{"name": "Hosts", "middleware": only_these_hosts, "args": [], "kwargs": arguments}] if hosts else []


def only_these_hosts(app: Any, **arguments: Any) -> Any:
    """The ASGI application, which answers 400 to other names."""
    # Imported here: every process of Airflow loads the plugin, and only the API server needs a web framework.
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    return TrustedHostMiddleware(app, **arguments)
