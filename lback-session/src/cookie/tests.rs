//! Cookies that strangers send.

use lback_core::header::{HeaderMap, SET_COOKIE};
use proptest::prelude::*;

use super::*;
use crate::SessionSettings;

fn config(encrypted: bool) -> SessionConfig {
    let settings = SessionSettings { session_timeout_minutes: Some(30), session_cookie_encrypted: encrypted, ..SessionSettings::default() };
    SessionConfig::check(&settings, true).unwrap()
}

fn keys() -> Keys {
    Keys::derive("session", ["a secret key that is long enough for a test"])
}

/// The value that a browser would send back.
fn sealed(config: &SessionConfig, id: SessionId) -> String {
    let mut headers = HeaderMap::new();
    let now = Utc::now();
    set(&mut headers, config, &keys(), id, now + chrono::TimeDelta::minutes(30), now).unwrap();
    let cookie = headers.get(SET_COOKIE).unwrap().to_str().unwrap();
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
