"""The manual's own program verifies an entry, with nothing of ours."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server

from zhixin.app import create_app
from zhixin.ledger import log
from zhixin.ledger.models import EntryKind

MANUAL = Path(__file__).parents[3] / "docs" / "auditor" / "ledger.md"


class Silent(WSGIRequestHandler):
    def log(self, *_facts: object) -> None:
        """Nothing on the test's output."""


@pytest.fixture
def site(own_engine, settings, signer, now):
    """The address of a running site whose log has eleven entries."""
    with Session(own_engine) as session:
        for n in range(11):
            log.submit(session, EntryKind.AWARD, f"award:{n}", {"title": f"课程{n}"}, now=now)
        log.append_waiting(session, signer, now)
        session.commit()
    app = create_app(settings, bind=own_engine, testing=True)
    server = make_server("127.0.0.1", 0, app, request_handler=Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_manuals_program_verifies(site):
    """A stranger follows the manual and gets an answer; what it prints is what was certified."""
    program = re.search(r"```python\n(.*?)```", MANUAL.read_text(), re.DOTALL)[1]
    for index in (0, 7, 10):
        done = subprocess.run(
            [sys.executable, "-c", program, site, str(index)],
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert f"课程{index}" in done.stdout
