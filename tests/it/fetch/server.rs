//! A web server on this machine that tests can break: it cuts answers, ignores ranges, hides lengths, stalls,
//! redirects. It knows no projects.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

/// A file of the server, and how it is served.
#[derive(Clone)]
pub(super) struct Page {
    pub(super) bytes: Vec<u8>,
    /// Whether parts of it can be asked for.
    pub(super) ranges: bool,
    /// How its end is told.
    pub(super) end: End,
    /// Answers that break after so many bytes of them, the first one first.
    pub(super) cuts: Vec<usize>,
    /// Answers with these statuses before any other.
    pub(super) statuses: Vec<u16>,
    /// Where it is in truth.
    pub(super) moved_to: Option<String>,
    /// Whether an answer stalls at its half.
    pub(super) stalls: bool,
}

/// How a server tells where an answer ends.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum End {
    Length,
    Chunks,
    Close,
}

impl Page {
    pub(super) fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            ranges: true,
            end: End::Length,
            cuts: Vec::new(),
            statuses: Vec::new(),
            moved_to: None,
            stalls: false,
        }
    }
}

/// What the server has, and what it was asked.
#[derive(Default)]
struct Site {
    pages: BTreeMap<String, Page>,
    seen: Vec<String>,
}

/// A web server. It ends with the tests.
pub(super) struct Server {
    address: SocketAddr,
    site: Arc<Mutex<Site>>,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, site) = (listener.local_addr().unwrap(), Arc::<Mutex<Site>>::default());
        let shared = Arc::clone(&site);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || drop(serve(client, &shared)));
            }
        });
        Self { address, site }
    }

    /// The URL of a path.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on, a path is this page.
    pub(super) fn put(&self, path: &str, page: Page) {
        self.site.lock().unwrap().pages.insert(path.to_owned(), page);
    }

    /// The requests since the last call: `/x.h5`, or `/x.h5 from 100`.
    pub(super) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.site.lock().unwrap().seen)
    }
}

fn serve(client: TcpStream, site: &Mutex<Site>) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut reader = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut from = 0;
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let header = line.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            assert!(!header.contains("gzip"), "servers must not pack files on the way: {header}");
            if let Some(range) = header.strip_prefix("range: bytes=") {
                from = range.trim_end_matches('-').parse().unwrap();
            }
        }
        line.clear();
        let page = meet(site, &path, from);
        if !answer(&client, page, from)? {
            client.shutdown(Shutdown::Both)?;
            return Ok(());
        }
    }
    Ok(())
}

/// Notes a request, and takes what happens to it from the page.
fn meet(site: &Mutex<Site>, path: &str, from: usize) -> Option<Page> {
    let mut site = site.lock().unwrap();
    site.seen.push(if from > 0 { format!("{path} from {from}") } else { path.to_owned() });
    let page = site.pages.get_mut(path.split('?').next().unwrap())?;
    let now = page.clone();
    if !page.statuses.is_empty() {
        page.statuses.remove(0);
    } else if !page.cuts.is_empty() {
        page.cuts.remove(0);
    }
    Some(now)
}

/// Sends an answer. False if the connection ends with it.
fn answer(mut client: &TcpStream, page: Option<Page>, from: usize) -> std::io::Result<bool> {
    let plain = |status: &str, more: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n{more}\r\n");
    let Some(page) = page else {
        return client.write_all(plain("404 Not Found", "").as_bytes()).map(|()| true);
    };
    if let Some(status) = page.statuses.first() {
        let text = plain(&format!("{status} Broken"), "Retry-After: 0\r\n");
        return client.write_all(text.as_bytes()).map(|()| true);
    }
    if let Some(url) = &page.moved_to {
        let text = plain("302 Found", &format!("Location: {url}\r\n"));
        return client.write_all(text.as_bytes()).map(|()| true);
    }
    let (size, from) = (page.bytes.len(), if page.ranges { from } else { 0 });
    if from > 0 && from >= size {
        let text = plain("416 Range Not Satisfiable", &format!("Content-Range: bytes */{size}\r\n"));
        return client.write_all(text.as_bytes()).map(|()| true);
    }
    let body = &page.bytes[from..];
    let status = match from {
        0 => "200 OK".to_owned(),
        _ => format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{size}", size - 1),
    };
    let end = match page.end {
        End::Length => format!("Content-Length: {}", body.len()),
        End::Chunks => "Transfer-Encoding: chunked".to_owned(),
        End::Close => "Connection: close".to_owned(),
    };
    client.write_all(format!("HTTP/1.1 {status}\r\n{end}\r\n\r\n").as_bytes())?;
    let sent = page.cuts.first().map_or(body.len(), |cut| body.len().min(*cut));
    let (first, second) = body[..sent].split_at(sent / 2);
    for (place, piece) in [first, second].into_iter().enumerate() {
        if place == 1 && page.stalls {
            std::thread::sleep(Duration::from_secs(600));
        }
        if page.end == End::Chunks && !piece.is_empty() {
            client.write_all(format!("{:x}\r\n", piece.len()).as_bytes())?;
        }
        client.write_all(piece)?;
        if page.end == End::Chunks && !piece.is_empty() {
            client.write_all(b"\r\n")?;
        }
    }
    if sent < body.len() || page.end == End::Close {
        return Ok(false);
    }
    if page.end == End::Chunks {
        client.write_all(b"0\r\n\r\n")?;
    }
    Ok(true)
}
