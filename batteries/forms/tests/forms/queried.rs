//! Forms in the query string: filters of lists.

use lback_core::testing::Client;
use lback_core::{Request, Result, Router};
use lback_forms::{Asked, ChoiceSource, Field, Form, Offered};

use super::{assembly, text};

#[derive(Form, Default)]
struct Filter {
    #[form(max_length = 10)]
    q: Option<String>,
    #[form(choices = ["draft", "public"])]
    state: Option<String>,
    from: Option<chrono::NaiveDate>,
    #[form(choices = ["a", "b", "c"], checkboxes)]
    tags: Vec<String>,
    open: bool,
}

fn list(req: &mut Request) -> Result<String> {
    let mut form = Form::<Filter>::new();
    let Some(Filter { q, state, from, tags, open }) = form.queried(req)? else { return Ok(format!("no filter {}", form.html())) };
    Ok(format!("{q:?} {state:?} {from:?} {tags:?} {open}"))
}

fn client() -> Client {
    Client::new(assembly(Router::new().get("/", list), "").build().unwrap())
}

#[test]
fn the_query_string_fills_the_form() {
    let client = client();
    let get = |query: &str| text(&client.get(&format!("/{query}")).send());
    assert_eq!(
        get("?q=+a+&state=draft&from=2026-01-31&tags=a&tags=c&open=true&page=2"),
        "Some(\"a\") Some(\"draft\") Some(2026-01-31) [\"a\", \"c\"] true"
    );
    // Browsers send what was left empty, too.
    assert_eq!(get("?q=&state=&from="), "None None None [] false");
}

#[test]
fn without_its_fields_there_is_no_filter() {
    let client = client();
    for query in ["", "?page=2", "?Q=a"] {
        client.get(&format!("/{query}")).send().assert_contains("no filter").assert_not_contains("class=\"errors\"");
    }
}

#[test]
fn errors_are_shown_with_what_was_typed() {
    let client = client();
    let page = client.get("/?q=%3Cb%3E&state=%27%3B+--&from=tomorrow").send();
    page.assert_contains("value=\"&lt;b&gt;\"").assert_contains("Choose one of the available options.").assert_contains("Enter a date");
    client.get("/?q=12345678901").send().assert_contains("at most 10 characters");
    client.get("/?q=a&q=b").send().assert_contains("Enter only one value.");
    client.get("/?q=%00").send().assert_contains("null character");
    client.get("/?q=%FF").send().assert_status(400);
}

/// Numbers whose digits contain the text that is searched for.
struct Numbers;

impl ChoiceSource for Numbers {
    fn offer(&self, _req: &mut Request, asked: &Asked<'_>) -> Result<Offered> {
        let mut offered =
            Offered::all((10..20).filter(|number| number.to_string().contains(asked.search)).map(|number| (number, number).into()));
        offered.is_searched = true;
        if asked.search == "7" {
            offered.chosen = Some(vec!["17".to_owned()]);
        } else if !asked.search.is_empty() {
            offered.error = Some("Several match.".to_owned());
        }
        Ok(offered)
    }
}

fn number(req: &mut Request) -> Result<String> {
    let mut form = Form::of([Field::integer("number").choices_from(Numbers)]);
    let values = if req.method() == "GET" { form.queried(req)? } else { form.submitted(req)? };
    Ok(values.map_or_else(|| form.html(), |values| format!("chosen {}", values.text("number"))))
}

#[test]
fn choices_may_come_from_a_source() {
    let client = Client::new(assembly(Router::new().get("/", number).post("/", number), "").build().unwrap());
    let page = client.get("/").send();
    page.assert_contains("<option value=\"12\">12</option>").assert_contains("<input type=\"search\" name=\"number-search\"");
    client.get("/?number=12").send().assert_contains("chosen 12");
    client.get("/?number=12&number-search=7").send().assert_contains("chosen 17");
    client.post("/").form(&[("number-search", "7")]).send().assert_contains("chosen 17");
    client
        .post("/")
        .form(&[("number-search", "1"), ("number", "13")])
        .send()
        .assert_contains("Several match.")
        .assert_contains("value=\"13\" selected");
    client.post("/").form(&[("number", "20")]).send().assert_contains("Choose one of the available options.");
}
