//! Limits on the number of open subscriptions.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use lback_core::header::{HeaderValue, RETRY_AFTER};
use lback_core::{Error, Result, StatusCode};

use crate::RealtimeSettings;

/// A client of which the open subscriptions are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    Address(IpAddr),
    Session([u8; 16]),
}

#[derive(Default)]
struct Counts {
    all: usize,
    by_owner: HashMap<Owner, usize>,
}

/// Counts the open subscriptions of this process.
#[derive(Clone, Default)]
pub(super) struct Limits(Arc<Mutex<Counts>>);

/// Counts a subscription while it exists.
pub(super) struct Permit {
    limits: Limits,
    owners: Vec<Owner>,
}

impl Limits {
    /// Admits a subscription of these owners.
    pub(super) fn admit(&self, owners: Vec<Owner>, settings: &RealtimeSettings) -> Result<Permit> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.all >= settings.channel_max_streams {
            return Err(Error::unavailable(format!("{} streams are open, which is CHANNEL_MAX_STREAMS", counts.all)));
        }
        for owner in &owners {
            let (most, name) = match owner {
                Owner::Address(_) => (settings.channel_max_streams_per_address, "CHANNEL_MAX_STREAMS_PER_ADDRESS"),
                Owner::Session(_) => (settings.channel_max_streams_per_session, "CHANNEL_MAX_STREAMS_PER_SESSION"),
            };
            if counts.by_owner.get(owner).is_some_and(|count| *count >= most) {
                let message = format!("{most} streams of this client are open, which is {name}. Close other tabs of this site");
                return Err(Error::new(StatusCode::TOO_MANY_REQUESTS, message).with_header(RETRY_AFTER, HeaderValue::from_static("30")));
            }
        }
        counts.all += 1;
        owners.iter().for_each(|owner| *counts.by_owner.entry(owner.clone()).or_default() += 1);
        drop(counts);
        Ok(Permit { limits: self.clone(), owners })
    }

    /// Returns the number of open subscriptions.
    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.limits.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        for owner in self.owners.drain(..) {
            if let Entry::Occupied(mut count) = counts.by_owner.entry(owner) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }
}
