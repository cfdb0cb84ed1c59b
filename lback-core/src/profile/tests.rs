use std::task::Poll;

use super::*;
use crate::blocking;
use crate::testing::block_on;

#[derive(Default)]
struct Names(Vec<&'static str>);

fn note(name: &'static str) {
    if let Some(profile) = Profile::current() {
        profile.record(|names: &mut Names| names.0.push(name));
    }
}

fn names(profile: &Profile) -> Vec<&'static str> {
    profile.read(|names: &Names| names.0.clone()).unwrap_or_default()
}

#[test]
fn a_profile_follows_its_request_between_threads() {
    let (one, other) = (Profile::new(), Profile::new());
    note("outside");
    let work = |name: &'static str| async move {
        note(name);
        blocking::on_thread(|| note("on a thread")).await.unwrap();
        note("after");
    };
    block_on(async {
        let (mut one, mut other) = (Box::pin(one.clone().follow(work("one"))), Box::pin(other.clone().follow(work("other"))));
        let mut done = [false; 2];
        poll_fn(|cx| {
            // Both are polled in turn, on one thread.
            done[0] = done[0] || one.as_mut().poll(cx).is_ready();
            assert!(Profile::current().is_none());
            done[1] = done[1] || other.as_mut().poll(cx).is_ready();
            if done == [true; 2] { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    });
    assert_eq!(names(&one), ["one", "on a thread", "after"]);
    assert_eq!(names(&other), ["other", "on a thread", "after"]);
}

#[test]
fn a_list_stays_within_its_limit() {
    let mut list = Limited::default();
    (0..Limited::<i32>::MAX as i32 + 7).for_each(|number| list.push_with(|| number));
    assert_eq!((list.items().len(), list.left_out(), list.count()), (500, 7, 507));
    assert_eq!(shortened("grün", 3), "gr …");
    assert_eq!(shortened("grün", 5), "grün");
}
