//! Exports as XLSX, read back from the file.

use std::collections::BTreeMap;

use super::lists::six;
use super::*;
use crate::sql;
use crate::unit_of_work::on_each_database;

on_each_database!(
    a_sheet_has_the_rows_and_columns_of_the_list,
    cells_have_the_types_of_their_values,
    no_text_is_a_formula_or_breaks_the_file,
    a_sheet_is_complete_with_many_rows,
);

/// The files of a ZIP file, by name.
fn unzip(zip: &[u8]) -> BTreeMap<String, String> {
    let number = |at: usize, length: usize| zip[at..at + length].iter().rev().fold(0, |all, byte| all << 8 | usize::from(*byte));
    let end = zip.len() - 22;
    assert_eq!(&zip[end..end + 4], b"PK\x05\x06");
    let (count, mut at) = (number(end + 10, 2), number(end + 16, 4));
    let mut files = BTreeMap::new();
    for _ in 0..count {
        assert_eq!(&zip[at..at + 4], b"PK\x01\x02");
        let (compressed, size, name, local) = (number(at + 20, 4), number(at + 24, 4), number(at + 28, 2), number(at + 42, 4));
        let text = |start: usize| String::from_utf8(zip[start..start + name].to_vec()).unwrap();
        assert_eq!((&zip[local..local + 4], text(local + 30)), (&b"PK\x03\x04"[..], text(at + 46)));
        let start = local + 30 + name;
        let content = miniz_oxide::inflate::decompress_to_vec(&zip[start..start + compressed]).unwrap();
        assert_eq!(content.len(), size);
        // The descriptor after the content has the same checksum and sizes as the directory.
        assert_eq!(&zip[start + compressed..start + compressed + 16], &[b"PK\x07\x08", &zip[at + 16..at + 28]].concat());
        files.insert(text(at + 46), String::from_utf8(content).unwrap());
        at += 46 + name;
    }
    files
}

/// The rows of a sheet: the place of each cell, its attributes and its content.
fn rows(browser: &Client, query: &str) -> Vec<Vec<String>> {
    let file = browser.get(&format!("/admin/tickets/export?format=xlsx&{query}")).send();
    let file = file.assert_status(200);
    assert_eq!(file.header("content-type"), Some("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"));
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"tickets.xlsx\""));
    let files = unzip(file.bytes());
    let names = [
        "[Content_Types].xml",
        "_rels/.rels",
        "xl/_rels/workbook.xml.rels",
        "xl/styles.xml",
        "xl/workbook.xml",
        "xl/worksheets/sheet1.xml",
    ];
    assert_eq!(files.keys().map(String::as_str).collect::<Vec<_>>(), names);
    assert!(files["xl/workbook.xml"].contains("<sheet name=\"tickets\""));
    let sheet = &files["xl/worksheets/sheet1.xml"];
    assert!(sheet.ends_with("</sheetData></worksheet>") && !sheet.contains("<f>"));
    let cells = |row: &str| row.split("<c r=").skip(1).map(|cell| cell.split("</c>").next().unwrap().to_owned()).collect();
    sheet.split("<row ").skip(1).map(cells).collect()
}

fn text(place: &str, text: &str) -> String {
    format!("\"{place}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{text}</t></is>")
}

fn a_sheet_has_the_rows_and_columns_of_the_list(on: &str) {
    let (_client, root, _) = six(on);
    let rows = rows(&root, "q=cat&sort=-title&columns=title,labels,shout");
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0][1], "\"B1\" s=\"4\" t=\"inlineStr\"><is><t xml:space=\"preserve\">labels</t></is>");
    assert_eq!(rows[1], [text("A2", "dog and cat"), text("B2", ""), text("C2", "DOG AND CAT")]);
    assert_eq!(rows[2], [text("A3", "cat"), text("B3", "wild"), text("C3", "CAT")]);
    root.get("/admin/tickets?q=cat").send().assert_contains("/admin/tickets/export?q=cat&amp;format=xlsx\">XLSX<");
}

fn cells_have_the_types_of_their_values(on: &str) {
    let (_client, root, _) = six(on);
    let rows = rows(&root, "q=elk&columns=title,opened_on,due_at,points,is_urgent,agent_id,reviewer_id");
    let moment = 46_054.0 + 86_399.999_999 / 86_400.0;
    let expected = [
        text("A2", "elk"),
        "\"B2\" s=\"1\"><v>46054</v>".to_owned(),
        format!("\"C2\" s=\"3\"><v>{moment}</v>"),
        "\"D2\"><v>2</v>".to_owned(),
        "\"E2\" t=\"b\"><v>1</v>".to_owned(),
        "\"F2\"><v>1</v>".to_owned(),
    ];
    assert_eq!(rows[1], expected);
}

fn no_text_is_a_formula_or_breaks_the_file(on: &str) {
    let (client, root, tickets) = six(on);
    let title = "=1+1&<c> \"'\u{7}_x0007_\u{202e}𝄞";
    let mut cat = tickets[2].clone();
    cat.title = title.to_owned();
    cat.body = "x".repeat(40_000);
    client.db(|db| cat.save(db));
    let rows = rows(&root, "state=closed&columns=title,body&sort=title&q=c-3");
    assert_eq!(rows[1][0], text("A2", "=1+1&amp;&lt;c&gt; &quot;'_x0007__x005F_x0007_\u{202e}𝄞"));
    assert_eq!(rows[1][1].len(), text("B2", &"x".repeat(32_767)).len());
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
