//! [`Right`], a right on the rows of a model, and its permission.

use lback_models::ModelMeta;
use lback_models::runtime::within_sentence;

use crate::NewPermission;

/// A right on the rows of a model. The admin and the API have a permission for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Seeing rows.
    View,
    /// Adding rows.
    Add,
    /// Changing rows.
    Change,
    /// Deleting rows.
    Delete,
}

impl Right {
    /// All rights.
    pub const ALL: [Right; 4] = [Right::View, Right::Add, Right::Change, Right::Delete];

    fn verb(self) -> &'static str {
        match self {
            Right::View => "view",
            Right::Add => "add",
            Right::Change => "change",
            Right::Delete => "delete",
        }
    }

    /// Returns the name of the permission: `posts.change`.
    pub fn permission(self, meta: &ModelMeta) -> String {
        format!("{}.{}", meta.table, self.verb())
    }

    /// Returns the label of the permission: "Change posts".
    pub fn label(self, meta: &ModelMeta) -> String {
        let verb = self.verb();
        let (first, rest) = verb.split_at(1);
        format!("{}{rest} {}", first.to_uppercase(), within_sentence(meta.plural))
    }
}

/// The permissions that routes need, as an option of an include: `.option(RoutePermissions::of_models([meta]))`. They are declared
/// automatically, unless the application or a battery has declared them.
#[derive(Clone, Debug)]
pub struct RoutePermissions(pub Vec<NewPermission>);

impl RoutePermissions {
    /// Returns the permissions for all rights on models.
    pub fn of_models<'a>(models: impl IntoIterator<Item = &'a ModelMeta>) -> Self {
        let of_model =
            |meta: &'a ModelMeta| Right::ALL.map(|right| NewPermission { name: right.permission(meta), label: right.label(meta) });
        RoutePermissions(models.into_iter().flat_map(of_model).collect())
    }
}
