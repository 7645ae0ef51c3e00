//! Moves the bytes of objects: large ones in parts, several parts at once. Knows files and streams.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{GetRange, ObjectStore, ObjectStoreExt, PutPayload, path::Path as Name};

use super::{
    super::client::{Answer, Moved, Sink, Trouble},
    part,
    words::trouble,
};

/// The size of a part. S3 takes at least 5 MiB and at most 10,000 parts: this is enough for 160 GB.
const PART: u64 = 16 << 20;

/// How many parts of one object are moved at once.
const PARTS: usize = 4;

/// Reads an object from a position to its end, in order. Its size is 0 if it is not known.
pub(super) async fn download(
    store: &Arc<dyn ObjectStore>,
    name: &Name,
    from: u64,
    size: u64,
    sink: Sink<'_>,
) -> Answer<()> {
    if size > from + PART {
        let starts = (from..size).step_by(PART as usize);
        let read = |start: u64| store.get_opts(name, part(start..size.min(start + PART)));
        let mut parts = stream::iter(starts).map(|start| async move { read(start).await?.bytes().await });
        // Each part is asked for before the one before it has arrived, and taken in order.
        let mut parts = std::pin::pin!(parts.by_ref().buffered(PARTS));
        while let Some(bytes) = parts.try_next().await.map_err(|error| trouble(&error))? {
            sink(&bytes)?;
        }
        return Ok(());
    }
    let options = if from > 0 { part(GetRange::Offset(from)) } else { Default::default() };
    let found = store.get_opts(name, options).await.map_err(|error| trouble(&error))?;
    let mut bytes = found.into_stream();
    while let Some(bytes) = bytes.try_next().await.map_err(|error| trouble(&error))? {
        sink(&bytes)?;
    }
    Ok(())
}

/// Writes a file as an object that is visible whole or not at all.
pub(super) async fn upload(
    store: &Arc<dyn ObjectStore>,
    name: &Name,
    file: &Path,
    moved: Moved<'_>,
) -> Answer<()> {
    let here = |error: io::Error| Trouble::Here(format!("cannot read {}: {error}", file.display()));
    let mut opened = File::open(file).map_err(here)?;
    let size = opened.metadata().map_err(here)?.len();
    if size <= PART {
        let bytes = next_part(&mut opened).map_err(here)?;
        store.put(name, PutPayload::from(bytes)).await.map_err(|error| trouble(&error))?;
        return if moved(size) { Ok(()) } else { Err(Trouble::Stopped) };
    }
    let mut upload = store.put_multipart(name).await.map_err(|error| trouble(&error))?;
    let parts = async {
        let reading = stream::iter(std::iter::from_fn(|| match next_part(&mut opened) {
            Ok(bytes) if bytes.is_empty() => None,
            read => Some(read.map_err(here)),
        }));
        let sending = reading.map(|bytes| {
            let part = bytes.map(|bytes| (bytes.len() as u64, upload.put_part(PutPayload::from(bytes))));
            async move {
                let (size, sent) = part?;
                sent.await.map_err(|error| trouble(&error))?;
                if moved(size) { Ok(()) } else { Err(Trouble::Stopped) }
            }
        });
        sending.buffer_unordered(PARTS).try_collect::<()>().await
    };
    match parts.await {
        Ok(()) => upload.complete().await.map(drop).map_err(|error| trouble(&error)),
        Err(trouble) => {
            // Parts that stay are not visible; buckets have rules that remove them.
            let _ = upload.abort().await;
            Err(trouble)
        }
    }
}

fn next_part(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(PART).read_to_end(&mut bytes)?;
    Ok(bytes)
}
