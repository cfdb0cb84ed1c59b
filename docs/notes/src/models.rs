use lback::prelude::*;

diesel::table! {
    notes (id) {
        id -> BigInt,
        text -> Text,
    }
}

#[derive(Queryable, Selectable, serde::Serialize)]
pub struct Note {
    pub id: i64,
    pub text: String,
}
