//! TensorBoard's event files: TFRecord frames around `Event` messages in protocol buffers.
//!
//! Only what scalars need (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto). Opens no file.

use crc::{CRC_32_ISCSI, Crc};

/// How the names of event files begin.
pub(super) const PREFIX: &str = "events.out.tfevents.";

/// The checksum of the frames.
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

// The numbers of fields, with the types of their values.
const WALL_TIME: u8 = 1 << 3 | DOUBLE;
const STEP: u8 = 2 << 3 | VARINT;
const FILE_VERSION: u8 = 3 << 3 | BYTES;
const SUMMARY: u8 = 5 << 3 | BYTES;
const VALUE: u8 = 1 << 3 | BYTES;
const TAG: u8 = 1 << 3 | BYTES;
const SIMPLE_VALUE: u8 = 2 << 3 | FLOAT;
const VARINT: u8 = 0;
const DOUBLE: u8 = 1;
const BYTES: u8 = 2;
const FLOAT: u8 = 5;

/// The first record of a file. `time`: in seconds since 1970.
pub(super) fn header(time: f64) -> Vec<u8> {
    frame(&[wall_time(time), bytes(FILE_VERSION, b"brain.Event:2")].concat())
}

/// A record with the values of a step, by tag.
pub(super) fn scalars(time: f64, step: u64, values: &[(&str, f64)]) -> Vec<u8> {
    let value = |(tag, number): &(&str, f64)| {
        let number = [&[SIMPLE_VALUE][..], &(*number as f32).to_le_bytes()].concat();
        bytes(VALUE, &[bytes(TAG, tag.as_bytes()), number].concat())
    };
    let summary: Vec<u8> = values.iter().flat_map(value).collect();
    let step = [&[STEP][..], &varint(step)].concat();
    frame(&[wall_time(time), step, bytes(SUMMARY, &summary)].concat())
}

fn wall_time(time: f64) -> Vec<u8> {
    [&[WALL_TIME][..], &time.to_le_bytes()].concat()
}

/// A field with a length.
fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
    [&[field][..], &varint(content.len() as u64), content].concat()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A TFRecord: length, its checksum, content, its checksum.
fn frame(content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), content, &masked(content)].concat()
}

/// The checksum in the form that TFRecord uses.
fn masked(content: &[u8]) -> [u8; 4] {
    CRC.checksum(content).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_those_of_tensorflow() {
        // Written by the `RecordWriter` and the `Event` class of TensorBoard 2.21.
        let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(header(1.5)), HEADER);
        assert_eq!(hex(scalars(1.5, 300, &[("loss/train", 0.25), ("a", 1.0)])), SCALARS);
    }

    const HEADER: &str = "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c";
    const SCALARS: &str = "2b00000000000000861bc34b09000000000000f83f10ac022a1d0a110a0a6c6f73732f747261696e150000803e\
                           0a080a0161150000803fccc73441";
}
