//! Decimals: their digits change without a loss, or not at all.

use chrono::Utc;
use lback_models::migrate::{Dialect, Make, Schema};

use super::project::{Project, notes, notes_with, projects};

fn price(digits: u32, places: u32, rest: &str) -> Schema {
    notes(&format!(r#"{{"name": "price", "kind": "decimal", "digits": {{"max_digits": {digits}, "decimal_places": {places}}}{rest}}}"#))
}

fn prices(project: &Project, places: u32) -> Vec<String> {
    // SQLite has units of the last place.
    let price = match project.dialect {
        Dialect::Sqlite => format!("price * 1.0 / {}", 10_u32.pow(places)),
        Dialect::Postgres => "CAST(price AS NUMERIC)".to_owned(),
    };
    project
        .query(&format!("SELECT round({price}, 4) FROM notes ORDER BY id"))
        .iter()
        .map(|text| if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.clone() })
        .collect()
}

fn insert(project: &Project, prices: &[i64], places: u32) {
    for units in prices {
        let sql = match project.dialect {
            Dialect::Sqlite => format!("INSERT INTO notes (price) VALUES ({units})"),
            Dialect::Postgres => format!("INSERT INTO notes (price) VALUES ({units}::numeric / {})", 10_i64.pow(places)),
        };
        project.run(&sql);
    }
}

#[test]
fn digits_and_places_grow_and_shrink() {
    for mut project in projects() {
        let (small, fine, large) = (price(6, 2, ""), price(8, 4, ""), price(12, 2, ", \"null\": true"));
        project.migrate(&Schema::default(), &small).unwrap();
        project.assert_is(&small, "");
        insert(&project, &[995, -1, 999_999], 2);
        let expected = ["9.95", "-0.01", "9999.99"];
        assert_eq!(prices(&project, 2), expected);
        for (from, to, places) in [(&small, &fine, 4), (&fine, &large, 2), (&large, &small, 2)] {
            project.migrate(from, to).unwrap();
            project.assert_is(to, "");
            assert_eq!(prices(&project, places), expected);
        }
        for (to, places) in [(&large, 2), (&fine, 4), (&small, 2)] {
            project.rollback().unwrap();
            project.assert_is(to, "back");
            assert_eq!(prices(&project, places), expected);
        }
    }
}

#[test]
fn a_change_that_would_cut_digits_is_refused() {
    for mut project in projects() {
        let (old, fewer_places, fewer_digits) = (price(8, 3, ""), price(8, 2, ""), price(6, 3, ""));
        project.migrate(&Schema::default(), &old).unwrap();
        insert(&project, &[1_000, 1_001, 999_999, 1_000_000, -1_000_000], 3);
        let error = project.migrate(&old, &fewer_places).unwrap_err().to_string();
        let message = "notes.price may have at most 8 digits, 2 of them after the decimal point. Rows that do not fit, by id: 2; 3.";
        assert!(error.contains(message), "{error}");
        project.assert_is(&old, "unchanged");
        std::fs::remove_dir_all(project.folder().join(project.dialect.name()).join("2026-01-01-000002_change")).unwrap();
        let error = project.migrate(&old, &fewer_digits).unwrap_err().to_string();
        assert!(error.contains("6 digits") && error.contains("by id: 4; 5."), "{error}");
        project.run("DELETE FROM notes WHERE id > 3");
        project.apply().unwrap();
        project.assert_is(&fewer_digits, "");
        assert_eq!(prices(&project, 3), ["1", "1.001", "999.999"]);
    }
}

#[test]
fn floats_and_whole_numbers_become_decimals() {
    for mut project in projects() {
        for (kind, values, expected) in
            [("double", "(9.95), (-0.1), (NULL)", ["9.95", "-0.1"]), ("bigint", "(995), (-3), (NULL)", ["995", "-3"])]
        {
            project.reset();
            let old = notes(&format!(r#"{{"name": "price", "kind": "{kind}", "null": true}}"#));
            let new = price(6, 2, ", \"null\": true");
            project.migrate(&Schema::default(), &old).unwrap();
            project.run(&format!("INSERT INTO notes (price) VALUES {values}"));
            project.migrate(&old, &new).unwrap();
            project.assert_is(&new, "");
            project.run("DELETE FROM notes WHERE price IS NULL");
            assert_eq!(prices(&project, 2), expected);
            project.rollback().unwrap();
            project.assert_is(&old, "back");
            assert_eq!(prices(&project, 0), expected);
        }
        project.reset();
        let old = notes(r#"{"name": "price", "kind": "double"}"#);
        project.migrate(&Schema::default(), &old).unwrap();
        project.run("INSERT INTO notes (price) VALUES (9.95), (0.125), (123456.0)");
        let error = project.migrate(&old, &price(6, 2, "")).unwrap_err().to_string();
        assert!(error.contains("by id: 2; 3."), "{error}");
    }
}

#[test]
fn defaults_and_checks_are_in_units_on_sqlite() {
    for mut project in projects() {
        let column = r#"{"name": "price", "kind": "decimal", "digits": {"max_digits": 6, "decimal_places": 2}, "default": "9.95"}"#;
        let checks = r#"[{"name": "price_min", "condition": "\"price\" >= 0.50", "on_sqlite": "\"price\" >= 50"}]"#;
        let (old, new) = (notes_with(column, "[]", "[]"), notes_with(column, "[]", checks));
        project.migrate(&Schema::default(), &old).unwrap();
        project.assert_is(&old, "");
        project.run("INSERT INTO notes DEFAULT VALUES");
        assert_eq!(prices(&project, 2), ["9.95"]);
        insert(&project, &[49], 2);
        let error = project.migrate(&old, &new).unwrap_err().to_string();
        assert!(error.contains("the check price_min of notes requires") && error.contains("by id: 2."), "{error}");
        project.run("DELETE FROM notes WHERE id = 2");
        project.apply().unwrap();
        project.assert_is(&new, "");
        // More than the digits.
        assert!(project.db_fails("INSERT INTO notes (price) VALUES (1000000)"));
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn numbers_of_a_table_that_was_written_by_hand_are_adopted() {
    for declared in ["DECIMAL(10, 2)", "numeric"] {
        let mut project = super::project::on_sqlite();
        project.write(&format!("CREATE TABLE notes (id INTEGER PRIMARY KEY, price {declared} NOT NULL)"), "DROP TABLE notes");
        project.apply().unwrap();
        project.run("INSERT INTO notes VALUES (1, 9.95), (2, 10), (3, -0.01), (4, 12345678.9)");
        let (new, expected) = (price(10, 2, ""), ["9.95", "10", "-0.01", "12345678.9"]);
        adopt(&project, &new);
        project.apply().unwrap();
        project.assert_is(&new, declared);
        assert_eq!(prices(&project, 2), expected, "{declared}");
        project.rollback().unwrap();
        assert_eq!(prices(&project, 0), expected, "{declared}");
        project.run("INSERT INTO notes VALUES (5, 100000000), (6, 0.125), (7, 'about 5')");
        let error = project.apply().unwrap_err().to_string();
        assert!(error.contains("by id: 5; 6; 7."), "{error}");
    }
    // Numbers with places are no whole numbers.
    let mut project = super::project::on_sqlite();
    project.write("CREATE TABLE notes (id INTEGER PRIMARY KEY, price DECIMAL(10, 2) NOT NULL)", "DROP TABLE notes");
    project.apply().unwrap();
    project.run("INSERT INTO notes VALUES (1, 9.95), (2, 10)");
    let whole = notes(r#"{"name": "price", "kind": "bigint"}"#);
    adopt(&project, &whole);
    let error = project.apply().unwrap_err().to_string();
    assert!(error.contains("by id: 1."), "{error}");
    project.run("DELETE FROM notes WHERE id = 1");
    project.apply().unwrap();
    assert_eq!(project.query("SELECT price FROM notes"), ["10"]);
}

#[cfg(feature = "sqlite")]
/// Writes the migration that makes a table of the database one of the models.
fn adopt(project: &Project, models: &Schema) {
    let make = Make {
        models,
        folder: &project.folder(),
        dialect: project.dialect,
        database: Some(&project.database),
        migrations: None,
        now: Utc::now(),
        arguments: &["--adopt".to_owned(), "notes".to_owned(), "--no-input".to_owned()],
        ask: None,
        print: &mut |_| {},
    };
    make.run().unwrap();
}

#[test]
fn the_places_of_a_decimal_with_a_check_change() {
    for mut project in projects() {
        let notes = |places: u32, least: &str, rest: &str| {
            let column =
                format!(r#"{{"name": "price", "kind": "decimal", "digits": {{"max_digits": 8, "decimal_places": {places}}}{rest}}}"#);
            let check = format!(r#"[{{"name": "price_min", "condition": "\"price\" >= 0.50", "on_sqlite": "\"price\" >= {least}"}}]"#);
            notes_with(&column, "[]", &check)
        };
        let (coarse, fine) = (notes(2, "50", ""), notes(3, "500", ""));
        project.migrate(&Schema::default(), &coarse).unwrap();
        insert(&project, &[50, 995], 2);
        project.migrate(&coarse, &fine).unwrap();
        project.assert_is(&fine, "");
        assert_eq!(prices(&project, 3), ["0.5", "9.95"]);
        project.rollback().unwrap();
        project.assert_is(&coarse, "back");
        assert_eq!(prices(&project, 2), ["0.5", "9.95"]);
        // A new check of the new units still names the rows.
        project.reset();
        let old = super::project::notes(r#"{"name": "price", "kind": "double"}"#);
        project.migrate(&Schema::default(), &old).unwrap();
        project.run("INSERT INTO notes (price) VALUES (0.49), (0.5), (7)");
        let error = project.migrate(&old, &fine).unwrap_err().to_string();
        assert!(error.contains("the check price_min of notes requires") && error.contains("by id: 1."), "{error}");
        project.run("DELETE FROM notes WHERE id = 1");
        project.apply().unwrap();
        assert_eq!(prices(&project, 3), ["0.5", "7"]);
    }
}
