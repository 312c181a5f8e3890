"""Certificates for the servers of the tests, from an authority of their own.

Owns the authority and the three kinds of certificate that a server may show. Must not know the servers.
"""

from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

import trustme

OTHER_HOST = "elsewhere.invalid"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Shown(Enum):
    """Which certificate a server shows."""

    VALID = "for localhost and 127.0.0.1"
    EXPIRED = "for localhost, over since 2020"
    OTHER_HOST = "for another host"


class Certificates:
    """The files a server reads. `authority` is what a client must trust; it is the same for all kinds."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.authority = folder / "authority.pem"
        self.chain = folder / "server.pem"
        self.key = folder / "server.key"
        self._authority.cert_pem.write_to_path(str(self.authority))
        self.show(Shown.VALID)

    def show(self, kind: Shown) -> None:
        """Put a fresh certificate of this kind in place. What the server has read already is its own affair."""
        leaf = self._issue(kind)
        self.chain.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(str(self.key))

    def _issue(self, kind: Shown) -> trustme.LeafCert:
        match kind:
            case Shown.VALID:
                return self._authority.issue_cert("localhost", "127.0.0.1")
            case Shown.EXPIRED:
                return self._authority.issue_cert("localhost", "127.0.0.1", not_after=LONG_AGO)
            case Shown.OTHER_HOST:
                return self._authority.issue_cert(OTHER_HOST)
