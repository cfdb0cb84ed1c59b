//! How the rows of another model are shown: their fields, number, order and layout.

use lback::admin::InlineAdmin;

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    fields_and_the_number_of_empty_rows_are_chosen,
    two_references_have_an_inline_each,
    there_are_as_many_rows_as_allowed,
    rows_have_an_order,
    more_rows_than_the_page_had_are_added,
    a_thousand_rows_are_edited_in_part,
);

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Poll {
    pub id: i64,
    #[model(max_length = 80)]
    pub question: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Answer {
    pub id: i64,
    #[model(references = Poll, on_delete = cascade)]
    pub poll_id: i64,
    #[model(max_length = 80)]
    pub text: String,
    #[model(max_length = 80, blank)]
    pub remark: String,
    pub place: i16,
}

fn ready(on: &str, configure: impl FnOnce(InlineAdmin<Answer>) -> InlineAdmin<Answer>) -> (Client, Client) {
    let models = models![Poll, Answer];
    let admin = Admin::new().model::<Poll>(|poll| poll.inline_with(configure));
    let urls = Router::new().get("/login", |_: &mut Request| "log in here").name("login");
    let client =
        Client::with_settings(App::new(urls).models(models).auth().admin_with(admin), &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.db(|db| create_tables(db, models));
    client.db(|db| Poll::create(db, NewPoll { question: "Tea?".to_owned() }));
    let root = root(&client);
    (client, root)
}

const PATH: &str = "/admin/polls/row/1";

fn add(client: &Client, texts: &[&str]) {
    let new = |(at, text): (usize, &&str)| NewAnswer { poll_id: 1, text: (*text).to_owned(), place: at as i16 + 1, ..Default::default() };
    client.db(|db| Answer::create_many(db, texts.iter().enumerate().map(new)));
}

fn texts(client: &Client) -> Vec<String> {
    client.db(|db| Answer::query().order((answers::place, answers::id)).select(answers::text).load(db))
}

fn fields_and_the_number_of_empty_rows_are_chosen(on: &str) {
    let (client, root) = ready(on, |answers| answers.cards().extra(1).fields(["text"]));
    add(&client, &["yes"]);
    let page = root.get(PATH).send();
    page.assert_contains("<fieldset class=\"inline-card\"").assert_contains("name=\"answers:+0:text\"");
    page.assert_not_contains("answers:+1:").assert_not_contains("answers:1:remark").assert_not_contains("answers:1:place");
    // A field that is not shown cannot be changed, either.
    let form = PageForm::open(&root, PATH).set("answers:1:text", "no").set("answers:1:remark", "forged");
    form.send(&root).assert_redirect("/admin/polls");
    assert_eq!(client.db(|db| Answer::find(db, 1)), Answer { id: 1, poll_id: 1, text: "no".into(), remark: String::new(), place: 1 });
}

fn two_references_have_an_inline_each(on: &str) {
    let agents = |agent: ModelAdmin<Agent>| {
        let few = |tickets: InlineAdmin<Ticket>| tickets.fields(["title", "code", "agent_id", "reviewer_id"]).extra(1);
        agent.inline_with(few).inline_with(move |tickets| few(tickets).by("reviewer"))
    };
    let client = client_with(on, Admin::new().model::<Agent>(agents));
    let [zebedee, yak] = ["Zebedee", "Yak"].map(|name| agent(&client, name));
    ticket_with(&client, NewTicket { reviewer_id: Some(yak.id), ..new_ticket(&zebedee, "Quagga") });
    let root = root(&client);
    let form = PageForm::open(&root, &format!("/admin/agents/row/{}", yak.id));
    assert_eq!((form.values("tickets:1:title"), form.values("tickets.reviewer_id:1:title")), (vec![], vec!["Quagga"]));
    let form = form.set("tickets:+0:title", "own").set("tickets:+0:code", "a").set("tickets.reviewer_id:1:title", "Okapi");
    let form = form.set("tickets.reviewer_id:+0:title", "reviewed").set("tickets.reviewer_id:+0:code", "b");
    form.set("tickets.reviewer_id:+0:agent_id", &zebedee.id.to_string()).send(&root).assert_redirect("/admin/agents");
    let all: Vec<Ticket> = client.db(|db| Ticket::query().order(tickets::id).load(db));
    let found: Vec<_> = all.iter().map(|ticket| (ticket.title.as_str(), ticket.agent_id, ticket.reviewer_id)).collect();
    assert_eq!(found, [("Okapi", 1, Some(2)), ("own", 2, None), ("reviewed", 1, Some(2))]);
}

fn there_are_as_many_rows_as_allowed(on: &str) {
    let (client, root) = ready(on, |answers| answers.min(1).max(2));
    let save = |changes: &[(&str, &str)]| edit(&root, PATH, changes);
    save(&[]).assert_status(200).assert_contains("There must be at least 1 answer.");
    let row = |number: usize, text: &'static str| [(format!("answers:+{number}:text"), text), (format!("answers:+{number}:place"), "1")];
    let rows = |count: usize| (0..count).flat_map(|number| row(number, "new")).collect::<Vec<_>>();
    let with = |count: usize| {
        let rows = rows(count);
        save(&rows.iter().map(|(name, text)| (name.as_str(), *text)).collect::<Vec<_>>())
    };
    with(3).assert_status(200).assert_contains("There can be at most 2 answers.").assert_contains("answers:+2:text");
    with(2).assert_redirect("/admin/polls");
    root.get(PATH).send().assert_not_contains("answers:+0:").assert_not_contains("<template>");
    with(1).assert_status(200).assert_contains("There can be at most 2 answers.");
    save(&[("answers:1:_delete", "true")]).assert_redirect("/admin/polls");
    save(&[("answers:2:_delete", "true")]).assert_status(200).assert_contains("There must be at least 1 answer.");
    assert_eq!(texts(&client), ["new"]);
}

fn rows_have_an_order(on: &str) {
    let (client, root) = ready(on, |answers| answers.order_by("place").fields(["text"]));
    add(&client, &["one", "two"]);
    let form = PageForm::open(&root, PATH);
    assert_eq!(form.values("answers:+0:place"), [""], "a new row comes last without a number");
    form.set("answers:1:place", "7")
        .set("answers:+0:text", "three")
        .set("answers:+1:text", "four")
        .send(&root)
        .assert_redirect("/admin/polls");
    assert_eq!(texts(&client), ["two", "one", "three", "four"]);
    let page = root.get(PATH).send();
    let places: Vec<_> = ["two", "one", "three", "four"].iter().map(|text| page.text().find(&format!("value=\"{text}\""))).collect();
    assert!(places.is_sorted() && places[0].is_some(), "{places:?}");
    // A place that is too large for its column is an error of the form, and no place is larger.
    edit(&root, PATH, &[("answers:1:place", "99999")]).assert_status(200).assert_contains("error-summary");
    edit(&root, PATH, &[("answers:1:place", "32767"), ("answers:+0:text", "five")]).assert_redirect("/admin/polls");
    assert_eq!(client.db(|db| Answer::find(db, 5)).place, 32767);
}

fn more_rows_than_the_page_had_are_added(on: &str) {
    let (client, root) = ready(on, |answers| answers.extra(0));
    let page = root.get(PATH).send();
    page.assert_contains("<template>").assert_contains("name=\"answers:+N:text\"").assert_contains("Add another answer");
    let row = |number: &str, text: &str| {
        [(format!("answers:+{number}:text"), text.to_owned()), (format!("answers:+{number}:place"), "1".to_owned())]
    };
    let send = |rows: Vec<(String, String)>| {
        let form = PageForm::open(&root, PATH);
        rows.iter().fold(form, |form, (name, text)| form.set(name, text)).send(&root)
    };
    let page = send([row("0", "zero"), row("4", "")].concat());
    page.assert_status(200).assert_contains("value=\"zero\"").assert_contains("error-summary");
    send([row("0", "zero"), row("7", "seven")].concat()).assert_redirect("/admin/polls");
    assert_eq!(texts(&client), ["zero", "seven"]);
    // Numbers that no page has.
    for number in ["N", "-1", "99999999999999999999", "", "1:1"] {
        send(row(number, "forged").to_vec()).assert_redirect("/admin/polls");
    }
    assert_eq!(texts(&client), ["zero", "seven"]);
    let many: Vec<_> = (0..150).flat_map(|number| row(&number.to_string(), "many")).collect();
    assert!(send(many).status().as_u16() < 500);
    assert!(texts(&client).len() <= 102);
}

fn a_thousand_rows_are_edited_in_part(on: &str) {
    let (client, root) = ready(on, |answers| answers.order_by("place"));
    let texts: Vec<String> = (0..1000).map(|number| format!("n{number:04}")).collect();
    add(&client, &texts.iter().map(String::as_str).collect::<Vec<_>>());
    let form = PageForm::open(&root, PATH);
    assert_eq!(form.names().iter().filter(|name| name.ends_with(":text")).count(), 103, "100 rows and three empty ones");
    form.set("answers:2:text", "changed").set("answers:+0:text", "last").send(&root).assert_redirect("/admin/polls");
    assert_eq!(changes(&client).len(), 2, "the others stay as they are");
    let last = client.db(|db| Answer::find(db, 1001));
    assert_eq!((last.text.as_str(), last.place), ("last", 1001), "after those that the page does not show");
}
