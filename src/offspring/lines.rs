//! The lines of what a program prints, whatever its bytes are.
//!
//! Lines come as a terminal shows them: a carriage return starts the line anew. A very long line comes in
//! pieces, so that memory stays bounded, and bytes that are not UTF-8 are replaced.

use std::io::{self, Read};

/// The longest piece of a line, in bytes.
const LONGEST: usize = 8 << 10;

/// Reads until the end, and passes on every line.
///
/// # Errors
/// What the system says.
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
    /// Takes more bytes, and passes on the lines that they complete.
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
                        self.tell_piece(tell);
                    }
                    self.line.push(*byte);
                }
            }
        }
    }

    /// Passes on the last line, which no line feed ends.
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

    /// Passes on the beginning of a very long line, cut between two characters.
    fn tell_piece(&mut self, tell: &mut dyn FnMut(&str)) {
        let continues = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
        let begun = self.line.iter().rposition(|byte| !continues(byte)).unwrap_or(0);
        let whole = std::str::from_utf8(&self.line[begun..]).is_ok();
        let cut = if whole || begun == 0 || self.line.len() - begun > 4 { self.line.len() } else { begun };
        tell(&String::from_utf8_lossy(&self.line[..cut]));
        self.line.drain(..cut);
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
    fn lines_are_told_as_a_terminal_shows_them() {
        assert_eq!(lines(b"a\n\nb\r\n10%\r20%\r\rdone\nlast"), ["a", "", "b", "done", "last"]);
        assert_eq!(lines(b"x\r"), ["x"]);
        assert_eq!(lines(b""), [""; 0]);
        assert_eq!(lines(b"\xff\xfe ok\n"), ["\u{fffd}\u{fffd} ok"]);
    }

    #[test]
    fn an_endless_line_comes_in_pieces_between_characters() {
        let long = "ä€𝄞".repeat(5_000);
        let told = lines(long.as_bytes());
        assert!(told.len() > 5 && told.iter().all(|piece| piece.len() <= LONGEST));
        assert_eq!(told.concat(), long);
        assert_eq!(lines(&vec![0x80; 3 * LONGEST]).len(), 3);
    }
}
