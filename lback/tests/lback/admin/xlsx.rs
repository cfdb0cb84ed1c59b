//! Exports as XLSX, read back from the file.

use std::io::{Cursor, Read};

use lback::testing::TestResponse;
use zip::ZipArchive;

use super::lists::six;
use super::*;
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_sheet_has_the_rows_and_columns_of_the_list,
    cells_have_the_types_of_their_values,
    what_spreadsheets_do_not_know_is_a_text,
    no_text_is_a_formula_or_breaks_the_file,
    a_sheet_is_complete_with_many_rows,
);

fn part(file: &TestResponse, name: &str) -> String {
    let mut text = String::new();
    let mut zip = ZipArchive::new(Cursor::new(file.bytes())).unwrap();
    zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// The rows of a sheet: the place of each cell, its attributes and its content.
pub(super) fn rows(browser: &Client, query: &str) -> Vec<Vec<String>> {
    let file = browser.get(&format!("/admin/tickets/export?format=xlsx&{query}")).send();
    file.assert_status(200);
    assert_eq!(file.header("content-type"), Some("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"));
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"tickets.xlsx\""));
    assert!(part(&file, "xl/workbook.xml").contains("<sheet name=\"tickets\""));
    let sheet = part(&file, "xl/worksheets/sheet1.xml");
    assert!(sheet.trim_end().ends_with("</worksheet>") && !sheet.contains("<f>"));
    let cells = |row: &str| row.split("<c r=").skip(1).map(|cell| cell.split("</c>").next().unwrap().to_owned()).collect();
    sheet.split("<row ").skip(1).map(cells).collect()
}

fn text(place: &str, text: &str) -> String {
    format!("\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is>")
}

fn a_sheet_has_the_rows_and_columns_of_the_list(on: &str) {
    let (_client, root, _) = six(on);
    let rows = rows(&root, "q=cat&sort=-title&columns=title,labels,shout");
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0][1], "\"B1\" s=\"1\" t=\"inlineStr\"><is><t>labels</t></is>");
    assert_eq!(rows[1], [text("A2", "dog and cat"), text("C2", "DOG AND CAT")]);
    assert_eq!(rows[2], [text("A3", "cat"), text("B3", "wild"), text("C3", "CAT")]);
    root.get("/admin/tickets?q=cat").send().assert_contains("/admin/tickets/export?q=cat&amp;format=xlsx\">XLSX<");
}

fn cells_have_the_types_of_their_values(on: &str) {
    let (_client, root, _) = six(on);
    let query = "q=elk&columns=title,opened_on,due_at,points,is_urgent,agent_id,reviewer_id";
    let moment = 46_054.0 + 86_399.999 / 86_400.0;
    let expected = [
        text("A2", "elk"),
        "\"B2\" s=\"2\"><v>46054</v>".to_owned(),
        format!("\"C2\" s=\"3\"><v>{moment}</v>"),
        "\"D2\"><v>2</v>".to_owned(),
        "\"E2\" t=\"b\"><v>1</v>".to_owned(),
        "\"F2\"><v>1</v>".to_owned(),
    ];
    assert_eq!(rows(&root, query)[1], expected);
    let styles = part(&root.get(&format!("/admin/tickets/export?format=xlsx&{query}")).send(), "xl/styles.xml");
    for format in ["formatCode=\"yyyy-mm-dd\"", "formatCode=\"yyyy-mm-dd hh:mm:ss\""] {
        assert!(styles.contains(format), "{styles}");
    }
}

fn what_spreadsheets_do_not_know_is_a_text(on: &str) {
    let (client, root, tickets) = six(on);
    let mut elk = tickets[4].clone();
    for (day, shown) in [("1900-02-28", text("A2", "1900-02-28")), ("1900-03-01", "\"A2\" s=\"2\"><v>61</v>".to_owned())] {
        elk.opened_on = Some(day.parse().unwrap());
        elk.due_at = Some(format!("{day}T00:00:00Z").parse().unwrap());
        client.db(|db| elk.save(db));
        let rows = rows(&root, "q=elk&columns=opened_on,due_at");
        assert_eq!(rows[1][0], shown);
        assert_eq!(rows[1][1].contains("inlineStr"), day == "1900-02-28");
    }
}

fn no_text_is_a_formula_or_breaks_the_file(on: &str) {
    let (client, root, tickets) = six(on);
    let title = "=1+1&<c> \"'\u{7}_x0007_\u{202e}𝄞";
    let mut cat = tickets[2].clone();
    cat.title = title.to_owned();
    cat.body = format!("{}𝄞{}", "x".repeat(32_766), "x".repeat(9_000));
    client.db(|db| cat.save(db));
    let rows = rows(&root, "state=closed&columns=title,body&sort=title&q=c-3");
    assert_eq!(rows[1][0], text("A2", "=1+1&amp;&lt;c&gt; \"'_x0007__x005F_x0007_\u{202e}𝄞"));
    assert_eq!(rows[1][1], text("B2", &"x".repeat(32_766)));
}

fn a_sheet_is_complete_with_many_rows(on: &str) {
    let (client, root, tickets) = six(on);
    let numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 3000)";
    let columns = "title, code, body, state, agent_id, is_urgent, secret";
    let values = format!("'t' || n, 'n' || n, 'a' || (n * 7919 % 3001), 'open', {}, FALSE, ''", tickets[0].agent_id);
    sql(&client, &format!("INSERT INTO tickets ({columns}) {numbers} SELECT {values} FROM numbers"));
    let rows = rows(&root, "columns=title,body&sort=id");
    assert_eq!(rows.len(), 3007);
    assert_eq!(rows[3006], [text("A3007", "t3000"), text("B3007", &format!("a{}", 3000 * 7919 % 3001))]);
}
