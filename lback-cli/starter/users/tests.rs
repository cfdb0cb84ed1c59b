
#[test]
fn every_page_shows_the_current_user() {
    use lback::testing::ClientAuth;

    let client = Client::new(crate::app());
    client.get("/account").send().assert_redirect("/account/login?next=/account");
    client.get("/").send().assert_contains("Log in").assert_contains("Register");
    client.login(&client.add_user("alice"));
    client.get("/").send().assert_contains("alice").assert_contains("Log out");
    client.get("/account").send().assert_status(200);
    client.post("/account/logout").send().assert_redirect("/");
    client.get("/").send().assert_contains("You have been logged out.");
}
