"""How much the RTSP server takes from one connection, from one address and from all. Pure: every call is told the time.

GStreamer's server has hardly any bounds of its own: it stores a body of any length, any number of header lines, and as
many connections and sessions as are asked for. docs/outputs.md shows these as a table.
"""

from typing import Dict, NamedTuple, Optional, Tuple


class Bound(NamedTuple):
    """So much at once, and so much a second in the long run."""

    name: str
    burst: float
    per_second: float


# Connections in all: more than the viewers that any of the boards can send to. One address gets half of them: it cannot
# shut the others out, and behind NAT many viewers share one.
MOST_CONNECTIONS = 512
# A client needs one. The second is for one that begins anew before it has ended the first.
MOST_SESSIONS_PER_CONNECTION = 2
# From connecting to the end of the first request: clients send it at once.
FIRST_REQUEST_SECONDS = 10.0
# Requests of viewers have no body; parameters, where a client sends some, have a few lines.
LARGEST_BODY = 16 * 1024
# Bytes received on one connection. Requests have a few hundred, and a viewer reports (RTCP) some tens a second.
BYTES = Bound("bytes", 32 * 1024, 4 * 1024)
# Requests on one connection. A viewer needs five to begin, and one every half minute.
REQUESTS = Bound("requests", 60, 10)
# Senders (SSRC) of RTCP reports on one connection. A viewer is one, and GStreamer remembers each for half a minute.
RTCP_SENDERS = Bound("rtcp senders", 16, 1 / 10)

# Of one address: room for as many viewers as may connect from there to begin all at once.
NEW_CONNECTIONS = Bound("new connections", MOST_CONNECTIONS / 2, 20)
ADDRESS_REQUESTS = Bound("address requests", 2000, 200)
ADDRESS_BYTES = Bound("address bytes", 2 * 1024 * 1024, 64 * 1024)
# Who guesses a password needs thousands. A person mistypes it now and then; GStreamer's client sends it eight times.
FAILED_LOGINS = Bound("failed logins", 50, 1 / 10)
# Connections that exceeded one of their own bounds.
BREACHES = Bound("breaches", 20, 1 / 10)
# An address that exceeded one of its bounds cannot connect for so long. Who watches already goes on.
REFUSED_SECONDS = 60.0
# Addresses that are remembered without a connection.
_MOST_ADDRESSES = 4096

# Why a connection is refused or cut.
REFUSED = "its address is refused for now"
CONNECTS_TOO_OFTEN = "it connects too often"
TOO_MANY_OF_ADDRESS = "its address has too many connections"
TOO_MANY = "there are too many connections in all"
SENDS_NO_REQUEST = "it sends no request"
SENDS_TOO_MUCH = "it sends more than a viewer does"
ASKS_TOO_OFTEN = "it sends too many requests"
TOO_MANY_SESSIONS = "it begins too many sessions"
GUESSES_PASSWORDS = "its logins are wrong too often"
REPORTS_AS_TOO_MANY = "it sends reports as too many different viewers"
BREAKS_TOO_MANY_BOUNDS = "too many of its connections had to be closed"


class Usage:
    """What is left of some bounds. Each fills again over time."""

    def __init__(self) -> None:
        # What was left, and when. A bound that is not here is untouched.
        self._left: Dict[Bound, Tuple[float, float]] = {}

    def take(self, bound: Bound, now: float, amount: float = 1.0) -> bool:
        """False: that was too much."""
        left = self.left(bound, now) - amount
        self._left[bound] = (max(0.0, left), now)
        return left >= 0

    def left(self, bound: Bound, now: float) -> float:
        left, since = self._left.get(bound, (bound.burst, now))
        return min(bound.burst, left + (now - since) * bound.per_second)

    def is_untouched(self, now: float) -> bool:
        """Whether all is as if it had never been used."""
        return all(self.left(bound, now) == bound.burst for bound in self._left)


class Address(Usage):
    """What comes from one IP address."""

    def __init__(self) -> None:
        super().__init__()
        self.connections = 0
        self.refused_until = 0.0


class Addresses:
    """Decides who may connect, and keeps what every address has used."""

    def __init__(self, most_connections: int) -> None:
        """most_connections: in all."""
        self._most = most_connections
        self._connections = 0
        self._addresses: Dict[str, Address] = {}

    def __getitem__(self, ip: str) -> Address:
        return self._addresses.setdefault(ip, Address())

    def refusal(self, ip: str, now: float) -> Optional[str]:
        """Why a new connection is refused. None: it may enter."""
        address = self[ip]
        if now < address.refused_until:
            return REFUSED
        if not address.take(NEW_CONNECTIONS, now):
            return CONNECTS_TOO_OFTEN
        if address.connections >= self._most // 2:
            return TOO_MANY_OF_ADDRESS
        if self._connections >= self._most:
            return TOO_MANY
        return None

    def enter(self, ip: str) -> None:
        """A connection has begun."""
        self[ip].connections += 1
        self._connections += 1

    def leave(self, ip: str) -> None:
        """A connection has ended."""
        self[ip].connections -= 1
        self._connections -= 1

    def forget(self, now: float) -> None:
        """Drops what no longer matters, and the oldest of what is too much. To be called now and then."""
        for ip, address in list(self._addresses.items()):
            is_over = address.is_untouched(now) and now >= address.refused_until
            if not address.connections and (is_over or len(self._addresses) > _MOST_ADDRESSES):
                del self._addresses[ip]
