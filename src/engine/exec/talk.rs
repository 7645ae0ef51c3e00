//! The engine's ends of a child process: a socket for the protocol, and a pipe for what it prints.
//!
//! Both are read in one place, so that what a process printed before a reply is passed on before that
//! reply. Knows lines; knows neither requests nor replies.

use std::{
    io::{self, PipeReader, Read, Write},
    net::Shutdown,
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::Command,
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::offspring::lines::Lines;

/// How long the pipe of a lost process must be silent before it is no longer read.
const SILENCE: Duration = Duration::from_millis(200);
/// The capacity of a pipe.
const CHUNK: usize = 1 << 16;

/// The ends of a child's socket and pipe that the engine holds.
pub(super) struct Talk {
    socket: UnixStream,
    /// What came from the socket after the last complete line.
    begun: Vec<u8>,
    /// `None` once it is closed.
    printed: Option<PipeReader>,
    lines: Lines,
    buffer: Box<[u8]>,
}

impl Talk {
    /// Connects a program that is about to be started: its standard input is the socket, its standard output and error
    /// are the pipe.
    pub(super) fn with(command: &mut Command) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        let (printed, prints) = io::pipe()?;
        command.stdin(OwnedFd::from(theirs)).stdout(prints.try_clone()?).stderr(prints);
        Ok(Self::new(socket, printed))
    }

    /// Connects a launcher. Not every launcher can pass a socket on, but all of them pass standard input and output on:
    /// both are the socket, and only standard error is the pipe.
    pub(super) fn with_launcher(command: &mut Command) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        let (printed, prints) = io::pipe()?;
        command.stdin(OwnedFd::from(theirs.try_clone()?)).stdout(OwnedFd::from(theirs)).stderr(prints);
        Ok(Self::new(socket, printed))
    }

    fn new(socket: UnixStream, printed: PipeReader) -> Self {
        let (printed, buffer) = (Some(printed), vec![0; CHUNK].into());
        Self { socket, begun: Vec::new(), printed, lines: Lines::default(), buffer }
    }

    /// Sends one line.
    pub(super) fn send(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        line.push(b'\n');
        self.socket.write_all(&line)
    }

    /// The next line from the socket; `None` if it is closed. What the process prints meanwhile goes to `tell`.
    /// `look` is called before each wait, and says how long that may be.
    pub(super) fn receive(
        &mut self,
        look: impl Fn() -> Duration,
        tell: &mut dyn FnMut(&str),
    ) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
                // What it printed before this line is already in the pipe.
                self.hear(Duration::ZERO, tell);
                let rest = self.begun.split_off(end + 1);
                return Some(std::mem::replace(&mut self.begun, rest));
            }
            let socket = PollFd::new(&self.socket, PollFlags::IN);
            let printed = self.printed.as_ref().map(|printed| PollFd::new(printed, PollFlags::IN));
            let [socket, printed] = match printed {
                None => [ready(&mut [socket], look())[0], false],
                Some(printed) => ready(&mut [socket, printed], look()),
            };
            if printed {
                self.read_printed(tell);
            }
            if socket && !self.read_socket() {
                return None;
            }
        }
    }

    /// Passes on the last output of a lost process.
    pub(super) fn rest(&mut self, tell: &mut dyn FnMut(&str)) {
        while self.hear(SILENCE, tell) {}
        self.lines.end(tell);
    }

    /// Closes the socket, which ends the process.
    pub(super) fn close(&self) {
        // An error means that the other side has closed it.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Passes on what is printed within this time; false if nothing is.
    fn hear(&mut self, patience: Duration, tell: &mut dyn FnMut(&str)) -> bool {
        let Some(printed) = &self.printed else { return false };
        let [is_ready] = ready(&mut [PollFd::new(printed, PollFlags::IN)], patience);
        if is_ready {
            self.read_printed(tell);
        }
        is_ready
    }

    fn read_printed(&mut self, tell: &mut dyn FnMut(&str)) {
        let Some(printed) = &mut self.printed else { return };
        match printed.read(&mut self.buffer) {
            Ok(count) if count > 0 => self.lines.take(&self.buffer[..count], tell),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => self.printed = None,
        }
    }

    /// False if the socket is closed.
    fn read_socket(&mut self) -> bool {
        match self.socket.read(&mut self.buffer) {
            Ok(count) => {
                self.begun.extend_from_slice(&self.buffer[..count]);
                count > 0
            }
            Err(error) => error.kind() == io::ErrorKind::Interrupted,
        }
    }
}

/// Waits, for less than a second, until there is something to read or one of them is closed. Says which.
fn ready<const N: usize>(of: &mut [PollFd<'_>; N], patience: Duration) -> [bool; N] {
    let patience = Timespec { tv_sec: 0, tv_nsec: patience.subsec_nanos().into() };
    while poll(of, Some(&patience)) == Err(rustix::io::Errno::INTR) {}
    std::array::from_fn(|at| !of[at].revents().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The replies and the printed lines of a shell script, in the order in which they are passed on.
    fn heard(script: &str) -> Vec<String> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let mut talk = Talk::with(&mut command).unwrap();
        let mut child = command.spawn().unwrap();
        drop(command);
        let mut all = Vec::new();
        let look = || Duration::from_millis(500);
        while let Some(reply) = talk.receive(look, &mut |line| all.push(format!("printed {line}"))) {
            all.push(format!("reply {}", String::from_utf8(reply).unwrap().trim_end()));
        }
        talk.rest(&mut |line| all.push(format!("printed {line}")));
        child.wait().unwrap();
        all
    }

    #[test]
    fn printed_lines_come_before_the_reply_that_follows_them() {
        let script = "echo one; echo two >&2; echo first >&0; printf three; echo second >&0; printf last";
        let expected = ["printed one", "printed two", "reply first", "reply second", "printed threelast"];
        assert_eq!(heard(script), expected);
    }

    #[test]
    fn a_flood_of_output_is_passed_on_whole() {
        let all = heard("seq 100000; echo done >&0; exec 0<&-; seq 3 >&2");
        assert_eq!(all.len(), 100_004);
        assert!(all.contains(&"reply done".to_owned()));
        assert_eq!(all.iter().rfind(|line| line.starts_with("printed")).unwrap(), "printed 3");
    }

    #[test]
    fn a_program_left_behind_that_keeps_the_pipe_open_is_not_waited_for() {
        let all = heard("sleep 5 <&- & echo $! ; echo ready >&0");
        assert_eq!(all.len(), 2, "{all:?}");
        let left = all.iter().find_map(|line| line.strip_prefix("printed ")).unwrap();
        crate::offspring::kill(left.parse().unwrap());
    }
}
