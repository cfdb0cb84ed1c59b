//! What a request brought for a form.

use std::collections::HashMap;
use std::fmt;

use lback_core::{Error, Request, Result, UploadedFile};
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

use crate::{Entry, Field, Kind};

/// A form of more is refused, as one with files is: nobody fills it in by hand.
const MAX_PAIRS: usize = 1_000;

/// What was sent for each of `fields`, in their order. What was sent for no field is dropped.
pub(crate) fn receive<'a>(req: &mut Request, fields: impl Iterator<Item = &'a Field>) -> Result<Vec<Entry>> {
    let Pairs(pairs) = req.form()?;
    let multipart = req.content_type().as_deref() == Some("multipart/form-data");
    let mut texts: HashMap<String, Vec<String>> = HashMap::new();
    for (name, text) in pairs {
        texts.entry(name).or_default().push(text);
    }
    let mut entries = Vec::new();
    for field in fields {
        let texts = texts.remove(&field.name).unwrap_or_default();
        entries.push(match field.kind {
            // A file input that was left empty sends an empty text where the form is not multipart.
            Kind::File if texts.iter().any(|text| !text.is_empty()) => return Err(not_a_file(field, multipart)),
            Kind::File if multipart => Entry { texts: Vec::new(), files: files(req, &field.name)? },
            Kind::File => Entry::default(),
            _ => Entry { texts, files: Vec::new() },
        });
    }
    Ok(entries)
}

fn files(req: &mut Request, name: &str) -> Result<Vec<UploadedFile>> {
    let multipart = req.multipart()?;
    Ok(std::iter::from_fn(|| multipart.take_file(name)).collect())
}

fn not_a_file(field: &Field, multipart: bool) -> Error {
    let remedy = if multipart { "" } else { ": the <form> needs enctype=\"multipart/form-data\", which {{ form.enctype }} writes" };
    Error::bad_request(format!("The field \"{}\" is a file, and text was sent for it{remedy}.", field.name))
}

/// Names and values as they came.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded;

        impl<'de> Visitor<'de> for Bounded {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "up to {MAX_PAIRS} names and values")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = seq.next_element()? {
                    if pairs.len() == MAX_PAIRS {
                        return Err(de::Error::custom(format!("it has more than {MAX_PAIRS} values")));
                    }
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_seq(Bounded)
    }
}
