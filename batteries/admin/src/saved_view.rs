//! [`SavedView`], a view of a list that a user has saved.

use lback_models::Model;

/// The query string of a list under a name: its search, filters, order, columns and size.
#[derive(Model, Clone, Debug)]
#[model(crate = lback_models, table = "admin_views", order = "name", unmanaged, unique(user_id, model, name))]
pub struct SavedView {
    /// The number.
    pub id: i64,
    /// The user who saved the view.
    pub user_id: i64,
    /// The table of the model.
    pub model: String,
    /// The name, which the user has given to one view of the model.
    pub name: String,
    /// The query string of the list.
    pub query: String,
    /// `true` if all users who may see the list see the view.
    pub is_shared: bool,
}
