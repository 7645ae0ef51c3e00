//! Cuts the output of a program into lines.
//!
//! Lines are as a terminal shows them: a carriage return starts the line again. A very long line comes in
//! pieces, which bounds the memory. Bytes that are not UTF-8 are replaced.

use std::io::{self, Read};

/// The longest piece of a line, in bytes.
const LONGEST: usize = 8 << 10;

/// Reads until the end, and passes on every line.
///
/// # Errors
/// The error of the system.
pub fn read(mut from: impl Read, tell: &mut dyn FnMut(&str)) -> io::Result<()> {
    let mut lines = Lines::default();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => lines.take(&buffer[..count], tell),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    lines.end(tell);
    Ok(())
}

/// Cuts bytes into lines.
#[derive(Debug, Default)]
pub struct Lines {
    line: Vec<u8>,
    /// Whether the last byte was a carriage return.
    returned: bool,
}

impl Lines {
    /// Takes more bytes and passes on the lines that they complete.
    pub fn take(&mut self, bytes: &[u8], tell: &mut dyn FnMut(&str)) {
        for byte in bytes {
            match byte {
                b'\n' => self.tell(tell),
                b'\r' => self.returned = true,
                byte => {
                    if std::mem::take(&mut self.returned) {
                        self.line.clear();
                    }
                    if self.line.len() == LONGEST {
                        self.tell(tell);
                    }
                    self.line.push(*byte);
                }
            }
        }
    }

    /// Passes on the last line if it has no line feed.
    pub fn end(&mut self, tell: &mut dyn FnMut(&str)) {
        if !self.line.is_empty() {
            self.tell(tell);
        }
    }

    fn tell(&mut self, tell: &mut dyn FnMut(&str)) {
        self.returned = false;
        tell(&String::from_utf8_lossy(&self.line));
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let mut told = Vec::new();
        read(bytes, &mut |line| told.push(line.to_owned())).unwrap();
        told
    }

    #[test]
    fn lines_are_as_a_terminal_shows_them() {
        assert_eq!(lines(b"a\n\nb\r\n10%\r20%\r\rdone\nlast"), ["a", "", "b", "done", "last"]);
        assert_eq!(lines(b"x\r"), ["x"]);
        assert_eq!(lines(b""), [""; 0]);
        assert_eq!(lines(b"\xff\xfe ok\n"), ["\u{fffd}\u{fffd} ok"]);
    }

    #[test]
    fn an_endless_line_comes_in_pieces() {
        let long = "0123456789".repeat(5_000);
        let told = lines(long.as_bytes());
        assert!(told.len() > 5 && told.iter().all(|piece| piece.len() <= LONGEST));
        assert_eq!(told.concat(), long);
    }
}
