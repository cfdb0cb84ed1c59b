//! The names of migrations.

use super::{Plan, TableChange};

/// Maximum length of a name, in bytes.
const MAX_LENGTH: usize = 64;

impl Plan {
    /// Returns a name for a migration that does this: `create_notes`, `add_summary_to_notes`.
    pub fn name(&self) -> String {
        let created = self.created.iter().map(|table| format!("create_{}", table.name));
        let dropped = self.dropped.iter().map(|table| format!("delete_{}", table.name));
        let mut parts: Vec<String> = created.chain(dropped).chain(self.changed.iter().map(TableChange::title)).collect();
        if parts.len() > 2 {
            let more = parts.len() - 1;
            parts.truncate(1);
            parts.push(format!("{more}_more"));
        }
        shorten(&plain(&parts.join("_and_")))
    }
}

impl TableChange {
    fn title(&self) -> String {
        let table = &self.name;
        if self.old_name != self.name {
            return format!("rename_{}_to_{table}", self.old_name);
        }
        match (self.added.as_slice(), self.dropped.as_slice(), self.columns.as_slice(), self.altered.as_slice()) {
            ([one], [], [], []) => format!("add_{}_to_{table}", one.column.name),
            ([], [one], [], []) => format!("remove_{}_from_{table}", one.name),
            ([], [], [(from, to)], []) => format!("rename_{from}_to_{to}_in_{table}"),
            ([], [], [], [one]) => format!("change_{}_in_{table}", one.new.name),
            ([], [], [], []) if self.renamed.indexes != self.new.indexes && self.checks() == (Vec::new(), Vec::new()) => {
                format!("change_indexes_of_{table}")
            }
            _ => format!("change_{table}"),
        }
    }
}

/// Returns the name with the characters that a migration's name may have.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

/// Returns the words at the beginning that are not too long together.
fn shorten(name: &str) -> String {
    if name.len() <= MAX_LENGTH {
        return name.to_owned();
    }
    let end = name[..MAX_LENGTH].rfind('_').unwrap_or(MAX_LENGTH);
    name[..end].trim_end_matches('_').to_owned()
}
