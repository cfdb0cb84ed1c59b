//! `#[derive(Form)]`.

mod attributes;
mod expand;
mod rules;

pub(crate) use expand::expand;

#[cfg(test)]
mod tests;
