//! Tests of models.

mod migrate;
