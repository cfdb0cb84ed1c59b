//! Numbers and charts on the start page.

use lback_core::{Request, Result, StatusCode};
use serde::Serialize;

/// A number or a chart on the start page.
pub(crate) struct Widget {
    pub(crate) label: String,
    pub(crate) url: String,
    pub(crate) shown: Shown,
}

type Compute<T> = Box<dyn Fn(&mut Request) -> Result<T> + Send + Sync>;

/// The content of a widget.
pub(crate) enum Shown {
    Number(Compute<String>),
    /// The labels and heights of bars.
    Chart(Compute<Vec<(String, f64)>>),
}

#[derive(Serialize)]
pub(crate) struct NumberView<'a> {
    label: &'a str,
    url: &'a str,
    value: String,
}

#[derive(Serialize)]
pub(crate) struct ChartView<'a> {
    label: &'a str,
    /// The page to which the title leads.
    url: Option<&'a str>,
    /// The width of the drawing, in units of which a bar has [`STEP`].
    width: usize,
    bars: Vec<Bar>,
}

#[derive(Serialize)]
struct Bar {
    label: String,
    value: String,
    x: usize,
    y: f64,
    height: f64,
}

/// The distance between two bars, whose width the template knows.
const STEP: usize = 10;
/// The height of a drawing.
const HEIGHT: f64 = 100.0;
const MOST_BARS: usize = 100;

/// Returns the numbers and charts that the visitor may see.
pub(crate) fn views<'a>(req: &mut Request, widgets: &'a [Widget]) -> Result<(Vec<NumberView<'a>>, Vec<ChartView<'a>>)> {
    let (mut numbers, mut charts) = (Vec::new(), Vec::new());
    for Widget { label, url, shown } in widgets {
        match shown {
            Shown::Number(compute) => numbers.extend(if_allowed(compute(req))?.map(|value| NumberView { label, url, value })),
            Shown::Chart(compute) => charts.extend(if_allowed(compute(req))?.map(|bars| chart(label, Some(url), bars))),
        }
    }
    Ok((numbers, charts))
}

fn if_allowed<T>(computed: Result<T>) -> Result<Option<T>> {
    match computed {
        Err(error) if error.status() == StatusCode::FORBIDDEN => Ok(None),
        computed => computed.map(Some),
    }
}

/// Returns the drawing of a bar chart.
pub(crate) fn chart<'a>(label: &'a str, url: Option<&'a str>, mut bars: Vec<(String, f64)>) -> ChartView<'a> {
    bars.truncate(MOST_BARS);
    let finite = || bars.iter().map(|(_, value)| *value).filter(|value| value.is_finite());
    let (most, least) = (finite().fold(0.0, f64::max), finite().fold(0.0, f64::min));
    // Divided first, because the difference of two large numbers may be infinite.
    let unit = HEIGHT / 2.0 / (most / 2.0 - least / 2.0);
    let unit = if unit.is_finite() { unit } else { 0.0 };
    let bar = |(at, (label, value)): (usize, (String, f64))| {
        let drawn = if value.is_finite() { value } else { 0.0 };
        Bar { label, value: value.to_string(), x: at * STEP, y: (most - drawn.max(0.0)) * unit, height: drawn.abs() * unit }
    };
    ChartView { label, url, width: bars.len().max(1) * STEP, bars: bars.into_iter().enumerate().map(bar).collect() }
}
