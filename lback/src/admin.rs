//! The admin: a site on which staff find, create, change and delete the rows of models.

#[doc(inline)]
pub use lback_admin::{
    Admin, AdminSettings, AppAdmin, Change, ChangeKind, FilterChoice, GERMAN, InlineAdmin, ModelAdmin, NewSavedView, RequestHistory,
    RequestOptions, SavedView, admin_history, admin_views,
};
