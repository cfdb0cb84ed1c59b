//! The commands that ask, with somebody at a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use super::*;

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

/// A terminal, at which a command runs.
struct Terminal {
    child: Child,
    keyboard: File,
    shown: Receiver<Vec<u8>>,
    /// What was shown and not awaited yet.
    ahead: String,
    /// All that was ever shown.
    screen: String,
}

impl Terminal {
    fn start(project: &TempDir, command: &[&str]) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let end = || Stdio::from(ioctl_tiocgptpeer(&master, flags).unwrap());
        // So that Ctrl-C finds whom it should stop, also where the tests themselves were started to ignore it.
        let mut session = Command::new("setsid");
        session.args(["--ctty", "env", "--default-signal=INT,QUIT"]).arg(std::env::current_exe().unwrap());
        let mut process = process(session, project, command);
        let child = process.stdin(end()).stdout(end()).stderr(end()).spawn().expect("setsid, which util-linux brings");
        let keyboard = File::from(master);
        let mut screen = keyboard.try_clone().unwrap();
        let (show, shown) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 1024];
            // Where the last process has left the terminal, reading from it is an error.
            while let Ok(length) = screen.read(&mut bytes) {
                if length == 0 || show.send(bytes[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Terminal { child, keyboard, shown, ahead: String::new(), screen: String::new() }
    }

    /// Waits until the command shows this.
    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        let begun = Instant::now();
        loop {
            if let Some(at) = self.ahead.find(text) {
                self.ahead.drain(..at + text.len());
                return;
            }
            match self.shown.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
                Ok(bytes) => self.take(&bytes),
                Err(_) => panic!("the terminal never shows \"{text}\":\n{}", self.screen),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        self.ahead.push_str(&text);
        self.screen.push_str(&text);
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    #[track_caller]
    fn answer(&mut self, question: &str, line: &str) {
        self.wait_for(question);
        self.press(&format!("{line}\r"));
    }

    fn echoes(&self) -> bool {
        tcgetattr(&self.keyboard).unwrap().local_modes.contains(LocalModes::ECHO | LocalModes::ISIG)
    }

    /// Waits until the command has ended: how it ended, what was shown in all, and whether the terminal shows what is typed.
    #[track_caller]
    fn end(mut self) -> (ExitStatus, String, bool) {
        let begun = Instant::now();
        loop {
            match self.shown.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the command does not end:\n{}", self.screen),
            }
        }
        let echoes = self.echoes();
        (self.child.wait().unwrap(), std::mem::take(&mut self.screen), echoes)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn users(project: &TempDir) -> String {
    run(project, &["list_users"], "")
}

#[test]
fn a_superuser_is_made_by_answering() {
    let project = migrated();
    let mut terminal = Terminal::start(&project, &["createsuperuser"]);
    terminal.answer("User name: ", "<b>");
    terminal.wait_for("only letters, digits");
    terminal.answer("User name: ", "alice");
    terminal.answer("E-mail address (may be left empty): ", "nonsense");
    terminal.wait_for("Enter an e-mail address");
    assert!(terminal.echoes());
    terminal.answer("E-mail address (may be left empty): ", "alice@example.com");
    terminal.wait_for("Password: ");
    assert!(!terminal.echoes());
    terminal.press("pw\r");
    terminal.wait_for("too short: it needs at least 8");
    terminal.answer("Password: ", "alice@example");
    terminal.wait_for("too similar");
    terminal.answer("Password: ", PASSWORD);
    terminal.answer("Password again: ", "through the looking glass");
    terminal.wait_for("The passwords differ.");
    terminal.answer("Password: ", PASSWORD);
    terminal.answer("Password again: ", PASSWORD);
    terminal.wait_for("created the superuser alice");
    let (status, screen, echoes) = terminal.end();
    assert!(status.success() && echoes, "{screen}");
    for hidden in [PASSWORD, "through the looking glass", "pw\r"] {
        assert!(!screen.contains(hidden), "{screen}");
    }
    assert!(screen.contains("User name: alice\r\n"), "{screen}");
    assert!(users(&project).contains("alice  alice@example.com  last login: never  superuser"));

    let mut terminal = Terminal::start(&project, &["createsuperuser"]);
    terminal.answer("User name: ", "ALICE");
    terminal.wait_for("a user called ALICE already exists");
    terminal.answer("User name: ", "bob");
    terminal.answer("E-mail address (may be left empty): ", "Alice@Example.com");
    terminal.wait_for("a user with the address");
    terminal.answer("E-mail address (may be left empty): ", "");
    terminal.answer("Password: ", PASSWORD);
    terminal.answer("Password again: ", PASSWORD);
    let (status, screen, _) = terminal.end();
    assert!(status.success() && screen.contains("created the superuser bob"), "{screen}");
}

#[test]
fn who_stops_in_the_middle_leaves_nothing_behind() {
    let project = migrated();
    let stop = |questions: usize, keys: &str| {
        let mut terminal = Terminal::start(&project, &["createsuperuser"]);
        let answers = [("User name: ", "alice"), ("E-mail address (may be left empty): ", ""), ("Password: ", PASSWORD)];
        for (question, answer) in answers.iter().take(questions) {
            terminal.answer(question, answer);
        }
        terminal.wait_for(["User name: ", "E-mail address (may be left empty): ", "Password: ", "Password again: "][questions]);
        terminal.press(keys);
        let (status, screen, echoes) = terminal.end();
        assert!(!status.success() && echoes, "after {questions} answers and {keys:?}: {status}, {screen}");
        assert!(!screen.contains("superuser") && !screen.contains(PASSWORD), "{screen}");
        screen
    };
    for questions in 0..4 {
        // What was typed before does not become the answer, either.
        for keys in [CTRL_C, CTRL_D, &format!("half{CTRL_C}"), &format!("half a password{CTRL_D}{CTRL_D}")] {
            let screen = stop(questions, keys);
            if keys.contains(CTRL_D) || questions > 1 {
                assert!(screen.contains("nothing was changed"), "{screen}");
            }
        }
    }
    assert!(users(&project).contains("there are no users"));
}

#[test]
fn a_password_is_changed_by_answering() {
    let project = migrated();
    assert_does(&project, &["createsuperuser", "--username", "alice", "--password-env", "NEW_PASSWORD"], "", "created the superuser alice");
    let change = |keys: &[&str]| {
        let mut terminal = Terminal::start(&project, &["changepassword", "alice"]);
        for (at, line) in keys.iter().enumerate() {
            terminal.answer(if at % 2 == 0 { "Password: " } else { "Password again: " }, line);
        }
        let (status, screen, echoes) = terminal.end();
        assert!(echoes && !screen.contains("looking glass"), "{screen}");
        (status.success(), screen)
    };
    let (changed, screen) = change(&["through the looking glass", "through the Looking glass", "through the looking glass", CTRL_C]);
    assert!(!changed && screen.contains("The passwords differ.") && screen.contains("interrupted; nothing was changed"), "{screen}");
    let (changed, screen) = change(&["through the looking glass", "through the looking glass"]);
    assert!(changed && screen.contains("changed the password of alice"), "{screen}");
}
