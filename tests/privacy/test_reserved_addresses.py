"""An address of a range that is kept for something is no public one, whatever a table says."""

import ipaddress

import pytest

from inhouse.providers.network.addresses import is_public

RESERVED = [
    *("0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.1.1", "192.0.0.8"),
    *("192.0.2.1", "192.88.99.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::7f00:1", "::a00:1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "100::1"),
    *("2001::1", "2001:2::1", "2001:20::1", "2001:db8::1", "2002:a00:1::", "3fff::1"),
    *("5f00::1", "64:ff9b::a00:1", "64:ff9b:1::1", "fc00::1", "fe80::1", "fec0::1", "ff02::1"),
]


@pytest.mark.parametrize("address", RESERVED)
def test_a_reserved_address_is_not_public(address: str):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"])
def test_a_public_address_is(address: str):
    assert is_public(ipaddress.ip_address(address))
