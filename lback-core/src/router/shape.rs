//! The shape of a pattern, regardless of the types of its parameters.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use hyper::Method;

use super::Route;
use super::pattern::{Kind, Part, Pattern};

/// The routes whose patterns have the same fixed text and parameters in the same positions, narrower types first.
pub(super) struct Shape {
    segments: Vec<Segment>,
    pub(super) routes: Vec<Arc<Route>>,
}

enum Segment {
    Text(String),
    /// A parameter, with the text before and after it.
    Parameter(String, String),
    /// All remaining segments.
    Rest,
}

impl Shape {
    /// Creates the shape of `pattern`, with its routes.
    pub(super) fn new(pattern: &Pattern, routes: Vec<Arc<Route>>) -> Self {
        let mut segments = Vec::new();
        let (mut before, mut parameter, mut after) = (String::new(), None, String::new());
        let mut end = |before: &mut String, parameter: &mut Option<Kind>, after: &mut String| {
            let (before, after) = (std::mem::take(before), std::mem::take(after));
            segments.push(match parameter.take() {
                None => Segment::Text(before),
                Some(Kind::Path) => Segment::Rest,
                Some(_) => Segment::Parameter(before, after),
            });
        };
        for part in pattern.parts() {
            match part {
                Part::Parameter { kind, .. } => parameter = Some(*kind),
                Part::Text(text) => {
                    // Paths are matched with percent signs still encoded.
                    for (at, piece) in text.replace('%', "%25").split('/').enumerate() {
                        if at > 0 {
                            end(&mut before, &mut parameter, &mut after);
                        }
                        if parameter.is_some() { &mut after } else { &mut before }.push_str(piece);
                    }
                }
            }
        }
        end(&mut before, &mut parameter, &mut after);
        Shape { segments, routes }
    }

    /// Compares shapes in the order in which they are tried: at the first segment that differs, fixed text comes before a
    /// parameter, a parameter with text around it before one without, and a parameter for all remaining segments comes last.
    pub(super) fn cmp_narrowness(&self, other: &Self) -> Ordering {
        let narrowness = |segment: &Segment| match segment {
            Segment::Text(_) => (0, Reverse(0)),
            Segment::Parameter(before, after) => (1, Reverse(before.len() + after.len())),
            Segment::Rest => (2, Reverse(0)),
        };
        self.segments.iter().map(narrowness).cmp(other.segments.iter().map(narrowness))
    }

    /// Returns the values of the parameters if `path`, normalized, has this shape.
    pub(super) fn values<'a>(&self, path: &'a str) -> Option<Vec<&'a str>> {
        let mut values = Vec::new();
        let mut rest = Some(path);
        for segment in &self.segments {
            if matches!(segment, Segment::Rest) {
                let all = rest.filter(|rest| !rest.is_empty())?;
                values.push(all);
                return Some(values);
            }
            let (piece, tail) = match rest?.split_once('/') {
                Some((piece, tail)) => (piece, Some(tail)),
                None => (rest?, None),
            };
            match segment {
                Segment::Text(text) if text == piece => {}
                Segment::Parameter(before, after) => {
                    values.push(piece.strip_prefix(before.as_str())?.strip_suffix(after.as_str()).filter(|value| !value.is_empty())?);
                }
                _ => return None,
            }
            rest = tail;
        }
        rest.is_none().then_some(values)
    }

    /// Returns the route that answers `method` and accepts these values. If only the method does not match, the methods that do
    /// are added to `allow`.
    pub(super) fn pick(&self, values: &[String], method: &Method, allow: &mut Vec<Method>) -> Option<&Arc<Route>> {
        let matches = |route: &&Arc<Route>| route.pattern.parameters().zip(values).all(|((_, kind), value)| kind.accepts(value));
        let matching = || self.routes.iter().filter(matches);
        let answering = |method: &Method| matching().find(|route| route.answers(method));
        let route = match *method {
            // A view for HEAD itself, or else the one for GET.
            Method::HEAD => matching().find(|route| route.methods.contains(method)).or_else(|| answering(&Method::GET)),
            _ => answering(method),
        };
        if route.is_none() {
            allow.extend(matching().flat_map(|route| route.methods.iter().cloned()));
        }
        route
    }
}
