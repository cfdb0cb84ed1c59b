//! Inlines within inlines: the rows that refer to the rows of an inline, on the page of the row that these refer to.

use lback::admin::InlineAdmin;

use super::lists::{statements, statements_of};
use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    rows_of_three_models_are_saved_and_undone_together,
    a_new_row_is_added_with_rows_that_refer_to_it,
    an_invalid_nested_row_is_explained_and_nothing_is_saved,
    a_nested_row_that_was_changed_meanwhile_is_not_overwritten,
    rows_whose_parents_came_and_went_meanwhile_are_left_alone,
    rights_decide_what_a_nested_inline_offers,
    nested_rows_have_a_number_and_an_order,
    more_rows_cost_no_more_statements,
    many_nested_rows_are_shown_in_part,
    keys_with_separators_do_not_mix_up_rows,
);

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Survey {
    pub id: i64,
    #[model(max_length = 80)]
    pub title: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Question {
    pub id: i64,
    #[model(references = Survey, on_delete = cascade)]
    pub survey_id: i64,
    #[model(max_length = 80)]
    pub text: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Reply {
    pub id: i64,
    #[model(references = Question, on_delete = cascade)]
    pub question_id: i64,
    #[model(max_length = 80)]
    pub text: String,
    pub place: i16,
}

const PATH: &str = "/admin/surveys/row/1";

fn ready(on: &str, configure: impl FnOnce(InlineAdmin<Reply>) -> InlineAdmin<Reply>) -> (Client, Client) {
    let surveys = |survey: ModelAdmin<Survey>| survey.inline_with::<Question>(|questions| questions.inline_with(configure));
    let models = models![Survey, Question, Reply];
    let urls = Router::new().get("/login", |_: &mut Request| "log in here").name("login");
    let app = App::new(urls).models(models).auth().admin_with(Admin::new().model(surveys));
    let client = Client::with_settings(app, &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.db(|db| create_tables(db, models));
    client.db(|db| Survey::create(db, NewSurvey { title: "Tea".to_owned() }));
    let root = root(&client);
    (client, root)
}

fn question(client: &Client, text: &str, replies: &[&str]) -> Question {
    let question = client.db(|db| Question::create(db, NewQuestion { survey_id: 1, text: text.to_owned() }));
    let new = |(at, text): (usize, &&str)| NewReply { question_id: question.id, text: (*text).to_owned(), place: at as i16 + 1 };
    client.db(|db| Reply::create_many(db, replies.iter().enumerate().map(new)));
    question
}

/// The texts of all questions, each followed by those of its replies.
fn texts(client: &Client) -> Vec<String> {
    let questions: Vec<Question> = client.db(|db| Question::query().order(questions::id).load(db));
    let replies: Vec<Reply> = client.db(|db| Reply::query().order((replies::place, replies::id)).load(db));
    let of = |question: &Question| {
        let own = replies.iter().filter(|reply| reply.question_id == question.id).map(|reply| reply.text.as_str());
        std::iter::once(question.text.as_str()).chain(own).collect::<Vec<_>>().join(" ")
    };
    questions.iter().map(of).collect()
}

fn reply(root: &Client, values: &[(&str, &str)]) -> TestResponse {
    edit(root, PATH, values)
}

fn rows_of_three_models_are_saved_and_undone_together(on: &str) {
    let (client, root) = ready(on, |replies| replies);
    question(&client, "one", &["a", "b"]);
    question(&client, "two", &["c"]);
    let form = PageForm::open(&root, PATH);
    assert_eq!(form.values("questions:1:replies:2:text"), ["b"]);
    assert_eq!(form.values("questions:2:replies:3:text"), ["c"]);
    assert_eq!(form.values("questions:2:replies:+0:text"), [""], "one empty row");
    assert!(!form.names().contains(&"questions:2:replies:+1:text") && !form.names().iter().any(|name| name.ends_with("question_id")));
    form.send(&root).assert_redirect("/admin/surveys");
    assert!(changes(&client).is_empty(), "a form that is sent as it is changes nothing");
    let form = form.set("title", "Coffee").set("questions:2:text", "TWO").set("questions:1:replies:1:text", "A");
    let form = form.set("questions:1:replies:2:_delete", "true");
    let form = form.set("questions:2:replies:+0:text", "d").set("questions:2:replies:+0:place", "2");
    form.send(&root).assert_redirect("/admin/surveys");
    assert_eq!(texts(&client), ["one A", "TWO c d"]);
    let all = changes(&client);
    assert_eq!(
        all.iter().map(|change| change.model.as_str()).collect::<Vec<_>>(),
        ["surveys", "replies", "replies", "questions", "replies"]
    );
    undo(&root, &last_batch(&client)).assert_redirect("/admin/-/history");
    assert_eq!(texts(&client), ["one a b", "two c"]);
}

fn a_new_row_is_added_with_rows_that_refer_to_it(on: &str) {
    let (client, root) = ready(on, |replies| replies.extra(2));
    let page = root.get(PATH).send();
    page.assert_contains("name=\"questions:+N:replies:+0:text\"").assert_contains("name=\"questions:+N:replies:+N:text\"");
    let row = |question: &str, reply: &str, text: &'static str| {
        [(format!("questions:{question}:replies:{reply}:text"), text), (format!("questions:{question}:replies:{reply}:place"), "1")]
    };
    let send = |path: &str, rows: &[[(String, &str); 2]], others: &[(&str, &str)]| {
        let form = others.iter().fold(PageForm::open(&root, path), |form, (name, text)| form.set(name, text));
        rows.concat().iter().fold(form, |form, (name, text)| form.set(name, text)).send(&root)
    };
    // The script has added a question and a reply.
    send(
        PATH,
        &[row("+0", "+0", "a"), row("+0", "+5", "b"), row("+7", "+1", "c")],
        &[("questions:+0:text", "one"), ("questions:+7:text", "seven")],
    )
    .assert_redirect("/admin/surveys");
    assert_eq!(texts(&client), ["one a b", "seven c"]);
    undo(&root, &last_batch(&client)).assert_redirect("/admin/-/history");
    assert_eq!(texts(&client), [""; 0]);
    // A reply without its question.
    send(PATH, &[row("+0", "+0", "a")], &[]).assert_status(200).assert_contains("error-summary").assert_contains("value=\"a\"");
    send("/admin/surveys/add", &[row("+0", "+0", "a")], &[("title", "Coffee"), ("questions:+0:text", "new")])
        .assert_redirect("/admin/surveys");
    assert_eq!((texts(&client), client.db(|db| Question::query().first::<Question>(db)).survey_id), (vec!["new a".to_owned()], 2));
    // Rows that no page has.
    for (question, reply) in
        [("+N", "+0"), ("+0", "N"), ("99", "+0"), ("+-1", "+0"), ("+0", "+99999999999"), ("", ""), ("+0:", "+0"), (":", ":")]
    {
        let page = send(PATH, &[row(question, reply, "forged")], &[]);
        assert!(page.status().as_u16() < 500, "{question} {reply}: {page:?}");
    }
    assert_eq!(texts(&client), ["new a"]);
}

fn an_invalid_nested_row_is_explained_and_nothing_is_saved(on: &str) {
    let (client, root) = ready(on, |replies| replies);
    question(&client, "one", &["a"]);
    let change = [("questions:1:text", "ONE"), ("questions:1:replies:1:text", "")];
    reply(&root, &change).assert_status(200).assert_contains("error-summary").assert_contains("value=\"ONE\"");
    let change = [("questions:1:text", "ONE"), ("questions:1:replies:1:place", "99999")];
    reply(&root, &change).assert_status(200).assert_contains("error-summary");
    // A question with replies is deleted on its own page.
    reply(&root, &[("questions:1:_delete", "true")]).assert_status(200).assert_contains("Delete it on its own page");
    assert_eq!(texts(&client), ["one a"]);
    reply(&root, &[("questions:1:replies:1:_delete", "true")]).assert_redirect("/admin/surveys");
    reply(&root, &[("questions:1:_delete", "true")]).assert_redirect("/admin/surveys");
    assert_eq!(texts(&client), [""; 0]);
}

fn a_nested_row_that_was_changed_meanwhile_is_not_overwritten(on: &str) {
    let (client, root) = ready(on, |replies| replies);
    question(&client, "one", &["a"]);
    let form = PageForm::open(&root, PATH).set("questions:1:replies:1:text", "mine");
    client.db(|db| Reply { text: "theirs".to_owned(), ..Reply::find(db, 1).unwrap() }.save(db));
    let page = form.send(&root);
    page.assert_status(200).assert_contains("has been changed since you opened this page");
    assert_eq!(texts(&client), ["one theirs"]);
    PageForm::of(&page).send(&root).assert_redirect("/admin/surveys");
    assert_eq!(texts(&client), ["one mine"]);
}

fn rows_whose_parents_came_and_went_meanwhile_are_left_alone(on: &str) {
    let (client, root) = ready(on, |replies| replies);
    let one = question(&client, "one", &["a"]);
    let form = PageForm::open(&root, PATH).set("questions:1:replies:1:text", "A");
    // The form cannot change a row that it did not have, nor those that refer to it.
    question(&client, "two", &["b"]);
    let form = form.set("questions:2:replies:2:text", "forged").set("questions:2:replies:2:_delete", "true");
    let form = form.set("questions:2:replies:+0:text", "forged").set("questions:2:replies:+0:place", "1");
    form.send(&root).assert_redirect("/admin/surveys");
    assert_eq!(texts(&client), ["one A", "two b"]);
    let form = PageForm::open(&root, PATH).set("title", "Coffee");
    client.db(|db| one.delete(db));
    let page = form.send(&root);
    page.assert_status(200).assert_contains("some questions have been deleted");
    let form = PageForm::open(&root, PATH).set("title", "Coffee");
    client.db(|db| Reply::find(db, 2).unwrap().delete(db));
    form.send(&root).assert_status(200).assert_contains("some replies have been deleted");
    assert_eq!(client.db(|db| Survey::find(db, 1)).title, "Tea");
}

fn rights_decide_what_a_nested_inline_offers(on: &str) {
    let (client, _) = ready(on, |replies| replies);
    question(&client, "one", &["a secret"]);
    let of = |name: &str, permissions: &[&str]| staff(&client, name, permissions);
    let blind = of("blind", &["surveys.change", "questions.change"]);
    blind.get(PATH).send().assert_contains("value=\"one\"").assert_not_contains("a secret").assert_not_contains("replies:");
    let forge = |browser: &Client| {
        let form = PageForm::open(browser, PATH).set("questions:1:replies:1:text", "forged").set("questions:1:replies:1:_delete", "true");
        let form = form.set("questions:1:replies:+0:text", "forged").set("questions:1:replies:+0:place", "1");
        form.send(browser).assert_redirect("/admin/surveys");
        assert_eq!(texts(&client), ["one a secret"]);
    };
    forge(&blind);
    let reader = of("reader", &["surveys.change", "questions.change", "replies.view"]);
    reader.get(PATH).send().assert_contains("a secret").assert_not_contains("name=\"questions:1:replies:");
    forge(&reader);
    // Rows that refer to a row which cannot be changed cannot be changed with it, either.
    let other = of("other", &["surveys.change", "questions.view", "replies.add", "replies.change", "replies.delete"]);
    other.get(PATH).send().assert_contains("a secret").assert_not_contains("name=\"questions:");
    forge(&other);
    let editor = of("editor", &["surveys.change", "questions.change", "replies.change"]);
    let form = PageForm::open(&editor, PATH).set("questions:1:replies:1:text", "edited").set("questions:1:replies:1:_delete", "true");
    form.send(&editor).assert_redirect("/admin/surveys");
    assert_eq!(texts(&client), ["one edited"]);
}

fn nested_rows_have_a_number_and_an_order(on: &str) {
    let (client, root) = ready(on, |replies| replies.order_by("place").min(1).max(2));
    question(&client, "one", &["a", "b"]);
    question(&client, "two", &["c"]);
    let form = PageForm::open(&root, PATH);
    assert!(!form.names().contains(&"questions:1:replies:+0:text"), "the first question is full");
    reply(&root, &[("questions:2:replies:+0:text", "d"), ("questions:1:replies:1:place", "7")]).assert_redirect("/admin/surveys");
    assert_eq!(texts(&client), ["one b a", "two c d"]);
    let both = [("questions:2:replies:3:_delete", "true"), ("questions:2:replies:4:_delete", "true")];
    reply(&root, &both).assert_status(200).assert_contains("There must be at least 1 reply.");
    reply(&root, &[("questions:+0:text", "three")]).assert_status(200).assert_contains("There must be at least 1 reply.");
    let form = PageForm::open(&root, PATH).set("questions:+0:text", "three").set("questions:+0:replies:+0:text", "e");
    form.clone().send(&root).assert_redirect("/admin/surveys");
    let three = ["+0", "+1", "+2"].iter().fold(form, |form, number| form.set(&format!("questions:+0:replies:{number}:text"), "x"));
    three.send(&root).assert_status(200).assert_contains("There can be at most 2 replies.");
    assert_eq!(texts(&client), ["one b a", "two c d", "three e"]);
    assert_eq!(client.db(|db| Reply::find(db, 5)).place, 1);
}

fn more_rows_cost_no_more_statements(on: &str) {
    let (client, root) = ready(on, |replies| replies);
    let shown = || {
        let form = PageForm::open(&root, PATH).set("questions:1:replies:1:text", "");
        (statements(&root, PATH), statements_of(form.send(&root).assert_status(200)))
    };
    question(&client, "one", &["a"]);
    let before = shown();
    for number in 0..15 {
        question(&client, &format!("question {number}"), &["a", "b", "c"]);
    }
    assert_eq!(shown(), before);
}

fn many_nested_rows_are_shown_in_part(on: &str) {
    let (client, root) = ready(on, |replies| replies);
    let texts: Vec<String> = (0..60).map(|number| format!("r{number:02}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    question(&client, "one", &texts);
    question(&client, "two", &texts);
    let form = PageForm::open(&root, PATH);
    assert!(form.names().len() < 900, "{}", form.names().len());
    let shown = |question: usize| {
        form.names().iter().filter(|name| name.starts_with(&format!("questions:{question}:replies:")) && name.ends_with(":text")).count()
    };
    assert_eq!(shown(1), 61, "all of the first, and an empty row");
    assert!((2..61).contains(&shown(2)), "{}", shown(2));
    let page = root.get(PATH).send();
    page.assert_contains("/admin/replies?question_id.key=2").assert_not_contains("/admin/replies?question_id.key=1\"");
    let form = form.set("questions:2:replies:+0:text", "last").set("questions:2:replies:+0:place", "99");
    form.send(&root).assert_redirect("/admin/surveys");
    assert_eq!(client.db(|db| Reply::query().count().get_result::<i64>(db)), 121);
    assert_eq!(changes(&client).len(), 1);
}

/// A row whose key can contain what separates the parts of the names of fields.
#[derive(Model, Clone, Debug, PartialEq)]
pub struct Chapter {
    #[model(primary_key, max_length = 40)]
    pub slug: String,
    #[model(references = Survey, on_delete = cascade)]
    pub survey_id: i64,
    pub text: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
pub struct Section {
    #[model(primary_key, max_length = 40)]
    pub slug: String,
    #[model(references = Chapter, on_delete = cascade)]
    pub chapter_slug: String,
    pub text: String,
}

fn keys_with_separators_do_not_mix_up_rows(on: &str) {
    let surveys = |survey: ModelAdmin<Survey>| survey.inline_with::<Chapter>(|chapters| chapters.inline::<Section>());
    let models = models![Survey, Chapter, Section];
    let urls = Router::new().get("/login", |_: &mut Request| "log in here").name("login");
    let app = App::new(urls).models(models).auth().admin_with(Admin::new().model(surveys));
    let client = Client::with_settings(app, &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.db(|db| create_tables(db, models));
    client.db(|db| Survey::create(db, NewSurvey { title: "Tea".to_owned() }));
    let chapters = ["a", "a:sections:b", "+0", "%2B0", "+N"];
    for slug in chapters {
        client.db(|db| Chapter::create(db, NewChapter { slug: slug.to_owned(), survey_id: 1, text: format!("text of {slug}") }));
    }
    for (slug, chapter) in [("b", "a"), ("b:text", "a"), (":", "+0"), ("+1", "+N")] {
        let new = NewSection { slug: slug.to_owned(), chapter_slug: chapter.to_owned(), text: format!("section {slug}") };
        client.db(|db| Section::create(db, new));
    }
    let root = root(&client);
    let form = PageForm::open(&root, PATH);
    for slug in chapters {
        let name = format!("chapters:{}:text", slug.replace('%', "%25").replace(':', "%3A").replace('+', "%2B"));
        assert_eq!(form.values(&name), [format!("text of {slug}")]);
    }
    let form = form.set("chapters:a:sections:b:text", "B").set("chapters:%2BN:sections:%2B1:text", "N");
    form.set("chapters:a%3Asections%3Ab:text", "C").send(&root).assert_redirect("/admin/surveys");
    let texts: Vec<String> = client.db(|db| Section::query().order(sections::slug).select(sections::text).load(db));
    assert_eq!(
        texts.iter().collect::<std::collections::BTreeSet<_>>(),
        ["B", "N", "section :", "section b:text"].map(String::from).iter().collect()
    );
    assert_eq!(client.db(|db| Chapter::find(db, "a:sections:b".to_owned())).text, "C");
}
