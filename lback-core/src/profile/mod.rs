//! What happens during one request, recorded for the developer toolbar and for tests.

mod panel;
mod parts;
#[cfg(test)]
mod tests;

pub use panel::{Panel, PanelRow, PanelView};
pub(crate) use parts::{Layers, PARTS, Rendered, Sent};

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::TypeMap;

/// Whether any profile was created in this process. Otherwise, nothing looks for one.
static USED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static CURRENT: RefCell<Option<Profile>> = const { RefCell::new(None) };
}

/// The record of one request: what each part of the framework has noted about it, one value per type. Cheap to clone.
///
/// Requests are recorded while the toolbar is on, and in tests. A battery that has something to show
/// adds it to the [current](Self::current) profile, and a [`Panel`] that shows it:
///
/// ```
/// use lback::profile::{Panel, PanelRow, PanelView, Profile};
///
/// /// The searches of a request.
/// #[derive(Default)]
/// struct Searches(Vec<String>);
///
/// fn search(words: &str) {
///     if let Some(profile) = Profile::current() {
///         profile.record(|searches: &mut Searches| searches.0.push(words.to_owned()));
///     }
/// }
///
/// struct SearchPanel;
///
/// impl Panel for SearchPanel {
///     fn name(&self) -> &'static str {
///         "searches"
///     }
///
///     fn show(&self, profile: &Profile) -> Option<PanelView> {
///         profile.read(|searches: &Searches| PanelView {
///             title: "Searches".to_owned(),
///             summary: searches.0.len().to_string(),
///             rows: searches.0.iter().map(|words| PanelRow { text: words.clone(), ..PanelRow::default() }).collect(),
///             ..PanelView::default()
///         })
///     }
/// }
/// # let profile = Profile::new();
/// # Profile::within(Some(profile.clone()), || search("hat"));
/// # assert_eq!(SearchPanel.show(&profile).unwrap().rows[0].text, "hat");
/// ```
#[derive(Clone)]
pub struct Profile(Arc<Inner>);

struct Inner {
    begun: Instant,
    data: Mutex<TypeMap>,
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").field("begun", &self.0.begun).finish_non_exhaustive()
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::new()
    }
}

impl Profile {
    /// Creates an empty profile.
    pub fn new() -> Self {
        USED.store(true, Ordering::Relaxed);
        Profile(Arc::new(Inner { begun: Instant::now(), data: Mutex::default() }))
    }

    /// Returns the profile of the request that this thread works for, if it is recorded.
    ///
    /// It follows a request to the threads of plain views and of [`blocking::on_thread`](crate::blocking::on_thread), but not into
    /// tasks that it spawns.
    pub fn current() -> Option<Self> {
        // Without the toolbar, this is all that recording costs.
        if !USED.load(Ordering::Relaxed) {
            return None;
        }
        CURRENT.with_borrow(Clone::clone)
    }

    /// Runs `work` for the request of this profile. With `None`, nothing is recorded meanwhile.
    pub fn within<T>(profile: Option<Profile>, work: impl FnOnce() -> T) -> T {
        if !USED.load(Ordering::Relaxed) {
            return work();
        }
        let _restored = Restored(CURRENT.replace(profile));
        work()
    }

    /// Polls `future` for the request of this profile.
    pub(crate) fn follow<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        let mut future = Box::pin(future);
        poll_fn(move |cx| Profile::within(Some(self.clone()), || Pin::new(&mut future).poll(cx)))
    }

    /// Returns how long ago the request began.
    pub fn elapsed(&self) -> Duration {
        self.0.begun.elapsed()
    }

    /// Changes the value of type `T`, which is its default at first, and returns the result of `change`.
    ///
    /// Keep the value small: it is stored until 50 more requests have come. `change` must not record anything itself.
    pub fn record<T: Default + Send + 'static, R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        change(self.0.data.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(T::default))
    }

    /// Returns the result of `read` for the value of type `T`, or `None` if nothing was recorded.
    pub fn read<T: Send + 'static, R>(&self, read: impl FnOnce(&T) -> R) -> Option<R> {
        self.0.data.lock().unwrap_or_else(PoisonError::into_inner).get().map(read)
    }
}

/// Restores the profile that the thread had before.
struct Restored(Option<Profile>);

impl Drop for Restored {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// A list that keeps a limited number of items and counts the others.
#[derive(Clone, Debug)]
pub struct Limited<T> {
    items: Vec<T>,
    left_out: usize,
}

impl<T> Default for Limited<T> {
    fn default() -> Self {
        Limited { items: Vec::new(), left_out: 0 }
    }
}

impl<T> Limited<T> {
    /// Maximum number of items.
    pub const MAX: usize = 500;

    /// Adds the item that `make` returns, unless the list is full.
    pub fn push_with(&mut self, make: impl FnOnce() -> T) {
        if self.items.len() < Self::MAX {
            self.items.push(make());
        } else {
            self.left_out += 1;
        }
    }

    /// Returns the items that were kept.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// Returns the items that were kept, for changing them.
    pub fn items_mut(&mut self) -> &mut [T] {
        &mut self.items
    }

    /// Returns the number of items that were not kept.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Returns the number of all items.
    pub fn count(&self) -> usize {
        self.items.len() + self.left_out
    }
}

/// Returns a place in the source code as developers write it: `src/views.rs:12`.
pub fn place(location: &Location<'_>) -> String {
    format!("{}:{}", location.file(), location.line())
}

/// Returns a duration in milliseconds, rounded to a hundredth.
pub fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 100_000.0).round() / 100.0
}

/// Returns the first `max` bytes of `text`, and an ellipsis if that is not all.
pub fn shortened(text: &str, max: usize) -> String {
    match text.len() <= max {
        true => text.to_owned(),
        false => format!("{} …", &text[..text.floor_char_boundary(max)]),
    }
}
