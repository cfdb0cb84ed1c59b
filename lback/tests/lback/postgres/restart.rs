//! A server that is restarted while requests are under way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lback_test_servers::{Disk, Postgres};

use super::{assert_all_well, assert_fails_quietly, client};
use crate::number;

#[test]
fn a_restart_loses_no_update_and_logs_nobody_out() {
    const BROWSERS: usize = 6;
    let Some(server) = Postgres::start(Disk::Safe) else { return };
    let client = client(&server, "DATABASE_WAIT_SECONDS = 2");
    let acknowledged = AtomicU64::new(0);
    let target = AtomicU64::new(u64::MAX);
    let started = Instant::now();
    let (done, failed): (u64, u64) = thread::scope(|scope| {
        let browsers: Vec<_> = (0..BROWSERS)
            .map(|number| {
                let (browser, acknowledged, target) = (client.fork(), &acknowledged, &target);
                scope.spawn(move || {
                    let (mut visits, mut maybe) = (0, 0);
                    while acknowledged.load(Ordering::SeqCst) < target.load(Ordering::SeqCst) {
                        assert!(started.elapsed() < Duration::from_secs(60), "it does not recover");
                        let path = if number % 2 == 0 { "/visit" } else { "/visit-and-note" };
                        let response = browser.post(path).send();
                        if response.status().is_success() {
                            visits += 1;
                            acknowledged.fetch_add(1, Ordering::SeqCst);
                            let seen: u64 = response.text().parse().unwrap();
                            // What failed may have been saved all the same.
                            assert!((visits..=visits + maybe).contains(&seen), "{seen} of {visits} to {}", visits + maybe);
                        } else {
                            assert_fails_quietly(&response);
                            // Until the first visit is acknowledged there is no session to be lost.
                            maybe += u64::from(visits > 0);
                        }
                    }
                    let kept = browser.session().expect("nobody is logged out").data["visits"].as_u64().unwrap();
                    assert!((visits..=visits + maybe).contains(&kept), "{kept} of {visits} to {}", visits + maybe);
                    (visits, maybe)
                })
            })
            .collect();
        let reach = |count: u64| {
            while acknowledged.load(Ordering::SeqCst) < count {
                assert!(started.elapsed() < Duration::from_secs(60), "it does not go on");
                thread::yield_now();
            }
        };
        reach(100);
        server.restart().unwrap();
        reach(acknowledged.load(Ordering::SeqCst) + 100);
        server.crash().unwrap();
        server.run().unwrap();
        target.store(acknowledged.load(Ordering::SeqCst) + 100, Ordering::SeqCst);
        browsers.into_iter().map(|browser| browser.join().unwrap()).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    });
    assert!(done >= 300, "{done} done, {failed} failed");
    let notes = number(&client, "SELECT count(*) FROM notes");
    assert!(notes > 0);
    client.post("/visit").send();
    assert_all_well(&client, 1);
}
