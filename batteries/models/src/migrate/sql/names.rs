//! Names in SQL.

use super::conditions::normal_condition;
use crate::migrate::Index;

/// PostgreSQL cuts off names after this number of bytes.
const MAX_LENGTH: usize = 63;

/// Returns a name as SQL.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns names as SQL, separated by commas.
pub(crate) fn list(names: &[String]) -> String {
    names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ")
}

/// Returns the name of a constraint on PostgreSQL, such as `posts_author_id_fkey`: `fkey` of a reference, `choices` of the allowed values
/// of a column, `check` of a model's check with its name in place of a column, `pkey` of the primary key.
///
/// A name that PostgreSQL would cut off ends in a hash instead, so that two long names stay different.
pub fn constraint_name(table: &str, column: &str, suffix: &str) -> String {
    let column = if column.is_empty() { String::new() } else { format!("_{column}") };
    shortened(&format!("{table}{column}"), suffix)
}

/// Returns the name of an index: `posts_slug_key` of a unique one, `posts_state_published_at_idx` of another. The name of one with a
/// condition contains a hash of it.
pub fn index_name(table: &str, index: &Index) -> String {
    let condition = match index.condition.as_str() {
        "" => String::new(),
        condition => format!("_{:08x}", hash(&normal_condition(condition))),
    };
    let suffix = if index.unique { "key" } else { "idx" };
    shortened(&format!("{table}_{}{condition}", index.columns.join("_")), suffix)
}

fn shortened(name: &str, suffix: &str) -> String {
    let full = format!("{name}_{suffix}");
    if full.len() <= MAX_LENGTH {
        return full;
    }
    // Two underscores, eight digits.
    let room = MAX_LENGTH - suffix.len() - 10;
    let end = name.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= room).last().unwrap_or(0);
    format!("{}_{:08x}_{suffix}", &name[..end], hash(&full))
}

/// The FNV-1a hash, which is the same in every version of the program.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_differ_and_fit() {
        let names = ["title", "titles"].map(|end| constraint_name(&"é".repeat(40), end, "choices"));
        assert_ne!(names[0], names[1]);
        assert!(names.iter().all(|name| name.len() <= MAX_LENGTH && name.ends_with("_choices")), "{names:?}");
        assert_eq!(constraint_name("posts", "", "pkey"), "posts_pkey");
    }
}
