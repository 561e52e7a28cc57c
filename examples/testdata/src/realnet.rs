//! The reference directory of did:plc and the reference hosts, on loopback, in a process of their own.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// The servers, which end with this.
pub struct RealNet {
    child: Child,
    info: Value,
    log: PathBuf,
}

/// Which of the servers of this process it is.
static NUMBER: AtomicU32 = AtomicU32::new(0);

impl RealNet {
    /// Starts the servers of the folder that `ATPROTO_REALNET` names, seen from the workspace, with these arguments of `start.mjs`.
    ///
    /// # Errors
    /// What went wrong.
    pub fn start(arguments: &[&str]) -> Result<Self, String> {
        let folder = std::env::var_os("ATPROTO_REALNET").ok_or("ATPROTO_REALNET names no folder")?;
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
        let folder = workspace.join(folder);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let log = std::env::temp_dir().join(format!("realnet-{}-{number}.log", std::process::id()));
        let mut child = Command::new(folder.join("node_modules/.bin/node"))
            .args(["start.mjs", "--exit-with-stdin"])
            .args(arguments)
            .current_dir(&folder)
            .env("LOG_ENABLED", "1")
            .env("LOG_DESTINATION", &log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut line = String::new();
        let read = child.stdout.as_mut().map(|stdout| BufReader::new(stdout).read_line(&mut line));
        // From here on, dropping it ends the servers.
        let mut net = Self { child, info: Value::Null, log };
        match read {
            Some(Ok(_)) => {
                net.info = serde_json::from_str(&line).map_err(|error| format!("{error}: {line:?}"))?
            }
            _ => return Err("nothing was said".to_owned()),
        }
        Ok(net)
    }

    /// A text in what the servers say of themselves, by its JSON pointer; empty where there is none.
    pub fn text(&self, pointer: &str) -> String {
        self.info.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The last token that was sent to an address by e-mail.
    ///
    /// # Errors
    /// Where there is none.
    pub fn mail(&self, to: &str) -> Result<String, String> {
        let ask = || -> Option<String> {
            let control = self.text("/control");
            let address = control.strip_prefix("http://")?;
            let mut stream = TcpStream::connect(address.replace("localhost", "127.0.0.1")).ok()?;
            write!(stream, "GET /mail?to={to} HTTP/1.0\r\nhost: {address}\r\n\r\n").ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).ok()?;
            let mails: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
            let mails = mails.get("mails")?.as_array()?;
            Some(mails.iter().rev().find_map(|mail| mail.get("token")?.as_str())?.to_owned())
        };
        ask().ok_or_else(|| format!("nothing was sent to {to}"))
    }

    /// The URL of a host, by its number.
    pub fn pds(&self, number: usize) -> String {
        self.text(&format!("/pds/{number}/url"))
    }
}

impl Drop for RealNet {
    /// Without its input the process ends, and removes its files. Where a test has failed, what the servers failed at is shown.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let has_ended = (0..100).any(|_| {
            let has_ended = matches!(self.child.try_wait(), Ok(Some(_)));
            if !has_ended {
                sleep(Duration::from_millis(50));
            }
            has_ended
        });
        if !has_ended {
            drop(self.child.kill());
            drop(self.child.wait());
        }
        if std::thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            for line in log.lines().filter(|line| line.contains("InternalServerError")) {
                eprintln!("{line}");
            }
        }
        drop(std::fs::remove_file(&self.log));
    }
}
