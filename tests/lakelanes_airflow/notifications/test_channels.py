"""The channels, with a real topic, a web server for Slack's webhook and a mail server, all on loopback."""

from __future__ import annotations

import json
import logging
import socketserver
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from typing import Any

import pytest
from airflow.sdk import Connection

from lakelanes.alerts.messages import Alert
from lakelanes.lake import Lake
from lakelanes_airflow.notifications import channels
from lakelanes_airflow.notifications.run_alerts import run_url
from tests.support.lakes import AIRFLOW_URL
from tests.support.queues import Alerts
from tests.support.served import served
from tests.support.webhook import Webhook, running_webhook

ALERT = Alert("load_sales", "run-1", "sales", "5 < 6 & so on", "Nothing.", page_url="/lake/entities/sales")
SECRET = "T000/B000/very-secret"


class _MailServer:
    """A mail server's port, and recipients and text of each mail that it was sent."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.received: list[Any] = []


@pytest.fixture
def slack() -> Iterator[Webhook]:
    with running_webhook() as webhook:
        yield webhook


@pytest.fixture
def mail() -> Iterator[_MailServer]:
    """As much of a mail server as one mail needs (RFC 5321)."""

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 ready")
            recipients: list[str] = []
            while line := self.rfile.readline().decode().strip():
                verb = line[:4].upper()
                if verb == "DATA":
                    self._say("354 go on")
                    lines = iter(self.rfile.readline, b".\r\n")
                    found.received.append((recipients, message_from_bytes(b"".join(lines))))
                elif verb == "RCPT":
                    recipients.append(line[9:-1])
                self._say("221 bye" if verb == "QUIT" else "250 done")
                if verb == "QUIT":
                    return

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
    found = _MailServer(int(server.server_address[1]))
    with served(server):
        yield found


def slack_connection(port: int) -> Connection:
    return Connection(
        conn_id=channels.SLACK, conn_type="slackwebhook", host=f"http://127.0.0.1:{port}/services", password=SECRET
    )


def mail_connection(port: int, **extra: Any) -> Connection:
    given = {"to": "a@example.org, b@example.org", "from_email": "lake@example.org", "disable_ssl": True}
    text = json.dumps({**given, "disable_tls": True, **extra})
    return Connection(conn_id=channels.SMTP, conn_type="smtp", host="127.0.0.1", port=port, extra=text)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.mark.parametrize(
    ("own", "base"),
    [
        ("https://ui.example/x/", "https://ui.example/x"),
        # Airflow has no default for it; the configuration may have one.
        (None, AIRFLOW_URL),
    ],
)
def test_links_have_airflows_own_address_else_that_of_the_configuration(
    lake: Lake, own: str | None, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = Alerts(lake)
    if own:
        monkeypatch.setenv("AIRFLOW__API__BASE_URL", own)
    channels.send(lake, replace(ALERT, run_url=run_url("load_sales", "run-1")), lambda _: None)
    [told] = topic.wait()
    assert (told["page_url"], told["run_url"]) == (
        f"{base}/lake/entities/sales",
        f"{base}/dags/load_sales/runs/run-1",
    )


def test_every_channel_that_has_a_connection_is_told(lake: Lake, slack: Webhook, mail: _MailServer) -> None:
    topic = Alerts(lake)
    connections = {channels.SLACK: slack_connection(slack.port), channels.SMTP: mail_connection(mail.port)}
    channels.send(lake, ALERT, connections.get)
    [told] = topic.wait()
    assert told["page_url"].startswith("http") and told["page_url"].endswith("/lake/entities/sales")
    [(path, body)] = slack.received
    assert path == f"/services/{SECRET}"
    assert "Lakelanes: load_sales failed" in body["text"] and "5 &lt; 6 &amp; so on" in body["text"]
    [(recipients, message)] = mail.received
    assert recipients == ["a@example.org", "b@example.org"]
    assert (message["Subject"], message["From"]) == ("Lakelanes: load_sales failed", "lake@example.org")
    assert "5 < 6 & so on" in message.get_payload(decode=True).decode()


def test_connections_are_airflows(lake: Lake, slack: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = Alerts(lake)
    monkeypatch.setenv("AIRFLOW_CONN_LAKELANES_SLACK", slack_connection(slack.port).get_uri())
    channels.send(lake, ALERT)
    assert len(slack.received) == 1
    assert len(topic.wait()) == 1


def test_a_channel_that_fails_is_logged_without_its_secret_and_keeps_no_other_from_being_told(
    lake: Lake, mail: _MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    topic = Alerts(lake)
    connections = {channels.SLACK: slack_connection(free_port()), channels.SMTP: mail_connection(mail.port)}
    with caplog.at_level(logging.INFO):
        channels.send(lake, ALERT, connections.get)
    assert len(topic.wait()) == 1 and len(mail.received) == 1
    assert "lakelanes_slack: the alert was not sent" in caplog.text
    assert "very-secret" not in caplog.text


def test_without_its_topic_the_others_are_told_and_the_caller_hears_of_it(lake: Lake, mail: _MailServer) -> None:
    lake.sns.delete_topic(TopicArn=lake.config.alert_topic_arn)
    with pytest.raises(lake.sns.exceptions.NotFoundException):
        channels.send(lake, ALERT, {channels.SMTP: mail_connection(mail.port)}.get)
    assert len(mail.received) == 1


@pytest.mark.parametrize("extra", [{"to": ""}, {"to": []}])
def test_a_mail_without_recipients_says_what_the_connection_lacks(
    lake: Lake, mail: _MailServer, caplog: pytest.LogCaptureFixture, extra: dict[str, Any]
) -> None:
    channels.send(lake, ALERT, {channels.SMTP: mail_connection(mail.port, **extra)}.get)
    assert "recipients in its extra" in caplog.text and mail.received == []


def test_a_server_that_offers_no_encryption_gets_no_mail_unless_that_is_said(
    lake: Lake, mail: _MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    channels.send(lake, ALERT, {channels.SMTP: mail_connection(mail.port, disable_tls=False)}.get)
    assert mail.received == [] and "lakelanes_smtp: the alert was not sent" in caplog.text


def free_port() -> int:
    """A port that nobody listens on."""
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        return int(server.server_address[1])
