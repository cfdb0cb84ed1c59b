//! WebSockets in Chromium.

use lback::prelude::*;
use lback::testing::Client;
use lback_test_servers::Browser;

use super::SETTINGS;

const PAGE: &str = "<!doctype html><title>Chat</title><p id=\"log\"></p><script>
const log = (text) => { document.getElementById('log').textContent += text + '; '; };
const socket = new WebSocket('ADDRESS');
socket.onopen = () => socket.send('ping');
socket.onmessage = (event) => { log(event.data); };
socket.onclose = (event) => { log('closed ' + event.code + ' ' + event.reason); };
</script>";

fn page(req: &mut Request) -> Result<Response> {
    req.session().insert("name", "alice")?;
    let address: Option<String> = req.query::<Vec<(String, String)>>()?.pop().map(|(_, address)| address);
    Ok(Response::html(PAGE.replace("ADDRESS", &address.unwrap_or_else(|| "/socket".to_owned()))))
}

fn socket(req: &mut Request) -> Result<Response> {
    let name: String = req.session().get("name")?.unwrap_or_default();
    req.websocket(async move |mut socket| {
        if let Some(message) = socket.recv().await {
            socket.send(format!("{name} says {}", message.text()?)).await?;
        }
        socket.close(4000, "enough").await
    })
}

fn app() -> App {
    App::new(Router::new().get("/", page).ws("/socket", socket)).websockets()
}

#[test]
fn a_page_exchanges_messages_and_another_site_cannot() {
    let Some(browser) = Browser::start() else { return };
    let client = Client::over_socket_with_settings(app(), SETTINGS);
    browser.open(&client.url());
    browser.sees("alice says ping; closed 4000 enough;");
    // Cookies are sent to all ports of a host, and pages of another port are another site.
    let other = Client::over_socket_with_settings(app(), SETTINGS);
    let address = client.url().replace("http", "ws");
    browser.open(&format!("{}/?address={address}/socket", other.url()));
    browser.sees("closed 1006 ;");
}
