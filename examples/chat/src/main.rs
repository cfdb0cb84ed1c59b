//! Chat rooms over WebSockets: a line is stored and sent to everybody in the room with the same commit.

#[cfg(test)]
mod tests;

use lback::prelude::*;
use lback::realtime::{Received, Subscription};
use lback::serde_json::json;
use lback::websockets::WebSocketOptions;
use serde::{Deserialize, Serialize};

diesel::table! {
    lines (id) {
        id -> BigInt,
        room -> Text,
        author -> Text,
        text -> Text,
    }
}

#[derive(Serialize, Deserialize, Insertable, Queryable, Selectable)]
struct Line {
    room: String,
    author: String,
    text: String,
}

#[derive(Form)]
struct Entrance {
    #[form(max_length = 40, label = "Your name")]
    name: String,
    #[form(max_length = 40, label = "Room")]
    room: String,
}

fn main() {
    app().main()
}

fn app() -> App {
    let room = Router::new().get("/", room).name("page").ws("/socket", chat).name("socket");
    let urls = Router::new().get("/", enter).name("enter").post("/", enter).include("/rooms/{room}", room).name("room");
    App::new(urls).migrations(migrations!()).realtime().websockets()
}

fn enter(req: &mut Request) -> Result<Response> {
    let mut form = Form::<Entrance>::new();
    if let Some(Entrance { name, room }) = form.submitted(req)? {
        req.session().insert("name", name)?;
        return req.redirect_to("room:page", &[("room", &room)]);
    }
    req.render("enter.html", context! { form })
}

/// Returns the name of the room, which may come from anybody.
fn room_name(req: &Request) -> Result<String> {
    let name: String = req.param("room")?;
    Some(name).filter(|name| name.len() <= 160 && !name.contains(char::is_control)).or_404()
}

fn room(req: &mut Request) -> Result<Response> {
    let room = room_name(req)?;
    let Some(name) = req.session().get::<String>("name")? else { return req.redirect_to("enter", &[]) };
    // Before the lines are read, so that nothing is missed between the page and its socket.
    let position = req.channel_position()?;
    let last = lines::table.filter(lines::room.eq(&room)).order(lines::id.desc()).limit(50);
    let lines: Vec<Line> = last.select(Line::as_select()).load(req.db()?)?;
    req.render("room.html", context! { room, name, lines, position })
}

#[derive(Deserialize)]
struct Since {
    after: String,
}

fn chat(req: &mut Request) -> Result<Response> {
    let room = room_name(req)?;
    let name: String = req.session().get("name")?.ok_or_else(|| Error::forbidden("Enter your name first."))?;
    let Since { after } = req.query()?;
    let others = req.subscribe_all([format!("rooms/{room}")], Some(&after))?;
    req.websocket_with(WebSocketOptions::new().max_message_bytes(4_000), move |socket| talk(socket, others, room, name))
}

async fn talk(mut socket: WebSocket, mut others: Subscription, room: String, author: String) -> Result<()> {
    loop {
        tokio::select! {
            message = socket.recv() => {
                let Some(message) = message else { return Ok(()) };
                say(&socket, Line { room: room.clone(), author: author.clone(), text: message.text()?.to_owned() }).await?;
            }
            received = others.next() => match received {
                Some(Received::Message(line)) => socket.send_json(&json!({ "id": line.id(), "line": line.data::<Line>()? })).await?,
                // Lines may be missing: the page is loaded again.
                Some(Received::Gap(_)) => return socket.close(4000, "Reload").await,
                // The page connects again, and continues after its last line.
                None => return Ok(()),
            },
        }
    }
}

async fn say(socket: &WebSocket, line: Line) -> Result<()> {
    let channels = socket.channels()?;
    socket
        .write(move |db| {
            diesel::insert_into(lines::table).values(&line).execute(db)?;
            channels.broadcast(db, &format!("rooms/{}", line.room), &line)
        })
        .await
}
