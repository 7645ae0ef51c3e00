//! Records as remote stores have them, alone and in bundles; and the check of what comes back.
//!
//! ```text
//! "pcamflow bundle 1\n"   version
//! digest                  of the rest, 64 hexadecimal digits and a newline
//! zlib                    of the records: sealed, each after its length in 8 bytes (little-endian)
//! ```

use std::io::{Read, Write};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};

use crate::{
    digest::Digest,
    stages::join,
    store::{ActionRecord, key_of},
};

const HEAD: &[u8] = b"pcamflow bundle 1\n";
const DIGITS: usize = 64;

/// The most that a bundle may be unpacked: the records of a hundred thousand stages.
const LARGEST: u64 = 512 << 20;

/// Reads the record of a key; `None` if another version of pcamflow wrote it.
pub(super) fn record(bytes: &[u8], key: &Digest) -> Result<Option<ActionRecord>, String> {
    let Some(record) = ActionRecord::unsealed(bytes, key)? else { return Ok(None) };
    check(&record)?;
    Ok(Some(record.portable()))
}

/// Whether a record can be the result of its key.
fn check(record: &ActionRecord) -> Result<(), String> {
    if key_of(&record.lines) != record.key {
        return Err("its key is not the digest of its fingerprint".to_owned());
    }
    for (name, artifact) in &record.artifacts {
        let declared = record.lines.get(&join("artifact", name));
        if declared.is_none_or(|file| *file != artifact.file.to_string()) {
            return Err(format!("its fingerprint has no artifact `{name}` with the file {}", artifact.file));
        }
    }
    let declared = record.lines.keys().filter(|line| line.starts_with("artifact.")).count();
    match declared == record.artifacts.len() {
        true => Ok(()),
        false => Err("artifacts are missing".to_owned()),
    }
}

/// The bundle of these records.
pub(super) fn bundle<'a>(records: impl IntoIterator<Item = &'a ActionRecord>) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    for record in records {
        let sealed = record.clone().portable().sealed();
        // Writing into memory cannot fail.
        let _ = packed.write_all(&(sealed.len() as u64).to_le_bytes());
        let _ = packed.write_all(sealed.as_bytes());
    }
    let packed = packed.finish().unwrap_or_default();
    [HEAD, Digest::of(&packed).hex().as_bytes(), b"\n", &packed].concat()
}

/// The sound records of a bundle. Each of the others is one text.
pub(super) fn unbundle(bytes: &[u8]) -> Result<(Vec<ActionRecord>, Vec<String>), String> {
    let rest = bytes.strip_prefix(HEAD).ok_or("it is no bundle, or one of another version")?;
    let (digest, packed) = rest.split_at_checked(DIGITS + 1).ok_or("it was cut off")?;
    if digest != format!("{}\n", Digest::of(packed)).as_bytes() {
        return Err("it was cut off or modified".to_owned());
    }
    let mut text = Vec::new();
    let read = ZlibDecoder::new(packed).take(LARGEST + 1).read_to_end(&mut text);
    if read.is_err() || text.len() as u64 > LARGEST {
        return Err("it cannot be unpacked".to_owned());
    }
    let (mut records, mut wrong, mut rest) = (Vec::new(), Vec::new(), &text[..]);
    while let Some((length, after)) = rest.split_first_chunk::<8>() {
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (sealed, after) = after.split_at_checked(length).ok_or("it was cut off")?;
        match any_record(sealed) {
            Ok(record) => records.extend(record),
            Err(what) => wrong.push(what),
        }
        rest = after;
    }
    Ok((records, wrong))
}

/// Reads a record whose key is not known.
fn any_record(sealed: &[u8]) -> Result<Option<ActionRecord>, String> {
    #[derive(serde::Deserialize)]
    struct Keyed {
        key: Digest,
    }
    let json = sealed.iter().position(|byte| *byte == b'\n').map_or(sealed, |end| &sealed[end..]);
    match serde_json::from_slice::<Keyed>(json) {
        Ok(Keyed { key }) => record(sealed, &key),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::testing;

    #[test]
    fn records_come_back_alone_and_bundled_without_what_is_true_of_one_store() {
        let records: Vec<ActionRecord> = ["one", "two"].map(testing::record).to_vec();
        let sealed = records[0].sealed();
        assert_eq!(record(sealed.as_bytes(), &records[0].key), Ok(Some(records[0].clone().portable())));
        let (back, wrong) = unbundle(&bundle(&records)).unwrap();
        let portable: Vec<ActionRecord> = records.into_iter().map(ActionRecord::portable).collect();
        assert_eq!((back, wrong), (portable, vec![]));
    }

    #[test]
    fn no_damage_of_a_bundle_passes() {
        let sound = bundle(&[testing::record("one")]);
        for end in 0..sound.len() {
            assert!(unbundle(&sound[..end]).is_err(), "cut at {end}");
        }
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 1;
            assert!(unbundle(&bytes).is_err(), "flipped at {at}");
        }
    }

    #[test]
    fn a_record_that_is_not_what_its_key_says_is_refused() {
        let sound = testing::record("one");
        let mut other = sound.clone();
        other.lines.insert("parameter epochs".to_owned(), "9".to_owned());
        assert!(
            record(other.sealed().as_bytes(), &sound.key).unwrap_err().contains("digest of its fingerprint")
        );
        let mut renamed = sound.clone();
        let artifact = renamed.artifacts.get("model").unwrap().clone();
        renamed.artifacts.insert("extra".to_owned(), artifact);
        assert!(record(renamed.sealed().as_bytes(), &sound.key).unwrap_err().contains("no artifact `extra`"));
        let mut fewer = sound.clone();
        fewer.artifacts.clear();
        assert!(record(fewer.sealed().as_bytes(), &sound.key).unwrap_err().contains("missing"));
        let (back, wrong) = unbundle(&bundle(&[other, sound.clone()])).unwrap();
        assert_eq!((back.len(), wrong.len()), (1, 1), "the sound ones are used");
    }
}
