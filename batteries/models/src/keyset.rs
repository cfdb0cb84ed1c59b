//! Keysets: the columns of an order, whose values name the place of a row in a list.

use lback_db::{Db, order_of};

use crate::{FieldMeta, Kind, ModelMeta, Value};

/// A column of an order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyColumn {
    /// The place of the field in its model.
    pub(crate) at: usize,
    pub(crate) field: &'static FieldMeta,
    pub(crate) descending: bool,
}

/// The columns of an order in which no two rows of a model have the same place: the key is among them.
#[derive(Clone, Debug)]
pub(crate) struct Keyset {
    meta: &'static ModelMeta,
    columns: Vec<KeyColumn>,
}

impl Keyset {
    /// Returns the order by these columns, and then by the key, in the direction of the last column.
    ///
    /// # Errors
    /// Returns a message if the model has no such column, or if it is hidden or JSON.
    pub(crate) fn of<'n>(meta: &'static ModelMeta, order: impl IntoIterator<Item = (&'n str, bool)>) -> Result<Self, String> {
        let mut keyset = Keyset { meta, columns: Vec::new() };
        for (name, descending) in order {
            keyset.add(name, descending)?;
        }
        let descending = keyset.columns.last().is_some_and(|last| last.descending);
        for name in meta.primary_key {
            keyset.add(name, descending)?;
        }
        Ok(keyset)
    }

    /// Returns the order of a query for rows of the model.
    ///
    /// # Errors
    /// Returns a message if the query is ordered by anything but columns of the model, or has a limit.
    pub(crate) fn of_query(
        meta: &'static ModelMeta,
        query: &impl diesel::query_builder::QueryFragment<lback_db::Dialect>,
        db: &Db,
    ) -> Result<Self, String> {
        let order = order_of(query, db.kind()).map_err(|error| error.to_string())?;
        let is_own = |column: &lback_db::OrderedColumn| column.table == meta.table;
        match order {
            Some(order) if order.iter().all(is_own) => {
                Keyset::of(meta, order.iter().map(|column| (column.column.as_str(), column.descending)))
            }
            _ => Err(format!("the query must be ordered only by columns of {}, and must not have a limit", meta.table)),
        }
    }

    fn add(&mut self, name: &str, descending: bool) -> Result<(), String> {
        let named = |field: &&FieldMeta| field.column == name;
        let Some(at) = self.meta.fields.iter().position(|field| named(&field)) else {
            return Err(format!("{} has no column {name}", self.meta.table));
        };
        let field = &self.meta.fields[at];
        if self.columns.iter().any(|column| column.at == at) {
            // It has its place already.
            return Ok(());
        }
        if field.hidden {
            return Err(format!("{}.{name} is hidden, and a cursor would show it", self.meta.table));
        }
        if field.kind == Kind::Json {
            return Err(format!("{}.{name} is JSON, which the databases order differently", self.meta.table));
        }
        self.columns.push(KeyColumn { at, field, descending });
        Ok(())
    }

    pub(crate) fn meta(&self) -> &'static ModelMeta {
        self.meta
    }

    pub(crate) fn columns(&self) -> &[KeyColumn] {
        &self.columns
    }

    /// Returns the order as a text, by which a cursor of another list is recognized.
    pub(crate) fn name(&self) -> String {
        let columns = self.columns.iter().map(|column| format!("{}{}", if column.descending { "-" } else { "" }, column.field.column));
        format!("{}:{}", self.meta.table, columns.collect::<Vec<_>>().join(","))
    }

    /// Returns the same order from the end.
    pub(crate) fn reversed(&self) -> Self {
        let columns = self.columns.iter().map(|column| KeyColumn { descending: !column.descending, ..*column });
        Keyset { meta: self.meta, columns: columns.collect() }
    }

    /// Returns the values that name the place of a row.
    pub(crate) fn values_of(&self, row: &[Value]) -> Vec<Value> {
        self.columns.iter().map(|column| row.get(column.at).cloned().unwrap_or(Value::Null)).collect()
    }

    /// Returns conditions of all rows, one after the other. PostgreSQL keeps NULLs at the end of an index, so those of the first column are
    /// read by a statement of their own, which the index serves.
    pub(crate) fn all(&self) -> Vec<Vec<Test>> {
        match self.columns.first() {
            Some(first) if first.field.null && first.descending => vec![vec![Test::NotNull(0)], vec![Test::Null(0)]],
            Some(first) if first.field.null => vec![vec![Test::Null(0)], vec![Test::NotNull(0)]],
            _ => vec![Vec::new()],
        }
    }

    /// Returns conditions of the rows after the one with these values. The rows of the first come first, then those of the second, and so
    /// on: an index serves each, which it would not with `OR`.
    pub(crate) fn after(&self, values: &[Value]) -> Vec<Vec<Test>> {
        let mut conditions = Vec::new();
        self.after_from(0, values, &mut conditions);
        conditions
    }

    /// Adds the conditions of the rows after the one with these values, among those that equal it in the columns before `first`.
    fn after_from(&self, first: usize, values: &[Value], conditions: &mut Vec<Vec<Test>>) {
        let Some(column) = self.columns.get(first) else { return };
        let equal: Vec<Test> = (0..first).map(|at| if values[at] == Value::Null { Test::Null(at) } else { Test::Equal(at) }).collect();
        let mut add = |test: Test| conditions.push(equal.iter().copied().chain([test]).collect());
        // NULLs come first, or last in a descending order.
        let has_nulls_after = column.field.null && column.descending;
        if self.is_run(first, values) {
            add(Test::Beyond(first, self.columns.len()));
            if has_nulls_after {
                add(Test::Null(first));
            }
            return;
        }
        self.after_from(first + 1, values, conditions);
        let mut add = |test: Test| conditions.push(equal.iter().copied().chain([test]).collect());
        if values[first] != Value::Null {
            add(Test::Beyond(first, first + 1));
            if has_nulls_after {
                add(Test::Null(first));
            }
        } else if !column.descending {
            add(Test::NotNull(first));
        }
    }

    /// Returns whether one comparison of rows covers the columns from `first` to the last.
    fn is_run(&self, first: usize, values: &[Value]) -> bool {
        let descending = self.columns[first].descending;
        let fits = |at: usize| {
            self.columns[at].descending == descending && values[at] != Value::Null && (at == first || !self.columns[at].field.null)
        };
        (first..self.columns.len()).all(fits)
    }
}

/// A part of a condition, about columns by their places in the keyset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    /// The columns from the first to before the second are beyond the values, compared as a row.
    Beyond(usize, usize),
    Equal(usize),
    Null(usize),
    NotNull(usize),
}

impl Test {
    /// Returns the column of which all rows that satisfy the condition have a value, or of which none has.
    pub(crate) fn column(self) -> usize {
        match self {
            // A row with a NULL is not beyond any values. Only the first of several columns may be NULL.
            Test::Beyond(at, _) | Test::Equal(at) | Test::Null(at) | Test::NotNull(at) => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Model;

    #[derive(crate::DeriveModel, Clone, Debug)]
    #[model(crate = crate)]
    pub struct Note {
        pub id: i64,
        pub title: String,
        pub rank: Option<i32>,
    }

    fn keyset(order: &[(&str, bool)]) -> Keyset {
        Keyset::of(Note::META, order.iter().copied()).expect("columns of a note")
    }

    #[test]
    fn the_key_comes_last_in_the_same_direction() {
        assert_eq!(keyset(&[]).name(), "notes:id");
        assert_eq!(keyset(&[("title", true)]).name(), "notes:-title,-id");
        assert_eq!(keyset(&[("id", true), ("title", false)]).name(), "notes:-id,title");
        assert_eq!(keyset(&[("title", true)]).reversed().name(), "notes:title,id");
        assert!(Keyset::of(Note::META, [("titel", false)]).is_err());
    }

    #[test]
    fn conditions_need_no_or() {
        let (id, title) = (Value::Int(7), Value::Text("a".into()));
        assert_eq!(keyset(&[("title", true)]).after(&[title.clone(), id.clone()]), [[Test::Beyond(0, 2)]]);
        let both = keyset(&[("title", true), ("id", false)]).after(&[title, id.clone()]);
        assert_eq!(both, [vec![Test::Equal(0), Test::Beyond(1, 2)], vec![Test::Beyond(0, 1)]]);
        // NULLs come last in a descending order, and first in an ascending one.
        let (descending, ascending) = (keyset(&[("rank", true)]), keyset(&[("rank", false)]));
        let number = Value::Int(3);
        assert_eq!(descending.after(&[number.clone(), id.clone()]), [[Test::Beyond(0, 2)], [Test::Null(0)]]);
        assert_eq!(descending.after(&[Value::Null, id.clone()]), [[Test::Null(0), Test::Beyond(1, 2)]]);
        assert_eq!(ascending.after(&[number, id.clone()]), [[Test::Beyond(0, 2)]]);
        assert_eq!(ascending.all(), [[Test::Null(0)], [Test::NotNull(0)]]);
        assert_eq!(descending.all(), [[Test::NotNull(0)], [Test::Null(0)]]);
        assert_eq!(ascending.after(&[Value::Null, id]), [vec![Test::Null(0), Test::Beyond(1, 2)], vec![Test::NotNull(0)]]);
    }
}
