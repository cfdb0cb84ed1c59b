//! Forged and damaged cookies.

use proptest::prelude::*;

use super::*;
use crate::store::Data;
use crate::store::{Record, user_id};
use crate::{Flash, SessionMeta, SessionSettings};

fn config(encrypted: bool) -> SessionConfig {
    let settings = SessionSettings { session_timeout_minutes: Some(30), session_cookie_encrypted: encrypted, ..SessionSettings::default() };
    SessionConfig::check(&settings, true).unwrap()
}

fn keys() -> Keys {
    Keys::derive("session", ["a secret key that is long enough for a test"])
}

/// Returns the value that a browser would send back.
fn sealed(config: &SessionConfig, id: SessionId) -> String {
    let now = Utc::now();
    let cookie = header(config, &seal(id, config, &keys()), Expiry::Default, now + chrono::TimeDelta::minutes(30), now).unwrap();
    let cookie = cookie.to_str().unwrap();
    let (_, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
    value.to_owned()
}

proptest! {
    #[test]
    fn what_was_sealed_opens(encrypted: bool) {
        let config = config(encrypted);
        let id = SessionId::random();
        prop_assert_eq!(open(&sealed(&config, id), &config, &keys()), Some(id));
    }

    #[test]
    fn no_stranger_opens_anything(encrypted: bool, value in ".{0,400}") {
        prop_assert_eq!(open(&value, &config(encrypted), &keys()), None);
    }

    #[test]
    fn one_changed_character_closes_it(encrypted: bool, at in any::<prop::sample::Index>(), with in "[ -~]") {
        let config = config(encrypted);
        let id = SessionId::random();
        let value = sealed(&config, id);
        let at = at.index(value.len());
        let changed = format!("{}{with}{}", &value[..at], &value[at + 1..]);
        prop_assert!(changed == value || open(&changed, &config, &keys()).is_none());
    }

    #[test]
    fn a_part_of_it_opens_nothing(encrypted: bool, at in any::<prop::sample::Index>()) {
        let config = config(encrypted);
        let value = sealed(&config, SessionId::random());
        let at = at.index(value.len());
        prop_assert_eq!(open(&value[..at], &config, &keys()), None);
        prop_assert_eq!(open(&value[at..], &config, &keys()), if at == 0 { open(&value, &config, &keys()) } else { None });
    }
}

/// A session that travels in its cookie.
fn record(key: String, text: String, seconds: i64, nanos: u32) -> Record {
    let time = DateTime::from_timestamp(seconds, nanos).unwrap();
    let data: Data = [(key, text.into()), ("user_id".to_owned(), 7.into())].into_iter().collect();
    let (id, user_id) = (SessionId::random(), user_id(&data));
    Record {
        id,
        user_id,
        data: data.into(),
        meta: SessionMeta::default(),
        version: seconds,
        expires_at: time + chrono::TimeDelta::minutes(30),
        created_at: time,
        updated_at: time,
    }
}

proptest! {
    #[test]
    fn a_whole_session_comes_back_as_it_was(key in "[a-z]{1,20}", text in ".{0,300}", seconds in 0..8_000_000_000_i64, nanos in 0..1_000_000_000_u32) {
        let mut record = record(key, text.clone(), seconds, nanos);
        if seconds % 2 == 0 {
            record.meta.expiry = Expiry::After(std::time::Duration::from_secs(seconds as u64));
            record.meta.flashes.push(Flash { category: "info".to_owned(), message: text });
        }
        let sealed = sealed::seal(&record, &config(false), &keys()).unwrap();
        prop_assert_eq!(sealed::open(&sealed, &config(false), &keys()), Some(record));
    }

    #[test]
    fn no_stranger_opens_a_whole_session(value in ".{0,400}", at in any::<prop::sample::Index>(), with in "[ -~]") {
        prop_assert_eq!(sealed::open(&value, &config(false), &keys()), None);
        let sealed = sealed::seal(&record("a".to_owned(), value, 0, 0), &config(false), &keys()).unwrap();
        let at = at.index(sealed.len());
        let changed = format!("{}{with}{}", &sealed[..at], &sealed[at + 1..]);
        prop_assert!(changed == sealed || sealed::open(&changed, &config(false), &keys()).is_none());
        prop_assert_eq!(sealed::open(&sealed[..at], &config(false), &keys()), None);
    }

    #[test]
    fn bytes_that_are_no_session_open_as_none(bytes in prop::collection::vec(any::<u8>(), 0..300), form in 0..5_u8) {
        for bytes in [bytes.clone(), [vec![form], bytes].concat()] {
            let value = keys().encrypt_bytes("session_id", &bytes).unwrap();
            prop_assert_eq!(sealed::open(&value, &config(false), &keys()), None);
        }
    }
}

/// What an earlier version has put into a cookie: it kept expiry and messages in the data.
#[test]
fn a_whole_session_of_an_earlier_version_opens() {
    let record = record("a".to_owned(), "x".to_owned(), 1_800_000_000, 5);
    let json = br#"{"_expiry":604800,"a":"x","flash_messages":[{"category":"info","message":"hello"}],"user_id":7}"#;
    for (form, json) in [(0, json.to_vec()), (1, miniz_oxide::deflate::compress_to_vec(json, 6))] {
        let mut bytes = vec![form];
        bytes.extend(record.id.as_bytes());
        bytes.extend(record.version.to_be_bytes());
        for time in [record.expires_at, record.created_at, record.updated_at] {
            bytes.extend(time.timestamp().to_be_bytes());
            bytes.extend(time.timestamp_subsec_nanos().to_be_bytes());
        }
        bytes.extend(json);
        let value = keys().encrypt_bytes("session_id", &bytes).unwrap();
        let meta = SessionMeta {
            expiry: Expiry::After(std::time::Duration::from_secs(604_800)),
            flashes: vec![Flash { category: "info".to_owned(), message: "hello".to_owned() }],
        };
        assert_eq!(sealed::open(&value, &config(false), &keys()), Some(Record { meta, ..record.clone() }));
    }
}
