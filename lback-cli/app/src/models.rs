//! The models of the app, and their forms.

use lback::prelude::*;

/// Each field is a column of the table. After a change, `lback makemigrations` writes the migration.
#[derive(Model, Clone, Debug, serde::Serialize)]
#[model(__TABLE__order = "-created_at, -id")]
pub struct __MODEL__ {
    pub id: i64,
    #[model(max_length = 200)]
    pub title: String,
    #[model(long)]
    pub text: String,
    #[model(version)]
    pub version: i32,
    #[model(auto_now_add)]
    pub created_at: DateTime<Utc>,
}

/// The fields that a visitor fills in.
#[derive(Form)]
#[form(model = __MODEL__)]
pub struct __MODEL__Form {
    pub title: String,
    pub text: String,
    pub version: i32,
}
