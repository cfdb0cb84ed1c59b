//! Process groups. Programs are started in their own groups, so that Ctrl-C in the terminal reaches `lback` only, which then
//! stops them in order.

use std::process::{Child, Command};

/// Makes the program the leader of its own group.
pub fn in_own_group(command: &mut Command) -> &mut Command {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    command
}

/// Sends SIGTERM to all processes in the program's group.
pub fn terminate(child: &Child) {
    #[cfg(unix)]
    signal(child, rustix::process::Signal::TERM);
    #[cfg(not(unix))]
    let _ = child;
}

/// Kills all processes in the program's group.
pub fn kill(child: &mut Child) {
    #[cfg(unix)]
    signal(child, rustix::process::Signal::KILL);
    let _ = child.kill();
}

#[cfg(unix)]
fn signal(child: &Child, signal: rustix::process::Signal) {
    // A program that has exited has no group.
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, signal);
    }
}
