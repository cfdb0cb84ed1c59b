//! A chat room, whose messages reach the open pages of all visitors.

use lback::prelude::*;
use lback::realtime::Member;
use serde::{Deserialize, Serialize};

const ROOM: &str = "room";

fn main() {
    app().main()
}

fn app() -> App {
    let urls = Router::new().get("/", room).name("room").post("/", say).post("/name", name).name("name");
    App::new(urls.get("/events", events).name("events").get("/members", members).name("members")).realtime()
}

/// A message, as the pages receive it.
#[derive(Serialize)]
struct Said {
    name: String,
    text: String,
}

#[derive(Form)]
struct Name {
    #[form(max_length = 30, label = "Your name")]
    name: String,
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

fn visitor(req: &mut Request) -> Result<Option<String>> {
    req.session().get("name")
}

fn room(req: &mut Request) -> Result<Response> {
    // Before the page is made, so that nothing is missed between it and its stream.
    let position = req.channel_position()?;
    let name = visitor(req)?;
    req.render("room.html", context! { position, name, form => Form::<Name>::new() })
}

fn name(req: &mut Request) -> Result<Response> {
    let mut form = Form::<Name>::new();
    if let Some(Name { name }) = form.submitted(req)? {
        req.session().insert("name", name)?;
    }
    req.redirect_to("room", &[])
}

fn say(req: &mut Request) -> Result<()> {
    let name = visitor(req)?.or_404()?;
    let Text { text } = req.form()?;
    req.broadcast(ROOM, &Said { name, text })
}

#[derive(Deserialize)]
struct Since {
    after: Option<String>,
}

fn events(req: &mut Request) -> Result<Response> {
    let since: Since = req.query()?;
    let mut subscription = req.subscribe_all([ROOM], since.after.as_deref())?;
    if let Some(name) = visitor(req)? {
        subscription = subscription.present_in(ROOM, Member::new(&name, &name));
    }
    Ok(Response::events(subscription.events()))
}

fn members(req: &mut Request) -> Result<String> {
    let members = req.channel_members(ROOM)?;
    Ok(members.into_iter().map(|member| member.label).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use lback::testing::Client;

    use super::*;

    #[test]
    fn visitors_with_a_name_can_write() {
        let client = Client::new(app());
        client.post("/").form(&[("text", "Hello")]).send().assert_status(404);
        client.post("/name").form(&[("name", "Alice")]).send().assert_redirect("/");
        client.get("/").send().assert_contains("Alice").assert_contains("/events?after=");
        client.post("/").form(&[("text", "Hello")]).send().assert_status(204);
        assert_eq!(client.broadcasts(), [("room".to_owned(), r#"{"name":"Alice","text":"Hello"}"#.to_owned())]);
    }
}
