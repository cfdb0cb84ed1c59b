//! The helpdesk, as its users see it.

use lback::auth::NewUser;
use lback::prelude::*;
use lback::testing::Client;

/// The browser of a new user who has an e-mail address.
fn browser(client: &Client, name: &str) -> Client {
    let mut user = client.add_user(name);
    client.db(|db| user.set_email(db, Some(&format!("{name}@example.com"))));
    let browser = client.fork();
    browser.login(&user);
    browser
}

/// The browser of a new agent.
fn agent(client: &Client, name: &str) -> Client {
    let agent = browser(client, name);
    client.command("add_to_group", &[name, "Agents"]);
    agent
}

/// Opens the first ticket.
fn open_ticket(browser: &Client) {
    let text = "It began\nthis morning.";
    let form = [("title", "The <printer> is on fire"), ("text", text), ("priority", "high"), ("version", "1")];
    browser.post("/tickets/new").form(&form).send().assert_redirect("/tickets/1");
}

#[test]
fn a_ticket_is_opened_and_listed() {
    let client = Client::new(crate::app());
    let alice = browser(&client, "alice");
    alice.get("/tickets").send().assert_contains("There are no tickets here.");
    open_ticket(&alice);
    alice.get("/tickets/1").send().assert_contains("Your ticket has been opened.").assert_contains("It began<br>");
    alice.get("/tickets").send().assert_contains("The &lt;printer&gt; is on fire");
}

#[test]
fn a_ticket_needs_a_title() {
    let client = Client::new(crate::app());
    let alice = browser(&client, "alice");
    let form = [("title", ""), ("text", "It is on fire."), ("priority", "low"), ("version", "1")];
    let page = alice.post("/tickets/new").form(&form).send();
    page.assert_contains("Fill in this field.").assert_contains("It is on fire.");
    alice.get("/tickets").send().assert_contains("There are no tickets here.");
}

#[test]
fn an_edit_does_not_overwrite_another() {
    let client = Client::new(crate::app());
    let (alice, carol) = (browser(&client, "alice"), agent(&client, "carol"));
    open_ticket(&alice);
    carol.post("/tickets/1/assign").send().assert_redirect("/tickets/1");
    // Alice has opened the form before Carol took the ticket.
    let edit = [("title", "It is out"), ("text", "Thanks."), ("priority", "low"), ("version", "1")];
    let page = alice.post("/tickets/1/edit").form(&edit).send();
    page.assert_contains("since you opened it").assert_contains("It is out");
    alice.get("/tickets/1").send().assert_contains("The &lt;printer&gt; is on fire");
}

#[test]
fn other_users_do_not_see_a_ticket() {
    let client = Client::new(crate::app());
    let (alice, bob) = (browser(&client, "alice"), browser(&client, "bob"));
    open_ticket(&alice);
    bob.get("/tickets").send().assert_contains("There are no tickets here.");
    bob.get("/tickets/1").send().assert_status(404);
    bob.post("/tickets/1").form(&[("text", "Mine!")]).send().assert_status(404);
    bob.get("/tickets/1/edit").send().assert_status(404);
    bob.post("/tickets/1/close").send().assert_status(403);
}

#[test]
fn agents_assign_and_close_tickets() {
    let client = Client::new(crate::app());
    let (alice, carol) = (browser(&client, "alice"), agent(&client, "carol"));
    open_ticket(&alice);
    alice.get("/tickets/1").send().assert_not_contains("Assign to me");
    carol.get("/tickets/1").send().assert_contains("Assign to me");
    carol.post("/tickets/1/assign").send().assert_redirect("/tickets/1");
    alice.get("/tickets/1").send().assert_contains("Assigned to carol.");
    carol.post("/tickets/1/close").send().assert_redirect("/tickets");
    alice.get("/tickets/1").send().assert_contains("This ticket is closed.");
}

#[test]
fn agents_find_and_close_tickets_in_the_admin() {
    let client = Client::new(crate::app());
    let alice = browser(&client, "alice");
    open_ticket(&alice);
    alice.get("/admin").send().assert_status(403);
    let carol = client.fork();
    let staff = NewUser::from("carol").staff(true).permission("tickets.view").permission("tickets.change");
    carol.login(&client.add_user(staff));
    carol.get("/admin/tickets?q=printer").send().assert_contains("is on fire");
    carol.get("/admin/tickets?q=mouse").send().assert_not_contains("is on fire");
    carol.post("/admin/tickets").form(&[("action", "close"), ("row", "1")]).send().assert_redirect("/admin/tickets");
    alice.get("/tickets/1").send().assert_contains("This ticket is closed.");
}

#[test]
fn an_answer_is_mailed_to_the_author() {
    let client = Client::new(crate::app());
    let (alice, carol) = (browser(&client, "alice"), agent(&client, "carol"));
    open_ticket(&alice);
    alice.post("/tickets/1").form(&[("text", "Please hurry.")]).send().assert_redirect("/tickets/1");
    carol.post("/tickets/1").form(&[("text", "I am on my way.")]).send().assert_redirect("/tickets/1");
    alice.get("/tickets/1").send().assert_contains("Please hurry.").assert_contains("I am on my way.");

    let mails = client.mail();
    assert_eq!(mails.len(), 1, "only the agent's comment is mailed");
    assert_eq!(mails[0].to, ["alice <alice@example.com>"]);
    assert!(mails[0].text.contains("I am on my way.") && mails[0].text.contains("http://127.0.0.1:8000/tickets/1"));
}

#[test]
fn the_list_is_live() {
    let client = Client::new(crate::app());
    let alice = browser(&client, "alice");
    alice.get("/tickets").send().assert_contains("data-live").assert_contains("There are no tickets here.");
    open_ticket(&alice);
    assert_eq!(client.broadcasts(), [("tickets".to_owned(), "1".to_owned())]);
}
