//! Negotiation of the encoding (RFC 9110, section 12.5.3).

use hyper::header::{self, HeaderMap};

use crate::header_parameters;

/// The encoding of a compressed response, or of a compressed file next to the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    /// The name in `Accept-Encoding` and `Content-Encoding`.
    pub(crate) name: &'static str,
    /// The suffix of the file's name.
    pub(crate) suffix: &'static str,
}

/// In order of preference: the smallest result first.
pub(crate) const ENCODINGS: [Encoding; 3] =
    [Encoding { name: "br", suffix: ".br" }, Encoding { name: "zstd", suffix: ".zst" }, Encoding { name: "gzip", suffix: ".gz" }];

/// Returns the encodings that the client of this request accepts, best first.
pub(crate) fn accepted_by(headers: &HeaderMap) -> Vec<Encoding> {
    // The header may occur several times.
    let listed = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    accepted(&listed.collect::<Vec<_>>().join(","))
}

/// Returns the encodings that this `Accept-Encoding` accepts, best first; equal weights keep the order of `ENCODINGS`.
/// Encodings that the client refuses or weights below the original are left out.
pub(crate) fn accepted(header: &str) -> Vec<Encoding> {
    let list: Vec<(&str, u16)> = header_parameters::members(header).filter_map(weighted).collect();
    let weight = |name: &str| list.iter().find(|(listed, _)| listed.eq_ignore_ascii_case(name)).map(|(_, weight)| *weight);
    let any = weight("*").unwrap_or(0);
    let floor = weight("identity").unwrap_or(0).max(1);
    let gzip = weight("gzip").or_else(|| weight("x-gzip"));
    let mut accepted: Vec<(Encoding, u16)> = ENCODINGS
        .into_iter()
        .map(|encoding| {
            let own = if encoding.name == "gzip" { gzip } else { weight(encoding.name) };
            (encoding, own.unwrap_or(any))
        })
        .filter(|(_, weight)| *weight >= floor)
        .collect();
    accepted.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    accepted.into_iter().map(|(encoding, _)| encoding).collect()
}

/// Returns the name of a list member and its weight in thousandths, or `None` if the weight is invalid.
fn weighted(member: &str) -> Option<(&str, u16)> {
    let (name, parameters) = header_parameters::split(member);
    Some((name, header_parameters::weight(parameters)?)).filter(|_| !name.is_empty())
}
