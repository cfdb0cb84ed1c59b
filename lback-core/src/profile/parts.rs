//! What the core records itself: middleware, templates and signals.

use std::panic::Location;
use std::time::{Duration, Instant};

use super::{Limited, Panel, PanelRow, PanelView, Profile, milliseconds, place};

/// The panels for what the core records.
pub(crate) const PARTS: [&dyn Panel; 3] = [&TemplatePanel, &SignalPanel, &MiddlewarePanel];

/// The middleware that has run, outermost first, and the view.
#[derive(Default)]
pub(crate) struct Layers {
    list: Limited<Layer>,
    depth: usize,
}

struct Layer {
    name: &'static str,
    depth: usize,
    begun: Instant,
    took: Option<Duration>,
}

impl Layers {
    /// Records that a layer begins. Returns its position.
    pub(crate) fn enter(profile: &Profile, name: &'static str) -> usize {
        profile.record(|layers: &mut Layers| {
            let (at, depth) = (layers.list.count(), layers.depth);
            layers.list.push_with(|| Layer { name, depth, begun: Instant::now(), took: None });
            layers.depth += 1;
            at
        })
    }

    /// Records that the layer at this position has ended.
    pub(crate) fn leave(profile: &Profile, at: usize) {
        profile.record(|layers: &mut Layers| {
            layers.depth = layers.depth.saturating_sub(1);
            if let Some(layer) = layers.list.items_mut().get_mut(at) {
                layers.depth = layer.depth;
                layer.took = Some(layer.begun.elapsed());
            }
        });
    }

    /// Returns the time that the layer at this position took, without those further in.
    fn own(&self, at: usize) -> Option<Duration> {
        let layers = self.list.items();
        let (own, depth) = (layers[at].took?, layers[at].depth);
        let within = layers[at + 1..].iter().take_while(|layer| layer.depth > depth);
        let inner: Duration = within.filter(|layer| layer.depth == depth + 1).filter_map(|layer| layer.took).sum();
        Some(own.saturating_sub(inner))
    }
}

struct MiddlewarePanel;

impl Panel for MiddlewarePanel {
    fn name(&self) -> &'static str {
        "middleware"
    }

    fn show(&self, profile: &Profile) -> Option<PanelView> {
        profile.read(|layers: &Layers| {
            let row = |(at, layer): (usize, &Layer)| PanelRow {
                text: layer.name.to_owned(),
                note: layers.own(at).map(|own| format!("own {} ms", milliseconds(own))).unwrap_or_default(),
                milliseconds: layer.took.map(milliseconds),
                depth: layer.depth,
                ..PanelRow::default()
            };
            let view = layers.list.items().iter().rfind(|layer| layer.name == "view").and_then(|view| view.took);
            PanelView {
                title: "Middleware".to_owned(),
                summary: view.map(|took| format!("view {} ms", milliseconds(took))).unwrap_or_default(),
                rows: layers.list.items().iter().enumerate().map(row).collect(),
                left_out: layers.list.left_out(),
                ..PanelView::default()
            }
        })
    }
}

/// A template that is being rendered.
pub(crate) struct Rendered {
    profile: Profile,
    begun: Instant,
}

struct Template {
    name: String,
    location: &'static Location<'static>,
    took: Duration,
}

impl Rendered {
    pub(crate) fn begin() -> Option<Self> {
        Profile::current().map(|profile| Rendered { profile, begun: Instant::now() })
    }

    pub(crate) fn end(self, name: &str, location: &'static Location<'static>) {
        let took = self.begun.elapsed();
        self.profile.record(|templates: &mut Limited<Template>| {
            templates.push_with(|| Template { name: name.to_owned(), location, took });
        });
    }
}

struct TemplatePanel;

impl Panel for TemplatePanel {
    fn name(&self) -> &'static str {
        "templates"
    }

    fn show(&self, profile: &Profile) -> Option<PanelView> {
        profile.read(|templates: &Limited<Template>| {
            let row = |template: &Template| PanelRow {
                text: template.name.clone(),
                place: Some(place(template.location)),
                milliseconds: Some(milliseconds(template.took)),
                ..PanelRow::default()
            };
            let took = templates.items().iter().map(|template| template.took).sum();
            PanelView {
                title: "Templates".to_owned(),
                summary: format!("{} in {} ms", templates.count(), milliseconds(took)),
                rows: templates.items().iter().map(row).collect(),
                left_out: templates.left_out(),
                ..PanelView::default()
            }
        })
    }
}

/// A signal that is being delivered.
pub(crate) struct Sent {
    profile: Profile,
    begun: Instant,
}

struct Delivered {
    name: &'static str,
    listeners: usize,
    took: Duration,
}

impl Sent {
    pub(crate) fn begin() -> Option<Self> {
        Profile::current().map(|profile| Sent { profile, begun: Instant::now() })
    }

    pub(crate) fn end(self, name: &'static str, listeners: usize) {
        let took = self.begun.elapsed();
        self.profile.record(|signals: &mut Limited<Delivered>| signals.push_with(|| Delivered { name, listeners, took }));
    }
}

struct SignalPanel;

impl Panel for SignalPanel {
    fn name(&self) -> &'static str {
        "signals"
    }

    fn show(&self, profile: &Profile) -> Option<PanelView> {
        profile.read(|signals: &Limited<Delivered>| {
            let row = |signal: &Delivered| PanelRow {
                text: signal.name.to_owned(),
                note: format!("{} {}", signal.listeners, if signal.listeners == 1 { "listener" } else { "listeners" }),
                milliseconds: Some(milliseconds(signal.took)),
                ..PanelRow::default()
            };
            PanelView {
                title: "Signals".to_owned(),
                summary: signals.count().to_string(),
                rows: signals.items().iter().map(row).collect(),
                left_out: signals.left_out(),
                ..PanelView::default()
            }
        })
    }
}
