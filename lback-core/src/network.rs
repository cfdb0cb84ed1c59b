//! Addresses and networks in settings, such as `TRUSTED_PROXIES`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use serde::Deserialize;

const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];
/// RFC 1918, and RFC 4193 for IPv6.
const PRIVATE: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

const REMEDY: &str =
    "write an address (10.0.0.7), a network (10.0.0.0/8), \"private\" for all private networks and this machine, or \"loopback\"";

/// Machines that a setting names: an address, a network, `private` or `loopback`.
///
/// ```
/// use lback::settings::Network;
///
/// let private: Network = "private".parse().unwrap();
/// assert!(private.contains("172.18.0.1".parse().unwrap()));
/// assert!(!private.contains("203.0.113.9".parse().unwrap()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    written: String,
    networks: Vec<IpNet>,
}

impl Network {
    /// Returns whether the entry covers `address`. An IPv4 address that is mapped into IPv6 is the same machine.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Returns whether the entry covers nothing but addresses of this machine.
    pub fn is_loopback(&self) -> bool {
        self.networks.iter().all(|network| network.network().is_loopback())
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let known = |networks: &[&str]| networks.iter().filter_map(|network| network.parse().ok()).collect();
        let networks = match text.to_ascii_lowercase().as_str() {
            "loopback" => known(&LOOPBACK),
            "private" => known(&[LOOPBACK.as_slice(), PRIVATE.as_slice()].concat()),
            _ => vec![network(text)?],
        };
        Ok(Network { written: text.to_owned(), networks })
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        if address.to_canonical().is_unspecified() {
            return Err(format!("no machine has this address; {REMEDY}"));
        }
        return Ok(address.to_canonical().into());
    }
    let network: IpNet = text.parse().map_err(|_| format!("it is neither an address nor a network; {REMEDY}"))?;
    if unmapped(network).prefix_len() == 0 {
        return Err(format!("it covers every address, so it would trust any visitor; {REMEDY}"));
    }
    if network.addr() != network.network() {
        let (network, address) = (network.trunc(), network.addr());
        return Err(format!("it has bits set after the prefix; write {network} for the network, or {address} for the single address"));
    }
    Ok(unmapped(network))
}

/// Returns the IPv4 network that is written in IPv6 form: `10.0.0.0/8` for `::ffff:10.0.0.0/104`.
fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let address: Option<Ipv4Addr> = mapped.addr().to_ipv4_mapped();
    let length = mapped.prefix_len().checked_sub(96);
    match address.zip(length).map(|(address, length)| Ipv4Net::new(address, length)) {
        Some(Ok(inner)) => inner.into(),
        _ => network,
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Shows the entry as it was written.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    fn covers(entry: &str, address: &str) -> bool {
        entry.parse::<Network>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn an_entry_is_an_address_a_network_or_a_word() {
        for (entry, inside, outside) in [
            ("10.0.0.1", "10.0.0.1", "10.0.0.2"),
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            (" 10.0.0.0/8 ", "::ffff:10.1.2.3", "::10.1.2.3"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"),
            ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"),
            ("2001:db8::/32", "2001:db8:1::7", "2001:db9::7"),
            ("loopback", "127.8.8.8", "10.0.0.1"),
            ("Loopback", "::1", "::2"),
            ("private", "172.31.255.255", "172.32.0.0"),
            ("private", "192.168.7.7", "192.169.0.1"),
            ("private", "127.0.0.1", "0.0.0.0"),
            ("private", "fd12::1", "fe00::1"),
        ] {
            assert!(covers(entry, inside) && !covers(entry, outside), "{entry}");
        }
    }

    #[test]
    fn an_entry_that_covers_nothing_or_everything_is_refused() {
        for (entry, why) in [
            ("caddy", "neither an address nor a network"),
            ("", "neither"),
            ("*", "neither"),
            ("10.0.0.1:80", "neither"),
            ("10.0.0.0/33", "neither"),
            ("http://10.0.0.1", "neither"),
            ("10.0.0.5/8", "write 10.0.0.0/8 for the network, or 10.0.0.5"),
            ("0.0.0.0/0", "covers every address"),
            ("::/0", "covers every address"),
            ("::ffff:0:0/96", "covers every address"),
            ("0.0.0.0", "no machine has this address"),
            ("::", "no machine has this address"),
            ("::ffff:0.0.0.0", "no machine has this address"),
        ] {
            let message = entry.parse::<Network>().unwrap_err();
            assert!(message.contains(why), "{entry}: {message}");
        }
    }
}
