//! Reads a file of rows, one after another.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use lback_core::{Error, Result};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

/// A row of a file.
pub(super) struct FileRow {
    /// Its number among all rows of the file.
    pub(super) place: u64,
    /// Its number among the rows of its table, counted from 1.
    pub(super) number: u64,
    /// The line at which it begins.
    pub(super) line: u64,
    /// Its fields, in order.
    pub(super) fields: Vec<(String, Json)>,
}

/// What a file is read for.
pub(super) trait Rows {
    /// Returns whether the row at this place is wanted.
    fn wants(&mut self, place: u64) -> bool;

    /// Takes a row of a table.
    fn row(&mut self, table: &str, row: FileRow) -> Result<()>;

    /// Takes the name of a table, which is in this line.
    fn table(&mut self, table: &str, line: u64) -> Result<()>;
}

/// Reads the file at `path`, which messages call `shown`.
///
/// # Errors
/// Returns an error that names the line, if the file is not JSON of the expected form, and the errors of `rows`.
pub(super) fn read(path: &Path, shown: &str, rows: &mut dyn Rows) -> Result<()> {
    let file = File::open(path).map_err(|error| Error::bad_request(format!("{shown} cannot be read")).with_source(error))?;
    let line = Rc::new(Cell::new(1));
    let state = State { rows: RefCell::new(rows), line: line.clone(), next: Cell::new(0), failed: RefCell::new(None) };
    let mut json = serde_json::Deserializer::from_reader(CountLines { inner: BufReader::new(file), line });
    let result = json.deserialize_map(Tables(&state)).and_then(|()| json.end());
    if let Some(error) = state.failed.take() {
        return Err(error);
    }
    result.map_err(|error| {
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or(&message);
        Error::bad_request(format!(
            "{shown}:{}: {message}. The file must have the form {{\"notes\": [{{\"id\": 1, …}}, …], …}}",
            error.line()
        ))
    })
}

struct State<'a> {
    rows: RefCell<&'a mut dyn Rows>,
    line: Rc<Cell<u64>>,
    next: Cell<u64>,
    /// The error of `rows`, for which reading has stopped.
    failed: RefCell<Option<Error>>,
}

impl State<'_> {
    fn ran<E: serde::de::Error>(&self, result: Result<()>) -> Result<(), E> {
        result.map_err(|error| {
            self.failed.replace(Some(error));
            E::custom("stopped")
        })
    }
}

/// Counts the lines that are read. `serde_json` reads single bytes.
struct CountLines<R> {
    inner: R,
    line: Rc<Cell<u64>>,
}

impl<R: Read> Read for CountLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let lines = buffer[..count].iter().filter(|byte| **byte == b'\n').count();
        self.line.set(self.line.get() + lines as u64);
        Ok(count)
    }
}

struct Tables<'a>(&'a State<'a>);

impl<'de> Visitor<'de> for Tables<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the names of tables")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(table) = map.next_key::<String>()? {
            let known = self.0.rows.borrow_mut().table(&table, self.0.line.get());
            self.0.ran(known)?;
            map.next_value_seed(RowsOf { state: self.0, table })?;
        }
        Ok(())
    }
}

struct RowsOf<'a> {
    state: &'a State<'a>,
    table: String,
}

impl<'de> DeserializeSeed<'de> for RowsOf<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RowsOf<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array with the rows of {}", self.table)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut number = 0;
        loop {
            number += 1;
            let place = self.state.next.get();
            let is_wanted = self.state.rows.borrow_mut().wants(place);
            if !is_wanted {
                if seq.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(());
                }
            } else {
                let Some((line, fields)) = seq.next_element_seed(Fields(self.state))? else { return Ok(()) };
                let taken = self.state.rows.borrow_mut().row(&self.table, FileRow { place, number, line, fields });
                self.state.ran(taken)?;
            }
            self.state.next.set(place + 1);
        }
    }
}

/// The line and the fields of a row.
struct Fields<'a>(&'a State<'a>);

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = (u64, Vec<(String, Json)>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let line = self.0.line.get();
        Ok((line, deserializer.deserialize_map(self)?.1))
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = (u64, Vec<(String, Json)>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row: an object with the names of fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields: Vec<(String, Json)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Json>()? {
            if fields.iter().any(|(other, _)| *other == name) {
                return Err(A::Error::custom(format!("the row has the field {name} twice")));
            }
            fields.push((name, value));
        }
        Ok((0, fields))
    }
}
