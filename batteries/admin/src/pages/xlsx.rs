//! Writes a table as a sheet of XLSX, row by row.

use std::io::{self, Write};

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::zip::{Deflater, Zip};

/// The maximum number of rows of a sheet, with the titles of the columns.
pub(super) const MOST_ROWS: u32 = 1_048_576;
/// The longest text in a cell, in units of UTF-16.
const LONGEST: usize = 32_767;
/// The largest whole number of which spreadsheets keep all digits.
const LARGEST: u64 = 999_999_999_999_999;

/// A value of a cell.
pub(super) enum Cell {
    Empty,
    Text(String),
    /// A number, as text. If it has more digits than a spreadsheet keeps, it is written as a text.
    Number(String),
    Bool(bool),
    Date(NaiveDate),
    Time(NaiveTime),
    DateTime(NaiveDateTime),
}

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const TYPES: &str = "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
<Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
<Override PartName=\"/xl/workbook.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/>\
<Override PartName=\"/xl/styles.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml\"/>\
<Override PartName=\"/xl/worksheets/sheet1.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/>\
</Types>";
const PACKAGE: &str = "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
<Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" Target=\"xl/workbook.xml\"/>\
</Relationships>";
const PARTS: &str = "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
<Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" Target=\"worksheets/sheet1.xml\"/>\
<Relationship Id=\"rId2\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles\" Target=\"styles.xml\"/>\
</Relationships>";
/// The formats of cells: plain, a date, a time, a date with its time, and bold.
const STYLES: &str = "<styleSheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\">\
<numFmts count=\"3\"><numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd\"/><numFmt numFmtId=\"165\" formatCode=\"hh:mm:ss\"/>\
<numFmt numFmtId=\"166\" formatCode=\"yyyy\\-mm\\-dd\\ hh:mm:ss\"/></numFmts>\
<fonts count=\"2\"><font><sz val=\"11\"/><name val=\"Calibri\"/></font><font><b/><sz val=\"11\"/><name val=\"Calibri\"/></font></fonts>\
<fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill><fill><patternFill patternType=\"gray125\"/></fill></fills>\
<borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
<cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs>\
<cellXfs count=\"5\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>\
<xf numFmtId=\"164\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/>\
<xf numFmtId=\"165\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/>\
<xf numFmtId=\"166\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/>\
<xf numFmtId=\"0\" fontId=\"1\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyFont=\"1\"/></cellXfs>\
<cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles></styleSheet>";
/// The titles stay in view.
const SHEET: &str = "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetViews>\
<sheetView workbookViewId=\"0\"><pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/></sheetView></sheetViews>\
<sheetFormatPr defaultColWidth=\"20\" defaultRowHeight=\"15\"/><sheetData>";
const PLAIN: &str = "";
const DATE: &str = " s=\"1\"";
const TIME: &str = " s=\"2\"";
const DATE_TIME: &str = " s=\"3\"";
const BOLD: &str = " s=\"4\"";

/// Writes a file with one sheet. `rows` writes its rows.
///
/// # Errors
/// Returns an error of `rows`, or of the output.
pub(super) fn write<W: Write, E: From<io::Error>>(
    out: W,
    name: &str,
    titles: &[&str],
    rows: impl FnOnce(&mut Sheet<'_, '_, W>) -> Result<(), E>,
) -> Result<(), E> {
    let mut zip = Zip::new(out);
    let workbook = format!(
        "<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" \
         xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets>\
         <sheet name=\"{}\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>",
        escaped(&sheet_name(name))
    );
    let parts: [(&str, &str); 5] = [
        ("[Content_Types].xml", TYPES),
        ("_rels/.rels", PACKAGE),
        ("xl/workbook.xml", &workbook),
        ("xl/_rels/workbook.xml.rels", PARTS),
        ("xl/styles.xml", STYLES),
    ];
    for (name, text) in parts {
        zip.file(name, |file| -> Result<(), E> { Ok(write!(file, "{HEAD}{text}")?) })?;
    }
    zip.file("xl/worksheets/sheet1.xml", |file| -> Result<(), E> {
        write!(file, "{HEAD}{SHEET}")?;
        let mut sheet = Sheet { file, row: 0, xml: String::new() };
        sheet.write(titles.iter().map(|title| Cell::Text((*title).to_owned())), BOLD)?;
        rows(&mut sheet)?;
        Ok(write!(sheet.file, "</sheetData></worksheet>")?)
    })?;
    Ok(zip.finish()?)
}

/// Returns a name that a sheet can have.
fn sheet_name(name: &str) -> String {
    name.chars().filter(|c| !"[]:*?/\\'".contains(*c)).take(31).collect()
}

/// A sheet that is being written.
pub(super) struct Sheet<'a, 'b, W: Write> {
    file: &'a mut Deflater<'b, W>,
    row: u32,
    xml: String,
}

impl<W: Write> Sheet<'_, '_, W> {
    /// Adds a row.
    ///
    /// # Errors
    /// Returns an error if the sheet is full, or if the output fails.
    pub(super) fn row(&mut self, cells: impl Iterator<Item = Cell>) -> io::Result<()> {
        self.write(cells, PLAIN)
    }

    fn write(&mut self, cells: impl Iterator<Item = Cell>, style: &str) -> io::Result<()> {
        if self.row == MOST_ROWS {
            return Err(io::Error::other("a sheet has no more rows"));
        }
        self.row += 1;
        self.xml.clear();
        self.xml.push_str(&format!("<row r=\"{}\">", self.row));
        for (at, cell) in cells.enumerate() {
            let place = format!("{}{}", letters(at), self.row);
            self.xml.push_str(&cell.xml(&place, style));
        }
        self.xml.push_str("</row>");
        self.file.write_all(self.xml.as_bytes())
    }
}

impl Cell {
    fn xml(&self, place: &str, style: &str) -> String {
        let number = |style: &str, number: &dyn std::fmt::Display| format!("<c r=\"{place}\"{style}><v>{number}</v></c>");
        let text = |text: &str| {
            let text = escaped(text);
            format!("<c r=\"{place}\"{style} t=\"inlineStr\"><is><t xml:space=\"preserve\">{text}</t></is></c>")
        };
        match self {
            Cell::Empty => String::new(),
            Cell::Text(long) => text(long),
            Cell::Number(digits) if is_kept(digits) => number(style, digits),
            Cell::Number(digits) => text(digits),
            Cell::Bool(value) => format!("<c r=\"{place}\"{style} t=\"b\"><v>{}</v></c>", u8::from(*value)),
            Cell::Date(day) => match days(*day) {
                Some(days) => number(DATE, &days),
                None => text(&day.to_string()),
            },
            Cell::Time(time) => number(TIME, &part_of_day(*time)),
            Cell::DateTime(at) => match days(at.date()) {
                Some(days) => number(DATE_TIME, &(f64::from(days) + part_of_day(at.time()))),
                None => text(&at.to_string()),
            },
        }
    }
}

/// Returns whether a spreadsheet keeps all digits of a number.
fn is_kept(digits: &str) -> bool {
    let is_number = digits.parse::<f64>().is_ok_and(f64::is_finite) && digits.bytes().any(|byte| byte.is_ascii_digit());
    let all: String = digits.chars().filter(char::is_ascii_digit).collect();
    is_number && all.trim_start_matches('0').parse::<u64>().map_or(all.trim_start_matches('0').is_empty(), |all| all <= LARGEST)
}

/// Returns the number of a day. `None` if spreadsheets do not know it: before March 1900, because they count a day in February that did not
/// exist, and after the year 9999.
fn days(day: NaiveDate) -> Option<i32> {
    let days = day.signed_duration_since(NaiveDate::from_ymd_opt(1899, 12, 30)?).num_days();
    i32::try_from(days).ok().filter(|days| (61..=2_958_465).contains(days))
}

fn part_of_day(time: NaiveTime) -> f64 {
    (f64::from(time.num_seconds_from_midnight()) + f64::from(time.nanosecond()) / 1e9) / 86_400.0
}

/// Returns the letters of a column: A to Z, AA and so on.
fn letters(mut at: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.insert(0, char::from(b'A' + u8::try_from(at % 26).unwrap_or_default()));
        match (at / 26).checked_sub(1) {
            Some(rest) => at = rest,
            None => return letters.into_iter().collect(),
        }
    }
}

/// Returns a text for XML, which ends at the longest text of a cell. Characters that XML does not allow are written as `_x0001_`.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    let mut units = 0;
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if units > LONGEST {
            break;
        }
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\t' | '\n' => xml.push(c),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => xml.push_str(&format!("_x{:04X}_", u32::from(c))),
            // A text that looks like such a character.
            '_' if is_code(&text[at..]) => xml.push_str("_x005F_"),
            c => xml.push(c),
        }
    }
    xml
}

/// Returns whether a text begins with a code such as `_x0001_`.
fn is_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.starts_with(b"_x") && bytes.get(6) == Some(&b'_') && bytes[2..6].iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use std::io;

    use chrono::NaiveDate;

    use super::{MOST_ROWS, days, escaped, is_kept, letters, write};

    #[test]
    fn columns_have_letters() {
        assert_eq!([0, 25, 26, 27, 701, 702, 16383].map(letters), ["A", "Z", "AA", "AB", "ZZ", "AAA", "XFD"]);
    }

    #[test]
    fn a_sheet_has_a_last_row() {
        let full = write(io::sink(), "sheet", &["title"], |sheet| -> io::Result<()> {
            sheet.row = MOST_ROWS - 1;
            sheet.row(std::iter::empty())?;
            sheet.row(std::iter::empty())
        });
        assert!(full.is_err_and(|error| error.to_string().contains("no more rows")));
    }

    #[test]
    fn numbers_keep_their_digits() {
        for (digits, kept) in [
            ("0", true),
            ("-7", true),
            ("0.00", true),
            ("999999999999999", true),
            ("1e300", true),
            ("1234567890123456", false),
            ("NaN", false),
            ("inf", false),
            ("", false),
        ] {
            assert_eq!(is_kept(digits), kept, "{digits}");
        }
    }

    #[test]
    fn days_are_counted_as_spreadsheets_do() {
        let of = |text: &str| days(text.parse::<NaiveDate>().unwrap());
        assert_eq!((of("1900-03-01"), of("2026-02-01"), of("9999-12-31")), (Some(61), Some(46_054), Some(2_958_465)));
        assert_eq!((of("1900-02-28"), of("-0001-01-01"), of("+10000-01-01")), (None, None, None));
    }

    #[test]
    fn texts_are_valid_xml() {
        assert_eq!(escaped("<a> & \"b\"\n\t"), "&lt;a&gt; &amp; &quot;b&quot;\n\t");
        assert_eq!(escaped("\0\r\u{ffff}_x0041_ _x_ _xyz"), "_x0000__x000D__xFFFF__x005F_x0041_ _x_ _xyz");
        assert_eq!(escaped(&"x".repeat(40_000)).len(), 32_767);
        assert_eq!(escaped(&"𝄞".repeat(20_000)).chars().count(), 16_383);
    }
}
