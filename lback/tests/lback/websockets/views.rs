//! The views of sockets: their errors, their work on the database, and what they wait for.

use lback::prelude::*;
use lback::testing::Client;
use lback::websockets::{WebSocket, WebSocketSender};
use tokio::sync::broadcast;

use super::{SETTINGS, wait_for_open};
use crate::unit_of_work::on_each_database;
use crate::{number, sql};

on_each_database!(
    the_work_of_the_handshake_is_committed_before_the_socket_opens,
    a_socket_holds_no_connection_to_the_database,
    a_look_at_the_visitor_changes_nothing,
);

diesel::table! {
    notes (id) {
        id -> BigInt,
        text -> Text,
    }
}

fn insert(db: &mut Db, id: i64) -> Result<()> {
    diesel::insert_into(notes::table).values((notes::id.eq(id), notes::text.eq("note"))).execute(db)?;
    Ok(())
}

fn with_notes(urls: Router, settings: &str) -> Client {
    let client = Client::with_settings(App::new(urls).websockets(), &format!("{SETTINGS}\n{settings}"));
    sql(&client, "CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL)");
    client
}

fn the_work_of_the_handshake_is_committed_before_the_socket_opens(database: &str) {
    let view = |req: &mut Request| {
        insert(req.db()?, 1)?;
        let name: String = req.session().update("name", |old: Option<String>| old.unwrap_or_else(|| "alice".to_owned()))?;
        req.websocket(async move |socket: WebSocket| {
            let count: i64 = socket.read(|db| Ok(notes::table.count().get_result(db)?)).await?;
            socket.send(format!("{name} {count}")).await
        })
    };
    let fails = |req: &mut Request| -> Result<Response> {
        insert(req.db()?, 2)?;
        let _response = req.websocket(async |_| Ok(()))?;
        Err(Error::internal("after all"))
    };
    let client = with_notes(Router::new().ws("/", view).ws("/fails", fails), database);
    let mut socket = client.websocket("/");
    assert_eq!(socket.text(), "alice 1");
    assert_eq!(socket.closed().0, 1000);
    assert_eq!(client.session().unwrap().data["name"], "alice");
    client.get("/fails").websocket().unwrap_err().assert_status(500);
    assert_eq!(number(&client, "SELECT COUNT(*) FROM notes"), 1);
    wait_for_open(&client, 0);
}

fn a_socket_holds_no_connection_to_the_database(database: &str) {
    let view = |req: &mut Request| {
        let _: i64 = notes::table.count().get_result(req.db()?)?;
        req.websocket(async |mut socket| {
            while let Some(message) = socket.recv().await {
                let id: i64 = message.text()?.parse()?;
                socket.write(move |db| insert(db, id)).await?;
                socket.send("stored").await?;
            }
            Ok(())
        })
    };
    let client = with_notes(Router::new().ws("/", view), &format!("{database}\nDATABASE_POOL_SIZE = 2"));
    let mut sockets: Vec<_> = (0..10).map(|_| client.websocket("/")).collect();
    for (id, socket) in (0..).zip(&mut sockets) {
        socket.send(id.to_string());
        assert_eq!(socket.text(), "stored");
    }
    assert_eq!(number(&client, "SELECT COUNT(*) FROM notes"), 10);
    // A row that exists, which the database refuses.
    sockets[0].send("5");
    assert_eq!(sockets[0].closed(), (1011, "The server has failed.".to_owned()));
    assert_eq!(number(&client, "SELECT COUNT(*) FROM notes"), 10);
}

fn a_look_at_the_visitor_changes_nothing(database: &str) {
    let view = |req: &mut Request| {
        req.session().insert("visits", 1)?;
        req.websocket(async |mut socket| {
            while socket.recv().await.is_some() {
                let visits: u64 = socket
                    .look(|req| {
                        insert(req.db()?, 1)?;
                        req.session().update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)
                    })
                    .await?;
                socket.send(visits.to_string()).await?;
            }
            Ok(())
        })
    };
    let set = |req: &mut Request| req.session().insert("visits", 10);
    let client = with_notes(Router::new().get("/", |_: &mut Request| "").ws("/socket", view).post("/set", set), database);
    // The session exists when the socket is opened, so that the socket has its cookie.
    client.post("/set").send().assert_status(204);
    let mut socket = client.websocket("/socket");
    client.clock().advance(std::time::Duration::from_secs(600));
    let before = client.session().unwrap();
    socket.send("");
    assert_eq!(socket.text(), "2");
    let after = client.session().unwrap();
    assert_eq!((after.expires_at, &after.data), (before.expires_at, &before.data));
    assert_eq!(number(&client, "SELECT COUNT(*) FROM notes"), 0);
    client.post("/set").send().assert_status(204);
    socket.send("");
    assert_eq!(socket.text(), "11");
}

fn ends(name: &str, socket: &mut WebSocket) -> Result<()> {
    match name {
        "ok" => Ok(()),
        "refuses" => Err(Error::bad_request("That is not a move.")),
        "long" => Err(Error::bad_request("ü".repeat(100))),
        "fails" => Err(Error::internal("a secret")),
        "panics" => panic!("another secret, on purpose: {socket:?}"),
        other => Err(Error::not_found(other)),
    }
}

#[test]
fn the_end_of_a_view_closes_the_socket_with_its_code() {
    let view = |req: &mut Request| {
        let name: String = req.param("name")?;
        req.websocket(async move |mut socket| {
            socket.send("first").await?;
            ends(&name, &mut socket)
        })
    };
    let closes = |req: &mut Request| {
        let code: u16 = req.param("code")?;
        req.websocket(async move |mut socket| {
            socket.send("first").await?;
            socket.close(code, "Bye").await?;
            assert!(socket.recv().await.is_none());
            socket.send("too late").await
        })
    };
    let client = Client::with_settings(App::new(Router::new().ws("/{name}", view).ws("/close/{code}", closes)).websockets(), SETTINGS);
    for (path, code, reason) in [
        ("/ok", 1000, ""),
        ("/refuses", 1008, "That is not a move."),
        ("/long", 1008, &"ü".repeat(61)),
        ("/fails", 1011, "The server has failed."),
        ("/panics", 1011, "The server has failed."),
        ("/close/1000", 1000, "Bye"),
        ("/close/4001", 4001, "Bye"),
        ("/close/1006", 1011, "The server has failed."),
    ] {
        let mut socket = client.websocket(path);
        assert_eq!(socket.text(), "first", "{path}");
        assert_eq!(socket.closed(), (code, reason.to_owned()), "{path}");
    }
    wait_for_open(&client, 0);
}

/// Joins the messages of a room and those of the client.
async fn chat(mut socket: WebSocket, mut room: broadcast::Receiver<String>, all: broadcast::Sender<String>) -> Result<()> {
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                Some(message) => drop(all.send(message.text()?.to_owned())),
                None => return Ok(()),
            },
            line = room.recv() => socket.send(line?).await?,
        }
    }
}

#[test]
fn a_view_waits_for_the_socket_and_something_else() {
    struct Room(broadcast::Sender<String>);
    let view = |req: &mut Request| {
        let Room(all) = req.state()?;
        let (all, room) = (all.clone(), all.subscribe());
        req.websocket(|socket| chat(socket, room, all))
    };
    let app = App::new(Router::new().ws("/", view)).state(Room(broadcast::channel(1000).0)).websockets();
    let client = Client::over_socket_with_settings(app, &format!("{SETTINGS}\nWEBSOCKET_MESSAGE_BURST = 1000"));
    let mut sockets = [client.websocket("/"), client.websocket("/"), client.websocket("/")];
    for round in 0..50 {
        for (at, socket) in sockets.iter_mut().enumerate() {
            socket.send(format!("{round} {at}"));
        }
        for socket in &mut sockets {
            let mut lines: Vec<String> = (0..3).map(|_| socket.text()).collect();
            lines.sort();
            assert_eq!(lines, [0, 1, 2].map(|at| format!("{round} {at}")));
        }
    }
}

#[test]
fn what_a_view_has_sent_before_its_end_arrives() {
    let view = |req: &mut Request| {
        req.websocket(async |socket| {
            for n in 0..16 {
                socket.send("x".repeat(50_000) + &n.to_string()).await?;
            }
            Err(Error::bad_request("That was all."))
        })
    };
    let client = Client::over_socket_with_settings(App::new(Router::new().ws("/", view)).websockets(), SETTINGS);
    let mut socket = client.websocket("/");
    for n in 0..16 {
        assert!(socket.text().ends_with(&format!("x{n}")));
    }
    assert_eq!(socket.closed(), (1008, "That was all.".to_owned()));
}

#[test]
fn a_view_may_drop_its_socket_and_go_on() {
    struct Done(std::sync::mpsc::Sender<()>);
    let (sender, done) = std::sync::mpsc::channel();
    let view = |req: &mut Request| {
        let Done(sender) = req.state()?;
        let sender = sender.clone();
        req.websocket(async move |socket| {
            drop(socket);
            // Longer than a view that does not know of the end may take.
            tokio::time::sleep(std::time::Duration::from_millis(700)).await;
            Ok(sender.send(())?)
        })
    };
    let client = Client::with_settings(App::new(Router::new().ws("/", view)).state(Done(sender)).websockets(), SETTINGS);
    assert_eq!(client.websocket("/").closed().0, 1000);
    done.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
}

#[test]
fn other_tasks_can_send_until_the_view_ends() {
    async fn count(sender: WebSocketSender) {
        for n in 0..100 {
            if sender.send(n.to_string()).await.is_err() {
                return;
            }
        }
    }
    let view = |req: &mut Request| {
        req.websocket(async |mut socket| {
            tokio::spawn(count(socket.sender()));
            socket.recv().await;
            Ok(())
        })
    };
    let client = Client::with_settings(App::new(Router::new().ws("/", view)).websockets(), SETTINGS);
    let mut socket = client.websocket("/");
    for n in 0..100 {
        assert_eq!(socket.text(), n.to_string());
    }
    socket.send("enough");
    assert_eq!(socket.closed().0, 1000);
}
