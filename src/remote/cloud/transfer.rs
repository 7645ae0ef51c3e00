//! Moves the bytes of objects: large ones in parts, several parts at once. Knows files and streams.

use std::{
    fs::File,
    future::Future,
    io::{self, Read},
    path::Path,
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload, path::Path as Name};

use super::{
    super::client::{Answer, Moved, Sink, Trouble},
    words::{sends_no_parts, silent, trouble},
};

/// The size of a part. S3 takes at least 5 MiB and at most 10,000 parts: this is enough for 80 GB.
const PART: u64 = 8 << 20;

/// How many parts of one object are moved at once. They are in memory.
const PARTS: usize = 2;

/// How long sending one part may take.
const SLOWEST: Duration = Duration::from_secs(600);

/// Reads an object from a position to its end, in order. Its size is 0 if it is not known.
pub(super) async fn download(
    store: &Arc<dyn ObjectStore>,
    name: &Name,
    from: u64,
    size: u64,
    sink: Sink<'_>,
) -> Answer<()> {
    if from == 0 && size <= PART {
        return whole(store, name, 0, sink).await;
    }
    let starts = (from..size).step_by(PART as usize);
    let read = |start: u64| store.get_opts(name, part(start..size.min(start + PART)));
    let parts = stream::iter(starts).map(|start| async move { read(start).await?.bytes().await });
    // Each part is asked for before the one before it has arrived, and taken in order.
    let mut parts = std::pin::pin!(parts.buffered(PARTS));
    let mut arrived = from;
    while let Some(bytes) = parts.next().await {
        let bytes = match bytes {
            Err(error) if sends_no_parts(&error) => return whole(store, name, arrived, sink).await,
            bytes => bytes.map_err(|error| trouble(&error))?,
        };
        sink(&bytes)?;
        arrived += bytes.len() as u64;
    }
    Ok(())
}

/// Reads a whole object, without the bytes that are here already.
async fn whole(store: &Arc<dyn ObjectStore>, name: &Name, mut skip: u64, sink: Sink<'_>) -> Answer<()> {
    let found = store.get(name).await.map_err(|error| trouble(&error))?;
    let mut bytes = found.into_stream();
    while let Some(bytes) = bytes.try_next().await.map_err(|error| trouble(&error))? {
        let known = usize::try_from(skip).unwrap_or(usize::MAX).min(bytes.len());
        skip -= known as u64;
        if known < bytes.len() {
            sink(&bytes[known..])?;
        }
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
        in_time(store.put(name, PutPayload::from(bytes))).await?;
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
                in_time(sent).await?;
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

/// Waits until bytes are sent.
async fn in_time<T>(sending: impl Future<Output = Result<T, object_store::Error>>) -> Answer<T> {
    match tokio::time::timeout(SLOWEST, sending).await {
        Ok(sent) => sent.map_err(|error| trouble(&error)),
        Err(_) => Err(silent(SLOWEST)),
    }
}

/// The options of a request for a part of an object.
fn part(range: impl Into<GetRange>) -> GetOptions {
    GetOptions { range: Some(range.into()), ..GetOptions::default() }
}

fn next_part(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(PART).read_to_end(&mut bytes)?;
    Ok(bytes)
}
