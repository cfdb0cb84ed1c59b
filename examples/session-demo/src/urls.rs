use lback::prelude::*;

use crate::views::{account, cart, devices, home};

#[rustfmt::skip] // one route per line
pub fn urls() -> Router {
    Router::new()
        .get("/", home::index).name("index")
        .get("/visits", home::visits).name("visits")
        .get("/session.json", home::session_json).name("session")
        .get("/plain", home::plain).name("plain")
        .get("/login", account::login_form).name("login")
        .post("/login", account::login)
        .post("/logout", account::logout).name("logout")
        .get("/profile", account::profile).name("profile")
        .post("/cart/add", cart::add).name("cart-add")
        .post("/cart/remove", cart::remove).name("cart-remove")
        .post("/clear", cart::clear).name("clear")
        .get("/devices", devices::list).name("devices")
        .post("/devices/revoke", devices::revoke).name("devices-revoke")
}
