//! Tests of batching.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use super::{Gather, MAX_BATCH};

#[test]
fn what_waits_is_taken_together_up_to_the_most() {
    let (sender, jobs) = channel();
    let mut gather = Gather::new(jobs, 3);
    (0..5).for_each(|job| sender.send(job).unwrap());
    assert_eq!(gather.next().unwrap(), [0, 1, 2]);
    gather.written(3, Duration::ZERO);
    assert_eq!(gather.next().unwrap(), [3, 4]);
    drop(sender);
    gather.written(2, Duration::ZERO);
    assert_eq!(gather.next(), None);
}

/// One write comes after the other, each soon enough for the next to be waited for, and the expected number of writers is never reached.
#[test]
fn writers_that_do_not_come_back_are_not_waited_for_without_end() {
    let (sender, jobs) = channel();
    let mut gather = Gather::new(jobs, 100_000_000);
    gather.written(usize::MAX, Duration::from_secs(3600));
    let returned = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !returned.load(Ordering::SeqCst) && sender.send(()).is_ok() {
                std::thread::yield_now();
            }
        });
        assert!(gather.next().unwrap().len() < 100_000_000);
        returned.store(true, Ordering::SeqCst);
    });
}

#[test]
fn what_cannot_be_written_is_given_up_with_what_waits() {
    let (sender, jobs) = channel();
    let mut gather = Gather::new(jobs, MAX_BATCH);
    (0..2).for_each(|job| sender.send(job).unwrap());
    assert_eq!(gather.next().unwrap(), [0, 1]);
    sender.send(2).unwrap();
    gather.written(2, Duration::ZERO);
    sender.send(3).unwrap();
    assert_eq!(gather.give_up(), [2, 3]);
}
