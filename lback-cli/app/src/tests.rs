use lback::testing::Client;

#[test]
fn items_are_stored_and_shown() {
    let client = Client::new(crate::app());
    client.get("/__APP__").send().assert_status(200).assert_contains("Nothing here yet");
    client.post("/__APP__").form(&[("title", "Tea & <milk>")]).send().assert_redirect("/__APP__");
    client.get("/__APP__").send().assert_contains("Added.").assert_contains("Tea &amp; &lt;milk&gt;");
}

#[test]
fn items_require_a_title() {
    let client = Client::new(crate::app());
    client.post("/__APP__").form(&[("title", " ")]).send().assert_status(400);
}
