//! Runs a number of requests in process, for callgrind to count: `lback-instructions count 1200`.

use lback::prelude::*;
use lback::testing::Client;

const SETTINGS: &str = "DEBUG = false\nALLOWED_HOSTS = ['127.0.0.1']\nSESSION_TIMEOUT_MINUTES = 30\nLOG = 'warn'";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, requests] = &arguments[..] else {
        return Err(Error::internal("usage: lback-instructions plain|read|count REQUESTS"));
    };
    let requests: u32 = requests.parse()?;
    let client = Client::with_settings(App::new(lback_benchmark_server::urls()), SETTINGS);
    // Creates the session for `read`.
    client.get("/count").send().assert_status(200);
    for _ in 0..requests {
        client.get(&format!("/{name}")).send().assert_status(200);
    }
    Ok(())
}
