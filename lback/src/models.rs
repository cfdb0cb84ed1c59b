//! Models: structs that define tables, migrations, queries and forms.

#[cfg(feature = "decimal")]
pub use lback_models::Decimal;
#[doc(inline)]
pub use lback_models::{
    AppModels, Auto, CheckMeta, Choices, Comparison, Cursor, CursorPage, Digits, FieldMeta, FieldType, Filter, FormOf, Format, IndexMeta,
    Json, Kind, List, Literal, ManyToManyMeta, Model, ModelForm, ModelList, ModelMeta, ModelOps, ModelRow, Models, NewRow, NewValues,
    NotAChoice, OnDelete, Page, QueryMethods, Reference, RowValues, Stored, StoredAs, StoredResult, Value, WritableModel, migrate, models,
    runtime,
};
// For the code that the derives generate.
#[doc(hidden)]
pub use lback_models::{
    __choice_expressions, __private, Db, DeriveModel, Dialect, FormErrors, Result, diesel, forms, joinable_tables, ops, serde, sql_types,
};
