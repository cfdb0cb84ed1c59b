//! Writes rows of models as JSON.

use lback_core::Result;
use lback_db::Db;

use super::json::one_line;
use super::models::DataModel;
use super::natural::{natural_key, rows_as_json};
use super::statements::{key_fields, number, page};
use crate::Value;

/// Writes the rows of the models, a few hundred of which are in memory. `write` gets the lines.
///
/// # Errors
/// Returns the errors of the database and of `write`.
pub(super) fn dump(db: &mut Db, models: &[DataModel], natural: bool, write: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
    // What ends the line before is known only when the next one comes.
    let mut unfinished: Option<String> = Some("{".to_owned());
    let mut is_first = true;
    for model in models {
        let meta = model.meta;
        let without_number = natural && natural_key(meta).is_some();
        let is_left_out = |column: &str| without_number && number(meta).is_some_and(|number| number.column == column);
        let written: Vec<_> = meta.fields.iter().filter(|field| !is_left_out(field.column)).collect();
        let (mut after, mut begun): (Option<Vec<Value>>, bool) = (None, false);
        loop {
            let rows = page(db, meta, after.as_deref())?;
            let Some(last) = rows.last() else { break };
            after = Some(key_fields(meta).filter_map(|(at, _)| last.get(at).cloned()).collect());
            for row in rows_as_json(db, meta, &written, &rows, natural)? {
                if !begun {
                    let end = if is_first { "" } else { "\n  ]," };
                    write(&(unfinished.take().unwrap_or_default() + end))?;
                    write(&format!("  {}: [", quoted(meta.table)))?;
                }
                let fields: Vec<String> =
                    written.iter().zip(row).map(|(field, json)| format!("{}: {}", quoted(field.name), one_line(&json))).collect();
                if let Some(before) = unfinished.replace(format!("    {{{}}}", fields.join(", "))) {
                    write(&(before + ","))?;
                }
                (begun, is_first) = (true, false);
            }
        }
    }
    write(&(unfinished.unwrap_or_default() + if is_first { "" } else { "\n  ]" }))?;
    write("}")
}

fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}
