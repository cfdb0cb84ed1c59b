//! The application's code that runs when rows are read and written.

use lback_core::{Error, Request, Result};
use lback_models::{Auto, List, Model, Value};

type Row = Vec<Value>;
type Narrow = dyn Fn(&mut Request, List) -> Result<List> + Send + Sync;
type BeforeSave = dyn Fn(&mut Request, Row, Option<&[Value]>) -> Result<Row> + Send + Sync;
type AfterSave = dyn Fn(&mut Request, &[Value], Option<&[Value]>) -> Result<()> + Send + Sync;
type OnDelete = dyn Fn(&mut Request, &[Value]) -> Result<()> + Send + Sync;

/// The application's code for a resource.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) queryset: Option<Box<Narrow>>,
    before_save: Vec<Box<BeforeSave>>,
    after_save: Vec<Box<AfterSave>>,
    before_delete: Vec<Box<OnDelete>>,
    after_delete: Vec<Box<OnDelete>>,
}

impl Hooks {
    pub(crate) fn add_before_save<M: Model>(
        &mut self,
        run: impl Fn(&mut Request, &mut M, Option<&M>) -> Result<()> + Send + Sync + 'static,
    ) {
        self.before_save.push(Box::new(move |req, row, old| {
            let mut row: M = typed(&row)?;
            run(req, &mut row, old.map(typed).transpose()?.as_ref())?;
            row.to_values()
        }));
    }

    pub(crate) fn add_after_save<M: Model>(&mut self, run: impl Fn(&mut Request, &M, Option<&M>) -> Result<()> + Send + Sync + 'static) {
        self.after_save.push(Box::new(move |req, row, old| run(req, &typed(row)?, old.map(typed).transpose()?.as_ref())));
    }

    pub(crate) fn add_before_delete<M: Model>(&mut self, run: impl Fn(&mut Request, &M) -> Result<()> + Send + Sync + 'static) {
        self.before_delete.push(Box::new(move |req, row| run(req, &typed(row)?)));
    }

    pub(crate) fn add_after_delete<M: Model>(&mut self, run: impl Fn(&mut Request, &M) -> Result<()> + Send + Sync + 'static) {
        self.after_delete.push(Box::new(move |req, row| run(req, &typed(row)?)));
    }

    /// Runs the code before a save, and returns the row that it leaves.
    pub(crate) fn before_save(&self, req: &mut Request, row: Row, old: Option<&[Value]>) -> Result<Row> {
        self.before_save.iter().try_fold(row, |row, run| run(req, row, old))
    }

    pub(crate) fn after_save(&self, req: &mut Request, row: &[Value], old: Option<&[Value]>) -> Result<()> {
        self.after_save.iter().try_for_each(|run| run(req, row, old))
    }

    pub(crate) fn before_delete(&self, req: &mut Request, row: &[Value]) -> Result<()> {
        self.before_delete.iter().try_for_each(|run| run(req, row))
    }

    pub(crate) fn after_delete(&self, req: &mut Request, row: &[Value]) -> Result<()> {
        self.after_delete.iter().try_for_each(|run| run(req, row))
    }

    pub(crate) fn has_after_save(&self) -> bool {
        !self.after_save.is_empty()
    }
}

/// Returns the typed row. A new row has no number yet.
fn typed<M: Model>(row: &[Value]) -> Result<M> {
    let known = M::META.fields.iter().zip(row).map(|(field, value)| match (field.auto, value) {
        (Auto::Id, Value::Null) => Value::Int(0),
        (_, value) => value.clone(),
    });
    M::from_values(known.collect())
}

/// Returns an error if the code before a save has changed the key, which would overwrite another row.
pub(crate) fn check_key(name: &str, old: &[Value], new: &[Value]) -> Result<()> {
    if old == new { Ok(()) } else { Err(Error::internal(format!("before_save has changed the primary key of a row of {name}"))) }
}
