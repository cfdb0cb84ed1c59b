//! Programs that are started in a group of their own: Ctrl-C in the terminal reaches `lback` only, which then ends them in
//! order.

use std::process::{Child, Command};

/// Has the program lead a group of its own.
pub fn in_own_group(command: &mut Command) -> &mut Command {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    command
}

/// Asks everything in the program's group to end.
pub fn terminate(child: &Child) {
    #[cfg(unix)]
    signal(child, rustix::process::Signal::TERM);
    #[cfg(not(unix))]
    let _ = child;
}

/// Ends everything in the program's group at once.
pub fn kill(child: &mut Child) {
    #[cfg(unix)]
    signal(child, rustix::process::Signal::KILL);
    let _ = child.kill();
}

#[cfg(unix)]
fn signal(child: &Child, signal: rustix::process::Signal) {
    // One that has ended has no group any more.
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, signal);
    }
}
