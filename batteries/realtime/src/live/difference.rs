//! The difference between two versions of a fragment, as events.

use lback_core::{Event, Result};
use serde::Serialize;

use super::fragment::Fragment;

/// Maximum length of the HTML in an event, in bytes. As JSON, a byte takes up to six.
const PIECE_BYTES: usize = 10_000;

/// An event for the script: the new HTML of a fragment between the first `start` and the last `end` UTF-16 units of its old HTML, or all
/// of it if they are missing. If there is `more`, it continues in the next event.
#[derive(Serialize)]
struct Update<'a> {
    id: &'a str,
    html: &'a str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    rest: Option<Rest<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more: bool,
}

#[derive(Serialize)]
struct Rest<'a> {
    hash: &'a str,
    /// The length of the new HTML in UTF-16 units.
    length: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<usize>,
}

/// The instruction to load the page again.
#[derive(Serialize)]
struct Reload {
    reload: bool,
}

pub(super) fn reload() -> Result<Event> {
    Event::json(&Reload { reload: true })
}

/// Returns the events that turn the HTML `old`, which this stream has sent before, into `new`.
pub(super) fn events(old: Option<&str>, new: &Fragment) -> Result<Vec<Event>> {
    updates(old, new).iter().map(Event::json).collect()
}

fn updates<'a>(old: Option<&str>, new: &'a Fragment) -> Vec<Update<'a>> {
    let (start, end) = old.map_or((0, 0), |old| common(old, &new.html));
    let changed = &new.html[start..new.html.len() - end];
    let rest = Rest {
        hash: &new.hash,
        length: utf16(&new.html),
        start: old.map(|_| utf16(&new.html[..start])),
        end: old.map(|_| utf16(&new.html[new.html.len() - end..])),
    };
    let mut updates = Vec::new();
    let mut waiting = changed;
    loop {
        let (html, others) = waiting.split_at(waiting.floor_char_boundary(PIECE_BYTES));
        if others.is_empty() {
            updates.push(Update { id: &new.id, html, rest: Some(rest), more: false });
            return updates;
        }
        updates.push(Update { id: &new.id, html, rest: None, more: true });
        waiting = others;
    }
}

/// Returns the lengths in bytes of the beginning and of the end that two texts have in common. They do not overlap.
fn common(old: &str, new: &str) -> (usize, usize) {
    let same = |(a, b): &(u8, u8)| a == b;
    let start = new.floor_char_boundary(old.bytes().zip(new.bytes()).take_while(same).count());
    let (old, new) = (&old.as_bytes()[start..], &new[start..]);
    let end = old.iter().rev().copied().zip(new.bytes().rev()).take_while(same).count();
    (start, new.len() - new.ceil_char_boundary(new.len() - end))
}

/// Returns the length as JavaScript counts it.
fn utf16(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fragment::hash;
    use super::*;

    /// Applies updates as the script does.
    fn apply(old: &str, updates: &[Update<'_>]) -> String {
        let old: Vec<u16> = old.encode_utf16().collect();
        let mut part = Vec::new();
        for update in updates {
            Event::json(update).unwrap();
            let data = serde_json::to_value(update).unwrap();
            part.extend(data["html"].as_str().unwrap().encode_utf16());
            if data["more"] == true {
                continue;
            }
            if let Some(start) = data["start"].as_u64() {
                let (start, end) = (usize::try_from(start).unwrap(), usize::try_from(data["end"].as_u64().unwrap()).unwrap());
                part = [&old[..start], &part[..], &old[old.len() - end..]].concat();
            }
            assert_eq!(data["length"], part.len());
        }
        String::from_utf16(&part).unwrap()
    }

    fn fragment(html: &str) -> Fragment {
        Fragment { id: "live-a".to_owned(), channels: Vec::new(), html: html.to_owned(), hash: hash(html), member: None }
    }

    #[test]
    fn only_the_difference_is_sent() {
        let new = fragment("<li>öne</li><li>2</li><li>two</li>");
        let updates = serde_json::to_value(updates(Some("<li>öne</li><li>two</li>"), &new)).unwrap();
        let expected = serde_json::json!([{ "id": "live-a", "html": "2</li><li>", "hash": new.hash, "length": 34, "start": 16, "end": 8 }]);
        assert_eq!(updates, expected);
    }

    #[test]
    fn large_fragments_are_sent_in_pieces() {
        let html = "\u{1}\"é😀".repeat(20_000);
        let new = fragment(&html);
        let updates = updates(None, &new);
        assert!(updates.len() > 10);
        assert_eq!(apply("anything", &updates), html);
    }

    proptest! {
        #[test]
        fn the_difference_makes_the_new_text_of_the_old(old in "[aé😀ѐ]{0,12}", new in "[aé😀ѐ]{0,12}") {
            let new = fragment(&new);
            prop_assert_eq!(&apply(&old, &updates(Some(&old), &new)), &new.html);
            prop_assert_eq!(&apply(&old, &updates(None, &new)), &new.html);
        }
    }
}
