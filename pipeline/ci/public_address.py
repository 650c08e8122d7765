"""Resolves host names and recognises public addresses, so that no fact's source reaches a private network."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Thread

Address = IPv4Address | IPv6Address

REACHABLE = (ip_network("0.0.0.0/0"), ip_network("2000::/3"))
"""Other IPv6 addresses belong to no single public host, or hold one of IPv4 (mapped, NAT64)."""
INTERNAL = tuple(map(ip_network, (
    "168.63.129.16/32",  # answers every virtual machine on Azure, where hosted runners are
    "192.0.0.0/24", "192.88.99.0/24", "3fff::/20",  # special, and not in the tables of older Pythons
    "2002::/16",  # holds an address of IPv4
)))  # fmt: skip


def public(address: Address) -> bool:
    """Return whether an address is a public host's: not private, local, shared or multicast."""
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and any(address in net for net in REACHABLE)
        and not any(address in net for net in INTERNAL)
    )


def resolve_public(host: str, seconds: float) -> list[Address]:
    """Look a name up.

    Raises OSError when it has no address, TimeoutError when the look-up takes too long.
    """
    found: list[Address] = []
    failed: list[OSError] = []

    def look_up() -> None:
        try:
            rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found.extend(ip_address(row[4][0]) for row in rows)
        except OSError as error:
            failed.append(error)
        except ValueError:  # a name that is none: too long a label, a NUL
            failed.append(OSError("is no name of a host"))

    # The system's look-up has no time limit of its own; what comes too late is dropped with its thread.
    thread = Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError
    return found
