//! Web addresses.

/// A part of a domain between its dots.
fn is_label(label: &str) -> bool {
    let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
}

/// Is it an address of the web that may stand in a link: `http` or `https`, and a host?
///
/// `javascript:` and its like never pass. What a browser would percent-encode by itself may stay as it was typed.
pub(crate) fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    if !(scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")) || text.len() > 2_048 {
        return false;
    }
    // Browsers take a backslash for a slash: the host would be another than it seems.
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"\\`".contains(c)) {
        return false;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // "https://bank.example@evil.example" leads to the latter.
    !authority.contains('@') && is_host(authority)
}

fn is_host(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => return address.parse::<std::net::Ipv6Addr>().is_ok() && is_port(port),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    // A name may be written in any script.
    let label =
        |label: &str| is_label(label) || (!label.is_empty() && !label.is_ascii() && label.chars().all(|c| c.is_alphanumeric() || c == '-'));
    host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(label) && is_port(port)
}

/// Nothing, or a colon and a number.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok() && !port.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_addresses_lead_where_they_seem_to() {
        for good in [
            "http://localhost:8000",
            "https://example.com/a?b=c#d",
            "HTTPS://example.com.",
            "https://münchen.de/straße?ü",
            "http://127.0.0.1/",
            "http://[::1]:80/x",
            "https://example.com?a[]=1|{2}",
        ] {
            assert!(is_url(good), "{good}");
        }
        for bad in [
            "",
            "example.com",
            "//example.com",
            "javascript://x%0aalert(1)",
            "javascript:alert(1)",
            "ftp://example.com",
            "https://",
            "https:///a",
            "https://a b",
            "https://bank.example@evil.example",
            "https://bank.example\\@evil",
            "http://x:y",
            "http://x:99999",
            "http://x:+80",
            "http://[::1",
            "http://[x]",
            "http://-a",
            "http://a..b",
            "http://a/\"onclick",
            "http://a/<b>",
            "http:a",
        ] {
            assert!(!is_url(bad), "{bad}");
        }
    }
}
