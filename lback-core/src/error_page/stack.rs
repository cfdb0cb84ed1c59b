//! The call stack of an error.

use std::backtrace::Backtrace;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

/// Whether errors of this process record their call stacks, which takes long.
static RECORDS: AtomicBool = AtomicBool::new(false);

/// Has errors record their call stacks from now on, for the debug page.
pub(crate) fn record_stacks() {
    RECORDS.store(true, Ordering::Relaxed);
}

/// Returns the call stack, if errors record it.
pub(crate) fn capture() -> Option<Backtrace> {
    RECORDS.load(Ordering::Relaxed).then(Backtrace::force_capture)
}

/// A part of a call stack, innermost first: one function of the application, or several of the framework and its libraries.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Part {
    is_own: bool,
    frames: Vec<Frame>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Frame {
    function: String,
    place: Option<String>,
}

/// Returns the parts of a call stack, as [`Backtrace`] writes it. Returns none if there is no function of the application in it, whose
/// source is in the current folder or in `root`.
pub(super) fn parts(stack: &str, root: &Path) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for frame in frames(stack) {
        let is_own = frame.is_own(root);
        match parts.last_mut() {
            Some(last) if !is_own && !last.is_own => last.frames.push(frame.shown()),
            // The innermost functions only make the error.
            None if !is_own => {}
            _ => parts.push(Part { is_own, frames: vec![frame.shown()] }),
        }
    }
    parts
}

fn frames(stack: &str) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    for line in stack.lines().map(str::trim) {
        if let Some(place) = line.strip_prefix("at ") {
            if let Some(last) = frames.last_mut() {
                last.place = Some(place.to_owned());
            }
        } else if let Some((number, function)) = line.split_once(": ")
            && number.parse::<usize>().is_ok()
        {
            frames.push(Frame { function: function.to_owned(), place: None });
        }
    }
    frames
}

/// Folders with other sources: of the standard library, of dependencies, and of the framework itself, for its own examples.
const LIBRARIES: [&str; 10] =
    ["rustc", "rustlib", ".cargo", "vendor", "lback-core", "lback-db", "lback-session", "lback-app", "batteries", "target"];

impl Frame {
    fn is_own(&self, root: &Path) -> bool {
        let Some(place) = self.place.as_deref() else { return false };
        let is_here = place.starts_with("./") || (root.is_absolute() && Path::new(place).starts_with(root));
        // Those of the C library have relative places, too.
        is_here && place.contains(".rs:") && !place.split('/').any(|folder| LIBRARIES.contains(&folder))
    }

    /// Returns the frame with the place as developers write it.
    fn shown(mut self) -> Self {
        if let Some(rest) = self.place.as_deref().and_then(|place| place.strip_prefix("./")) {
            self.place = Some(rest.to_owned());
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_the_framework_are_folded() {
        let stack = "   0: lback_core::error_page::stack::capture
             at ./lback-core/src/error_page/stack.rs:17:5
   1: shop::views::price
             at ./src/views.rs:12:9
   2: shop::views::list::{{closure}}
             at ./src/views.rs:30:5
   3: core::ops::function::Fn::call
             at /rustc/abc/library/core/src/ops/function.rs:79:5
   4: <F as lback_core::view::View<R>>::into_view
             at /home/me/.cargo/registry/src/index/lback-core-0.1.0/src/view.rs:87:5
   5: shop::main
             at /srv/shop/src/main.rs:5:1
   6: main
   7: start_thread
             at ./nptl/pthread_create.c:442:8
";
        let parts = parts(stack, Path::new("/srv/shop"));
        let shown: Vec<(bool, Vec<&str>)> =
            parts.iter().map(|part| (part.is_own, part.frames.iter().map(|frame| frame.function.as_str()).collect())).collect();
        assert_eq!(
            shown,
            [
                (true, vec!["shop::views::price"]),
                (true, vec!["shop::views::list::{{closure}}"]),
                (false, vec!["core::ops::function::Fn::call", "<F as lback_core::view::View<R>>::into_view"]),
                (true, vec!["shop::main"]),
                (false, vec!["main", "start_thread"]),
            ]
        );
        assert_eq!(parts[0].frames[0].place.as_deref(), Some("src/views.rs:12:9"));
        assert_eq!(super::parts("disabled backtrace", Path::new(".")), []);
    }
}
