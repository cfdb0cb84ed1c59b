//! The keys of counts.

use std::net::IpAddr;

use lback_core::Keys;
use sha2::{Digest, Sha256};

/// Identifies a count: a limit, and the client that it counts. All keys have the same size, however long the texts are that clients send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    limit: u64,
    kind: Kind,
    who: u128,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Address,
    User,
    Text,
    /// Requests without an address share a count.
    Unknown,
}

impl Key {
    pub(crate) fn of_network(limit: u64, network: Option<IpAddr>) -> Self {
        let (kind, who) = match network {
            Some(IpAddr::V4(address)) => (Kind::Address, address.to_ipv6_mapped().to_bits()),
            Some(IpAddr::V6(address)) => (Kind::Address, address.to_bits()),
            None => (Kind::Unknown, 0),
        };
        Key { limit, kind, who }
    }

    pub(crate) fn of_user(limit: u64, user: i64) -> Self {
        Key { limit, kind: Kind::User, who: u128::from(user.cast_unsigned()) }
    }

    pub(crate) fn of_text(limit: u64, text: &str) -> Self {
        Key { limit, kind: Kind::Text, who: digest(&[text]) }
    }

    /// Returns the id under which processes share the count. It shows neither addresses nor keys to those who can read the store.
    pub(crate) fn id(&self, keys: &Keys) -> String {
        let mut id = keys.sign(&format!("{self:?}"));
        id.truncate(ID_LENGTH);
        id
    }
}

/// 144 bits of the signature, in base64.
const ID_LENGTH: usize = 24;

/// Returns the id of the limit with this name.
pub(crate) fn limit_id(name: &[&str]) -> u64 {
    // Half of it is enough for the few limits of an application.
    (digest(name) >> 64) as u64
}

fn digest(texts: &[&str]) -> u128 {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    let mut first = [0; 16];
    first.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    u128::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_counts_have_different_ids() {
        let address = |text: &str| Some(text.parse().unwrap());
        let counts = [
            Key::of_network(1, address("192.0.2.1")),
            Key::of_network(1, address("192.0.2.2")),
            Key::of_network(2, address("192.0.2.1")),
            Key::of_network(1, address("2001:db8::")),
            Key::of_network(1, None),
            Key::of_user(1, 7),
            Key::of_user(1, -7),
            Key::of_text(1, "7"),
            Key::of_text(1, ""),
        ];
        let keys = Keys::derive("limits", ["a secret key that is long enough for a test"]);
        let ids: std::collections::BTreeSet<String> = counts.iter().map(|key| key.id(&keys)).collect();
        assert_eq!(ids.len(), counts.len());
        assert!(ids.iter().all(|id| id.len() == ID_LENGTH));
        assert_ne!(limit_id(&["ab", "c"]), limit_id(&["a", "bc"]));
    }
}
