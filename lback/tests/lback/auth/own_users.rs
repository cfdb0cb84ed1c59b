//! Users of an application's own type.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use lback::auth::Account;
use lback::chrono;

suite!(databases: an_application_may_have_users_of_its_own, the_type_that_is_asked_for_must_be_the_applications);

static QUERIES: AtomicUsize = AtomicUsize::new(0);

diesel::table! {
    customers (id) {
        id -> BigInt,
        number -> Text,
        secret -> Text,
        locked -> Bool,
    }
}

#[derive(Queryable, serde::Serialize)]
struct Customer {
    id: i64,
    number: String,
    #[serde(skip)]
    secret: String,
    locked: bool,
}

impl Account for Customer {
    fn find(db: &mut Db, id: i64) -> Result<Option<Self>> {
        QUERIES.fetch_add(1, Ordering::SeqCst);
        Ok(customers::table.find(id).first(db).optional()?)
    }

    fn find_by_login(db: &mut Db, login: &str) -> Result<Option<Self>> {
        Ok(customers::table.filter(customers::number.eq(login)).first(db).optional()?)
    }

    fn id(&self) -> i64 {
        self.id
    }

    fn password_hash(&self) -> &str {
        &self.secret
    }

    fn set_password_hash(&mut self, db: &mut Db, hash: &str) -> Result<()> {
        diesel::update(customers::table.find(self.id)).set(customers::secret.eq(hash)).execute(db)?;
        hash.clone_into(&mut self.secret);
        Ok(())
    }

    fn is_active(&self) -> bool {
        !self.locked
    }
}

fn enter(req: &mut Request) -> Result<String> {
    let form: Credentials = req.form()?;
    match req.authenticate_as::<Customer>(&form.username, &form.password)? {
        Ok(customer) => req.login(&customer).map(|()| "welcome".to_owned()),
        Err(refused) => Ok(refused.to_string()),
    }
}

fn number(req: &mut Request) -> Result<String> {
    // Asked several times, the database once.
    let (one, may) = (req.user_as::<Customer>()?, req.has_perm("shop.buy")?);
    let other = req.user_as::<Customer>()?;
    assert_eq!(one.as_ref().map(|customer| customer.id), other.as_ref().map(|customer| customer.id));
    Ok(format!("{} {may}", one.map_or("nobody".to_owned(), |customer| customer.number.clone())))
}

fn an_application_may_have_users_of_its_own(store: &Store) {
    let urls = Router::new()
        .post("/login", enter)
        .get("/number", number)
        .get("/plain", |_: &mut Request| "plain")
        .get("/inside", |_: &mut Request| "inside")
        .login_required();
    let client = store.open(App::new(urls).auth_with::<Customer>(), &format!("{SETTINGS}\nLOGIN_URL = '/login'"));
    sql(
        &client,
        "CREATE TABLE customers (id BIGINT NOT NULL PRIMARY KEY, number TEXT NOT NULL, secret TEXT NOT NULL, locked BOOLEAN NOT NULL)",
    );
    let hash = client.hash(PASSWORD);
    sql(&client, &format!("INSERT INTO customers VALUES (7, 'A-7', '{hash}', FALSE)"));

    client.get("/inside").send().assert_redirect("/login?next=/inside");
    assert_eq!(client.get("/number").send().text(), "nobody false");
    assert_eq!(try_login(&client, "A-7", "wrong").text(), WRONG);
    login(&client, "A-7");
    let before = QUERIES.load(Ordering::SeqCst);
    assert_eq!(client.get("/number").send().text(), "A-7 false");
    client.get("/plain").send().assert_status(200);
    client.fork().get("/number").send().assert_status(200);
    // The suite runs this test once for each database, perhaps at the same time.
    let asked = QUERIES.load(Ordering::SeqCst) - before;
    assert!((1..=8).contains(&asked), "{asked} queries");
    client.get("/inside").send().assert_status(200);
    let of_a_test = client.fork();
    let customer = client.db(|db| Customer::find(db, 7)).expect("the customer");
    of_a_test.login(&customer).get("/inside").send().assert_status(200);
    sql(&client, "UPDATE customers SET locked = TRUE");
    client.get("/inside").send().assert_redirect("/login?next=/inside");
}

#[rustfmt::skip] // one route a line
fn the_type_that_is_asked_for_must_be_the_applications(store: &Store) {
    // A user of the framework's, who is in its tables and nobody here.
    let stranger = |req: &mut Request| -> Result<User> { NewUser::without_password("alice").insert(req.db()?, chrono::Utc::now()) };
    let urls = Router::new()
        .get("/", who)
        .post("/authenticate", |req: &mut Request| -> Result<()> { req.authenticate("alice", PASSWORD).map(drop) })
        .post("/login", move |req: &mut Request| -> Result<()> { let alice = stranger(req)?; req.login(&alice) })
        .post("/password", move |req: &mut Request| -> Result<()> { let mut alice = stranger(req)?; req.set_password(&mut alice, PASSWORD) })
        .post("/reset", move |req: &mut Request| -> Result<String> { let alice = stranger(req)?; req.reset_token(&alice) })
        .post("/verify", move |req: &mut Request| -> Result<String> { let alice = stranger(req)?; req.verification_token(&alice) })
        .post("/reset/check", |req: &mut Request| -> Result<()> { req.check_reset_token("1-1-x").map(drop) })
        .post("/verify/check", |req: &mut Request| -> Result<()> { req.check_verification_token("1-1-x").map(drop) });
    let client = store.open(App::new(urls).auth_with::<Customer>(), &format!("DEBUG = true\n{SETTINGS}"));
    client.get("/").send().assert_status(500).assert_contains("Customer").assert_contains("App::auth_with");
    for path in ["/authenticate", "/login", "/password", "/reset", "/verify", "/reset/check", "/verify/check"] {
        let page = client.post(path).send();
        assert_eq!(page.status(), 500, "{path}");
        page.assert_contains("Customer").assert_contains("App::auth_with");
    }
}

#[cfg(feature = "accounts")]
#[test]
fn the_pages_know_only_the_users_that_the_framework_brings() {
    let app = App::new(Router::new()).auth_with::<Customer>().accounts().mail();
    let message = crate::start_error(app, "SESSION_TIMEOUT_MINUTES = 30");
    assert!(message.contains("App::accounts()") && message.contains("Customer") && message.contains("App::auth()"), "{message}");
}
