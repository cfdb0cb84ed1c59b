//! Which encoding a client takes. RFC 9110, section 12.5.3.

use crate::header_parameters;

/// An encoding in which a file may stand beside the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    /// As `Accept-Encoding` and `Content-Encoding` say it.
    pub(super) name: &'static str,
    /// What is added to the file's name.
    pub(super) suffix: &'static str,
}

/// Smallest result first.
pub(super) const ENCODINGS: [Encoding; 3] =
    [Encoding { name: "br", suffix: ".br" }, Encoding { name: "zstd", suffix: ".zst" }, Encoding { name: "gzip", suffix: ".gz" }];

/// The encodings that this `Accept-Encoding` takes, best first, those of equal weight in our order. Left out is what
/// the client refuses or likes less than the original.
pub(super) fn accepted(header: &str) -> Vec<Encoding> {
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

/// One member of the list, its weight in thousandths. `None` for one whose weight makes no sense.
fn weighted(member: &str) -> Option<(&str, u16)> {
    let (name, parameters) = header_parameters::split(member);
    Some((name, header_parameters::weight(parameters)?)).filter(|_| !name.is_empty())
}
