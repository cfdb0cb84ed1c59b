//! `lback runserver`: builds and serves the project, and rebuilds it when a file changes.
//!
//! `lback` owns the socket and passes it to the project's program. A new program can therefore accept requests before the old
//! one stops, and clients notice nothing. The program itself handles changes of templates and static files: while `DEBUG` is
//! on, it reads them again and makes the browser reload. While there is no program, because the project does not compile or
//! does not start, `lback` responds with a page that shows the reason.
//!
//! A loop polls everything ten times a second: the files ([`watch`]), cargo ([`build`]), the programs ([`program`]), and
//! waiting clients ([`page`]).

mod address;
mod build;
mod group;
mod hosts;
mod page;
mod program;
mod settings;
mod watch;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use self::address::Address;
use self::build::{Build, Outcome};
use self::page::Problem;
use self::program::{Program, State};
use self::watch::{Change, Watch};
use crate::error::{Error, Result};
use crate::project;

const INTERVAL: Duration = Duration::from_millis(100);

/// Serves the project on `address`, or else on the address in its settings, until Ctrl-C.
pub fn run(address: Option<&str>) -> Result<()> {
    let root = project::root()?;
    let mut stop = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| Error::io("watch for", Path::new("Ctrl-C"), error))?;
    let listen_address = Address::of(&root, address)?;
    let listener = listen_address.listen()?;
    let mut server = Server {
        watch: Watch::new(&root),
        address_argument: address.map(str::to_owned),
        address: listen_address,
        listener,
        build: None,
        executable: None,
        starting: None,
        serving: None,
        stopping: Vec::new(),
        problem: None,
        problems: 0,
        did_not_start: false,
        start_again: false,
        announced: false,
        root,
    };
    server.build()?;
    while stop.pending().next().is_none() {
        server.poll()?;
        sleep(INTERVAL);
    }
    server.stop(&mut stop);
    Ok(())
}

struct Server {
    root: PathBuf,
    watch: Watch,
    /// The address on the command line.
    address_argument: Option<String>,
    address: Address,
    listener: TcpListener,
    build: Option<Build>,
    /// The program that the last build produced.
    executable: Option<PathBuf>,
    starting: Option<Program>,
    serving: Option<Program>,
    stopping: Vec<Program>,
    problem: Option<Arc<Problem>>,
    problems: u64,
    /// The program exited before it was ready. A change of a file that it reads at startup may fix that.
    did_not_start: bool,
    /// A file that the program reads at startup has changed since it was started.
    start_again: bool,
    announced: bool,
}

impl Server {
    /// Polls files, the build, programs and clients once.
    fn poll(&mut self) -> Result<()> {
        if let Some((change, path)) = self.watch.change() {
            let is_relevant = change != Change::ReadAtStart || self.did_not_start;
            if is_relevant {
                eprintln!("{} has changed", path.display());
            }
            match change {
                Change::Source => self.build()?,
                Change::Settings => self.restart()?,
                Change::ReadAtStart if is_relevant => self.start()?,
                // A program that has read the old file may fail because of it.
                Change::ReadAtStart => self.start_again = self.starting.is_some(),
            }
        }
        if let Some(outcome) = self.build.as_mut().map(Build::outcome).transpose()?.flatten() {
            self.build = None;
            match outcome {
                Outcome::Built(executable) => {
                    self.watch.built(&executable);
                    self.executable = Some(executable);
                    self.start()?;
                }
                Outcome::Failed(why) => self.fail("The project does not compile", why),
            }
        }
        self.poll_programs()?;
        if let Some(problem) = &self.problem {
            problem.answer(&self.listener);
        }
        Ok(())
    }

    /// Starts a build, and cancels a running one. Meanwhile, the current program serves requests; if there is none, clients
    /// wait.
    fn build(&mut self) -> Result<()> {
        if let Some(build) = self.build.take() {
            build.stop();
        }
        self.problem = None;
        self.did_not_start = false;
        self.build = Some(Build::start(&self.root)?);
        Ok(())
    }

    /// Restarts the program after a change of its settings.
    fn restart(&mut self) -> Result<()> {
        let address = Address::of(&self.root, self.address_argument.as_deref())?;
        if address != self.address {
            match address.listen() {
                Ok(listener) => {
                    (self.listener, self.address, self.announced) = (listener, address, false);
                }
                Err(error) => eprintln!("still serving on {}: {error}", self.address),
            }
        }
        // After a running build, the program is started anyway.
        if self.build.is_none() { self.start() } else { Ok(()) }
    }

    /// Starts the program that was built last. The current program serves requests until the new one is ready.
    fn start(&mut self) -> Result<()> {
        self.stopping.extend(self.starting.take().map(stopped));
        let Some(executable) = &self.executable else { return Ok(()) };
        self.problem = None;
        (self.did_not_start, self.start_again) = (false, false);
        self.starting = Some(Program::start(executable, &self.root, &self.listener)?);
        Ok(())
    }

    fn poll_programs(&mut self) -> Result<()> {
        match self.starting.as_mut().map(Program::state).transpose()? {
            Some(State::Ready) => {
                self.stopping.extend(self.serving.take().map(stopped));
                self.serving = self.starting.take();
                self.announce();
            }
            Some(State::Exited(_)) if self.start_again => self.start()?,
            Some(State::Exited(why)) => {
                self.fail("The project does not start", why);
                self.did_not_start = true;
            }
            Some(State::Starting) | None => {}
        }
        if let Some(State::Exited(why)) = self.serving.as_mut().map(Program::state).transpose()? {
            self.serving = None;
            if self.build.is_none() && self.starting.is_none() {
                eprintln!("{why}");
                self.fail("The program has exited", why);
            }
        }
        self.stopping.retain_mut(|program| !program.has_exited());
        Ok(())
    }

    /// Stops the program. From now on, `lback` itself responds.
    fn fail(&mut self, title: &'static str, why: String) {
        self.starting = None;
        self.stopping.extend(self.serving.take().map(stopped));
        self.problems += 1;
        self.problem = Some(Problem::new(&self.root, title, why, self.problems));
        eprintln!("{title}. The page shows the reason. Fix the problem and save the file to try again.");
    }

    fn announce(&mut self) {
        if self.announced {
            return eprintln!("serving the new version");
        }
        let address = self.listener.local_addr().map_or_else(|_| self.address.to_string(), |address| address.to_string());
        eprintln!("Serving on http://{address}, reloading after each change. Press Ctrl-C to stop.");
        self.announced = true;
    }

    /// Stops all programs gracefully, or immediately after a second signal.
    fn stop(mut self, stop: &mut Signals) {
        if let Some(build) = self.build.take() {
            build.stop();
        }
        let mut programs: Vec<Program> =
            self.starting.take().into_iter().chain(self.serving.take()).map(stopped).chain(self.stopping).collect();
        let begin = Instant::now();
        let mut announced = false;
        while !programs.is_empty() && stop.pending().next().is_none() {
            programs.retain_mut(|program| !program.has_exited());
            if !announced && begin.elapsed() > Duration::from_secs(1) {
                announced = true;
                eprintln!("waiting for requests in flight; press Ctrl-C to end them");
            }
            sleep(INTERVAL / 10);
        }
        // The remaining programs are killed on drop.
    }
}

fn stopped(mut program: Program) -> Program {
    program.stop();
    program
}
