//! Sends requests with sessions over keep-alive connections from one thread, and checks every response.
//!
//! Each connection sends its next request after the response to the last one. Results are printed as lines of `name=value`.

mod answer;
mod hostile;
mod idle;
mod measure;
mod options;
mod pool;
mod process;
mod sessions;
mod tfb;

use std::error::Error;

use options::{Mode, Options};
use pool::Pool;

/// The result of a measurement. An error makes it invalid.
type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result {
    let options = Options::of_command_line()?;
    match options.mode {
        Mode::Idle => idle::run(&options),
        Mode::Hostile => hostile::run(&options),
        _ => measure::run(&options, &mut Pool::connect(options.port, options.connections)?),
    }
}
