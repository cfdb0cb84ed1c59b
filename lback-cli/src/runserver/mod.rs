//! `lback runserver`: builds the project, serves it, and does so again when a file changes.
//!
//! `lback` itself holds the socket and hands it to the project's program, so that the next program can begin to answer
//! before the last one stops: clients notice nothing. Templates and static files are the program's own matter, which
//! reads them anew while `DEBUG` is on and has the browser reload. While there is no program, because the project does
//! not compile or does not start, `lback` answers with a page that says why.
//!
//! One loop looks at everything ten times a second: [`watch`] at the files, [`build`] at cargo, [`program`] at what is
//! served, [`page`] at who waits for an answer.

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

const TICK: Duration = Duration::from_millis(100);

/// Serves the project on `address`, or else where its settings say, until Ctrl-C.
pub fn run(address: Option<&str>) -> Result<()> {
    let root = project::root()?;
    let mut stop = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| Error::io("watch for", Path::new("Ctrl-C"), error))?;
    let place = Address::of(&root, address)?;
    let listener = place.listen()?;
    let mut server = Server {
        watch: Watch::new(&root),
        given: address.map(str::to_owned),
        place,
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
        server.look()?;
        sleep(TICK);
    }
    server.stop(&mut stop);
    Ok(())
}

struct Server {
    root: PathBuf,
    watch: Watch,
    /// The address on the command line.
    given: Option<String>,
    place: Address,
    listener: TcpListener,
    build: Option<Build>,
    /// What the last build made.
    executable: Option<PathBuf>,
    starting: Option<Program>,
    serving: Option<Program>,
    stopping: Vec<Program>,
    problem: Option<Arc<Problem>>,
    problems: u64,
    /// The program has ended before it was ready: what it reads when it starts may mend that.
    did_not_start: bool,
    /// Something that a program reads when it starts has changed since this one was started.
    start_again: bool,
    announced: bool,
}

impl Server {
    /// One look at everything.
    fn look(&mut self) -> Result<()> {
        if let Some((change, path)) = self.watch.change() {
            let matters = change != Change::ReadAtStart || self.did_not_start;
            if matters {
                eprintln!("{} has changed", path.display());
            }
            match change {
                Change::Source => self.build()?,
                Change::Settings => self.restart()?,
                Change::ReadAtStart if matters => self.start()?,
                // A program that has read the old one may fail because of it.
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
        self.look_at_programs()?;
        if let Some(problem) = &self.problem {
            problem.answer(&self.listener);
        }
        Ok(())
    }

    /// Builds, instead of any build that is on its way. Who comes meanwhile is answered by the program that is there, or
    /// else waits.
    fn build(&mut self) -> Result<()> {
        if let Some(build) = self.build.take() {
            build.stop();
        }
        self.problem = None;
        self.did_not_start = false;
        self.build = Some(Build::start(&self.root)?);
        Ok(())
    }

    /// Starts the program again, as its settings have changed.
    fn restart(&mut self) -> Result<()> {
        let place = Address::of(&self.root, self.given.as_deref())?;
        if place != self.place {
            match place.listen() {
                Ok(listener) => {
                    (self.listener, self.place, self.announced) = (listener, place, false);
                }
                Err(error) => eprintln!("still on {}: {error}", self.place),
            }
        }
        // A build that is on its way starts the program itself.
        if self.build.is_none() { self.start() } else { Ok(()) }
    }

    /// Starts what was built last. The program that serves goes on until this one is ready.
    fn start(&mut self) -> Result<()> {
        self.stopping.extend(self.starting.take().map(stopped));
        let Some(executable) = &self.executable else { return Ok(()) };
        self.problem = None;
        (self.did_not_start, self.start_again) = (false, false);
        self.starting = Some(Program::start(executable, &self.root, &self.listener)?);
        Ok(())
    }

    fn look_at_programs(&mut self) -> Result<()> {
        match self.starting.as_mut().map(Program::state).transpose()? {
            Some(State::Ready) => {
                self.stopping.extend(self.serving.take().map(stopped));
                self.serving = self.starting.take();
                self.announce();
            }
            Some(State::Ended(_)) if self.start_again => self.start()?,
            Some(State::Ended(why)) => {
                self.fail("The project does not start", why);
                self.did_not_start = true;
            }
            Some(State::Starting) | None => {}
        }
        if let Some(State::Ended(why)) = self.serving.as_mut().map(Program::state).transpose()? {
            self.serving = None;
            if self.build.is_none() && self.starting.is_none() {
                eprintln!("{why}");
                self.fail("The project has ended", why);
            }
        }
        self.stopping.retain_mut(|program| !program.has_ended());
        Ok(())
    }

    /// From now on `lback` answers itself.
    fn fail(&mut self, title: &'static str, why: String) {
        self.starting = None;
        self.stopping.extend(self.serving.take().map(stopped));
        self.problems += 1;
        self.problem = Some(Problem::new(&self.root, title, why, self.problems));
        eprintln!("{title}. The page shows why; save a file that mends it.");
    }

    fn announce(&mut self) {
        if self.announced {
            return eprintln!("serving what is new");
        }
        let address = self.listener.local_addr().map_or_else(|_| self.place.to_string(), |address| address.to_string());
        eprintln!("Serving on http://{address}, and again after each change. Ctrl-C stops.");
        self.announced = true;
    }

    /// Stops everything in order; asked a second time, at once.
    fn stop(mut self, stop: &mut Signals) {
        if let Some(build) = self.build.take() {
            build.stop();
        }
        let mut programs: Vec<Program> =
            self.starting.take().into_iter().chain(self.serving.take()).map(stopped).chain(self.stopping).collect();
        let begin = Instant::now();
        let mut told = false;
        while !programs.is_empty() && stop.pending().next().is_none() {
            programs.retain_mut(|program| !program.has_ended());
            if !told && begin.elapsed() > Duration::from_secs(1) {
                told = true;
                eprintln!("requests in flight may finish; Ctrl-C ends them");
            }
            sleep(TICK / 10);
        }
        // What is left ends as it is dropped.
    }
}

fn stopped(mut program: Program) -> Program {
    program.stop();
    program
}
