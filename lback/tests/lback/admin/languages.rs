//! The pages in other languages.

use super::*;
use crate::unit_of_work::on_each_database;

on_each_database!(
    pages_are_in_the_language_of_the_visitor,
    a_choice_stays,
    errors_and_messages_are_translated,
    an_application_replaces_single_texts,
);

fn german(on: &str) -> Client {
    client_with(on, admin().language("de", lback::admin::GERMAN))
}

fn pages_are_in_the_language_of_the_visitor(on: &str) {
    let client = german(on);
    let (ada, root) = (agent(&client, "Ada"), root(&client));
    ticket(&client, &ada, "Quagga");
    let in_language = |header: &str| root.get("/admin/tickets").header("accept-language", header).send();
    for header in ["de", "de-AT,de;q=0.9,en;q=0.8", "fr, DE;q=0.5, en;q=0.4"] {
        let page = in_language(header);
        page.assert_contains("<html lang=\"de\">")
            .assert_contains("Ticket hinzufügen")
            .assert_contains("Spalten")
            .assert_contains("Website ansehen");
        page.assert_contains("Done &amp; dusted").assert_not_contains(">View the site<").assert_contains("data-texts=");
    }
    for header in ["en", "en-US,en;q=0.9,de;q=0.8", "fr", "*", "", "de;q=0, en"] {
        let page = in_language(header);
        page.assert_contains("<html lang=\"en\">")
            .assert_contains("Add ticket")
            .assert_contains("View the site")
            .assert_not_contains("data-texts");
    }
    let paths = [
        ("/admin", "Letzte Änderungen"),
        ("/admin/tickets/add", "Speichern und weiter bearbeiten"),
        ("/admin/tickets/row/1", "Verlauf"),
        ("/admin/tickets/row/1/delete", "Diesen Eintrag löschen (Ticket)?"),
        ("/admin/tickets/row/1/history", "Noch nichts geändert."),
        ("/admin/tickets/import", "Spalten auslassen"),
        ("/admin/auth_users/add", "Darf die Verwaltung benutzen."),
        ("/admin/tickets?is_urgent=true", "is_urgent"),
    ];
    for (path, text) in paths {
        root.get(path).header("accept-language", "de").send().assert_status(200).assert_contains(text);
    }
    // The next request on the same thread is in its own language.
    root.get("/admin").send().assert_contains("Recent changes");
}

fn a_choice_stays(on: &str) {
    let client = german(on);
    let root = root(&client);
    root.get("/admin/tickets").send().assert_contains("value=\"de\" lang=\"de\">Deutsch</button>");
    let choose = |language: &str, next: &str| root.post("/admin/-/language").form(&[("language", language), ("next", next)]).send();
    choose("de", "/admin/tickets?q=x").assert_redirect("/admin/tickets?q=x");
    root.get("/admin").header("accept-language", "en").send().assert_contains("Letzte Änderungen").assert_contains(">English</button>");
    choose("en", "https://evil.example").assert_redirect("/admin");
    root.get("/admin").header("accept-language", "de").send().assert_contains("Recent changes");
    choose("nl", "/admin").assert_status(400);
    choose("", "/admin");
    root.get("/admin").header("accept-language", "de").send().assert_contains("Letzte Änderungen");
    client.fork().post("/admin/-/language").form(&[("language", "de")]).send().assert_redirect("/login");
}

fn errors_and_messages_are_translated(on: &str) {
    let client = german(on);
    let (ada, root) = (agent(&client, "Ada"), root(&client));
    let quagga = ticket(&client, &ada, "Quagga");
    root.post("/admin/-/language").form(&[("language", "de")]).send();
    edit(&root, &row_path(&quagga), &[("title", "Okapi")]).assert_status(303);
    root.get("/admin/tickets").send().assert_contains("Ticket „Okapi“ wurde gespeichert.");
    undo(&root, &last_batch(&client)).assert_status(303);
    root.get("/admin").send().assert_contains("Die Änderung wurde rückgängig gemacht.").assert_contains("geändert");
    let import = root.post("/admin/tickets/import").form(&[("text", "id,points\n1,x\n")]).send();
    import.assert_contains("Schreiben Sie eine ganze Zahl von -2147483648 bis 2147483647 statt „x“.");
    root.get("/admin/tickets?columns=nothing").send().assert_status(400).assert_contains("Die Liste hat diese Spalte nicht.");
    let alice = client.add_user("alice");
    root.post(&format!("/admin/auth_users/row/{}/act-as", alice.id)).send().assert_redirect("/");
    root.post("/admin/-/stop-acting").send().assert_status(303);
    root.get("/admin").send().assert_contains("Sie handeln nicht mehr");
}

fn an_application_replaces_single_texts(on: &str) {
    let site = admin().language("de", lback::admin::GERMAN).language("de", "\"Add {model}\" = \"{model} anlegen\"");
    let client = client_with(on, site.language("en", "\"View the site\" = \"To the shop\""));
    let root = root(&client);
    let in_language = |header: &str| root.get("/admin/tickets").header("accept-language", header).send();
    in_language("de").assert_contains("Ticket anlegen").assert_contains("Website ansehen").assert_not_contains("Ticket hinzufügen");
    for header in ["en", "en-GB", "fr"] {
        let page = in_language(header);
        page.assert_contains("<html lang=\"en\">")
            .assert_contains("To the shop")
            .assert_contains("Add ticket")
            .assert_contains(">Deutsch</button>");
        page.assert_not_contains(">English</button>");
    }
    root.post("/admin/-/language").form(&[("language", "en")]).send();
    in_language("de").assert_contains("To the shop");
    // Texts that stay as they are need no translation into English.
    let checked = client.try_command("check", &[]).unwrap_or_else(|error| error.source().map(ToString::to_string).unwrap_or_default());
    assert!(!checked.contains("stay in English"), "{checked}");
}

#[cfg(feature = "sqlite")]
#[test]
fn a_language_of_another_region_is_better_than_none() {
    let client = client_with("", admin().language("pt-BR", "\"English\" = \"Português\""));
    let root = root(&client);
    for (header, code) in [("pt-BR", "pt-BR"), ("pt", "pt-BR"), ("pt-PT, en;q=0.5", "pt-BR"), ("en-GB, pt;q=0.5", "en"), ("nl", "en")] {
        root.get("/admin").header("accept-language", header).send().assert_contains(&format!("<html lang=\"{code}\">"));
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn a_language_is_checked_at_startup() {
    let error = |file: &str| crate::start_error(app(admin().language("nl", file)), "SESSION_TIMEOUT_MINUTES = 30");
    assert!(
        error("\"Sav\" = \"Opslaan\"")
            .contains("the language \"nl\": its file translates \"Sav\", which no page has; did you mean \"Save\"?")
    );
    let unknown = crate::start_error(app(admin().default_language("de")), "SESSION_TIMEOUT_MINUTES = 30");
    assert!(unknown.contains("add it before with language"), "{unknown}");
}

#[cfg(feature = "sqlite")]
#[test]
fn the_check_lists_missing_texts_which_stay_in_english() {
    let client = client_with(
        "",
        admin().language("nl", "\"English\" = \"Nederlands\"\n\"View the site\" = \"Naar de site\"").default_language("nl"),
    );
    let root = root(&client);
    root.get("/admin").send().assert_contains("<html lang=\"nl\">").assert_contains("Naar de site").assert_contains("Recent changes");
    let error = client.try_command("check", &[]).unwrap_err();
    let message = error.source().unwrap().to_string();
    assert!(message.contains("texts of the admin in Nederlands") && message.contains("\"Active\" = \"…\""), "{message}");
}
