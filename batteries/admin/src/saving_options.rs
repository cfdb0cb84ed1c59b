//! The options of [`ModelAdmin`] for the code before and after a row is saved or deleted.

use std::sync::Arc;

use lback_core::{Request, Result};
use lback_models::Model;

use crate::model_admin::ModelAdmin;
use crate::saving::typed;

impl<M: Model> ModelAdmin<M> {
    /// Runs code in the transaction that saves a row, before it is saved. The code gets the row, which it may change, and the row in the
    /// database, or `None` for a new row. An error with a status below 500 is shown in the form, and nothing is saved.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: i64, pub title: String, pub editor_id: Option<i64>, pub is_public: bool }
    /// let admin = Admin::new().model::<Post>(|post| {
    ///     post.exclude(["editor_id"]).before_save(|req, post, old| {
    ///         if post.is_public && old.is_none_or(|old| !old.is_public) && !req.has_perm("posts.publish")? {
    ///             return Err(Error::forbidden("You may not publish posts."));
    ///         }
    ///         post.editor_id = Some(req.require_login()?.id);
    ///         Ok(())
    ///     })
    /// });
    /// # let _ = admin;
    /// ```
    ///
    /// It runs for forms, inlines, columns that are changed in a list, and imports, which also run it to try the rows; and not for actions,
    /// an undo, and rows that the application saves.
    pub fn before_save(mut self, run: impl Fn(&mut Request, &mut M, Option<&M>) -> Result<()> + Send + Sync + 'static) -> Self {
        self.options.hooks.before_save.push(Arc::new(move |req, row, old| {
            let mut row: M = typed(&row)?;
            run(req, &mut row, old.map(typed).transpose()?.as_ref())?;
            row.to_values()
        }));
        self
    }

    /// Runs code in the transaction that saves a row, after it was saved with its links, in the same cases as
    /// [`before_save`](Self::before_save), but not when an import only tries the rows. An error undoes the save.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: i64, pub title: String }
    /// # fn update_search_index(id: i64) {}
    /// let admin = Admin::new().model::<Post>(|post| {
    ///     post.after_save(|req, post, _| {
    ///         let id = post.id;
    ///         req.on_commit(move || update_search_index(id))
    ///     })
    /// });
    /// # let _ = admin;
    /// ```
    pub fn after_save(mut self, run: impl Fn(&mut Request, &M, Option<&M>) -> Result<()> + Send + Sync + 'static) -> Self {
        self.options.hooks.after_save.push(Arc::new(move |req, row, old| run(req, &typed(row)?, old.map(typed).transpose()?.as_ref())));
        self
    }

    /// Runs code in the transaction that deletes a row, before it is deleted. An error with a status below 500 is shown to the visitor, and
    /// nothing is deleted. It does not run for rows that are deleted because they refer to another.
    pub fn before_delete(mut self, run: impl Fn(&mut Request, &M) -> Result<()> + Send + Sync + 'static) -> Self {
        self.options.hooks.before_delete.push(Arc::new(move |req, row| run(req, &typed(row)?)));
        self
    }

    /// Runs code in the transaction that deletes a row, after it was deleted, in the same cases as [`before_delete`](Self::before_delete).
    /// An error undoes the deletion.
    pub fn after_delete(mut self, run: impl Fn(&mut Request, &M) -> Result<()> + Send + Sync + 'static) -> Self {
        self.options.hooks.after_delete.push(Arc::new(move |req, row| run(req, &typed(row)?)));
        self
    }
}
