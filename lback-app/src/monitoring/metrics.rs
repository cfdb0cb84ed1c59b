//! [`Metrics`], the values that `/metrics` shows, in the text format of Prometheus.

use std::fmt::{self, Display, Write as _};

use lback_core::{Application, Result};

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// A number that only grows, until the program is started again.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// The numbers of values below some limits.
    Histogram,
}

impl MetricKind {
    fn name(self) -> &'static str {
        match self {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        }
    }
}

/// The values that `/metrics` shows. [`Setup::metrics`](crate::Setup::metrics) adds some.
#[derive(Debug, Default)]
pub struct Metrics {
    text: String,
}

impl Metrics {
    /// Begins a metric. Its name has letters, digits and underscores, and ends with its unit; that of a counter ends with `_total`.
    pub fn family(&mut self, name: &'static str, kind: MetricKind, help: &str) -> Family<'_> {
        // A text cannot fail to be written to.
        let _ = writeln!(self.text, "# HELP {name} {}\n# TYPE {name} {}", Escaped(help), kind.name());
        Family { text: &mut self.text, name }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// A metric, to which [`sample`](Self::sample) adds values.
#[derive(Debug)]
pub struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Family<'_> {
    /// Adds a value, which differs from the others of the metric by its labels. Take care that there are few combinations of labels, and
    /// that visitors cannot add any: each is stored for long.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.sample_of("", labels, value);
    }

    /// Adds a value under the name with this ending, as a histogram has.
    pub(super) fn sample_of(&mut self, ending: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.text, "{}{ending}", self.name);
        for (at, (name, label)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{before}{name}=\"{}\"", Escaped(label));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{after} {value}");
    }
}

/// A text as the format writes it.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            c => f.write_char(c),
        })
    }
}

type Collect = Box<dyn Fn(&Application, &mut Metrics) -> Result<()> + Send + Sync>;

/// The functions that measure: `app.state::<Collectors>()`.
#[derive(Default)]
pub(crate) struct Collectors(Vec<Collect>);

impl fmt::Debug for Collectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Collectors").field(&self.0.len()).finish()
    }
}

impl Collectors {
    pub(crate) fn add(&mut self, collect: impl Fn(&Application, &mut Metrics) -> Result<()> + Send + Sync + 'static) {
        self.0.push(Box::new(collect));
    }

    /// Adds all values. What fails is left out and logged: the others are all the more needed then.
    pub(super) fn run(app: &Application, metrics: &mut Metrics) {
        for collect in app.state::<Collectors>().iter().flat_map(|collectors| &collectors.0) {
            let length = metrics.text.len();
            if let Err(error) = collect(app, metrics) {
                metrics.text.truncate(length);
                tracing::warn!(target: "lback::monitoring", %error, "some metrics are missing, because they could not be measured");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MetricKind, Metrics};

    #[test]
    fn texts_are_escaped() {
        let mut metrics = Metrics::default();
        let mut family = metrics.family("cups_total", MetricKind::Counter, "Cups\nof \\ \"tea\"");
        family.sample(&[], 7);
        family.sample(&[("kind", "a\"b\\c\nd"), ("size", "ü")], 0.5);
        let expected = "# HELP cups_total Cups\\nof \\\\ \\\"tea\\\"\n# TYPE cups_total counter\ncups_total 7\ncups_total{kind=\"a\\\"b\\\\c\\nd\",size=\"ü\"} 0.5\n";
        assert_eq!(metrics.into_text(), expected);
    }
}
