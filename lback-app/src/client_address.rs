//! Checks and explains how a visitor's address is determined, for `check --deploy`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lback_core::{CoreSettings, Error, Result};

/// Checks that the proxy's forwarding headers are trusted. If they never are, all visitors share the proxy's address.
///
/// # Errors
/// Returns an error that names the setting to change.
pub(crate) fn check(core: &CoreSettings) -> Result<()> {
    let proxies = &core.trusted_proxies;
    let listens_here_only = is_loopback(&core.host);
    let trusts_this_machine = proxies.iter().any(|proxy| peers_at(&core.host).iter().any(|peer| proxy.contains(*peer)));
    let wrong = if proxies.is_empty() {
        // The check of HTTPS reports this.
        return Ok(());
    } else if !listens_here_only && proxies.iter().all(|proxy| proxy.is_loopback()) {
        format!(
            "HOST = \"{}\" accepts connections from other machines and containers, but TRUSTED_PROXIES only names this machine. Behind a proxy \
             elsewhere, all visitors share its address, and one visitor who guesses passwords locks out all of them. Write \
             TRUSTED_PROXIES = [\"private\"], or the proxy's address or network; or HOST = \"127.0.0.1\" if the proxy is on this machine",
            core.host
        )
    } else if listens_here_only && !trusts_this_machine {
        format!(
            "with HOST = \"{}\", every connection comes from this machine, which is not one of the TRUSTED_PROXIES: all visitors share its \
             address. Write TRUSTED_PROXIES = [\"loopback\"], or HOST = \"0.0.0.0\" if the proxy is elsewhere",
            core.host
        )
    } else {
        return Ok(());
    };
    Err(Error::internal(wrong))
}

/// Explains how a visitor's address is determined.
pub(crate) fn explain(core: &CoreSettings) -> String {
    let proxies: Vec<String> = core.trusted_proxies.iter().map(ToString::to_string).collect();
    match proxies.as_slice() {
        [] => "A visitor's address is the peer address of the connection.".to_owned(),
        proxies => format!(
            "A visitor's address is the peer address of the connection. If the peer is one of the TRUSTED_PROXIES ({}), it is the last \
             address in X-Forwarded-For that is not. The log warns once if any other peer sends this header.",
            proxies.join(", ")
        ),
    }
}

/// Returns the addresses from which this machine connects to its own address `host`: those of the same IP version.
fn peers_at(host: &str) -> Vec<IpAddr> {
    match host.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(_)) => vec![Ipv6Addr::LOCALHOST.into()],
        Ok(address) => vec![Ipv4Addr::LOCALHOST.into(), address],
        Err(_) => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use lback_core::{CoreSettings, Settings};

    fn found(toml: &str) -> Result<(), String> {
        let core: CoreSettings = Settings::from_toml(".", toml).unwrap().checked().unwrap();
        super::check(&core).map_err(|error| error.to_string())
    }

    #[test]
    fn reports_trusted_proxies_that_cannot_be_the_peer() {
        let container = found("HOST = '0.0.0.0'\nTRUSTED_PROXIES = ['127.0.0.1']").unwrap_err();
        assert!(container.contains("TRUSTED_PROXIES = [\"private\"]"), "{container}");
        assert!(found("HOST = '::'\nTRUSTED_PROXIES = ['loopback', '::1']").is_err());
        let same_machine = found("HOST = 'localhost'\nTRUSTED_PROXIES = ['10.0.0.0/8']").unwrap_err();
        assert!(same_machine.contains("TRUSTED_PROXIES = [\"loopback\"]"), "{same_machine}");
        for other_version in ["HOST = '::1'\nTRUSTED_PROXIES = ['127.0.0.1']", "TRUSTED_PROXIES = ['::1', '10.0.0.1']"] {
            assert!(found(other_version).unwrap_err().contains("TRUSTED_PROXIES = [\"loopback\"]"), "{other_version}");
        }
        for fine in [
            "",
            "HOST = 'localhost'\nTRUSTED_PROXIES = ['::1']",
            "HOST = '::1'\nTRUSTED_PROXIES = ['loopback']",
            "HOST = '127.0.0.2'\nTRUSTED_PROXIES = ['127.0.0.0/8']",
            "TRUSTED_PROXIES = ['127.0.0.1']",
            "HOST = '::1'\nTRUSTED_PROXIES = ['::1']",
            "HOST = '0.0.0.0'\nTRUSTED_PROXIES = ['private']",
            "HOST = '0.0.0.0'\nTRUSTED_PROXIES = ['127.0.0.1', '172.18.0.3']",
            "TRUSTED_PROXIES = ['private']",
        ] {
            assert_eq!(found(fine), Ok(()), "{fine}");
        }
    }
}
