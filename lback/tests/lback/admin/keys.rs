//! Keys that are texts, and keys of two fields, with all kinds of characters.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_key_that_is_a_text_leads_to_its_row,
    a_key_of_two_fields_leads_to_its_row,
    a_key_is_given_once,
    an_unfit_key_is_not_found,
    the_palette_leads_to_the_rows,
    an_empty_key_breaks_nothing,
);

/// The addresses to which the rows of a list lead.
fn links(page: &TestResponse) -> Vec<String> {
    let cells = page.assert_status(200).text().split("<th scope=\"row\"").skip(1);
    let address = |cell: &str| browser::unescaped(cell.split("href=\"").nth(1).unwrap().split('"').next().unwrap());
    // Without the list that they come from.
    cells.map(|cell| address(cell).split('?').next().unwrap().to_owned()).collect()
}

const TEXTS: [&str; 11] = [
    "plain",
    "/about/us/",
    "a//b",
    "~t~",
    "a/b c",
    "100%25 & more",
    "Ünï ☃",
    "<b>\"quoted\"</b>",
    "a?b#c",
    "'; DROP TABLE pages; --",
    "...txt",
];

fn a_key_that_is_a_text_leads_to_its_row(on: &str) {
    let client = client(on);
    let root = root(&client);
    for text in TEXTS {
        client.db(|db| Page::create(db, NewPage { path: text.to_owned(), text: "old".to_owned() }));
        let links = links(&root.get("/admin/pages").send());
        let [path] = links.as_slice() else { panic!("{text}: {links:?}") };
        let form = PageForm::open(&root, path);
        assert_eq!((form.values("text"), form.values("path")), (vec!["old"], vec![""; 0]), "the key of a row stays");
        form.set("text", "new").send(&root).assert_redirect("/admin/pages");
        assert_eq!(client.db(|db| Page::query().load::<Page>(db)), [Page { path: text.to_owned(), text: "new".to_owned() }]);
        let history = root.get(&format!("{path}/history")).send();
        history.assert_status(200).assert_contains("<ins><span class=\"unseen\">after: </span>new</ins>");
        undo(&root, &last_batch(&client)).assert_status(303);
        assert_eq!(client.db(|db| Page::query().first::<Page>(db)).text, "old");
        let question = root.get(&format!("{path}/delete")).send();
        question.assert_status(200);
        assert!(!question.text().contains("<b>\"quoted"), "{text}");
        root.post(&format!("{path}/delete")).send().assert_redirect("/admin/pages");
        undo(&root, &last_batch(&client)).assert_status(303);
        assert_eq!(client.db(|db| Page::query().first::<Page>(db)).path, text);
        root.post("/admin/pages/delete").form(&[("row", text)]).send().assert_redirect("/admin/pages");
        assert_eq!(client.db(|db| Page::query().count().get_result::<i64>(db)), 0, "{text}");
    }
}

fn a_key_of_two_fields_leads_to_its_row(on: &str) {
    let client = client(on);
    let root = root(&client);
    for hall in TEXTS {
        let new = |number, guest: &str| NewSeat { hall: hall.to_owned(), number, guest: guest.to_owned() };
        client.db(|db| Seat::create_many(db, [new(1, "Ada"), new(2, "Bob")]));
        let links = links(&root.get("/admin/seats?sort=number").send());
        assert_eq!(links.len(), 2);
        edit(&root, &links[1], &[("guest", "Eve")]).assert_redirect("/admin/seats");
        let guests = || client.db(|db| Seat::query().order(seats::number).select(seats::guest).load::<String>(db));
        assert_eq!(guests(), ["Ada", "Eve"], "{hall}");
        root.get(&format!("{}/history", links[1])).send().assert_contains("Eve");
        root.get(&format!("{}/history", links[0])).send().assert_not_contains("Eve");
        undo(&root, &last_batch(&client)).assert_status(303);
        assert_eq!(guests(), ["Ada", "Bob"]);
        root.post(&format!("{}/delete", links[0])).send().assert_redirect("/admin/seats");
        assert_eq!(guests(), ["Bob"]);
        undo(&root, &last_batch(&client)).assert_status(303);
        assert_eq!(guests(), ["Ada", "Bob"]);
        let keys = [1, 2].map(|number| ("row", lback::serde_json::json!([hall, number.to_string()]).to_string()));
        root.post("/admin/seats/delete").form(&keys).send().assert_redirect("/admin/seats");
        assert_eq!(guests(), [""; 0], "{hall}");
    }
}

fn a_key_is_given_once(on: &str) {
    let client = client(on);
    let root = root(&client);
    let add = |path: &str| edit(&root, "/admin/pages/add", &[("path", path), ("text", "x")]);
    add("one").assert_redirect("/admin/pages");
    add("one").assert_status(200).assert_contains("already");
    // A copy needs a key of its own, which the form of the row does not have.
    root.get("/admin/pages/row/one").send().assert_not_contains("as_new");
    PageForm::open(&root, "/admin/pages/row/one").set("then", "as_new").send(&root).assert_status(400).assert_contains("its key");
    // A forged form does not change the key, either.
    PageForm::open(&root, "/admin/pages/row/one").set("path", "two").set("text", "y").send(&root).assert_status(303);
    assert_eq!(client.db(|db| Page::query().load::<Page>(db)), [Page { path: "one".to_owned(), text: "y".to_owned() }]);
}

fn an_unfit_key_is_not_found(on: &str) {
    let client = client(on);
    let root = root(&client);
    ticket(&client, &agent(&client, "Zebedee"), "Quagga");
    client.db(|db| Seat::create(db, NewSeat { hall: "one".to_owned(), number: 1, guest: "Ada".to_owned() }));
    let long = "9".repeat(3000);
    let keys = [
        "0",
        "-1",
        "+1x",
        "1.0",
        "1%20",
        "99999999999999999999",
        "%00",
        "1%00",
        "%27",
        "%22",
        "1%27--",
        "1;DROP",
        "%E2%98%83",
        "%2E%2E",
        "a%2Fb",
        "null",
        "[]",
        "%5B%22one%22%5D",
        "%5B%22one%22,%221%22,%221%22%5D",
        "%5B%22one%22,%2299999999999%22%5D",
        "%5B%22one%22,1%5D",
        "%5B%22%00%22,%221%22%5D",
        "%7B%7D",
        "1,1",
        &long,
    ];
    for table in ["tickets", "seats", "pages", "auth_users"] {
        for key in keys {
            for end in ["", "/history", "/delete"] {
                let path = format!("/admin/{table}/row/{key}{end}");
                let status = root.get(&path).send().status().as_u16();
                assert!([400, 404, 414].contains(&status), "{path}: {status}");
            }
            let plain = key.replace("%00", "\0");
            root.post(&format!("/admin/{table}/delete")).form(&[("row", plain.as_str())]).send().assert_status(303);
        }
    }
    assert_eq!(client.db(|db| Ticket::query().count().get_result::<i64>(db)), 1);
}

fn the_palette_leads_to_the_rows(on: &str) {
    let client = client(on);
    let root = root(&client);
    client.db(|db| Page::create(db, NewPage { path: "north / wing".to_owned(), text: "page".to_owned() }));
    client.db(|db| Seat::create(db, NewSeat { hall: "north / hall".to_owned(), number: 7, guest: "Ada".to_owned() }));
    let found: Vec<lback::serde_json::Value> = root.get("/admin/-/find?q=north").send().json();
    assert_eq!(found.len(), 2, "{found:?}");
    for one in found {
        root.get(one["url"].as_str().unwrap()).send().assert_status(200).assert_contains("north");
    }
}

fn an_empty_key_breaks_nothing(on: &str) {
    let client = client(on);
    let root = root(&client);
    client.db(|db| Page::create_many(db, ["", ".", ".."].map(|path| NewPage { path: path.to_owned(), text: format!("at {path:?}") })));
    client.db(|db| Seat::create(db, NewSeat { hall: String::new(), number: 7, guest: "Ada".to_owned() }));
    let page_links = links(&root.get("/admin/pages?sort=path").send());
    for (link, path) in page_links.iter().zip(["", ".", ".."]) {
        // A browser resolves parts of a path that are dots.
        assert!(!link.contains("/.") && !link.ends_with('/') && !link.contains("%2E"), "{link}");
        assert_eq!(PageForm::open(&root, link).values("text"), [format!("at {path:?}")]);
    }
    let seats = root.get("/admin/seats").send();
    root.get(&links(&seats)[0]).send().assert_status(200).assert_contains("Ada");
    root.get("/admin/-/find?q=..").send().assert_status(200);
}
