//! A set of networks that an address is looked up in.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};

/// Networks as sorted ranges without overlaps, one table for each family.
///
/// Cost: a binary search, however many networks there are. IPv4-mapped IPv6 is IPv4 on both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct NetworkTable {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

impl NetworkTable {
    /// Takes networks in any order.
    #[must_use]
    pub(super) fn new(networks: &[IpNet]) -> Self {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for network in networks {
            match (network.network(), network.broadcast()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((first.into(), last.into())),
                (IpAddr::V6(first), IpAddr::V6(last)) => match (mapped(first), mapped(last)) {
                    (Some(first), Some(last)) => v4.push((first, last)),
                    _ => v6.push((first.into(), last.into())),
                },
                _ => {}
            }
        }
        Self { v4: merged(v4), v6: merged(v6) }
    }

    /// Whether `text` is an address in one of the networks; text that is no address is in none.
    #[must_use]
    pub(super) fn contains(&self, text: &str) -> bool {
        match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(IpAddr::V4(address)) => is_in(&self.v4, u32::from(address)),
            Ok(IpAddr::V6(address)) => is_in(&self.v6, u128::from(address)),
            Err(_) => false,
        }
    }
}

fn mapped(address: Ipv6Addr) -> Option<u32> {
    address.to_ipv4_mapped().map(u32::from)
}

fn merged<T: Ord + Copy>(mut ranges: Vec<(T, T)>) -> Box<[(T, T)]> {
    ranges.sort_unstable();
    let mut out: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match out.last_mut() {
            Some(before) if first <= before.1 => before.1 = before.1.max(last),
            _ => out.push((first, last)),
        }
    }
    out.into()
}

fn is_in<T: Ord + Copy>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|(_, last)| address <= *last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_overlapping_networks_of_both_families() {
        let networks = [
            "10.0.0.0/8",
            "10.1.0.0/16",
            "192.0.2.7/32",
            "2001:db8::/32",
            "::ffff:198.51.100.0/120",
        ];
        let networks: Vec<IpNet> = networks.iter().map(|text| text.parse().unwrap()).collect();
        let table = NetworkTable::new(&networks);

        for (address, expected) in [
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("9.255.255.255", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8::1", true),
            ("2001:db9::1", false),
            ("::ffff:10.2.3.4", true),
            ("198.51.100.9", true),
            ("AWS Internal", false),
            ("10.0.0.1:80", false),
            ("", false),
        ] {
            assert_eq!(table.contains(address), expected, "{address}");
        }
    }
}
