//! A cache for the [Lback](https://docs.rs/lback) web framework.
//!
//! An application names the crate `lback`, which re-exports everything here.

#![cfg_attr(docsrs, feature(doc_cfg))]
