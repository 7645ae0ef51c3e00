//! The engine's side of a child process: its socket for the protocol, and the pipe for what it prints.
//!
//! Both are read in one place, so that what a process printed before a reply is passed on before that
//! reply. Knows neither requests nor replies, only lines.

use std::{
    io::{self, PipeReader, Read, Write},
    net::Shutdown,
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::Command,
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::offspring::lines::Lines;

/// How long the programs of a lost process may go on printing before their output is ignored.
const SILENCE: Duration = Duration::from_millis(200);
/// As much as a pipe holds.
const CHUNK: usize = 1 << 16;

/// The ends of a child's socket and pipe that the engine holds.
pub(super) struct Talk {
    socket: UnixStream,
    /// What came from the socket and has no end of line yet.
    begun: Vec<u8>,
    /// `None` once nothing can print any more.
    printed: Option<PipeReader>,
    lines: Lines,
    buffer: Box<[u8]>,
}

impl Talk {
    /// Connects a program that is about to be started.
    pub(super) fn with(command: &mut Command) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        let (printed, prints) = io::pipe()?;
        command.stdin(OwnedFd::from(theirs)).stdout(prints.try_clone()?).stderr(prints);
        let (printed, buffer) = (Some(printed), vec![0; CHUNK].into());
        Ok(Self { socket, begun: Vec::new(), printed, lines: Lines::default(), buffer })
    }

    /// Sends one line.
    pub(super) fn send(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        line.push(b'\n');
        self.socket.write_all(&line)
    }

    /// The next line from the socket; `None` where it is closed. Whatever the process prints meanwhile goes
    /// to `tell`.
    pub(super) fn receive(&mut self, tell: &mut dyn FnMut(&str)) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
                // What it printed before this line is in the pipe by now.
                self.hear(Duration::ZERO, tell);
                let rest = self.begun.split_off(end + 1);
                return Some(std::mem::replace(&mut self.begun, rest));
            }
            let socket = PollFd::new(&self.socket, PollFlags::IN);
            let printed = self.printed.as_ref().map(|printed| PollFd::new(printed, PollFlags::IN));
            let [socket, printed] = match printed {
                None => [ready(&mut [socket], None)[0], false],
                Some(printed) => ready(&mut [socket, printed], None),
            };
            if printed {
                self.read_printed(tell);
            }
            if socket && !self.read_socket() {
                return None;
            }
        }
    }

    /// Passes on the last that a lost process printed.
    pub(super) fn rest(&mut self, tell: &mut dyn FnMut(&str)) {
        while self.hear(SILENCE, tell) {}
        self.lines.end(tell);
    }

    /// Closes the socket, which ends the process.
    pub(super) fn close(&self) {
        // An error says that the other side has closed it.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Passes on what is printed within so long; false where nothing is.
    fn hear(&mut self, patience: Duration, tell: &mut dyn FnMut(&str)) -> bool {
        let Some(printed) = &self.printed else { return false };
        let [is_ready] = ready(&mut [PollFd::new(printed, PollFlags::IN)], Some(patience));
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

    /// False where the socket is closed.
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

/// Waits until there is something to read, or the end: for ever, or so long. Says where.
fn ready<const N: usize>(of: &mut [PollFd<'_>; N], patience: Option<Duration>) -> [bool; N] {
    let patience = patience.map(|patience| Timespec {
        tv_sec: 0, // Patience is less than a second here.
        tv_nsec: patience.subsec_nanos().into(),
    });
    while poll(of, patience.as_ref()) == Err(rustix::io::Errno::INTR) {}
    std::array::from_fn(|at| !of[at].revents().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The replies and the printed lines of a shell script, in the order in which they were passed on.
    fn heard(script: &str) -> Vec<String> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let mut talk = Talk::with(&mut command).unwrap();
        let mut child = command.spawn().unwrap();
        drop(command);
        let mut all = Vec::new();
        while let Some(reply) = talk.receive(&mut |line| all.push(format!("printed {line}"))) {
            all.push(format!("reply {}", String::from_utf8(reply).unwrap().trim_end()));
        }
        talk.rest(&mut |line| all.push(format!("printed {line}")));
        child.wait().unwrap();
        all
    }

    #[test]
    fn what_was_printed_before_a_reply_comes_before_it_and_neither_is_taken_for_the_other() {
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
    fn who_leaves_a_program_behind_that_keeps_the_pipe_is_not_waited_for() {
        let all = heard("sleep 5 <&- & echo $! ; echo ready >&0");
        assert_eq!(all.len(), 2, "{all:?}");
        let left = all.iter().find_map(|line| line.strip_prefix("printed ")).unwrap();
        crate::offspring::kill(left.parse().unwrap());
    }
}
