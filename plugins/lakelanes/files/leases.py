"""The leases of a batch's claims, kept alive while their files are being converted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator
from contextlib import contextmanager

from lakelanes.ledger.entries import Entry
from lakelanes.ledger.files import Ledger

log = logging.getLogger(__name__)


class Leases:
    """Renews the leases of the claims that are held, in a thread of its own, three times per lease.

    A context manager: the thread ends with it.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._claims: dict[str, Entry] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)

    def __enter__(self) -> Leases:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    @contextmanager
    def held(self, claim: Entry) -> Generator[None]:
        """Renews the claim's lease until the end of the block."""
        with self._lock:
            self._claims[claim.source] = claim
        try:
            yield
        finally:
            with self._lock:
                self._claims.pop(claim.source, None)

    def give_back(self, reason: str) -> None:
        """Ends the claims that are held: others may take the files at once, and their workers can commit no more."""
        for claim in self._held():
            try:
                self._ledger.failed(claim, reason, retryable=True)
            except Exception as error:
                # Committed at this moment, or the ledger cannot be reached; then the lease runs out.
                log.warning("%s could not be given back: %s", claim.source, error)

    def _held(self) -> list[Entry]:
        with self._lock:
            return list(self._claims.values())

    def _keep(self) -> None:
        while not self._stop.wait(self._ledger.lease_seconds / 3):
            for claim in self._held():
                try:
                    self._ledger.renew(claim)
                except Exception as error:
                    # The worker finds out by itself when it commits; its writes are fenced until then.
                    log.warning("%s: the lease could not be renewed: %s", claim.source, error)
