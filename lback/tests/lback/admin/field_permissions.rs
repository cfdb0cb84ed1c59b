//! Fields that only some users may see or change: a secret value appears on no page, and nothing depends on it.

use super::inline_options::{Answer, NewAnswer, NewPoll, Poll, answers};
use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_field_that_may_not_be_seen_is_nowhere,
    no_parameter_reveals_it,
    it_is_neither_changed_nor_undone,
    a_field_that_may_only_be_seen_is_shown,
    inlines_and_references_keep_the_secret,
    saving_keeps_the_unseen_value,
    columns_and_filters_do_not_follow_a_reference_to_it,
    it_is_not_a_column_of_a_list_or_an_export,
    shared_views_do_not_name_it,
    choices_and_their_counts_are_left_out,
    forms_do_not_name_it,
    an_inline_is_not_sorted_by_it,
);

/// The points of a ticket, which are on no page otherwise.
const POINTS: i32 = 48_731_905;
const DUE: &str = "2031-07-19T10:00:00Z";
const SECRETS: [&str; 5] = ["48731905", "2031", "Points", "Okapi", "Reviewer"];
const ALL: [&str; 9] = [
    "tickets.view",
    "tickets.add",
    "tickets.change",
    "tickets.delete",
    "agents.change",
    "agents.delete",
    "labels.view",
    "comments.change",
    "comments.delete",
];

fn limited() -> Admin {
    let tickets = |ticket: ModelAdmin<Ticket>| {
        ticket
            .list(["title", "points", "due_at", "reviewer", "state"])
            .search(["title", "reviewer.name", "=points"])
            .filters(["points", "due_at", "reviewer", "labels"])
            .dates("due_at")
            .editable(["points", "state"])
            .inline::<Comment>()
            .markdown(["body"])
            .prepopulated("code", ["title", "body"])
            .can_change_field("body", "hr.change")
            .can_see_field("points", "hr.see")
            .can_change_field("points", "hr.change")
            .can_see_field("due_at", "hr.see")
            .can_see_field("reviewer", "hr.see")
            .can_see_field("labels", "hr.see")
    };
    let comments = |comment: ModelAdmin<Comment>| {
        comment
            .list(["text", "ticket.points", "ticket.due_at", "author.name"])
            .search(["text", "=ticket.points", "author.name"])
            .filters(["ticket.points", "ticket.due_at", "author.name"])
            .can_see_field("author", "hr.see")
    };
    Admin::new().model::<Ticket>(tickets).model::<Comment>(comments)
}

struct Opened {
    client: Client,
    root: Client,
    clerk: Client,
    ticket: Ticket,
}

pub(super) fn client_of(on: &str, models: &'static [&'static dyn ModelOps], admin: Admin) -> Client {
    let urls = Router::new().get("/login", |_: &mut Request| "log in here").name("login");
    let app = App::new(urls).models(models).auth().permissions([("hr.see", "See"), ("hr.change", "Change")]).admin_with(admin);
    let client = Client::with_settings(app, &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.clock().set(START.parse().unwrap());
    client.db(|db| create_tables(db, models));
    client
}

fn open(on: &str) -> Opened {
    let client = client_of(on, models(), limited());
    let (ada, zebedee) = (agent(&client, "Ada"), agent(&client, "Zebedee"));
    let new =
        NewTicket { points: Some(POINTS), due_at: Some(DUE.parse().unwrap()), reviewer_id: Some(zebedee.id), ..new_ticket(&ada, "Quagga") };
    let ticket = ticket_with(&client, new);
    let okapi = label(&client, "Okapi");
    client.db(|db| ticket.set_labels(db, &[okapi.id]));
    comment(&client, &ticket, &zebedee, "Numbat");
    let root = root(&client);
    // A change of each secret in the history.
    let form = PageForm::open(&root, &row_path(&ticket));
    form.clone().set("points", "1").set("due_at", "").set("reviewer_id", "").set_all("labels", &[]).send(&root).assert_status(303);
    let seen = PageForm::open(&root, &row_path(&ticket)).values("_seen")[0].to_owned();
    form.set("_seen", &seen).send(&root).assert_status(303);
    assert_eq!(ticket_now(&client, ticket.id).unwrap().points, Some(POINTS));
    let clerk = staff(&client, "clerk", &ALL);
    Opened { client, root, clerk, ticket }
}

/// Checks that a page has none of the secrets.
#[track_caller]
fn assert_secret(page: &TestResponse) {
    for secret in SECRETS {
        page.assert_not_contains(secret);
    }
}

fn a_field_that_may_not_be_seen_is_nowhere(on: &str) {
    let Opened { client, root, clerk, ticket } = open(on);
    let row = row_path(&ticket);
    let id = changes(&client).iter().find(|change| change.model == "tickets").unwrap().id;
    let paths = [
        "/admin".to_owned(),
        "/admin/tickets".to_owned(),
        "/admin/tickets?q=Quagga".to_owned(),
        "/admin/tickets?counts=1".to_owned(),
        "/admin/tickets?columns=title,state,code".to_owned(),
        "/admin/tickets/add?points=7".to_owned(),
        "/admin/tickets/add?_dialog=true".to_owned(),
        "/admin/comments".to_owned(),
        "/admin/comments?counts=1".to_owned(),
        "/admin/comments/export?format=json&columns=text".to_owned(),
        "/admin/comments/row/1".to_owned(),
        "/admin/tickets/export?format=csv".to_owned(),
        "/admin/tickets/export?format=json".to_owned(),
        "/admin/tickets/import".to_owned(),
        row.clone(),
        format!("{row}?from=all"),
        format!("{row}/history"),
        format!("{row}/delete"),
        "/admin/-/history".to_owned(),
        format!("/admin/-/history/{id}/row"),
        format!("/admin/-/history/{}/row", id + 1),
        "/admin/-/find?q=Quagga".to_owned(),
        "/admin/-/find?q=48731905".to_owned(),
    ];
    for path in &paths {
        let page = clerk.get(path).send();
        assert_secret(page.assert_status(200));
    }
    // The same pages show them to root, so the test can fail.
    let all: String = paths.iter().map(|path| root.get(path).send().text().to_owned()).collect();
    assert!(SECRETS.iter().all(|secret| all.contains(secret)));
    // A conflict, and a page with errors.
    let form = PageForm::open(&clerk, &row);
    assert_secret(&form.clone().set("_seen", "0").set("title", "Other").send(&clerk));
    assert_secret(form.set("title", "").set("points", "9").send(&clerk).assert_status(200));
}

fn no_parameter_reveals_it(on: &str) {
    let Opened { client, clerk, ticket, .. } = open(on);
    let ada = client.db(|db| Agent::query().order(agents::id).first::<Agent>(db));
    ticket_with(&client, NewTicket { points: Some(1), ..new_ticket(&ada, "Dodo") });
    let everything = first_column(&clerk.get("/admin/tickets").send());
    assert_eq!(everything.len(), 2);
    let queries = [
        "points.from=2",
        "points.to=2",
        "points=1",
        "due_at.from=2030-01-01",
        "date=2031",
        "reviewer_id=2",
        "reviewer_id=Zebedee",
        "reviewer_id.key=2",
        "labels=1",
    ];
    for query in queries {
        assert_eq!(first_column(&clerk.get(&format!("/admin/tickets?{query}")).send()), everything, "{query}");
    }
    for query in ["q=48731905", "q=Zebedee"] {
        assert!(first_column(&clerk.get(&format!("/admin/tickets?{query}")).send()).is_empty(), "{query}");
    }
    for sort in ["points", "-points", "title,points", "due_at", "reviewer_id"] {
        for page in ["/admin/tickets?", "/admin/tickets/export?format=csv&"] {
            clerk.get(&format!("{page}sort={sort}")).send().assert_status(400);
        }
    }
    for choices in ["tickets/choices/reviewer", "tickets/choices/reviewer_id", "tickets/choices/labels", "comments/choices/author"] {
        clerk.get(&format!("/admin/{choices}")).send().assert_status(404);
    }
    // The state of the form does not depend on the secret.
    let seen = || PageForm::open(&clerk, &row_path(&ticket)).values("_seen")[0].to_owned();
    let before = seen();
    client.db(|db| Ticket { points: Some(2), ..ticket.clone() }.save(db));
    assert_eq!(seen(), before);
    // The page of a deletion does not reveal the affected rows, either.
    let page = clerk.get(&format!("/admin/agents/row/{}/delete", ada.id + 1)).send();
    assert_secret(page.assert_status(200).assert_not_contains("Quagga").assert_not_contains("Numbat"));
}

fn it_is_neither_changed_nor_undone(on: &str) {
    let Opened { client, root, clerk, ticket } = open(on);
    edit(&root, &row_path(&ticket), &[("points", "5")]).assert_status(303);
    undo(&clerk, &last_batch(&client)).assert_status(403);
    let form = PageForm::open(&clerk, &row_path(&ticket));
    assert!(!form.names().iter().any(|name| ["points", "due_at", "reviewer_id", "labels"].contains(name)));
    form.set("points", "7").set("due_at", "").set("reviewer_id", "").set("labels", "").send(&clerk).assert_status(303);
    let list = [("save", "true"), ("1:state", "open"), ("1:points", "7"), ("1:_seen", "0")];
    clerk.post("/admin/tickets").form(&list).send();
    let csv = format!("id,points\r\n{},7\r\n", ticket.id);
    let page = clerk.post("/admin/tickets/import").form(&[("text", csv.as_str()), ("confirm", "true")]).send();
    page.assert_status(200).assert_contains("is hidden").assert_not_contains("48731905");
    let now = ticket_now(&client, ticket.id).unwrap();
    assert_eq!((now.points, now.due_at, now.reviewer_id), (Some(5), ticket.due_at, ticket.reviewer_id));
    // A new row, and a copy, have the default.
    let new = [("title", "New"), ("code", "new"), ("agent_id", "1"), ("state", "open"), ("points", "7"), ("reviewer_id", "2")];
    edit(&clerk, "/admin/tickets/add", &new).assert_status(303);
    PageForm::open(&clerk, &row_path(&ticket)).set("code", "copy").set("then", "as_new").send(&clerk).assert_status(303);
    let others: Vec<(Option<i32>, Option<i64>)> =
        client.db(|db| tickets::table.filter(tickets::id.ne(ticket.id)).select((tickets::points, tickets::reviewer_id)).load(db));
    assert_eq!(others, [(None, None), (None, None)]);
}

fn a_field_that_may_only_be_seen_is_shown(on: &str) {
    let Opened { client, ticket, .. } = open(on);
    let reader = staff(&client, "reader", &[ALL.as_slice(), &["hr.see"]].concat());
    reader.get("/admin/tickets").send().assert_contains("48731905").assert_not_contains(":points\"");
    reader.get("/admin/tickets?sort=points").send().assert_status(200);
    reader.get(&row_path(&ticket)).send().assert_contains("48731905");
    let form = PageForm::open(&reader, &row_path(&ticket));
    assert!(!form.names().contains(&"points") && form.names().contains(&"due_at"));
    form.set("points", "7").send(&reader).assert_status(303);
    let csv = format!("id,points\r\n{},7\r\n", ticket.id);
    let page = reader.post("/admin/tickets/import").form(&[("text", csv.as_str()), ("confirm", "true")]).send();
    page.assert_status(200).assert_contains("needs a permission");
    assert_eq!(ticket_now(&client, ticket.id).unwrap().points, Some(POINTS));
    // Users who may change a field but not see it can do neither.
    let blind = staff(&client, "blind", &[ALL.as_slice(), &["hr.change"]].concat());
    blind.get(&row_path(&ticket)).send().assert_not_contains("48731905").assert_not_contains("name=\"points\"");
    let both = staff(&client, "both", &[ALL.as_slice(), &["hr.see", "hr.change"]].concat());
    edit(&both, &row_path(&ticket), &[("points", "8")]).assert_status(303);
    undo(&both, &last_batch(&client)).assert_status(303);
    assert_eq!(ticket_now(&client, ticket.id).unwrap().points, Some(POINTS));
}

fn inlines_and_references_keep_the_secret(on: &str) {
    let Opened { client, clerk, ticket, .. } = open(on);
    let page = clerk.get(&row_path(&ticket)).send();
    page.assert_contains("Numbat").assert_not_contains("author_id");
    let form = PageForm::of(&page).set("comments:1:text", "Numbats").set("comments:1:author_id", "1");
    form.send(&clerk).assert_status(303);
    let comment = client.db(|db| Comment::find(db, 1));
    assert_eq!((comment.text.as_str(), comment.author_id), ("Numbats", 2));
}

fn saving_keeps_the_unseen_value(on: &str) {
    let Opened { client, root, clerk, ticket } = open(on);
    let form = PageForm::open(&clerk, &row_path(&ticket));
    edit(&root, &row_path(&ticket), &[("points", "6")]).assert_status(303);
    // No conflict, since the clerk has changed nothing that root has.
    form.set("title", "Quaggas").send(&clerk).assert_status(303);
    let now = ticket_now(&client, ticket.id).unwrap();
    assert_eq!((now.title.as_str(), now.points, now.reviewer_id), ("Quaggas", Some(6), ticket.reviewer_id));
    assert_eq!(client.db(|db| now.labels(db)).len(), 1);
}

/// A list and its exports.
const PATHS: &[&str] = if cfg!(feature = "admin-xlsx") {
    &["?", "/export?format=csv&", "/export?format=json&", "/export?format=xlsx&"]
} else {
    &["?", "/export?format=csv&", "/export?format=json&"]
};

fn columns_and_filters_do_not_follow_a_reference_to_it(on: &str) {
    let Opened { client, root, clerk, ticket } = open(on);
    let ada = client.db(|db| Agent::query().order(agents::id).first::<Agent>(db));
    let dodo = ticket_with(&client, NewTicket { points: Some(1), ..new_ticket(&ada, "Dodo") });
    comment(&client, &dodo, &ada, "Other");
    let page = root.get("/admin/comments").send();
    page.assert_contains("48731905").assert_contains("Zebedee").assert_contains("ticket.points.from");
    let page = clerk.get("/admin/comments").send();
    assert_secret(page.assert_not_contains("ticket.points").assert_not_contains("ticket.due_at").assert_not_contains("Zebedee"));
    let everything = first_column(&page);
    assert_eq!(everything.len(), 2);
    for query in ["ticket.points.from=2", "ticket.points.to=2", "ticket.due_at.from=2030-01-01", "author.name=Ada", "author_id.key=1"] {
        let path = format!("/admin/comments?{query}");
        assert_eq!(first_column(&clerk.get(&path).send()), everything, "{query}");
        assert_eq!(first_column(&root.get(&path).send()).len(), 1, "{query}");
    }
    for query in ["q=48731905", "q=Zebedee"] {
        assert!(first_column(&clerk.get(&format!("/admin/comments?{query}")).send()).is_empty(), "{query}");
        assert_eq!(first_column(&root.get(&format!("/admin/comments?{query}")).send()).len(), 1, "{query}");
    }
    for column in ["ticket.points", "text,ticket.due_at", "author.name", "author_id"] {
        for path in PATHS {
            clerk.get(&format!("/admin/comments{path}columns={column}")).send().assert_status(400);
            root.get(&format!("/admin/comments{path}columns={column}")).send().assert_status(200);
        }
    }
    // The limit of the reference itself.
    assert_eq!(ticket_now(&client, ticket.id).unwrap().points, Some(POINTS));
    let page = clerk.get("/admin/comments/export?format=csv").send();
    page.assert_contains("id,ticket_id,text\r\n");
}

fn it_is_not_a_column_of_a_list_or_an_export(on: &str) {
    let Opened { root, clerk, .. } = open(on);
    for column in ["points", "due_at", "reviewer_id", "labels", "title,points"] {
        for path in PATHS {
            clerk.get(&format!("/admin/tickets{path}columns={column}")).send().assert_status(400);
            root.get(&format!("/admin/tickets{path}columns={column}")).send().assert_status(200);
        }
    }
    #[cfg(feature = "admin-xlsx")]
    {
        let sheet = |browser: &Client| xlsx::rows(browser, "").concat().concat();
        assert!(sheet(&clerk).contains("Quagga") && !sheet(&clerk).contains("48731905") && !sheet(&clerk).contains("points"));
        assert!(sheet(&root).contains("48731905") && sheet(&root).contains("points"));
    }
}

fn shared_views_do_not_name_it(on: &str) {
    let Opened { root, clerk, .. } = open(on);
    let save = |browser: &Client, model: &str, query: &str, name: &str| {
        browser.post(&format!("/admin/{model}/views?{query}")).form(&[("name", name), ("share", "true")]).send()
    };
    let hidden =
        ["points.from=2", "points.to=48731905", "due_at.from=2031-01-01", "date=2031", "reviewer_id=2", "reviewer_id.key=2", "labels=1"];
    let hidden = hidden.into_iter().chain(["sort=title,-points", "columns=title,due_at", "state=open&sort=due_at"]);
    for (at, query) in hidden.enumerate() {
        save(&root, "tickets", query, &format!("Aardvark {at}")).assert_status(303);
    }
    for (at, query) in ["ticket.points.from=2", "columns=text,ticket.due_at", "author.name=Ada"].into_iter().enumerate() {
        save(&root, "comments", query, &format!("Aardvark {at}")).assert_status(303);
    }
    save(&root, "tickets", "columns=title,code&sort=-title", "Bison").assert_status(303);
    let page = clerk.get("/admin/tickets").send();
    assert_secret(page.assert_contains("Bison").assert_not_contains("Aardvark"));
    clerk.get("/admin/comments").send().assert_not_contains("Aardvark");
    root.get("/admin/tickets").send().assert_contains("Aardvark 9");
    for query in ["columns=points", "sort=points"] {
        clerk.post(&format!("/admin/tickets/views?{query}")).form(&[("name", "Own")]).send().assert_status(400);
    }
}

fn choices_and_their_counts_are_left_out(on: &str) {
    let tickets = |ticket: ModelAdmin<Ticket>| {
        ticket.list(["title"]).filters(["state", "is_urgent"]).radio(["state"]).can_see_field("state", "hr.see")
    };
    let client = client_of(on, models(), Admin::new().model::<Ticket>(tickets));
    let ada = agent(&client, "Ada");
    let quagga = ticket_with(&client, NewTicket { state: State::InReview, ..new_ticket(&ada, "Quagga") });
    let root = root(&client);
    let clerk = staff(&client, "clerk", &ALL);
    for path in ["/admin/tickets?counts=1", &row_path(&quagga), "/admin/tickets/export?format=csv"] {
        root.get(path).send().assert_contains("state");
        let page = clerk.get(path).send();
        page.assert_status(200).assert_not_contains("state\"").assert_not_contains("in_review").assert_not_contains("In review");
    }
    for query in ["state=open", "state=nonsense"] {
        let page = clerk.get(&format!("/admin/tickets?counts=1&{query}")).send();
        assert_eq!(first_column(&page), ["Quagga"], "{query}");
    }
    edit(&clerk, &row_path(&quagga), &[("state", "closed")]).assert_status(303);
    assert_eq!(ticket_now(&client, quagga.id).unwrap().state, State::InReview);
}

fn forms_do_not_name_it(on: &str) {
    let Opened { client, root, clerk, .. } = open(on);
    // A field that follows others, of which one cannot be changed.
    let both = "data-prepopulated=\"{&quot;code&quot;:[&quot;title&quot;,&quot;body&quot;]}\"";
    root.get("/admin/tickets/add").send().assert_contains(both);
    clerk.get("/admin/tickets/add").send().assert_contains("data-prepopulated=\"{&quot;code&quot;:[&quot;title&quot;]}\"");
    let preview = |browser: &Client| browser.post("/admin/tickets/preview/body").form(&[("text", "a")]).send();
    preview(&root).assert_status(200);
    preview(&clerk).assert_status(404);
    // The answer to a dialog has only the key and the label.
    let form = [("title", "New"), ("code", ""), ("agent_id", "1"), ("state", "open"), ("points", "7"), ("body", "text")];
    let answer = clerk.post("/admin/tickets/add?_dialog=true").form(&form).send();
    assert_secret(answer.assert_status(200).assert_contains("\"label\":\"New\""));
    let new = client.db(|db| Ticket::query().filter(tickets::title.eq("New")).first::<Ticket>(db));
    assert_eq!((new.code.as_str(), new.points, new.body.as_str()), ("new", None, ""));
    // A required field without a default is an error of the form.
    let writer = staff(&client, "writer", &["comments.add", "tickets.view"]);
    let page = writer.post("/admin/comments/add").form(&[("ticket_id", "1"), ("text", "a"), ("author_id", "1")]).send();
    page.assert_status(200).assert_contains("error-summary");
    assert_eq!(client.db(|db| Comment::query().row_count(db)), 1);
}

fn an_inline_is_not_sorted_by_it(on: &str) {
    let models = models![Poll, Answer];
    let polls =
        |poll: ModelAdmin<Poll>| poll.inline_with::<Answer>(|answers| answers.order_by("place").fields(["text", "remark", "place"]));
    let answers = |answer: ModelAdmin<Answer>| answer.can_see_field("place", "hr.see").can_see_field("remark", "hr.see");
    let client = client_of(on, models, Admin::new().model::<Poll>(polls).model::<Answer>(answers));
    client.db(|db| Poll::create(db, NewPoll { question: "Tea?".to_owned() }));
    for (text, place) in [("Yes", 7771), ("No", 3331)] {
        let new = NewAnswer { poll_id: 1, text: text.to_owned(), remark: format!("Okapi {text}"), place };
        client.db(|db| Answer::create(db, new));
    }
    let (root, clerk) = (root(&client), staff(&client, "clerk", &["polls.change", "answers.change", "answers.add"]));
    let order = |page: &TestResponse| ["Yes", "No"].map(|text| page.text().find(&format!("value=\"{text}\"")).unwrap());
    let path = "/admin/polls/row/1";
    let page = root.get(path).send();
    assert!(!order(page.assert_contains("7771").assert_contains("Okapi")).is_sorted());
    let page = clerk.get(path).send();
    assert!(order(page.assert_not_contains("7771").assert_not_contains("Okapi").assert_not_contains(":place")).is_sorted());
    // A change that the clerk does not see is no conflict, and the unseen values stay.
    let form = PageForm::of(&page).set("answers:1:text", "Yes!").set("answers:1:place", "1").set("answers:+0:text", "Perhaps");
    client.db(|db| Answer { remark: "new".to_owned(), ..Answer::find(db, 1).unwrap() }.save(db));
    form.send(&clerk).assert_status(303);
    let rows: Vec<(String, String, i16)> =
        client.db(|db| answers::table.order(answers::id).select((answers::text, answers::remark, answers::place)).load(db));
    let expected = [("Yes!", "new", 7771), ("No", "Okapi No", 3331), ("Perhaps", "", 7772)];
    assert_eq!(rows, expected.map(|(text, remark, place)| (text.to_owned(), remark.to_owned(), place)));
}
