//! Computes `unpack`: reads a file block by block, and writes what it holds.

use std::io::{self, Read, Write};

use anyhow::{Context, Result, bail};
use flate2::write::MultiGzDecoder;

use super::outcome::on_cpu;
use crate::{
    fsx,
    protocol::{InputFile, Outcome, Task},
    serve::Reporter,
    stages::unpack::Unpack,
};

/// How many bytes are read at once.
const BLOCK: usize = 1 << 20;

pub(super) fn run(stage: &Unpack, task: &Task, reporter: &dyn Reporter) -> Result<Outcome> {
    let input = task.inputs.get("file").context("the task has no file")?;
    let path = task.staging.join(stage.unpacked());
    let mut decoder = MultiGzDecoder::new(fsx::create(&path)?);
    let taken = unpack(input, &mut decoder, &|done, total| reporter.progress(done, total, "bytes", ""));
    if let Err(error) = taken? {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                bail!("{} is not packed with gzip, or it is damaged: {error}; fetch it again", input.name)
            }
            _ => return Err(error).with_context(|| format!("cannot write {}", path.display())),
        }
    }
    Ok(on_cpu([("bytes", decoder.get_ref().metadata()?.len())]))
}

/// Reads all of a file into a decoder. What goes wrong in reading is an error; what goes wrong in the decoder is told.
fn unpack(
    input: &InputFile,
    decoder: &mut MultiGzDecoder<std::fs::File>,
    progress: &dyn Fn(u64, u64),
) -> Result<io::Result<()>> {
    let mut packed = fsx::open(&input.path)?;
    let (total, mut done, mut buffer) = (packed.metadata()?.len(), 0, vec![0; BLOCK]);
    loop {
        let count = packed.read(&mut buffer).with_context(|| format!("cannot read {}", input.name))?;
        if count == 0 {
            return Ok(decoder.try_finish());
        }
        if let Err(error) = decoder.write_all(&buffer[..count]) {
            return Ok(Err(error));
        }
        done += count as u64;
        progress(done, total);
    }
}
