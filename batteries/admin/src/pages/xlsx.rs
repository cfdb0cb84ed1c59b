//! Exports as XLSX, whose rows wait in a temporary file until the last one is known.

use chrono::{Datelike, NaiveDate, NaiveDateTime};
use lback_core::{BodyWriter, Error, Result, TimeZone};
use lback_db::Db;
use lback_models::{FieldMeta, List, Value};
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use super::export::{Exported, Exports};
use crate::shown::{is_number, text};
use crate::site::Registered;

/// The maximum number of rows of a sheet, without the titles of the columns.
pub(super) const MOST_ROWS: u32 = 1_048_575;
/// The longest text in a cell, in units of UTF-16.
const LONGEST: usize = 32_767;

impl Exported {
    pub(super) fn write_xlsx(&self, db: &mut Db, out: &mut BodyWriter, model: &Registered, list: &List) -> Result<()> {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet_with_constant_memory().map_err(failed)?;
        // If no sheet can have the name, its name is Sheet1.
        let _ = sheet.set_name(model.meta().table.chars().take(31).collect::<String>());
        sheet.set_freeze_panes(1, 0).map_err(failed)?;
        for (column, title) in (0..).zip(self.names(model)) {
            sheet.set_column_width(column, 20).map_err(failed)?;
            sheet.write_string_with_format(0, column, title, &Format::new().set_bold()).map_err(failed)?;
        }
        let mut cells = Cells::of(sheet, self.zone);
        self.for_each(db, model, list, |values| {
            out.check_connected()?;
            cells.row += 1;
            for (column, value) in (0..).zip(values) {
                match value {
                    Exports::Value(field, value) => cells.value(column, field, value),
                    Exports::Text(text) => cells.text(column, &text),
                }
                .map_err(failed)?;
            }
            Ok(())
        })?;
        book.save_to_writer(out).map_err(failed)
    }
}

fn failed(error: XlsxError) -> Error {
    Error::internal("the sheet cannot be written").with_source(error)
}

/// Writes the cells of a row.
struct Cells<'a> {
    sheet: &'a mut Worksheet,
    row: u32,
    zone: TimeZone,
    date: Format,
    time: Format,
    date_time: Format,
}

impl<'a> Cells<'a> {
    fn of(sheet: &'a mut Worksheet, zone: TimeZone) -> Self {
        let format = |format: &str| Format::new().set_num_format(format);
        Cells { sheet, row: 0, zone, date: format("yyyy-mm-dd"), time: format("hh:mm:ss"), date_time: format("yyyy-mm-dd hh:mm:ss") }
    }

    fn text(&mut self, column: u16, text: &str) -> Result<(), XlsxError> {
        self.sheet.write_string(self.row, column, shortened(text)).map(drop)
    }

    fn value(&mut self, column: u16, field: &FieldMeta, value: &Value) -> Result<(), XlsxError> {
        match value {
            Value::Null => Ok(()),
            Value::Bool(value) => self.sheet.write_boolean(self.row, column, *value).map(drop),
            Value::Text(text) => self.text(column, text),
            Value::Date(day) if is_known(*day) => self.sheet.write_date_with_format(self.row, column, day, &self.date).map(drop),
            Value::Time(time) => self.sheet.write_time_with_format(self.row, column, time, &self.time).map(drop),
            Value::DateTime(at) => self.moment(column, *at),
            // A sheet has no time zones.
            Value::Timestamp(at) => self.moment(column, self.zone.local(*at)),
            value => {
                let shown = text(field, value, self.zone);
                let counts = is_number(field) || (matches!(value, Value::Int(_)) && field.references.is_some());
                match number(&shown) {
                    Some(number) if counts => self.sheet.write_number(self.row, column, number).map(drop),
                    _ => self.text(column, &shown),
                }
            }
        }
    }

    fn moment(&mut self, column: u16, at: NaiveDateTime) -> Result<(), XlsxError> {
        match is_known(at.date()) {
            true => self.sheet.write_datetime_with_format(self.row, column, at, &self.date_time).map(drop),
            false => self.text(column, &at.to_string()),
        }
    }
}

/// Returns whether spreadsheets know the day: not before March 1900, because they count a day in February that did not exist.
fn is_known(day: NaiveDate) -> bool {
    Some(day) >= NaiveDate::from_ymd_opt(1900, 3, 1) && day.year() <= 9999
}

/// Returns the number, if a spreadsheet keeps all its digits.
fn number(text: &str) -> Option<f64> {
    let digits = text.chars().filter(char::is_ascii_digit).skip_while(|digit| *digit == '0').count();
    text.parse().ok().filter(|number: &f64| number.is_finite() && digits <= 15)
}

fn shortened(text: &str) -> &str {
    let mut units = 0;
    let end = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > LONGEST
    });
    end.map_or(text, |(at, _)| &text[..at])
}
