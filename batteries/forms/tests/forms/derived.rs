//! `#[derive(Form)]`.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use lback_core::testing::Client;
use lback_core::{Request, Result, UploadedFile};
use lback_forms::{Entry, Field, FieldError, FieldKind, FieldType, Form, FormErrors, Rule};

use super::{client_of, text};

#[derive(Form, Debug)]
#[form(clean = Self::check)]
struct Post {
    #[form(label = "The title", max_length = 20, help = "Short & sweet", clean = no_shouting)]
    title: String,
    #[form(textarea, placeholder = "Write …")]
    body: String,
    #[form(email)]
    email: Option<String>,
    #[form(choices = [("draft", "Draft"), ("public", "Public")], initial = "draft")]
    status: String,
    #[form(range = 1..=10, messages(range = "From 1 to 10, please.", required = "How good is it?"))]
    rating: i32,
    published: bool,
    #[form(choices = tags, checkboxes)]
    tags: Vec<String>,
    #[form(choices = [(1, "one"), (2, "two")], required)]
    numbers: Vec<u8>,
    day: NaiveDate,
    at: Option<NaiveTime>,
    both: Option<NaiveDateTime>,
    #[form(range = 0.5..=2.5)]
    price: Option<f64>,
    #[form(url)]
    link: Option<String>,
    token: Option<uuid::Uuid>,
    mood: Mood,
    #[form(hidden)]
    version: i64,
    #[form(label = "FieldKind")]
    r#type: Option<String>,
    photo: Option<UploadedFile>,
}

impl Post {
    fn check(&self, errors: &mut FormErrors) {
        if self.rating == 1 && self.published {
            errors.add("rating", "Posts this bad are not published.");
            errors.add("nowhere", "This concerns no field.");
        }
        if self.title == "Form" {
            errors.add_to_form("The form is wrong.");
        }
    }
}

fn no_shouting(title: String) -> Result<String, FieldError> {
    if title.chars().any(char::is_lowercase) { Ok(title.replace('!', ".")) } else { Err("Please do not shout.".into()) }
}

fn tags() -> Vec<&'static str> {
    vec!["rust", "web"]
}

/// A custom field type.
#[derive(Debug, PartialEq, Clone, Copy)]
enum Mood {
    Good,
    Bad,
}

impl FieldType for Mood {
    fn field(name: &str) -> Field {
        Field::new(name, FieldKind::Text).choices([("good", "Good"), ("bad", "Bad")]).radio()
    }

    fn read(entry: Entry) -> Result<Self, FieldError> {
        match entry.text() {
            "good" => Ok(Mood::Good),
            "bad" => Ok(Mood::Bad),
            _ => Err(FieldError::unfit()),
        }
    }

    fn write(&self) -> Vec<String> {
        vec![if *self == Mood::Good { "good" } else { "bad" }.to_owned()]
    }
}

fn view(req: &mut Request) -> Result<String> {
    let mut form = Form::<Post>::new();
    Ok(match form.submitted(req)? {
        Some(post) => format!("{post:?}"),
        None => form.html(),
    })
}

fn client() -> Client {
    client_of(view)
}

const GOOD: [(&str, &str); 7] = [
    ("title", " Hello! "),
    ("body", "a\r\nb"),
    ("status", "public"),
    ("rating", "7"),
    ("numbers", "2"),
    ("day", "2026-11-21"),
    ("mood", "bad"),
];

/// Returns valid values, except that `name` has the value `value`.
fn with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let others = GOOD.into_iter().chain([("version", "3")]).filter(|(other, _)| *other != name);
    others.chain([(name, value)]).collect()
}

#[test]
fn values_are_read_by_the_types_of_the_struct() {
    let answer = client().post("/").form(&with("version", "3")).send();
    let expected = "Post { title: \"Hello.\", body: \"a\\nb\", email: None, status: \"public\", rating: 7, published: false, tags: [], \
                    numbers: [2], day: 2026-11-21, at: None, both: None, price: None, link: None, token: None, mood: Bad, version: 3, \
                    type: None, photo: None }";
    assert_eq!(text(&answer), expected);
    let mut more = with("version", "-1");
    more.extend([
        ("email", "a@b.c"),
        ("published", "true"),
        ("tags", "web"),
        ("tags", "rust"),
        ("numbers", "1"),
        ("at", "14:30"),
        ("both", "2026-11-21T14:30:01"),
        ("price", "1.25"),
        ("link", "https://a.b"),
        ("token", "3f2c9b1e-0d6a-4a57-9a6e-1f0c3b7d5e21"),
        ("type", "x"),
    ]);
    let answer = client().post("/").form(&more).send();
    for part in [
        "email: Some(\"a@b.c\")",
        "published: true",
        "tags: [\"web\", \"rust\"]",
        "numbers: [2, 1]",
        "at: Some(14:30:00)",
        "both: Some(2026-11-21T14:30:01)",
        "price: Some(1.25)",
        "Some(\"https://a.b\")",
        "token: Some(3f2c9b1e",
        "version: -1",
        "type: Some(\"x\")",
    ] {
        answer.assert_contains(part);
    }
}

#[test]
fn each_rule_has_its_message() {
    for (name, value, message) in [
        ("title", "HELLO", "Please do not shout."),
        ("title", "a title that is too long", "Enter at most 20 characters."),
        ("rating", "11", "From 1 to 10, please."),
        ("rating", "", "How good is it?"),
        ("status", "secret", "Choose one of the available options."),
        ("tags", "css", "Choose from the available options."),
        ("numbers", "", "Choose at least one."),
        ("mood", "ugly", "Choose one of the available options."),
        ("price", "3", "Enter a number between 0.5 and 2.5."),
        ("version", "x", "Version: Enter a whole number."),
    ] {
        client().post("/").form(&with(name, value)).send().assert_contains(message);
    }
}

#[test]
fn errors_of_the_whole_form_make_it_invalid() {
    let mut bad = with("rating", "1");
    bad.push(("published", "on"));
    let page = client().post("/").form(&bad).send();
    page.assert_contains("<a href=\"#field-rating\">Rating: Posts this bad are not published.</a>")
        .assert_contains("<li>This concerns no field.</li>");
    client().post("/").form(&with("title", "Form")).send().assert_contains("<li>The form is wrong.</li>");
}

#[test]
fn attributes_determine_the_html() {
    let page = client().get("/").send();
    for part in [
        "<label for=\"field-title\">The title</label>",
        "<input type=\"text\" name=\"title\" id=\"field-title\" required maxlength=\"20\" aria-describedby=\"field-title-help\">",
        "<p class=\"help\" id=\"field-title-help\">Short &amp; sweet</p>",
        "placeholder=\"Write …\"",
        "<option value=\"draft\" selected>Draft</option>",
        "<input type=\"number\" name=\"rating\" id=\"field-rating\" required min=\"1\" max=\"10\">",
        "<input type=\"hidden\" name=\"version\" value=\"\">",
        "name=\"type\" id=\"field-type\"",
    ] {
        page.assert_contains(part);
    }
}

#[test]
fn a_record_fills_the_form() {
    let client = client_of(|_: &mut Request| {
        let post = Post {
            title: "A \"title\"".into(),
            body: "\n<b>".into(),
            email: Some("a@b.c".into()),
            status: "public".into(),
            rating: 7,
            published: true,
            tags: vec!["web".into()],
            numbers: vec![1, 2],
            day: NaiveDate::from_ymd_opt(2026, 11, 21).unwrap(),
            at: NaiveTime::from_hms_opt(14, 30, 0),
            both: None,
            price: Some(1.5),
            link: None,
            token: None,
            mood: Mood::Good,
            version: 3,
            r#type: None,
            photo: None,
        };
        Ok(Form::new().fill(&post).html())
    });
    let page = client.get("/").send();
    for part in [
        "value=\"A &quot;title&quot;\"",
        ">\n\n&lt;b&gt;</textarea>",
        "value=\"a@b.c\"",
        "<option value=\"public\" selected>",
        "value=\"7\"",
        "id=\"field-published\" value=\"true\" checked>",
        "value=\"web\" checked>",
        "<option value=\"1\" selected>",
        "<option value=\"2\" selected>",
        "value=\"2026-11-21\"",
        "value=\"14:30\"",
        "value=\"1.5\"",
        "value=\"good\" checked",
        "<input type=\"hidden\" name=\"version\" value=\"3\">",
    ] {
        page.assert_contains(part);
    }
}

const STATUSES: [(&str, &str); 2] = [("draft", "Draft"), ("public", "Public")];

static COLORS: &[&str] = &["red", "green"];

mod levels {
    pub(super) const LEVELS: &[(u8, &str)] = &[(1, "low"), (2, "high")];

    pub(super) fn all() -> impl Iterator<Item = (u8, String)> {
        LEVELS.iter().map(|(value, label)| (*value, label.to_uppercase()))
    }
}

#[derive(Form, Debug)]
struct Choosing {
    #[form(choices = STATUSES)]
    status: String,
    #[form(choices = COLORS)]
    color: Option<String>,
    #[form(choices = levels::LEVELS)]
    level: u8,
    #[form(choices = levels::all, radio)]
    other: Vec<u8>,
    #[form(choices = Self::SIZES)]
    size: Option<String>,
    #[form(choices = &STATUSES)]
    again: Option<String>,
    #[form(choices = ["a".to_owned(), String::from("b")])]
    made: Option<String>,
}

impl Choosing {
    const SIZES: &'static [&'static str] = &["S", "XL"];
}

#[test]
fn choices_can_be_a_list_a_constant_or_a_function() {
    let client = client_of(|req: &mut Request| {
        let mut form = Form::<Choosing>::new();
        Ok(match form.submitted(req)? {
            Some(chosen) => format!("{chosen:?}"),
            None => form.html(),
        })
    });
    let page = client.get("/").send();
    for part in [">Draft</option>", ">green</option>", "<option value=\"2\">high</option>", "HIGH", ">XL</option>", ">b</option>"] {
        page.assert_contains(part);
    }
    let sent = [("status", "public"), ("color", "red"), ("level", "2"), ("other", "1"), ("size", "XL"), ("again", "draft"), ("made", "b")];
    let expected = "Choosing { status: \"public\", color: Some(\"red\"), level: 2, other: [1], size: Some(\"XL\"), \
                    again: Some(\"draft\"), made: Some(\"b\") }";
    assert_eq!(text(&client.post("/").form(&sent).send()), expected);
    client.post("/").form(&[("status", "secret"), ("level", "3")]).send().assert_contains("Choose one of the available options.");
}

#[test]
fn errors_are_distinguished_by_rule() {
    let client = client_of(|req: &mut Request| {
        let mut form = Form::<Post>::new().change("rating", |field| field.message(Rule::Range, "Anything else."));
        form.submitted(req)?;
        form.add_error("body", "The view knows better.");
        let errors = form.errors();
        let broken: Vec<String> = ["title", "body", "rating", "status", "price", "day", "numbers", "nowhere"]
            .into_iter()
            .filter(|name| errors.of(name).next().is_some())
            .map(|name| format!("{name}: {:?}", errors.rules(name).collect::<Vec<_>>()))
            .collect();
        assert!(errors.has("rating", Rule::Range) && !errors.has("rating", Rule::Required) && !errors.has("nowhere", Rule::Range));
        Ok(broken.join(", "))
    });
    let sent = [("title", "HELLO"), ("rating", "11"), ("status", "secret"), ("price", "much"), ("day", "")];
    let expected = "title: [], body: [Required], rating: [Range], status: [Choices], price: [Kind], day: [Required], numbers: [Required]";
    assert_eq!(text(&client.post("/").form(&sent).send()), expected);
}
