//! A process of the measurement's own: it ends when this value does, and with the process that started it.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

pub struct Program {
    child: Child,
    /// Kept open: to write to a pipe that nobody reads would end it.
    _stdout: BufReader<ChildStdout>,
}

impl Program {
    /// Starts it and waits for its first line on stdout: by then it does what it is for.
    pub fn start(mut command: Command, log: &Path) -> (Self, String) {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(log).expect("a log file"));
        let mut child = command.env("RUST_LOG", "error").spawn().expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("stdout can be read");
        let said = || std::fs::read_to_string(log).unwrap_or_default();
        assert!(!line.is_empty(), "{command:?} does not start:\n{}", said());
        (Self { child, _stdout: stdout }, line.trim().to_owned())
    }

    /// The same for one that says nothing when it is ready.
    pub fn start_silent(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Self { child, _stdout: stdout }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // what it has started itself goes by a signal that it can hear
        let _ = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        for _ in 0..200 {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that the kernel kills when the thread that starts it has gone.
pub fn mortal(mut command: Command) -> Command {
    let mut mortal = Command::new("setpriv");
    mortal.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    mortal.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null());
    mortal
}

/// A directory that goes when the measurement does.
pub fn directory() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().to_owned();
    (directory, path)
}
