//! Which addresses are external: CPython 3.11's `ipaddress.is_global`, written out (sources.md §2.6).
//!
//! Rust's own `is_global` is unstable and differs, and other detection tools ask CPython, so the
//! tables are part of what a rule means. They follow IANA's special-purpose registries as CPython 3.11
//! has them; later versions changed a few entries. One deviation: an IPv4-mapped IPv6 address is
//! judged as the IPv4 address it is, also in 100.64.0.0/10.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// (network, prefix length) of IPv4 that is not globally reachable.
const NOT_GLOBAL_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(100, 64, 0, 0), 10), // carrier NAT: neither global nor private
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 29),
    (Ipv4Addr::new(192, 0, 0, 170), 31),
    (Ipv4Addr::new(192, 0, 2, 0), 24), // documentation, as the next two /24
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::BROADCAST, 32),
];

/// (network, prefix length) of IPv6 that is not globally reachable.
const NOT_GLOBAL_V6: [(Ipv6Addr, u32); 8] = [
    (Ipv6Addr::LOCALHOST, 128),
    (Ipv6Addr::UNSPECIFIED, 128),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // holds benchmarks and ORCHID
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0x2001, 0x2, 0, 0, 0, 0, 0, 0), 48),
];

/// The address that a text means, IPv4-mapped IPv6 as IPv4; `None` when the text is no address.
#[must_use]
pub fn canonical_address(text: &str) -> Option<IpAddr> {
    // The longest IPv6 text has 45 bytes; service names are longer or fail at once.
    if text.len() > 45 {
        return None;
    }
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// Whether an address is globally reachable.
#[must_use]
pub fn is_external(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let bits = address.to_bits();
            !NOT_GLOBAL_V4.iter().any(|&(net, len)| (bits ^ net.to_bits()) >> (32 - len) == 0)
        }
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            !NOT_GLOBAL_V6.iter().any(|&(net, len)| (bits ^ net.to_bits()) >> (128 - len) == 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, external: bool) {
        let address = canonical_address(text).expect("an address");
        assert_eq!(is_external(address), external, "{text}");
    }

    #[test]
    fn the_surprises_of_the_table_are_judged_as_listed() {
        for text in [
            "224.0.0.1",
            "ff02::1",
            "fec0::1",
            "192.88.99.1",
            "64:ff9b::1",
            "192.0.0.8",
            "192.0.0.9",
            "2002::1",
            "100:0:0:1::1",
            "::ffff:8.8.8.8",
            "8.8.8.8",
            "239.255.255.255",
            "192.0.0.172",
            "198.20.0.0",
            "172.32.0.0",
            "2001:200::1",
            "2606:4700::1111",
        ] {
            check(text, true);
        }
        for text in [
            "100.64.0.1",
            "203.0.113.9",
            "198.51.100.24",
            "192.0.2.77",
            "2001:db8::1",
            "240.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:100.64.0.1",
            "0.0.0.0",
            "0.255.255.255",
            "10.255.255.255",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.7",
            "192.0.0.170",
            "192.0.0.171",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "255.255.255.255",
            "::1",
            "::",
            "100::1",
            "2001::1",
            "2001:1ff::1",
            "2001:2::1",
            "2001:10::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
        ] {
            check(text, false);
        }
    }

    #[test]
    fn the_first_and_last_address_of_every_network_are_inside() {
        for (net, len) in NOT_GLOBAL_V4 {
            let first = net.to_bits();
            let last = first | u32::MAX.checked_shr(len).unwrap_or(0);
            assert!(!is_external(Ipv4Addr::from_bits(first).into()), "{net}/{len}");
            assert!(!is_external(Ipv4Addr::from_bits(last).into()), "{net}/{len}");
        }
        for (net, len) in NOT_GLOBAL_V6 {
            let first = net.to_bits();
            let last = first | u128::MAX.checked_shr(len).unwrap_or(0);
            assert!(!is_external(Ipv6Addr::from_bits(first).into()), "{net}/{len}");
            assert!(!is_external(Ipv6Addr::from_bits(last).into()), "{net}/{len}");
        }
    }

    #[test]
    fn text_that_only_resembles_an_address_is_none() {
        for text in ["", "8.8.8", "8.8.8.8 ", "08.8.8.8", "s3.amazonaws.com", "fe80::1%eth0", "1"] {
            assert_eq!(canonical_address(text), None, "{text}");
        }
    }
}
