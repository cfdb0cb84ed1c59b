//! Exact numbers, with the feature `decimal`.

use lback::models::migrate::create_tables;
use lback::prelude::*;
use lback::testing::Client;

use crate::unit_of_work::on_each_database;

#[derive(Model, Clone, Debug, PartialEq, lback::serde::Serialize)]
#[serde(crate = "lback::serde")]
#[model(order = "-price", index(price, id))]
pub struct Article {
    pub id: i64,
    #[model(max_digits = 10, decimal_places = 2, min = 0.01, max = 99999999.99)]
    pub price: Decimal,
    #[model(max_digits = 18, decimal_places = 9, default = -0.5)]
    pub weight: Decimal,
    #[model(max_digits = 3, decimal_places = 0, unique)]
    pub code: Option<Decimal>,
    #[model(min = 0, max = 100)]
    pub stock: i32,
    #[model(min = -1.5)]
    pub rating: Option<f64>,
}

on_each_database!(
    numbers_are_read_as_they_were_written,
    numbers_are_compared_ordered_and_summed_exactly,
    numbers_are_changed_in_the_database,
    numbers_that_do_not_fit_are_refused,
    the_database_checks_the_ends,
    a_form_checks_digits_and_ends,
    pages_are_ordered_by_numbers,
    numbers_are_dumped_and_loaded_as_texts,
);

fn client_of(app: App, on: &str) -> Client {
    let client = Client::with_settings(app, &format!("SESSION_TIMEOUT_MINUTES = 30\n{on}"));
    client.db(|db| create_tables(db, models![Article]));
    client
}

fn client(on: &str) -> Client {
    client_of(App::new(Router::new()), on)
}

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn article(price: &str) -> NewArticle {
    NewArticle { price: number(price), ..Default::default() }
}

#[test]
fn a_text_with_too_many_digits_is_not_rounded() {
    for (text, exact) in
        [("1.5e3", Some("1500")), ("1200e-2", Some("12.00")), ("0.12000000000000000000000000000000009e1", None), ("e5", None)]
    {
        assert_eq!(text.parse::<Decimal>().ok().map(|number| number.to_string()).as_deref(), exact, "{text}");
    }
}

/// Numbers with two places, of which no float is the sum.
fn prices(count: u64) -> Vec<Decimal> {
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    (0..count)
        .map(|_| Decimal::new(1 + i64::try_from(next() % 10_u64.pow(1 + u32::try_from(next() % 10).unwrap())).unwrap() % 9_999_999_999, 2))
        .collect()
}

fn numbers_are_read_as_they_were_written(on: &str) {
    client(on).db(|db| -> Result<()> {
        for weight in ["0", "-0.000000001", "999999999.999999999", "-999999999.999999999", "1.5", "0.1"] {
            let mut row = Article::create(db, NewArticle { weight: number(weight), code: None, ..article("9.95") })?;
            assert_eq!((row.price, row.weight, row.price.to_string()), (number("9.95"), number(weight), "9.95".to_owned()));
            assert_eq!(Article::find(db, row.id)?, row);
            row.price = number("10");
            row.save(db)?;
            assert_eq!((row.price.to_string(), &Article::find(db, row.id)?), ("10.00".to_owned(), &row));
            assert_eq!(Article::query().filter(articles::id.eq(row.id)).first::<Article>(db)?, row);
        }
        let row = Article::create(db, NewArticle { code: Some(number("999")), ..article("1") })?;
        assert_eq!((row.weight, row.code), (number("-0.5"), Some(number("999"))));
        assert!(Article::create(db, NewArticle { code: Some(number("999.0")), ..article("1") }).is_err());
        let found = Article::get_or_create(db, NewArticle { code: Some(number("999")), ..article("7") }, &["code"])?;
        assert_eq!(found, (row.clone(), false));
        let json = lback::serde_json::json!(row);
        assert_eq!((&json["price"], &json["code"]), (&"1.00".into(), &"999".into()));
        Ok(())
    });
}

fn numbers_are_compared_ordered_and_summed_exactly(on: &str) {
    client(on).db(|db| -> Result<()> {
        let mut all = prices(500);
        Article::create_many(db, all.iter().map(|price| NewArticle { price: *price, ..Default::default() }))?;
        let select = articles::table.select(articles::price);
        all.sort_unstable();
        assert_eq!(select.order((articles::price, articles::id)).load::<Decimal>(db)?, all);
        let sum: Option<Decimal> = articles::table.select(diesel::dsl::sum(articles::price)).first(db)?;
        assert_eq!(sum, Some(all.iter().sum()));
        let ends: (Option<Decimal>, Option<Decimal>) =
            articles::table.select((diesel::dsl::min(articles::price), diesel::dsl::max(articles::price))).first(db)?;
        assert_eq!(ends, (all.first().copied(), all.last().copied()));
        for at in [0, 17, 250, 499] {
            let price = all[at];
            let count = |found: i64, expected: usize| assert_eq!(usize::try_from(found).unwrap(), expected, "{price}");
            count(articles::table.filter(articles::price.lt(price)).row_count(db)?, all.iter().filter(|other| **other < price).count());
            count(articles::table.filter(articles::price.ge(&price)).row_count(db)?, all.iter().filter(|other| **other >= price).count());
            count(articles::table.filter(articles::price.eq(price)).row_count(db)?, all.iter().filter(|other| **other == price).count());
            count(
                articles::table.filter(articles::price.eq_any([price, number("0")])).row_count(db)?,
                all.iter().filter(|other| **other == price).count(),
            );
            count(
                articles::table.filter(articles::price.between(price, all[499])).row_count(db)?,
                all.iter().filter(|other| **other >= price).count(),
            );
        }
        let average: Option<Decimal> =
            articles::table.filter(articles::price.le(all[2])).select(diesel::dsl::avg(articles::price)).first(db)?;
        let expected = ((all[0] + all[1] + all[2]) / number("3")).round_dp(6);
        assert_eq!(average, Some(expected.into()));
        assert_eq!(articles::table.filter(articles::code.eq(Some(number("5")))).row_count(db)?, 0);
        Ok(())
    });
}

fn numbers_are_changed_in_the_database(on: &str) {
    client(on).db(|db| -> Result<()> {
        let id = Article::create(db, article("9.95"))?.id;
        diesel::update(articles::table).set(articles::price.eq(articles::price + number("0.1"))).execute(db)?;
        diesel::update(articles::table).set(articles::price.eq(articles::price * 3_i64 - number("0.01"))).execute(db)?;
        assert_eq!(Article::find(db, id)?.price, number("30.14"));
        diesel::update(articles::table).set((articles::price.eq(number("2")), articles::code.eq(None::<Decimal>))).execute(db)?;
        assert_eq!(articles::table.select((articles::price, articles::code)).first::<(Decimal, Option<Decimal>)>(db)?, (number("2"), None));
        Ok(())
    });
}

fn numbers_that_do_not_fit_are_refused(on: &str) {
    client(on).db(|db| -> Result<()> {
        let error = Article::create(db, article("9.951")).unwrap_err();
        assert!(error.to_string().contains("Article.price: 9.951 has more than 2 decimal places"), "{error}");
        assert!(Article::create(db, article("79228162514264337593543950335")).is_err());
        for price in ["100000000", "99999999999"] {
            assert!(db.transaction(|db| Article::create(db, article(price))).is_err(), "{price}");
        }
        assert!(db.transaction(|db| Article::create(db, NewArticle { code: Some(number("1000")), ..article("1") })).is_err());
        let compared = db.transaction(|db| articles::table.filter(articles::price.eq(number("9.951"))).row_count(db));
        assert!(compared.is_err());
        assert_eq!(articles::table.row_count(db)?, 0);
        Ok(())
    });
}

fn the_database_checks_the_ends(on: &str) {
    client(on).db(|db| -> Result<()> {
        let new = || article("0.01");
        let refused = [
            NewArticle { price: number("0"), ..new() },
            NewArticle { price: number("-1"), ..new() },
            NewArticle { stock: -1, ..new() },
            NewArticle { stock: 101, ..new() },
            NewArticle { rating: Some(-1.6), ..new() },
        ];
        for new in refused {
            assert!(db.transaction(|db| Article::create(db, new.clone())).is_err(), "{new:?}");
        }
        Article::create(db, NewArticle { stock: 100, rating: Some(-1.5), ..new() })?;
        Ok(())
    });
}

#[derive(Form)]
#[form(model = Article)]
struct ArticleForm {
    price: Decimal,
    code: Option<Decimal>,
    stock: i32,
    rating: Option<f64>,
}

fn a_form_checks_digits_and_ends(on: &str) {
    let add = |req: &mut Request| -> Result<String> {
        let mut form = Form::<ArticleForm>::new();
        if let Some(values) = form.submitted(req)?
            && let Some(article) = form.create::<Article>(req.db()?, values.into_new())?
        {
            return Ok(format!("added {} {:?}", article.price, article.code));
        }
        Ok(form.html())
    };
    let client = client_of(App::new(Router::new().get("/", add).post("/", add)), on);
    let page = client.get("/").send();
    page.assert_contains("type=\"number\"").assert_contains("min=\"0.01\" max=\"99999999.99\" step=\"0.01\"").assert_contains("step=\"1\"");
    let send = |price: &str, code: &str, stock: &str| {
        client.post("/").form(&[("price", price), ("code", code), ("stock", stock), ("rating", "")]).send()
    };
    send("9.95", "7", "3").assert_contains("added 9.95 Some(7)");
    send("1e2", "", "3").assert_contains("added 100.00 None");
    send("9.951", "", "3").assert_contains("at most 8 digits before the decimal point and 2 after it");
    send("123456789", "", "3").assert_contains("at most 8 digits");
    send("1e-3", "", "3").assert_contains("at most 8 digits");
    send("0", "", "3").assert_contains("between 0.01 and 99999999.99");
    send("1", "1.5", "3").assert_contains("a whole number of at most 3 digits");
    send("1", "7", "3").assert_contains("already has this code");
    send("1", "", "101").assert_contains("between 0 and 100");
    for hostile in ["NaN", "inf", "1e999999999", "0x10", "1_000", "1,5", "--1", "٣", "1'"] {
        send(hostile, "", "3").assert_contains("Enter a number");
    }
    assert_eq!(client.db(|db| articles::table.row_count(db)), 2);
}

fn pages_are_ordered_by_numbers(on: &str) {
    client(on).db(|db| -> Result<()> {
        Article::create_many(db, prices(30).into_iter().map(|price| NewArticle { price, ..Default::default() }))?;
        let mut cursor = Cursor::default();
        let mut found = Vec::new();
        loop {
            let page = Article::ordered().cursor_page::<Article>(db, &cursor, 7)?;
            found.extend(page.items);
            cursor.after = page.next;
            if cursor.after.is_none() {
                break;
            }
        }
        assert_eq!(found, Article::ordered().load::<Article>(db)?);
        Ok(())
    });
}

fn numbers_are_dumped_and_loaded_as_texts(on: &str) {
    let site = || client_of(App::new(Router::new()).models(models![Article]), on);
    let client = site();
    for price in ["9.95", "0.01", "99999999.99"] {
        client.db(|db| Article::create(db, NewArticle { code: Some(number("7")).filter(|_| price == "0.01"), ..article(price) }));
    }
    let dumped = client.command("dumpdata", &[]);
    assert!(dumped.contains(r#""price": "9.95", "weight": "-0.500000000", "code": null"#), "{dumped}");
    let folder = tempfile::TempDir::with_prefix("lback-test-").unwrap();
    let load = |client: &Client, text: &str| {
        let file = folder.path().join("articles.json");
        std::fs::write(&file, text).unwrap();
        client.try_command("loaddata", &[file.to_str().unwrap()]).map_err(|error| error.to_string())
    };
    let other = site();
    load(&other, &dumped).unwrap();
    assert_eq!(other.command("dumpdata", &[]), dumped);
    for wrong in [r#""9.951""#, r#""123456789.00""#, "9.95", r#""many""#] {
        let error = load(&other, &dumped.replacen(r#""9.95""#, wrong, 1)).unwrap_err();
        assert!(error.contains("price") && error.contains("expected a number as a text"), "{error}");
    }
}
