//! Random changes of models: each is applied, the database is compared with the models, and the rows are still there; then it is
//! rolled back, compared, and applied again. Triggers, views and indexes that were made by hand survive.
//!
//! `SEEDS=1000 cargo test -p lback-models random_changes` runs more of them; `SEED=17` runs one alone.

use std::collections::BTreeMap;
use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use lback_db::Db;
use lback_models::migrate::{Answers, Check, Column, DefaultValue, Dialect, ForeignKey, Index, Plan, Schema, Table, plan};
use lback_models::{Digits, Kind, OnDelete};

use super::project::{Project, projects};

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % limit as u64) as usize
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

/// Models that change at random.
struct Models {
    random: Random,
    schema: Schema,
    /// Number of names that were given.
    names: usize,
    answers: Answers,
    /// The tables that were dropped, by their names before.
    dropped_tables: Vec<String>,
}

const ON_DELETE: [OnDelete; 3] = [OnDelete::Restrict, OnDelete::Cascade, OnDelete::SetNull];

impl Models {
    fn new(seed: u64) -> Self {
        let mut models = Models {
            random: Random(seed + 1),
            schema: Schema::default(),
            names: 0,
            answers: Answers::default(),
            dropped_tables: Vec::new(),
        };
        let tables = ["a", "b", "c"].map(str::to_owned);
        for name in &tables {
            let table = models.table(&tables);
            models.schema.tables.insert(name.clone(), table);
        }
        models
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn table(&mut self, tables: &[String]) -> Table {
        let id = Column { numbered: true, ..Column::new("id", Kind::BigInt) };
        let count = 3 + self.random.below(4);
        let others: Vec<Column> = (0..count).map(|_| self.column(tables)).collect();
        let mut table = Table { columns: [vec![id], others].concat(), primary_key: vec!["id".to_owned()], ..Table::default() };
        self.add_index(&mut table);
        table
    }

    fn column(&mut self, tables: &[String]) -> Column {
        let name = self.name("c");
        let random = &mut self.random;
        let null = random.chance(3);
        let kinds = [
            Kind::Text,
            Kind::Text,
            Kind::Text,
            Kind::Integer,
            Kind::BigInt,
            Kind::SmallInt,
            Kind::Bool,
            Kind::Double,
            Kind::DateTime,
            Kind::Timestamp,
            Kind::Date,
            Kind::Time,
            Kind::Uuid,
            Kind::Json,
            Kind::Decimal,
            Kind::Duration,
            Kind::Bytes,
        ];
        let mut column = Column { null, ..Column::new(name, *random.one(&kinds)) };
        match random.below(6) {
            0 | 1 => {
                column.kind = Kind::BigInt;
                column.null = true;
                let (table, on_delete) = (random.one(tables).clone(), *random.one(&ON_DELETE));
                column.references = Some(ForeignKey { table, column: "id".to_owned(), on_delete });
            }
            2 => {
                column.kind = Kind::Text;
                column.choices = ["draft", "it's", "published"].map(str::to_owned).to_vec();
                column.default = random.chance(2).then(|| DefaultValue::Text("draft".to_owned()));
            }
            _ => match column.kind {
                Kind::Text => {
                    column.max_length = random.chance(2).then(|| 50 + random.below(4) as u32);
                    column.default =
                        random.chance(3).then(|| DefaultValue::Text((*random.one(&["it's", "", "x\"y", "ü – \\"])).to_owned()));
                }
                Kind::SmallInt | Kind::Integer | Kind::BigInt | Kind::Duration => {
                    column.default = random.chance(3).then(|| DefaultValue::Int(random.below(9) as i64 - 4));
                }
                Kind::Double => column.default = random.chance(3).then_some(DefaultValue::Real(-0.5)),
                Kind::Decimal => {
                    column.digits = Some(Digits { max_digits: 10, decimal_places: 2 });
                    column.default = random.chance(3).then(|| DefaultValue::Text("1.50".to_owned()));
                }
                Kind::Json => column.default = random.chance(3).then(|| DefaultValue::Text("{\"a\": [1]}".to_owned())),
                Kind::Bool => column.default = random.chance(2).then(|| DefaultValue::Bool(random.chance(2))),
                _ => {}
            },
        }
        column
    }

    fn add_index(&mut self, table: &mut Table) {
        let names: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
        let mut columns = vec![self.random.one(&names).clone()];
        let other = self.random.one(&names).clone();
        if self.random.chance(2) && !columns.contains(&other) {
            columns.push(other);
        }
        let unique = self.random.chance(2);
        // With the key, so that it holds whatever the rows are.
        if unique && !columns.contains(&"id".to_owned()) {
            columns.push("id".to_owned());
        }
        let condition = if self.random.chance(3) { format!("{} IS NOT NULL", self.random.one(&names)) } else { String::new() };
        table.indexes.insert(Index { columns, unique, condition });
    }

    /// Makes up to three changes, and returns the schema before and the plan.
    fn change(&mut self) -> (String, Schema, Plan) {
        let old = self.schema.clone();
        self.answers = Answers::default();
        self.dropped_tables.clear();
        let mut titles = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            titles.push(self.change_once(&old));
        }
        for (name, table) in &self.schema.tables {
            for column in &table.columns {
                self.answers.values.push((name.clone(), column.name.clone(), value_for_all(column)));
            }
        }
        let plan = plan(&old, &self.schema, &mut self.answers).unwrap();
        (titles.join(", "), old, plan)
    }

    fn change_once(&mut self, old: &Schema) -> String {
        let tables: Vec<String> = self.schema.tables.keys().cloned().collect();
        let at = self.random.one(&tables).clone();
        let what = self.random.below(13);
        match what {
            0 => {
                let name = self.name("t");
                let all = [tables, vec![name.clone()]].concat();
                let table = self.table(&all);
                self.schema.tables.insert(name, table);
            }
            1 if tables.len() > 2 => self.drop_table(&at, old),
            2 => self.rename_table(&at, old),
            _ => {
                let mut table = self.schema.tables.remove(&at).unwrap();
                self.change_table(what, &at, &mut table, &tables, old);
                self.schema.tables.insert(at.clone(), table);
            }
        }
        format!("{what} on {at}")
    }

    /// Returns the name that a table had before this step.
    fn old_name(&self, table: &str) -> String {
        self.answers.tables.iter().find(|(_, to)| to == table).map_or(table, |(from, _)| from).to_owned()
    }

    fn drop_table(&mut self, name: &str, old: &Schema) {
        self.schema.tables.remove(name);
        for column in self.schema.tables.values_mut().flat_map(|table| &mut table.columns) {
            column.references.take_if(|to| to.table == name);
        }
        let old_name = self.old_name(name);
        if old.tables.contains_key(&old_name) {
            self.dropped_tables.push(old_name);
        }
        self.answers.tables.retain(|(_, to)| to != name);
        self.answers.columns.retain(|(of, ..)| of != name);
    }

    fn rename_table(&mut self, from: &str, old: &Schema) {
        let to = self.name("t");
        let table = self.schema.tables.remove(from).unwrap();
        self.schema.tables.insert(to.clone(), table);
        for column in self.schema.tables.values_mut().flat_map(|table| &mut table.columns) {
            if let Some(reference) = column.references.as_mut().filter(|reference| reference.table == from) {
                reference.table.clone_from(&to);
            }
        }
        self.answers.columns.iter_mut().filter(|(of, ..)| of == from).for_each(|(of, ..)| of.clone_from(&to));
        match self.answers.tables.iter_mut().find(|(_, renamed)| renamed == from) {
            Some((_, renamed)) => *renamed = to,
            None if old.tables.contains_key(from) => self.answers.tables.push((from.to_owned(), to)),
            None => {}
        }
    }

    /// Notes that a column was renamed, unless it is new in this step.
    fn note_renamed(&mut self, at: &str, from: String, to: String, old: &Schema) {
        if let Some((_, _, renamed)) = self.answers.columns.iter_mut().find(|(of, _, renamed)| of == at && *renamed == from) {
            *renamed = to;
        } else if old.tables.get(&self.old_name(at)).is_some_and(|table| table.column(&from).is_some()) {
            self.answers.columns.push((at.to_owned(), from, to));
        }
    }

    fn change_table(&mut self, what: usize, at: &str, table: &mut Table, tables: &[String], old: &Schema) {
        let own: Vec<String> = table.columns.iter().map(|column| column.name.clone()).filter(|name| name != "id").collect();
        match what {
            3 | 4 => {
                let column = self.column(tables);
                table.columns.push(column);
            }
            5 if own.len() > 1 => {
                let gone = self.random.one(&own).clone();
                let has = |condition: &str| condition.contains(&format!("{gone} "));
                self.answers.columns.retain(|(of, _, renamed)| of != at || *renamed != gone);
                table.columns.retain(|column| column.name != gone);
                table.indexes.retain(|index| !index.columns.contains(&gone) && !has(&index.condition));
                table.checks.retain(|check| !has(&check.condition));
            }
            6 if !own.is_empty() => {
                let (from, to) = (self.random.one(&own).clone(), self.name("c"));
                rename_column(table, &from, &to);
                self.note_renamed(at, from, to, old);
            }
            7 | 8 if !own.is_empty() => {
                let name = self.random.one(&own).clone();
                let column = table.columns.iter_mut().find(|column| column.name == name).unwrap();
                alter(&mut self.random, column);
            }
            9 => self.add_index(table),
            10 => drop(table.indexes.pop_first()),
            11 => {
                let (name, column) = (self.name("k"), table.columns[self.random.below(table.columns.len())].name.clone());
                table.checks.insert(Check::new(name, format!("{column} IS NULL OR id > 0")));
            }
            12 => drop(table.checks.pop_first()),
            _ => {}
        }
    }
}

fn rename_column(table: &mut Table, from: &str, to: &str) {
    for column in table.columns.iter_mut().filter(|column| column.name == from) {
        to.clone_into(&mut column.name);
    }
    let renamed = |condition: &str| condition.replace(&format!("{from} "), &format!("{to} "));
    let indexes = std::mem::take(&mut table.indexes).into_iter().map(|index| Index {
        columns: index.columns.iter().map(|column| if column == from { to.to_owned() } else { column.clone() }).collect(),
        condition: renamed(&index.condition),
        unique: index.unique,
    });
    table.indexes = indexes.collect();
    let checks = std::mem::take(&mut table.checks).into_iter();
    table.checks = checks.map(|check| Check { condition: renamed(&check.condition), ..check }).collect();
}

fn alter(random: &mut Random, column: &mut Column) {
    if let Some(reference) = &mut column.references {
        if random.chance(2) {
            column.references = None;
        } else {
            reference.on_delete = *random.one(&ON_DELETE);
        }
        return;
    }
    match random.below(3) {
        0 => column.null = !column.null,
        1 => match column.kind {
            Kind::SmallInt => column.kind = Kind::Integer,
            Kind::Integer => column.kind = *random.one(&[Kind::BigInt, Kind::SmallInt]),
            Kind::DateTime => column.kind = Kind::Timestamp,
            Kind::Timestamp => column.kind = Kind::DateTime,
            Kind::Text if !column.choices.is_empty() => match random.below(3) {
                0 => column.choices.clear(),
                _ => {
                    column.choices.push(format!("more{}", column.choices.len()));
                    column.choices.sort();
                }
            },
            // Longer or shorter; the values of rows are short.
            Kind::Text => column.max_length = *random.one(&[None, Some(40), Some(200)]),
            // More digits or fewer; the values of rows are short.
            Kind::Decimal => column.digits = Some(Digits { max_digits: *random.one(&[6, 10, 18]), decimal_places: 2 }),
            Kind::BigInt | Kind::Double | Kind::Date | Kind::Uuid | Kind::Json => {
                column.kind = Kind::Text;
                column.default = None;
            }
            _ => column.null = true,
        },
        _ => {
            column.default = match (&column.default, column.kind) {
                (None, Kind::Text) => Some(DefaultValue::Text(column.choices.first().cloned().unwrap_or_else(|| "d".to_owned()))),
                (None, Kind::SmallInt | Kind::Integer | Kind::BigInt) => Some(DefaultValue::Int(7)),
                (None, Kind::Bool) => Some(DefaultValue::Bool(true)),
                _ => None,
            };
        }
    }
}

/// Returns a value that rows get in a column that must have one.
fn value_for_all(column: &Column) -> DefaultValue {
    let text = |text: &str| DefaultValue::Text(text.to_owned());
    match column.kind {
        Kind::SmallInt | Kind::Integer | Kind::BigInt | Kind::Duration => DefaultValue::Int(5),
        Kind::Float | Kind::Double => DefaultValue::Real(2.5),
        Kind::Bool => DefaultValue::Bool(true),
        Kind::Text | Kind::Bytes => text(column.choices.first().map_or("filled", String::as_str)),
        Kind::Date => text("2026-05-05"),
        Kind::Time => text("05:05:05"),
        Kind::DateTime => text("2026-05-05 05:05:05"),
        Kind::Timestamp => text("2026-05-05 05:05:05+00:00"),
        Kind::Uuid => text("55555555-5555-5555-5555-555555555555"),
        Kind::Json => text("[5]"),
        Kind::Decimal => text("5.50"),
    }
}

/// Returns the value of a row, as SQL.
fn value(column: &Column, row: usize, dialect: Dialect) -> String {
    let postgres = dialect == Dialect::Postgres;
    if column.references.is_some() {
        return if row.is_multiple_of(2) { "1".to_owned() } else { "NULL".to_owned() };
    }
    if column.null && row == 3 {
        return "NULL".to_owned();
    }
    if !column.choices.is_empty() {
        return format!("'{}'", column.choices[row % column.choices.len()].replace('\'', "''"));
    }
    match column.kind {
        Kind::Text => format!("'v{row}'"),
        Kind::Bool => "TRUE".to_owned(),
        Kind::Double | Kind::Float => format!("{row}.5"),
        Kind::DateTime => format!("'2026-01-0{row} 10:00:00'"),
        Kind::Timestamp => format!("'2026-01-0{row} 10:00:00+00:00'"),
        Kind::Date => format!("'2026-01-0{row}'"),
        Kind::Time => format!("'0{row}:00:00'"),
        Kind::Uuid => format!("'00000000-0000-0000-0000-00000000000{row}'"),
        Kind::Json => format!("'[{row}]'"),
        Kind::Decimal if postgres => format!("{row}.25"),
        Kind::Decimal => format!("{row}25"),
        Kind::Bytes if postgres => format!("'\\x0{row}'"),
        Kind::Bytes => format!("X'0{row}'"),
        Kind::SmallInt | Kind::Integer | Kind::BigInt | Kind::Duration => row.to_string(),
    }
}

fn insert_rows(project: &Project, schema: &Schema) {
    let mut sql = String::new();
    for (name, table) in &schema.tables {
        // References are set afterwards: they may be circular.
        let columns: Vec<&Column> = table.columns.iter().filter(|column| column.references.is_none()).collect();
        let names: Vec<String> = columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        for row in 1..=3 {
            let value = |column: &&Column| if column.numbered { row.to_string() } else { value(column, row, project.dialect) };
            let values: Vec<String> = columns.iter().map(value).collect();
            sql += &format!("INSERT INTO \"{name}\" ({}) VALUES ({});\n", names.join(", "), values.join(", "));
        }
    }
    for (name, table) in &schema.tables {
        for column in table.columns.iter().filter(|column| column.references.is_some()) {
            for row in 1..=3 {
                sql += &format!("UPDATE \"{name}\" SET \"{}\" = {} WHERE id = {row};\n", column.name, value(column, row, project.dialect));
            }
        }
    }
    project.run(&sql);
}

/// Makes triggers, a view and an index for each table by hand.
fn make_by_hand(project: &Project) {
    let mut sql = "CREATE TABLE hand_log (id BIGINT);\n".to_owned();
    if project.dialect == Dialect::Postgres {
        sql += "CREATE FUNCTION hand() RETURNS trigger AS $$ BEGIN INSERT INTO hand_log VALUES (NEW.id); RETURN NEW; END $$ LANGUAGE plpgsql;\n";
    }
    for name in ["a", "b", "c"] {
        sql += &format!("CREATE INDEX hand_{name}_index ON {name} (id);\nCREATE VIEW hand_{name}_view AS SELECT id FROM {name};\n");
        sql += &match project.dialect {
            Dialect::Sqlite => format!(
                "CREATE TRIGGER hand_{name}_trigger AFTER DELETE ON {name} BEGIN INSERT INTO hand_log SELECT old.id FROM {name}; END;\n\
                 CREATE TRIGGER hand_{name}_other AFTER INSERT ON hand_log WHEN new.id < 0 BEGIN UPDATE {name} SET id = id WHERE id = new.id; END;\n"
            ),
            Dialect::Postgres => {
                format!("CREATE TRIGGER hand_{name}_trigger AFTER DELETE ON {name} FOR EACH ROW EXECUTE FUNCTION hand();\n")
            }
        };
    }
    project.run(&sql);
}

/// Drops what would refer to a table that is dropped.
fn drop_by_hand(project: &Project, original: &str) {
    let trigger = match project.dialect {
        Dialect::Sqlite => format!("DROP TRIGGER hand_{original}_other;"),
        Dialect::Postgres => String::new(),
    };
    project.run(&format!("DROP VIEW hand_{original}_view; {trigger}"));
}

fn made_by_hand(project: &Project) -> Vec<String> {
    project.query(match project.dialect {
        Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE name LIKE 'hand\\_%' ESCAPE '\\' ORDER BY name",
        Dialect::Postgres => {
            "SELECT relname::text AS name FROM pg_class WHERE relname LIKE 'hand\\_%' UNION ALL SELECT tgname::text FROM pg_trigger
             WHERE NOT tgisinternal ORDER BY name"
        }
    })
}

#[derive(QueryableByName)]
struct Cell {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
}

/// The id of a row, and a value of it.
type Value = (i64, Option<String>);

/// The values by table and column.
type Cells = BTreeMap<(String, String), Vec<Value>>;

/// Returns the values of all columns, as texts.
fn cells(db: &mut Db, schema: &Schema) -> Cells {
    let mut cells = Cells::new();
    for (name, table) in &schema.tables {
        for column in &table.columns {
            let text = match (column.kind, db.kind().is_server()) {
                (Kind::Timestamp, true) => format!("CAST(\"{}\" AT TIME ZONE 'UTC' AS TEXT)", column.name),
                (Kind::Bytes, false) => format!("CASE WHEN \"{0}\" IS NULL THEN NULL ELSE hex(\"{0}\") END", column.name),
                _ => format!("CAST(\"{}\" AS TEXT)", column.name),
            };
            let rows: Vec<Cell> = diesel::sql_query(format!("SELECT id, {text} AS value FROM \"{name}\" ORDER BY id")).load(db).unwrap();
            cells.insert((name.clone(), column.name.clone()), rows.into_iter().map(|cell| (cell.id, cell.value)).collect());
        }
    }
    cells
}

/// Fails if a value is lost. Those that were NULL may have been filled.
#[track_caller]
fn assert_kept(before: &Cells, after: &Cells, answers: &Answers, context: &str) {
    for ((table, column), rows) in before {
        let table = answers.tables.iter().find(|(from, _)| from == table).map_or(table, |(_, to)| to);
        let renamed = answers.columns.iter().find(|(of, from, _)| of == table && from == column);
        let column = renamed.map_or(column, |(_, _, to)| to);
        let Some(now) = after.get(&(table.clone(), column.clone())) else { continue };
        let is_kept = |(before, now): (&Value, &Value)| {
            before.0 == now.0 && (before.1 == now.1 || before.1.is_none() || same_time(before.1.as_deref(), now.1.as_deref()))
        };
        assert!(rows.len() == now.len() && rows.iter().zip(now).all(is_kept), "{context}\n{table}.{column}: {rows:?} {now:?}");
    }
}

/// SQLite keeps a moment as it was written, with its zone.
fn same_time(one: Option<&str>, other: Option<&str>) -> bool {
    let plain = |time: Option<&str>| time.map(|time| time.trim_end_matches("+00:00").to_owned());
    one.is_some_and(|time| time.starts_with("2026-")) && plain(one) == plain(other)
}

fn environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn random_changes_keep_rows_and_what_was_made_by_hand() {
    let seeds = match environment("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..environment("SEEDS").unwrap_or(20),
    };
    // Two threads for each database, as each waits for its own.
    std::thread::scope(|scope| {
        for half in 0..2 {
            for mut project in projects() {
                let seeds = seeds.clone().filter(move |seed| seed % 2 == half);
                scope.spawn(move || {
                    let start = Instant::now();
                    let steps: usize = seeds.map(|seed| run(&mut project, seed)).sum();
                    println!(
                        "{}: {steps} changes, each applied, rolled back and applied again, in {:?}",
                        project.dialect.name(),
                        start.elapsed()
                    );
                });
            }
        }
    });
}

/// Returns the number of changes.
fn run(project: &mut Project, seed: u64) -> usize {
    project.reset();
    let mut models = Models::new(seed);
    let first = plan(&Schema::default(), &models.schema, &mut Answers::default()).unwrap();
    let sql = project.add(&Schema::default(), &models.schema, &first);
    project.apply().unwrap_or_else(|error| panic!("{error}\n{sql}"));
    project.assert_is(&models.schema, &sql);
    insert_rows(project, &models.schema);
    make_by_hand(project);
    // The names of the first tables, by their names now.
    let mut originals: BTreeMap<String, String> = ["a", "b", "c"].map(|name| (name.to_owned(), name.to_owned())).into();
    let mut steps = 0;
    for step in 0..8 {
        let (what, old, forth) = models.change();
        if forth.is_empty() {
            continue;
        }
        steps += 1;
        let new = models.schema.clone();
        for original in models.dropped_tables.iter().filter_map(|table| originals.remove(table)) {
            drop_by_hand(project, &original);
        }
        for (from, to) in &models.answers.tables {
            if let Some(original) = originals.remove(from) {
                originals.insert(to.clone(), original);
            }
        }
        let sql = project.add(&old, &new, &forth);
        let context = format!("SEED={seed} {} step {step}: {what}\n{sql}\n{forth:#?}", project.dialect.name());
        let before = cells(&mut project.db(), &old);
        let by_hand = made_by_hand(project);
        project.apply().unwrap_or_else(|error| panic!("{error}\n{context}"));
        project.assert_is(&new, &context);
        let again = plan(&Schema::from_json(&new.to_json(), "models.json").unwrap(), &new, &mut Answers::default()).unwrap();
        assert!(again.is_empty(), "{context}");
        let after = cells(&mut project.db(), &new);
        assert_kept(&before, &after, &models.answers, &context);
        if !models.dropped_tables.is_empty() {
            // The rows do not come back, and references to them cannot be restored.
            continue;
        }
        assert_eq!(made_by_hand(project), by_hand, "{context}");
        project.rollback().unwrap_or_else(|error| panic!("back: {error}\n{context}"));
        project.assert_is(&old, &format!("back: {context}"));
        assert_eq!(made_by_hand(project), by_hand, "back: {context}");
        project.apply().unwrap_or_else(|error| panic!("again: {error}\n{context}"));
        project.assert_is(&new, &format!("again: {context}"));
    }
    if seed == 0 {
        assert_created_is_migrated(project, &models.schema);
    }
    // What was made by hand still works.
    for (table, original) in originals {
        project.run(&format!("SELECT * FROM hand_{original}_view; DELETE FROM \"{table}\" WHERE id < 0"));
    }
    steps
}

/// Fails if a new database is not what a migrated one is.
fn assert_created_is_migrated(project: &Project, schema: &Schema) {
    let mut created = projects().into_iter().find(|other| other.dialect == project.dialect).unwrap();
    created.migrate(&Schema::default(), schema).unwrap();
    created.assert_is(schema, "created");
    project.db().batch_execute("SELECT 1").unwrap();
}
