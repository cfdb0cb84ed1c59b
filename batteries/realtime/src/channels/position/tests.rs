use super::{Arrival, Arrived, MOST_RANGES, Position};

fn arrived(ids: &[i64]) -> Arrived {
    let mut arrived = Arrived::default();
    ids.iter().for_each(|id| assert_ne!(arrived.note(*id), Arrival::Again));
    arrived
}

#[test]
fn a_position_names_what_has_not_arrived() {
    for (ids, text) in
        [(&[][..], "0"), (&[1, 2, 3], "3"), (&[3], "3-1:2"), (&[1, 4, 9, 6], "9-2:3-5-7:8"), (&[9, 1, 2, 3, 4, 5, 6, 7, 8], "9")]
    {
        assert_eq!(arrived(ids).position(), text);
        let position = Position::parse(text).unwrap();
        assert!((1..12).all(|id| position.has(id) == ids.contains(&id)), "{text}");
    }
}

#[test]
fn a_position_with_too_much_missing_cannot_be_read() {
    let every_other = |count: usize| (1..=i64::try_from(count).unwrap()).map(|n| 2 * n).collect::<Vec<_>>();
    assert!(Position::parse(&arrived(&every_other(MOST_RANGES)).position()).is_some());
    assert!(Position::parse(&arrived(&every_other(MOST_RANGES + 1)).position()).is_none());
    let longest = arrived(&every_other(MOST_RANGES)).position().len() + 17 * (2 * MOST_RANGES + 1);
    assert!(longest < 1024, "an id of an event has at most 1 KiB: {longest}");
}

#[test]
fn what_clients_invent_is_refused() {
    for text in
        ["", "-", "x", "-1", "7-", "7-x", "7-8", "7-7", "7-3:2", "7-2:7", "7-1:2:3", "7--1", " 7", "7 ", "1e3", "9223372036854775808"]
    {
        assert_eq!(Position::parse(text), None, "{text}");
    }
    assert_eq!(Position::parse("9000000000000000000-1:8000000000000000000"), None, "it would take long to look at");
    assert_eq!(Position::parse(&format!("100{}", "-1".repeat(MOST_RANGES + 1))), None);
}

#[test]
fn an_id_arrives_once() {
    let mut arrived = arrived(&[1, 2, 5]);
    assert_eq!([5, 2, 3, 3].map(|id| arrived.note(id)), [Arrival::Again, Arrival::Again, Arrival::New, Arrival::Again]);
    assert!(arrived.has(3) && !arrived.has(4) && !arrived.has(6));
}

#[test]
fn a_process_does_not_name_what_was_there_before_it() {
    let mut arrived = Arrived::begin(vec![5003, 5001, 5000], 1000);
    assert_eq!(arrived.position(), "5003-5002");
    assert_eq!([4999, 5002, 5003, 3].map(|id| arrived.note(id)), [Arrival::Late, Arrival::New, Arrival::Again, Arrival::Again]);
    assert_eq!(arrived.position(), "5003");
    assert_eq!(arrived.position_after(5001), "5001-4999");
}

#[test]
fn a_jump_of_the_ids_takes_little_memory() {
    let arrived = arrived(&[1, 1_000_000_000_000]);
    assert!(arrived.missing().count() <= 10_000);
    assert!(arrived.position().len() < 100);
}
