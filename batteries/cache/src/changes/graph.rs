//! The tables of the database, and those that the database changes along with others.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::Text;
use lback_db::{Db, Kind, Verbs};

/// The tables that the database itself changes if another one is changed.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    tables: HashSet<String>,
    /// The tables whose rows refer to those of a table, with what happens to them.
    children: HashMap<String, Vec<Child>>,
    /// Functions that may change tables.
    functions: HashSet<String>,
}

#[derive(Debug)]
struct Child {
    table: String,
    on_delete: Action,
    on_update: Action,
}

/// The effect on rows if the row that they refer to changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    Delete,
    Update,
    /// All that happens to the other table.
    Same,
}

impl Action {
    fn of(name: &str) -> Self {
        match name {
            "CASCADE" | "c" => Action::Delete,
            "SET NULL" | "SET DEFAULT" | "n" | "d" => Action::Update,
            "same" => Action::Same,
            _ => Action::Nothing,
        }
    }
}

#[derive(QueryableByName)]
struct Edge {
    #[diesel(sql_type = Text)]
    child: String,
    #[diesel(sql_type = Text)]
    parent: String,
    #[diesel(sql_type = Text)]
    on_delete: String,
    #[diesel(sql_type = Text)]
    on_update: String,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

impl Graph {
    /// Reads the tables and their foreign keys.
    pub(crate) fn read(db: &mut Db) -> QueryResult<Self> {
        let (tables, edges, functions) = match db.kind() {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => (
                "SELECT lower(name) AS name FROM sqlite_master WHERE type = 'table'",
                "SELECT lower(m.name) AS child, lower(f.\"table\") AS parent, f.on_delete, f.on_update
                 FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table'",
                "SELECT name FROM sqlite_master WHERE 1 = 0",
            ),
            #[cfg(feature = "postgres")]
            Kind::Postgres => (
                "SELECT lower(relname) AS name FROM pg_class WHERE relkind IN ('r', 'p', 'f')",
                // The rows of a partition, or of a table that inherits, are rows of the other table, too.
                "SELECT lower(c.relname) AS child, lower(p.relname) AS parent, confdeltype::text AS on_delete, confupdtype::text AS on_update
                 FROM pg_constraint JOIN pg_class c ON c.oid = conrelid JOIN pg_class p ON p.oid = confrelid WHERE contype = 'f'
                 UNION ALL SELECT lower(c.relname), lower(p.relname), 'same', 'same'
                 FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid JOIN pg_class p ON p.oid = inhparent
                 WHERE c.relkind IN ('r', 'p', 'f')
                 UNION ALL SELECT lower(p.relname), lower(c.relname), 'same', 'same'
                 FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid JOIN pg_class p ON p.oid = inhparent
                 WHERE c.relkind IN ('r', 'p', 'f')",
                // PostgreSQL keeps functions that are not volatile from changing tables.
                "SELECT DISTINCT lower(proname) AS name FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace
                 WHERE provolatile = 'v' AND prokind IN ('f', 'p') AND prorettype <> 'trigger'::regtype
                 AND nspname NOT IN ('pg_catalog', 'information_schema')",
            ),
        };
        let names = |db: &mut Db, sql: &str| -> QueryResult<HashSet<String>> {
            Ok(diesel::sql_query(sql).load::<Name>(db)?.into_iter().map(|row| row.name).collect())
        };
        let mut graph = Graph { tables: names(db, tables)?, children: HashMap::new(), functions: names(db, functions)? };
        for Edge { child, parent, on_delete, on_update } in diesel::sql_query(edges).load::<Edge>(db)? {
            let on_update = if on_update == "CASCADE" || on_update == "c" { Action::Update } else { Action::of(&on_update) };
            let child = Child { table: child, on_delete: Action::of(&on_delete), on_update };
            graph.children.entry(parent).or_default().push(child);
        }
        Ok(graph)
    }

    /// Returns whether this is a table. Views are not: what a change of one changes is not known.
    pub(crate) fn has(&self, table: &str) -> bool {
        self.tables.contains(table)
    }

    /// Returns whether a function of this name may change tables.
    pub(crate) fn may_change_tables(&self, function: &str) -> bool {
        self.functions.contains(function)
    }

    /// Calls `changed` with each table that the database changes along with `table`.
    pub(crate) fn follow(&self, table: &str, verbs: Verbs, changed: &mut impl FnMut(&str)) {
        let mut known = HashSet::new();
        let mut open = vec![(table, verbs.inserts, verbs.updates, verbs.deletes)];
        while let Some((table, inserts, updates, deletes)) = open.pop() {
            for child in self.children.get(table).into_iter().flatten() {
                let action = |happens: bool, action: Action, of: Action| happens && (action == of);
                let same = child.on_delete == Action::Same;
                let next = (
                    same && inserts,
                    same && updates || action(deletes, child.on_delete, Action::Update) || action(updates, child.on_update, Action::Update),
                    same && deletes || action(deletes, child.on_delete, Action::Delete),
                );
                if (next.0 || next.1 || next.2) && known.insert((child.table.as_str(), next)) {
                    changed(&child.table);
                    open.push((&child.table, next.0, next.1, next.2));
                }
            }
        }
    }
}
