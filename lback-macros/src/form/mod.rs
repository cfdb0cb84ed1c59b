//! `#[derive(Form)]`.

mod attributes;
mod expand;
mod of_model;
mod rules;

pub(crate) use expand::expand;

#[cfg(test)]
mod tests;
