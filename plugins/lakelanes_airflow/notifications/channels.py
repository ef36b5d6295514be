"""How an alert reaches people: always by the lake's SNS topic, by Slack and e-mail where Airflow has connections.

Connection ``lakelanes_slack``: an incoming webhook of Slack, as Airflow's Slack provider has it: the host is
``https://hooks.slack.com/services`` (the default), the password the rest of the webhook's address.

Connection ``lakelanes_smtp``: host, port, login and password of a mail server. Its extra names the recipients and the
sender: ``{"to": "a@example.org, b@example.org", "from_email": "lake@example.org"}``. As with Airflow's SMTP
provider, the connection is encrypted from the start, unless the extra has ``"disable_ssl": true``; then it is by
STARTTLS, unless it has ``"disable_tls": true`` as well.

Neither needs its provider. A channel that fails keeps no other from getting the alert, and no log gets a secret.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Callable, Iterable
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from airflow.sdk import BaseHook
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowNotFoundException

from lakelanes.alerts.messages import Alert, publish, with_addresses
from lakelanes.lake import Lake

log = logging.getLogger(__name__)

SLACK = "lakelanes_slack"
SMTP = "lakelanes_smtp"
_SLACK_HOST = "https://hooks.slack.com/services"
_TIMEOUT_SECONDS = 10
# Slack shows no more of a message (https://docs.slack.dev/changelog/2018-truncating-really-long-messages).
_SLACK_LENGTH = 39_000

# A connection by its id, None where there is none.
Connections = Callable[[str], Any]


class ChannelError(Exception):
    """A channel did not take a message, or its connection lacks something; the text has no secret."""


def configured(name: str) -> Any:
    """Airflow's connection of that id; None when there is none."""
    try:
        return BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return None


def send(lake: Lake, alert: Alert, connections: Connections = configured) -> None:
    """Sends the alert on every channel that there is. Raises what SNS raised, once the other channels have it.

    Links get Airflow's own address, else that of the configuration (``airflow_url``).
    """
    alert = with_addresses(alert, base_url() or lake.config.airflow_url)
    try:
        publish(lake, alert)
        log.info("Sent to %s: %s", lake.config.alert_topic_arn, alert.subject)
    finally:
        send_to_people(alert, connections)


def send_to_people(alert: Alert, connections: Connections = configured) -> None:
    """Sends the alert on the channels beside SNS; a failure is logged."""
    for name, send in ((SLACK, _to_slack), (SMTP, _by_mail)):
        try:
            if connection := connections(name):
                send(connection, alert)
                log.info("Sent by connection %s: %s", name, alert.subject)
        except ChannelError as error:
            log.error("Connection %s: the alert was not sent: %s", name, error)
        except Exception as error:
            # Not the error's text: other libraries put the address into it, which is Slack's secret.
            log.error("Connection %s: the alert was not sent: %s", name, type(error).__name__)


def base_url() -> str:
    """Address of Airflow's UI, without a slash at the end; '' where Airflow does not know it."""
    return str(conf.get("api", "base_url", fallback="") or "").rstrip("/")


def _to_slack(connection: Any, alert: Alert) -> None:
    # Imported here, for every parse of a DAG file imports this module.
    import requests

    host, token = connection.host or _SLACK_HOST, connection.password or ""
    if "://" not in host:
        host = f"{connection.schema or 'https'}://{host}"
    if connection.port and urlsplit(host).port is None:
        parts = urlsplit(host)
        host = parts._replace(netloc=f"{parts.netloc}:{connection.port}").geturl()
    sign = ":white_check_mark:" if alert.recovered else ":rotating_light:"
    text = f"{sign} *{_escaped(alert.subject)}*\n```{_escaped(alert.text)[:_SLACK_LENGTH]}```"
    answer = requests.post(
        f"{host.rstrip('/')}/{token.lstrip('/')}", json={"text": text}, timeout=_TIMEOUT_SECONDS, allow_redirects=False
    )
    if answer.status_code != requests.codes.ok:
        raise ChannelError(f"Slack answered {answer.status_code}")


def _escaped(text: str) -> str:
    """https://docs.slack.dev/messaging/formatting-message-text#escaping"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _by_mail(connection: Any, alert: Alert) -> None:
    extra = connection.extra_dejson
    to = extra.get("to") or ()
    recipients = [name.strip() for name in (to.split(",") if isinstance(to, str) else to) if name.strip()]
    if not connection.host or not recipients:
        raise ChannelError('it needs a host, and recipients in its extra: {"to": "somebody@example.org"}')
    message = EmailMessage()
    message["Subject"] = alert.subject
    message["From"] = extra.get("from_email") or connection.login or recipients[0]
    message["To"] = ", ".join(recipients)
    message.set_content(alert.text)
    _send(connection, extra, message, recipients)


def _send(connection: Any, extra: Any, message: EmailMessage, recipients: Iterable[str]) -> None:
    plain, secure = bool(extra.get("disable_ssl")), ssl.create_default_context()
    server: smtplib.SMTP
    if plain:
        server = smtplib.SMTP(connection.host, connection.port or 587, timeout=_TIMEOUT_SECONDS)
    else:
        server = smtplib.SMTP_SSL(connection.host, connection.port or 465, timeout=_TIMEOUT_SECONDS, context=secure)
    with server:
        if plain and not extra.get("disable_tls"):
            server.starttls(context=secure)
        if connection.login and connection.password:
            server.login(connection.login, connection.password)
        server.send_message(message, to_addrs=list(recipients))
