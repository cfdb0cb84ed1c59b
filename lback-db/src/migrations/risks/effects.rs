//! What a statement does to existing tables.

use super::super::statements::tokens;
use crate::Kind;

/// What a statement does to a table that others read and write meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Writes wait while the rows are read or written. The second text says how to avoid it.
    Locks(Name, String, &'static str),
    /// As `Locks`, unless a check of the table says already that the column has a value.
    SetsNotNull(Name, String),
    DropsTable(Name),
    DropsColumn(Name, String),
    /// The old and the new name.
    RenamesTable(Name, String),
    RenamesColumn(Name, String, String),
    /// It needs a lock, if only for an instant, that no other statement about the table may have.
    WaitsForLock(Name),
}

/// The name of a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name {
    /// As SQL has it: in quotes, with the schema if it was given.
    pub(super) sql: String,
    /// As people write it.
    pub(super) shown: String,
}

const CONCURRENTLY: &str = "Create it with CREATE INDEX CONCURRENTLY, in a migration without a transaction; makemigrations --concurrently \
                            writes it so";
const NOT_VALID: &str = "Add it as NOT VALID, and validate it in a second migration with ALTER TABLE … VALIDATE CONSTRAINT; makemigrations \
                         --concurrently writes it so";
const NEW_CHECK: &str = "Add the column without it, then the check as NOT VALID, and validate it in a second migration";
const USING_INDEX: &str = "Create a unique index with CREATE UNIQUE INDEX CONCURRENTLY first, and add the constraint with USING INDEX";
const NEW_COLUMN: &str = "Add a new column, copy the values in steps, and let the application change over to it; or migrate when there is \
                          little to do";
const MAINTENANCE: &str = "Migrate when there is little to do";

/// Returns the effects of a statement. What it does to new tables is among them.
pub(super) fn effects(statement: &str, kind: Kind) -> Vec<Effect> {
    let mut words = Words { tokens: tokens(statement, kind), at: 0, is_sqlite: kind.name() == "sqlite" };
    if words.eat("create") {
        words.create_index().unwrap_or_default()
    } else if words.eat("drop") && words.eat("table") {
        words.drop_tables()
    } else if words.eat("alter") && words.eat("table") {
        words.alter_table().unwrap_or_default()
    } else {
        Vec::new()
    }
}

/// Returns the table and the columns that a statement creates, if it is a `CREATE TABLE`.
pub(super) fn created_table(statement: &str, kind: Kind) -> Option<(Name, Vec<String>)> {
    let mut words = Words { tokens: tokens(statement, kind), at: 0, is_sqlite: kind.name() == "sqlite" };
    if !(words.eat("create") && words.eat("table")) {
        return None;
    }
    words.eat_if_exists();
    let table = words.name()?;
    if !words.eat("(") {
        return None;
    }
    const CONSTRAINTS: [&str; 6] = ["constraint", "primary", "unique", "check", "foreign", "exclude"];
    let parts = words.actions().into_iter().filter_map(|part| part.first().copied());
    let columns = parts.filter(|first| !CONSTRAINTS.iter().any(|word| first.eq_ignore_ascii_case(word)));
    Some((table, columns.map(|name| words.plain(name)).collect()))
}

/// The tokens of a statement that are still to be read.
struct Words<'a> {
    tokens: Vec<&'a str>,
    at: usize,
    is_sqlite: bool,
}

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.at).copied()
    }

    fn next(&mut self) -> Option<&'a str> {
        self.at += 1;
        self.tokens.get(self.at - 1).copied()
    }

    fn eat(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn eat_if_exists(&mut self) {
        if self.eat("if") {
            let _ = self.eat("not");
            let _ = self.eat("exists");
        }
    }

    /// Returns a name without its quotes. PostgreSQL makes names without quotes lower-case.
    fn plain(&self, token: &str) -> String {
        let quoted = [('"', '"'), ('`', '`'), ('[', ']')].into_iter().find_map(|(open, close)| {
            let inside = token.strip_prefix(open)?.strip_suffix(close)?;
            Some(inside.replace(&format!("{close}{close}"), &close.to_string()))
        });
        match quoted {
            Some(name) => name,
            None if self.is_sqlite => token.to_owned(),
            None => token.to_lowercase(),
        }
    }

    /// Reads the name of a table, with its schema if it has one.
    fn name(&mut self) -> Option<Name> {
        let mut parts = vec![self.next().map(|token| self.plain(token))?];
        while self.eat(".") {
            parts.push(self.next().map(|token| self.plain(token))?);
        }
        let quoted: Vec<String> = parts.iter().map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
        Some(Name { sql: quoted.join("."), shown: parts.join(".") })
    }

    fn create_index(&mut self) -> Option<Vec<Effect>> {
        let _ = self.eat("unique");
        if !self.eat("index") || self.eat("concurrently") {
            return None;
        }
        self.eat_if_exists();
        if !self.eat("on") {
            self.name()?;
            if !self.eat("on") {
                return None;
            }
        }
        let _ = self.eat("only");
        let how = if self.is_sqlite { MAINTENANCE } else { CONCURRENTLY };
        let table = self.name()?;
        Some(vec![Effect::WaitsForLock(table.clone()), Effect::Locks(table, "building an index".to_owned(), how)])
    }

    fn drop_tables(&mut self) -> Vec<Effect> {
        self.eat_if_exists();
        let mut found = Vec::new();
        while let Some(name) = self.name() {
            found.extend([Effect::WaitsForLock(name.clone()), Effect::DropsTable(name)]);
            if !self.eat(",") {
                break;
            }
        }
        found
    }

    fn alter_table(&mut self) -> Option<Vec<Effect>> {
        self.eat_if_exists();
        let _ = self.eat("only");
        let table = self.name()?;
        let _ = self.eat("*");
        let mut found = Vec::new();
        let mut only_validates = true;
        for action in self.actions() {
            let mut action = Words { tokens: action, at: 0, is_sqlite: self.is_sqlite };
            only_validates &= action.peek().is_some_and(|word| word.eq_ignore_ascii_case("validate"));
            found.extend(action.action(&table));
        }
        // Others read and write while a constraint is validated.
        if !only_validates {
            found.insert(0, Effect::WaitsForLock(table));
        }
        Some(found)
    }

    /// Reads what is between the commas, up to the end or a closing parenthesis.
    fn actions(&mut self) -> Vec<Vec<&'a str>> {
        let (mut actions, mut depth) = (vec![Vec::new()], 0_usize);
        while let Some(token) = self.next() {
            match token {
                ")" if depth == 0 => break,
                "," if depth == 0 => {
                    actions.push(Vec::new());
                    continue;
                }
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
            if let Some(action) = actions.last_mut() {
                action.push(token);
            }
        }
        actions
    }

    /// Reads one action of an `ALTER TABLE`.
    fn action(&mut self, table: &Name) -> Option<Effect> {
        if self.eat("rename") {
            return self.rename(table);
        }
        if self.eat("drop") {
            if self.eat("constraint") {
                return None;
            }
            let _ = self.eat("column");
            self.eat_if_exists();
            return Some(Effect::DropsColumn(table.clone(), self.next().map(|name| self.plain(name))?));
        }
        if self.is_sqlite {
            return None;
        }
        if self.eat("alter") {
            let _ = self.eat("column");
            let column = self.next().map(|name| self.plain(name))?;
            if self.eat("set") && self.eat("not") {
                return Some(Effect::SetsNotNull(table.clone(), column));
            }
            let _ = self.eat("data");
            let rewrites = self.eat("type");
            return rewrites.then(|| Effect::Locks(table.clone(), format!("changing the type of {column}"), NEW_COLUMN));
        }
        if self.eat("add") { self.add(table) } else { None }
    }

    fn rename(&mut self, table: &Name) -> Option<Effect> {
        if self.eat("constraint") {
            return None;
        }
        if self.eat("to") {
            return Some(Effect::RenamesTable(table.clone(), self.next().map(|name| self.plain(name))?));
        }
        let _ = self.eat("column");
        let from = self.next().map(|name| self.plain(name))?;
        if !self.eat("to") {
            return None;
        }
        Some(Effect::RenamesColumn(table.clone(), from, self.next().map(|name| self.plain(name))?))
    }

    /// Reads what an `ADD` adds.
    fn add(&mut self, table: &Name) -> Option<Effect> {
        let has = |words: &Self, word: &str| words.tokens[words.at..].iter().any(|token| token.eq_ignore_ascii_case(word));
        let named = self.eat("constraint");
        if named {
            self.next()?;
        }
        let kind = self.peek()?.to_ascii_lowercase();
        let (what, how) = match kind.as_str() {
            "check" | "foreign" if has(self, "valid") => return None,
            "check" => ("adding a check", NOT_VALID),
            "foreign" => ("adding a reference", NOT_VALID),
            "unique" | "primary" if has(self, "using") => return None,
            "unique" => ("adding a unique constraint", USING_INDEX),
            "primary" => ("adding a primary key", USING_INDEX),
            "exclude" => ("adding an exclusion constraint", MAINTENANCE),
            _ if named => return None,
            // A column.
            _ if has(self, "unique") || has(self, "primary") => ("adding a unique column", USING_INDEX),
            _ if has(self, "check") => ("adding a column with a check", NEW_CHECK),
            _ if has(self, "stored") || has(self, "identity") || has(self, "serial") || has(self, "bigserial") => {
                ("adding a column that is computed for each row", NEW_COLUMN)
            }
            _ if VOLATILE.iter().any(|function| has(self, function)) => ("adding a column that is computed for each row", NEW_COLUMN),
            _ => return None,
        };
        Some(Effect::Locks(table.clone(), what.to_owned(), how))
    }
}

/// Functions with another value for each row.
const VOLATILE: [&str; 5] = ["gen_random_uuid", "random", "clock_timestamp", "nextval", "uuid_generate_v4"];

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_statement_is_read_to_its_end() {
        for sql in [
            "",
            "create",
            "create index",
            "create index on",
            "create unique index i on \"a\"\"b\" (",
            "alter table",
            "alter table a",
            "alter table a add",
            "alter table a add constraint",
            "alter table a add constraint c",
            "alter table a drop",
            "alter table . .",
            "alter table a rename",
            "alter table a rename to",
            "alter table a rename b to",
            "alter table a )))",
            "drop table",
            "drop table ,",
            "alter table a alter",
            "create table a",
            "create table a (",
            "create table a ())",
        ] {
            for &kind in Kind::ALL {
                effects(sql, kind);
                created_table(sql, kind);
            }
        }
    }

    #[test]
    fn effects_are_found_in_any_way_of_writing() {
        let table = || Name { sql: "\"posts\"".to_owned(), shown: "posts".to_owned() };
        let found = |sql: &str| {
            effects(sql, Kind::Postgres).into_iter().filter(|effect| !matches!(effect, Effect::WaitsForLock(_))).collect::<Vec<_>>()
        };
        assert_eq!(
            found("ALTER TABLE IF EXISTS ONLY posts DROP COLUMN IF EXISTS \"Text\", drop b"),
            [Effect::DropsColumn(table(), "Text".to_owned()), Effect::DropsColumn(table(), "b".to_owned()),]
        );
        assert_eq!(found("alter table Posts rename a to b"), [Effect::RenamesColumn(table(), "a".to_owned(), "b".to_owned())]);
        assert_eq!(found("ALTER TABLE posts ALTER a SET NOT NULL"), [Effect::SetsNotNull(table(), "a".to_owned())]);
        let locks = |sql: &str| matches!(found(sql).as_slice(), [Effect::Locks(name, _, _)] if *name == table());
        for sql in [
            "CREATE UNIQUE INDEX ON ONLY posts (a)",
            "create index if not exists i on posts (lower(a), b)",
            "ALTER TABLE posts ALTER COLUMN a SET DATA TYPE bigint USING a::bigint",
            "ALTER TABLE posts ADD CONSTRAINT c CHECK (a > 0 AND b IN (1, 2))",
            "ALTER TABLE posts ADD FOREIGN KEY (a) REFERENCES b (id)",
            "ALTER TABLE posts ADD COLUMN u uuid NOT NULL DEFAULT gen_random_uuid()",
            "ALTER TABLE posts ADD COLUMN n BIGINT NOT NULL DEFAULT 0 CHECK (n >= 0)",
        ] {
            assert!(locks(sql), "{sql}: {:?}", found(sql));
        }
        for sql in [
            "CREATE INDEX CONCURRENTLY i ON posts (a)",
            "ALTER TABLE posts ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
            "ALTER TABLE posts ADD CONSTRAINT u UNIQUE USING INDEX i",
            "ALTER TABLE posts VALIDATE CONSTRAINT c",
            "ALTER TABLE posts ADD COLUMN a INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE posts ALTER a DROP NOT NULL, ALTER a SET DEFAULT 0, RENAME CONSTRAINT a TO b",
            "INSERT INTO posts VALUES ('ALTER TABLE posts DROP a')",
        ] {
            assert_eq!(found(sql), [], "{sql}");
        }
    }
}
