//! Checks the responses to TechEmpower's requests.

use memchr::memmem::{find, find_iter};

/// Returns whether `body` is a row of `world` as JSON.
pub fn is_world(body: &[u8]) -> bool {
    body.starts_with(b"{") && body.ends_with(b"}") && has_worlds(body, 1)
}

/// Returns whether `body` is a list of `count` rows of `world` as JSON.
pub fn are_worlds(body: &[u8], count: usize) -> bool {
    body.starts_with(b"[") && body.ends_with(b"]") && has_worlds(body, count)
}

fn has_worlds(body: &[u8], count: usize) -> bool {
    [&b"\"id\":"[..], b"\"randomNumber\":"].iter().all(|key| find_iter(body, key).count() == count)
}

/// The ids of the fortunes, ordered by their messages.
const FORTUNES: [u8; 13] = [11, 4, 5, 2, 8, 0, 3, 7, 10, 6, 9, 1, 12];

/// Returns whether `body` is a page with all fortunes, in order and escaped.
pub fn are_fortunes(body: &[u8]) -> bool {
    let mut rest = body;
    for id in FORTUNES {
        let row = format!("<tr><td>{id}</td><td>");
        let Some(at) = find(rest, row.as_bytes()) else { return false };
        rest = &rest[at + row.len()..];
    }
    let escaped = [&b"&lt;script&gt;alert("[..], b"&#60;script&#62;alert("].iter().any(|text| find(body, text).is_some());
    escaped && find_iter(body, b"<tr><td>").count() == FORTUNES.len() && rest.starts_with("フレームワークのベンチマーク</td>".as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{FORTUNES, are_fortunes, are_worlds, is_world};

    #[test]
    fn rows_are_counted() {
        let row = r#"{"id":1,"randomNumber":2}"#;
        assert!(is_world(row.as_bytes()) && !are_worlds(row.as_bytes(), 1));
        let rows = format!("[{row},{row}]");
        assert!(are_worlds(rows.as_bytes(), 2) && !are_worlds(rows.as_bytes(), 3));
    }

    #[test]
    fn fortunes_must_be_complete_ordered_and_escaped() {
        let page = |ids: &[u8], begin: &str| {
            let row = |id: &u8| match id {
                11 => format!("<tr><td>11</td><td>{begin}</td></tr>"),
                12 => "<tr><td>12</td><td>フレームワークのベンチマーク</td></tr>".to_owned(),
                _ => format!("<tr><td>{id}</td><td>message</td></tr>"),
            };
            ids.iter().map(row).collect::<String>().into_bytes()
        };
        let escaped = "&lt;script&gt;alert(";
        assert!(are_fortunes(&page(&FORTUNES, escaped)));
        assert!(!are_fortunes(&page(&FORTUNES, "<script>alert(")));
        assert!(!are_fortunes(&page(&FORTUNES[..12], escaped)));
        let mut swapped = FORTUNES;
        swapped.swap(1, 2);
        assert!(!are_fortunes(&page(&swapped, escaped)));
    }
}
