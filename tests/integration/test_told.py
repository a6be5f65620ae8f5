"""The messages of the guide's page "Tell the team", sent to servers on this host."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope
from airflow.sdk.execution_time import task_runner

from airflow_provider_seedance.emulator.handle import Emulator
from airflow_provider_seedance.transfers.seedance_to_object_storage import SeedanceToObjectStorageOperator
from demo.standalone import free_ports
from tests.versions import DagBag

DAGS = Path(__file__).with_name("dags")
PROMPT = "<script>alert('owned')</script> & a kite"
ESCAPED = "&lt;script&gt;alert(&#39;owned&#39;)&lt;/script&gt; &amp; a kite"


class Mailbox:
    """The handler of a mail server: it keeps what is received."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: object, session: object, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(message_from_bytes(content, policy=policy.default))
        return "250 OK"


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    # The client and the server look up the name of this host, unless it has a domain.
    monkeypatch.setattr(socket, "getfqdn", lambda: "mail.example")
    box = Mailbox()
    [port] = free_ports(1)
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "airflow@example.com"}
    connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
    yield box
    controller.stop()


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """Return the messages that a webhook receives."""
    messages: list[dict[str, Any]] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *values: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Webhook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/services/"
        connection = {"conn_type": "slackwebhook", "host": url, "password": "T0/B0/secret"}
        monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(connection))
        yield messages
        server.shutdown()


@pytest.fixture
def run(airflow_database: Path, short_waits: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs a task of the page and all tasks before it, and returns the run."""
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/team/one")
    finalize: Any = task_runner.finalize

    def finalize_with_error(ti: Any, state: Any, context: Any, log: Any, error: BaseException | None = None) -> None:
        # A worker does this on every Airflow, dag.test() only from 3.3 on.
        context["exception"] = error
        finalize(ti, state, context, log, error)

    monkeypatch.setattr(task_runner, "finalize", finalize_with_error)

    def run_task(task_id: str, prompt: str) -> Any:
        bag: Any = DagBag(str(DAGS / "told.py"))
        dag = bag.dags["told"].partial_subset(task_id, include_upstream=True)
        return dag.test(run_conf={"prompt": prompt})

    return run_task


def text(mail: EmailMessage) -> str:
    body = mail.get_body(preferencelist=("html",))
    assert body is not None
    content: str = body.get_content()
    return content


def tab(run: Any, task_id: str) -> str:
    return f"https://airflow.example/team/one/dags/told/runs/{quote(run.run_id)}/tasks/{task_id}/plugin/seedance-video"


def test_finished_video_is_told_with_link_and_price(run: Any, seedance_emulator: Emulator, mailbox: Mailbox) -> None:
    done = run("make_video", PROMPT)

    [mail] = mailbox.mails
    assert (mail["To"], mail["Subject"], mail["From"]) == ("team@example.com", "New video: told", "airflow@example.com")
    assert f'<a href="{tab(done, "make_video")}">' in text(mail)
    assert ESCAPED in text(mail)
    assert "<script" not in text(mail)
    [booked] = seedance_emulator.ledger()
    assert f"About {float(booked['cost']):.2f} USD" in text(mail)
    assert seedance_emulator.api_key not in mail.as_string()


@pytest.mark.parametrize(
    ("mark", "words"), [("[policy]", "Nothing was charged."), ("[policy-late]", "The service decides whether it bills")]
)
def test_refused_video_is_told_with_the_reason(
    run: Any, seedance_emulator: Emulator, mailbox: Mailbox, mark: str, words: str
) -> None:
    run("make_video", f"{PROMPT} {mark}")

    [mail] = mailbox.mails
    assert (mail["To"], mail["Subject"]) == ("team@example.com", "No video: told")
    assert words in text(mail)
    assert ESCAPED in text(mail)
    assert "<script" not in text(mail)
    assert seedance_emulator.api_key not in mail.as_string()


def test_video_over_budget_is_told_to_whom_the_budget_belongs(
    run: Any, seedance_emulator: Emulator, mailbox: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Four seconds in 720p cost about 0.40 USD.
    extra = {"ledger": tmp_path.as_uri(), "daily_budget_usd": 0.1}
    monkeypatch.setenv("AIRFLOW_CONN_SEEDANCE_DEFAULT", json.dumps({**seedance_emulator.connection, "extra": extra}))
    run("make_video", PROMPT)

    [mail] = mailbox.mails
    assert (mail["To"], mail["Subject"]) == ("budget@example.com", "Over budget: told")
    assert "daily budget" in text(mail)
    assert ESCAPED in text(mail)
    assert "<script" not in text(mail)
    assert seedance_emulator.ledger() == []
    assert seedance_emulator.api_key not in mail.as_string()


def test_poster_is_attached(
    run: Any, seedance_emulator: Emulator, mailbox: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poster = tmp_path / "kite.png"
    poster.write_bytes(b"\x89PNG of the first frame")

    def store(_: object, context: Any) -> list[str]:
        context["ti"].xcom_push("stored", {"prediction_id": None, "files": [{"poster": poster.as_uri()}]})
        return ["s3://bucket/kite.mp4"]

    monkeypatch.setattr(SeedanceToObjectStorageOperator, "execute", store)
    run("keep_video", PROMPT)

    [mail] = [mail for mail in mailbox.mails if mail["Subject"] == "Stored: told"]
    assert "s3://bucket/kite.mp4" in text(mail)
    [attachment] = mail.iter_attachments()
    assert (attachment.get_filename(), attachment.get_payload(decode=True)) == ("kite.png", poster.read_bytes())


@pytest.mark.parametrize(("mark", "words"), [("", "|New video>: "), (" [policy]", "|No video>: ")])
def test_slack_message_has_an_escaped_prompt(
    run: Any, seedance_emulator: Emulator, slack: list[dict[str, Any]], mark: str, words: str
) -> None:
    done = run("make_teaser", f"<!channel> & a kite{mark}")

    [message] = slack
    assert words in message["text"]
    assert message["text"].startswith(f"<{tab(done, 'make_teaser').removesuffix('/plugin/seedance-video')}")
    assert "<!channel>" not in message["text"]
    if not mark:
        assert message["text"] == f"<{tab(done, 'make_teaser')}|New video>: &lt;!channel&gt; &amp; a kite"
    assert seedance_emulator.api_key not in message["text"]
