"""A host's name → addresses that everybody may reach, so that no fact sends a machine of ours elsewhere."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Thread

Address = IPv4Address | IPv6Address

REACHABLE = (ip_network("0.0.0.0/0"), ip_network("2000::/3"))
"""Addresses in IPv6 beyond these are no single host's in public, or hold one of IPv4 (mapped, NAT64)."""
INTERNAL = tuple(map(ip_network, (
    "168.63.129.16/32",  # answers every virtual machine on Azure, where hosted runners are
    "192.0.0.0/24", "192.88.99.0/24", "3fff::/20",  # special, and not in the tables of older Pythons
    "2002::/16",  # holds an address of IPv4
)))  # fmt: skip


def public(address: Address) -> bool:
    """Whether an address is a host's on the public internet: not private, local, shared or multicast."""
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and any(address in net for net in REACHABLE)
        and not any(address in net for net in INTERNAL)
    )


def resolve_public(host: str, seconds: float) -> list[Address]:
    """Look a name up.

    Raises OSError when it has no address, TimeoutError when that is not known in time.
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
