//! Views.

use std::thread;
use std::time::Duration;

use lback::prelude::*;
use lback::testing::Client;

use crate::logs;

#[test]
fn a_developer_is_told_of_an_async_view_that_keeps_its_thread() {
    logs::start();
    let urls = || {
        Router::new()
            .get("/async-that-waits/{how}", async |req: &mut Request| -> Result<()> {
                match req.param::<String>("how")?.as_str() {
                    "blocking" => thread::sleep(Duration::from_millis(200)),
                    _ => tokio::time::sleep(Duration::from_millis(200)).await,
                }
                Ok(())
            })
            .get("/plain-that-waits", |_: &mut Request| thread::sleep(Duration::from_millis(200)))
    };
    for debug in [true, false] {
        let client = Client::with_settings(App::new(urls()), &format!("DEBUG = {debug}\nSESSION_TIMEOUT_MINUTES = 30"));
        for path in ["/async-that-waits/blocking", "/async-that-waits/awaiting", "/plain-that-waits"] {
            client.get(path).send().assert_status(204);
        }
        let warnings =
            logs::lines_with("that-waits").into_iter().filter(|line| line.contains("blocked a server thread")).collect::<Vec<_>>();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("GET /async-that-waits/blocking") && warnings[0].contains("make it a plain fn"), "{warnings:?}");
    }
}
