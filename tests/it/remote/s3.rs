//! A real S3 server on this machine, and what lies between it and the programs: a proxy that counts requests, waits, and
//! breaks. Tests and benchmarks use it; it knows no projects.

use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// The server's program: `make s3` builds it.
const PROGRAM: &str = ".deps/s3s/bin/s3s-fs";
const KEY: &str = "AKIATEST";
const SECRET: &str = "a-secret-that-nobody-may-see";
const BUCKET: &str = "team";

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// It is passed on.
    None,
    /// It is never answered.
    Hang,
    /// It is answered with this status.
    Status(u16),
    /// The connection breaks after so many bytes of the answer.
    Cut(usize),
}

/// What the proxy does, and what it has seen.
struct Between {
    fault: Fault,
    /// The fault is only for requests with this text, `GET /team/x`.
    only: &'static str,
    /// How often the fault still happens.
    left: usize,
    latency: Duration,
    seen: Vec<(Instant, String)>,
}

/// A bucket `team` on a server of its own.
pub(crate) struct S3 {
    _folder: tempfile::TempDir,
    root: PathBuf,
    server: Child,
    address: SocketAddr,
    between: Arc<Mutex<Between>>,
    ended: Arc<AtomicBool>,
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl S3 {
    /// Starts the server. `None` if it is not built; then the test says that it skips.
    pub(crate) fn start() -> Option<Self> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(PROGRAM);
        if !program.exists() {
            assert!(
                std::env::var_os("PCAMFLOW_REQUIRE_S3").is_none(),
                "there is no S3 server at {program:?}"
            );
            eprintln!("skipped: there is no S3 server at {}; `make s3` builds it", program.display());
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("buckets");
        fs::create_dir_all(root.join(BUCKET)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Command::new(program)
            .args(["--access-key", KEY, "--secret-key", SECRET, "--host", "127.0.0.1"])
            .args(["--port", &port.to_string()])
            .arg(&root)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server_address = SocketAddr::from(([127, 0, 0, 1], port));
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(server_address).is_err() {
            assert!(Instant::now() < deadline, "the S3 server does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        let between = Arc::new(Mutex::new(Between {
            fault: Fault::None,
            only: "",
            left: 0,
            latency: Duration::ZERO,
            seen: Vec::new(),
        }));
        let ended = Arc::new(AtomicBool::new(false));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (shared, stop) = (Arc::clone(&between), Arc::clone(&ended));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || drop(pass(client, server_address, &shared)));
            }
        });
        Some(Self { _folder: folder, root, server, address, between, ended })
    }

    /// The settings of a project with this remote, and the variables with its credentials.
    pub(crate) fn given(&self) -> (String, Vec<(String, String)>) {
        let settings = format!(
            "[remote]\nurl = 's3://{BUCKET}/pcam'\nendpoint = 'http://{}'\nregion = 'us-east-1'\ntimeout = '2s'\n",
            self.address
        );
        let credentials = [("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", SECRET)];
        (settings, credentials.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
    }

    /// The folder of the bucket.
    pub(crate) fn bucket(&self) -> PathBuf {
        self.root.join(BUCKET)
    }

    /// From now on, this happens to requests that begin with a text, so often.
    pub(crate) fn break_it(&self, fault: Fault, only: &'static str, times: usize) {
        let mut between = self.between.lock().unwrap();
        (between.fault, between.only, between.left) = (fault, only, times);
    }

    /// From now on, all is passed on.
    pub(crate) fn mend(&self) {
        self.break_it(Fault::None, "", 0);
    }

    /// How long each request waits.
    pub(crate) fn wait(&self, latency: Duration) {
        self.between.lock().unwrap().latency = latency;
    }

    /// The requests since the last call: `GET /team/pcam/v1/...`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.timed_requests().into_iter().map(|(_, request)| request).collect()
    }

    /// The requests since the last call, with their times.
    pub(crate) fn timed_requests(&self) -> Vec<(Instant, String)> {
        std::mem::take(&mut self.between.lock().unwrap().seen)
    }
}

/// Passes a connection on, request by request.
fn pass(client: TcpStream, server: SocketAddr, between: &Mutex<Between>) -> std::io::Result<()> {
    let upstream = TcpStream::connect(server)?;
    for stream in [&client, &upstream] {
        stream.set_nodelay(true)?;
    }
    let limit = Arc::new(Mutex::new(usize::MAX));
    let (mut answers, mut to_client, left) = (upstream.try_clone()?, client.try_clone()?, Arc::clone(&limit));
    std::thread::spawn(move || {
        let mut buffer = [0; 1 << 16];
        while let Ok(count @ 1..) = answers.read(&mut buffer) {
            let mut left = left.lock().unwrap();
            let passed = count.min(*left);
            *left = left.saturating_sub(count).max(if *left == usize::MAX { usize::MAX } else { 0 });
            if to_client.write_all(&buffer[..passed]).is_err() || passed < count {
                break;
            }
        }
        let _ = (to_client.shutdown(Shutdown::Both), answers.shutdown(Shutdown::Both));
    });
    let (mut client, mut upstream, mut buffer) = (client, upstream, [0; 1 << 16]);
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        // A client writes the head of a request at once, at the beginning of a packet.
        if let Some(request) = head(&buffer[..count]) {
            let (fault, latency) = meet(between, request);
            std::thread::sleep(latency);
            match fault {
                Fault::None => {}
                Fault::Cut(bytes) => *limit.lock().unwrap() = bytes,
                Fault::Hang => {
                    while let Ok(1..) = client.read(&mut buffer) {}
                    break;
                }
                Fault::Status(status) => {
                    let answer =
                        format!("HTTP/1.1 {status} Broken\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                    client.write_all(answer.as_bytes())?;
                    break;
                }
            }
        }
        upstream.write_all(&buffer[..count])?;
    }
    let _ = (upstream.shutdown(Shutdown::Both), client.shutdown(Shutdown::Both));
    Ok(())
}

/// `GET /team/pcam/v1/...` of a packet that begins a request.
fn head(packet: &[u8]) -> Option<String> {
    let is_one = ["GET /", "PUT /", "HEAD /", "POST /", "DELETE /"];
    is_one.iter().any(|word| packet.starts_with(word.as_bytes())).then_some(())?;
    let line = packet.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    Some(line.trim_end_matches(" HTTP/1.1").to_owned())
}

/// Notes a request, and decides what happens to it.
fn meet(between: &Mutex<Between>, request: String) -> (Fault, Duration) {
    let mut between = between.lock().unwrap();
    let hits = between.left > 0 && request.starts_with(between.only);
    let fault = if hits { between.fault } else { Fault::None };
    between.left -= usize::from(hits);
    between.seen.push((Instant::now(), request));
    (fault, between.latency)
}
