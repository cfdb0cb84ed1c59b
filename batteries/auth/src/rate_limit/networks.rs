//! The networks that an address belongs to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network whose attempts are counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Network {
    /// `192.0.2.0/24`.
    pub(super) name: String,
    /// The multiple of an address's failures that this network may have, for one account.
    pub(super) account_factor: u32,
    /// The same, for all accounts.
    pub(super) addresses_factor: u32,
    /// Whether it is likely to belong to several people.
    pub(super) is_shared: bool,
}

/// Returns the networks that contain an address, smallest first. Providers assign an IPv6 customer at least a /64, and often a /56 or a
/// /48 with 65,536 networks, each of which would otherwise start with a count of zero. Other providers have as many customers in a
/// network of that size, so larger networks have higher limits.
pub(super) fn networks(address: IpAddr) -> Vec<Network> {
    let network = |address: IpAddr, bits, account_factor, addresses_factor| Network {
        name: format!("{address}/{bits}"),
        account_factor,
        addresses_factor,
        is_shared: account_factor > 1,
    };
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let masked = |bits: u32| Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << (32 - bits)));
            vec![network(address.into(), 32, 1, 1), network(masked(24).into(), 24, 4, 16)]
        }
        IpAddr::V6(address) => {
            let masked = |bits: u32| Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits)));
            vec![network(masked(64).into(), 64, 1, 1), network(masked(56).into(), 56, 2, 4), network(masked(48).into(), 48, 4, 16)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_by_network() {
        let names = |address: &str| networks(address.parse().unwrap()).into_iter().map(|network| network.name).collect::<Vec<_>>();
        assert_eq!(names("192.0.2.7"), ["192.0.2.7/32", "192.0.2.0/24"]);
        assert_eq!(names("::ffff:192.0.2.7"), names("192.0.2.7"));
        assert_eq!(names("2001:db8:1:aabb::1"), ["2001:db8:1:aabb::/64", "2001:db8:1:aa00::/56", "2001:db8:1::/48"]);
        assert_eq!(names("2001:db8:1:aabb::1"), names("2001:db8:1:aabb:ffff::1"));
    }

    #[test]
    fn a_larger_network_may_do_more() {
        for address in ["192.0.2.7", "2001:db8::1"] {
            let networks = networks(address.parse().unwrap());
            assert!(
                networks
                    .is_sorted_by(|one, other| one.account_factor < other.account_factor && one.addresses_factor < other.addresses_factor)
            );
            assert!(!networks[0].is_shared && networks[1..].iter().all(|network| network.is_shared));
        }
    }
}
