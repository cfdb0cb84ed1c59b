use lback::prelude::*;
use lback::testing::Client;

use super::models::__MODEL__;

#[test]
fn __ITEMS___are_added_changed_and_deleted() {
    let client = Client::new(crate::app());
    client.get("/__APP__").send().assert_status(200).assert_contains("Nothing here yet");
    let new = [("title", "Tea & <milk>"), ("text", "Hot."), ("version", "1")];
    client.post("/__APP__/new").form(&new).send().assert_status(303);
    client.get("/__APP__").send().assert_contains("Tea &amp; &lt;milk&gt;");

    let __ITEM__: __MODEL__ = client.db(|db| __MODEL__::query().first(db));
    let path = format!("/__APP__/{}", __ITEM__.id);
    client.get(&format!("{path}/edit")).send().assert_contains("Hot.");
    let changed = [("title", "Tea"), ("text", "Cold."), ("version", "1")];
    client.post(&format!("{path}/edit")).form(&changed).send().assert_redirect(&path);
    client.get(&path).send().assert_contains("Saved.").assert_contains("Cold.");

    client.post(&format!("{path}/delete")).send().assert_redirect("/__APP__");
    client.get(&path).send().assert_status(404);
}

#[test]
fn __ITEMS___require_a_title() {
    let client = Client::new(crate::app());
    let untitled = [("title", " "), ("text", "Hot."), ("version", "1")];
    client.post("/__APP__/new").form(&untitled).send().assert_contains("Fill in this field.");
}

#[test]
fn __ITEMS___are_searched_and_divided_into_pages() {
    let client = Client::new(crate::app());
    for number in 1..=21 {
        client.create::<__MODEL__>(|new| new.title = format!("Number {number}."));
    }
    client.get("/__APP__?q=NUMBER&page=2").send().assert_contains("Number 1.").assert_contains("?q=NUMBER&amp;page=1");
    client.get("/__APP__?q=21").send().assert_contains("Number 21.");
    client.get("/__APP__?q=none").send().assert_contains("Nothing here yet");
}
