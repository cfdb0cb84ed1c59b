//! The template function `live`.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use lback_core::{Error, Html, Method, Request, Result, TemplateArgs};
use serde::Deserialize;

use super::script;
use crate::Member;
use crate::channels::{MOST_CHANNELS, RequestChannels, check_name};

/// Maximum number of live fragments on a page.
const MOST_FRAGMENTS: usize = 100;

/// A live fragment, as it was rendered for a viewer.
pub(super) struct Fragment {
    pub(super) id: String,
    pub(super) channels: Vec<String>,
    pub(super) html: String,
    pub(super) hash: String,
    /// The name of the viewer, who is a member of the first channel while the page is open.
    pub(super) member: Option<Member>,
}

/// The fragments of a page that is rendered for its events. It is an extension of that request.
#[derive(Clone, Default)]
pub(super) struct Captured(Arc<Mutex<Vec<Fragment>>>);

impl Captured {
    pub(super) fn take(&self) -> Vec<Fragment> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn push(&self, fragment: Fragment) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fragment);
    }
}

/// The live fragments of a page so far.
#[derive(Default)]
struct OnPage {
    /// The number of times that each id was used.
    ids: HashMap<String, usize>,
    channels: HashSet<String>,
    scripts: HashSet<&'static str>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Key {
    Number(i64),
    Text(String),
}

/// `{{ live(template="tickets/queue.html", on="tickets") }}`: renders the template in an element that is replaced when the channel
/// receives a message.
pub(super) fn live(req: &mut Request, args: TemplateArgs<'_>) -> Result<Html> {
    let template: String = args.require("template")?;
    let channels = match args.require("on")? {
        OneOrMany::One(channel) => vec![channel],
        OneOrMany::Many(channels) => channels,
    };
    if channels.is_empty() {
        return Err(Error::internal("live needs the name of at least one channel: on=\"tickets\""));
    }
    channels.iter().try_for_each(|channel| check_name("channel", channel))?;
    let on_page = req.extensions_mut().get_or_insert_with(OnPage::default);
    on_page.channels.extend(channels.iter().cloned());
    if on_page.channels.len() > MOST_CHANNELS {
        return Err(Error::internal(format!(
            "the fragments of a page can be on at most {MOST_CHANNELS} channels; put the whole list into one"
        )));
    }
    // A cache would keep the page or this part of it, and its re-renders would not find the fragment.
    req.note_own_part();
    let key = match args.get("key")? {
        Some(Key::Number(key)) => key.to_string(),
        Some(Key::Text(key)) => key,
        None => channels.join("-"),
    };
    let member = args.get::<String>("present")?.map(|name| Member::new(&name, &name));
    let tag = args.get("tag")?.unwrap_or_else(|| "div".to_owned());
    if tag.is_empty() || !tag.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Error::internal(format!("live: the tag should be the name of an element, such as tbody, but is {tag:?}")));
    }
    let id = id(req, &template, &key)?;
    let html = args.render(req, &template)?.as_str().to_owned();
    let hash = hash(&html);
    let mut element = format!("<{tag} id=\"{id}\" data-live=\"{hash}\">{html}</{tag}>");
    if let Some(captured) = req.extensions().get::<Captured>().cloned() {
        captured.push(Fragment { id, channels, html, hash, member });
    } else if matches!(*req.method(), Method::GET | Method::HEAD) && !req.is_error_page() {
        // Others, such as the page that answers a form, have no address from which they could be rendered again.
        for script in [Some(&script::LIVE), element.contains("<form").then_some(&script::FORMS)].into_iter().flatten() {
            if req.extensions_mut().get_or_insert_with(OnPage::default).scripts.insert(script.path()) {
                element.push_str(&script.element(req)?);
            }
        }
    }
    Ok(Html::new(element))
}

/// `{{ members(channel="tickets/7") }}`: the members of a channel, with their `id` and `label`.
pub(super) fn members(req: &mut Request, args: TemplateArgs<'_>) -> Result<Vec<Member>> {
    req.channel_members(&args.require::<String>("channel")?)
}

/// Returns the id of a fragment. It depends on nothing but the arguments, unless they are the same for several fragments of a page.
fn id(req: &mut Request, template: &str, key: &str) -> Result<String> {
    let name = template.rsplit_once('.').map_or(template, |(name, _)| name);
    let mut id = format!("live-{}-{}", slug(name), slug(key));
    let OnPage { ids, .. } = req.extensions_mut().get_or_insert_with(OnPage::default);
    if ids.values().sum::<usize>() >= MOST_FRAGMENTS {
        return Err(Error::internal(format!("a page can have at most {MOST_FRAGMENTS} live fragments; put the whole list into one")));
    }
    let count = ids.entry(id.clone()).or_default();
    *count += 1;
    if *count > 1 {
        id.push_str(&format!("--{count}"));
    }
    Ok(id)
}

fn slug(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect()
}

/// Returns a short text that changes with `html`.
pub(super) fn hash(html: &str) -> String {
    let mut hasher = DefaultHasher::new();
    html.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
