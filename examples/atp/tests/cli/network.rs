//! The commands that speak to a directory and to hosts, which are this machine.

use crate::plc::{Account, did_key};
use crate::{run, run_json};
use atproto_identity::plc::{LogEntry, Operation, verify_log};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// What the directory and the hosts have.
#[derive(Default)]
struct State {
    /// By DID.
    logs: HashMap<String, Vec<LogEntry>>,
    /// Bodies with their status, by host and path: `alice.test/.well-known/atproto-did`. They come first.
    files: HashMap<String, (u16, Vec<u8>)>,
    /// How often a place fails with 500 before it is served.
    failures: HashMap<String, usize>,
}

/// A directory and hosts on a port of this machine, for as long as the tests run.
pub(crate) struct Server {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let (port, state) = (listener.local_addr().unwrap().port(), Arc::<Mutex<State>>::default());
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is its own affair.
                let _gone = answer(stream, &shared);
            }
        });
        Self { port, state }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn serve(&self, place: &str, status: u16, body: impl Into<Vec<u8>>) {
        self.change(|state| {
            state.files.insert(place.to_owned(), (status, body.into()));
        });
    }

    /// Fails at a place so often, by host and path, from now on.
    pub(crate) fn fail(&self, place: &str, times: usize) {
        self.change(|state| {
            state.failures.insert(place.to_owned(), times);
        });
    }

    /// How often a place would fail still.
    pub(crate) fn failures_left(&self, place: &str) -> usize {
        let mut left = 0;
        self.change(|state| left = state.failures.get(place).copied().unwrap_or_default());
        left
    }

    /// An account that the directory knows, with a handle that leads to it.
    fn account(&self, handle: &str) -> Account {
        let account = Account::new(&["--handle", handle, "--pds", "https://pds.example.com"]);
        self.put(&account);
        self.serve(&format!("{handle}/.well-known/atproto-did"), 200, account.did.as_str());
        account
    }

    /// Lets the directory have the account's log as it is now.
    pub(crate) fn put(&self, account: &Account) {
        self.change(|state| {
            state.logs.insert(account.did.clone(), account.log.clone());
        });
    }

    pub(crate) fn log(&self, did: &str) -> Vec<LogEntry> {
        let mut log = Vec::new();
        self.change(|state| log = state.logs.get(did).cloned().unwrap_or_default());
        log
    }

    fn options(&self) -> [String; 4] {
        let plc = format!("http://127.0.0.1:{}/", self.port);
        ["--plc".to_owned(), plc, "--development-port".to_owned(), self.port.to_string()]
    }

    pub(crate) fn json(&self, arguments: &[&str], input: &str) -> (Vec<Json>, i32) {
        let options = self.options();
        run_json(&[arguments, &options.each_ref().map(String::as_str)].concat(), input.as_bytes())
    }

    fn text(&self, arguments: &[&str]) -> (String, i32) {
        let options = self.options();
        run(&[arguments, &options.each_ref().map(String::as_str)].concat(), b"")
    }
}

/// Reads one request and answers it.
fn answer(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut host, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        let (name, value) = line.split_once(':').unwrap();
        match name.to_ascii_lowercase().as_str() {
            "host" => host = value.trim().split(':').next().unwrap().to_owned(),
            "content-length" => length = value.trim().parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut parts = first.split(' ');
    let (method, path) = (parts.next().unwrap(), parts.next().unwrap());
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let place = format!("{host}{path}");
    let whatever_is_asked = place.split('?').next().unwrap();
    let failures = state.failures.get_mut(whatever_is_asked).filter(|left| **left > 0);
    let has_failed = failures.map(|left| *left -= 1).is_some();
    let (status, answer) = match state.files.get(&place).or_else(|| state.files.get(whatever_is_asked)) {
        _ if has_failed => (500, Vec::new()),
        Some(file) => file.clone(),
        None => {
            let (status, text) = state.directory(method, path, &body);
            (status, text.into_bytes())
        }
    };
    let length = answer.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    reader.get_mut().write_all(&[head.as_bytes(), &answer].concat())
}

impl State {
    /// What a directory does.
    fn directory(&mut self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        let path = path.trim_start_matches('/');
        let (did, rest) = path.split_once('/').map_or((path, ""), |(did, rest)| (did, rest));
        if method == "POST" {
            return self.take(did, body);
        }
        let Some(log) = self.logs.get(did) else { return (404, "{}".to_owned()) };
        let history = verify_log(&did.parse().unwrap(), log);
        match rest {
            "log/audit" => (200, serde_json::to_string(log).unwrap()),
            "" => match history.unwrap().document() {
                Some(document) => (200, document.to_json().to_string()),
                None => (410, "{}".to_owned()),
            },
            _ => (404, "{}".to_owned()),
        }
    }

    fn take(&mut self, did: &str, body: &[u8]) -> (u16, String) {
        let refused = |reason: String| (400, json!({"message": reason}).to_string());
        let operation: Operation = match serde_json::from_slice(body) {
            Ok(operation) => operation,
            Err(error) => return refused(error.to_string()),
        };
        let log = self.logs.entry(did.to_owned()).or_default();
        let now = "2199-01-01T00:00:00Z".parse().unwrap();
        let mut history = atproto_identity::plc::History::new(did.parse().unwrap());
        for entry in log.iter() {
            history.apply(&entry.operation, &entry.created_at, None).unwrap();
        }
        if let Err(fault) = history.check(&operation, &now) {
            return refused(fault.to_string());
        }
        let cid = operation.cid();
        log.push(LogEntry { did: did.parse().unwrap(), operation, cid, nullified: false, created_at: now });
        (200, "{}".to_owned())
    }
}

/// A port at which nobody listens.
fn closed_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn identities_are_resolved() {
    let server = Server::start();
    let account = server.account("alice.test");
    for query in ["alice.test", account.did.as_str()] {
        let (lines, status) = server.json(&["resolve", query], "");
        assert_eq!(status, 0, "{lines:?}");
        let line = &lines[0];
        assert_eq!(
            (&line["query"], &line["did"], &line["handle"], &line["handle_state"], &line["pds"]),
            (
                &json!(query),
                &json!(account.did),
                &json!("alice.test"),
                &json!("verified"),
                &json!("https://pds.example.com")
            )
        );
        assert_eq!(line["document"]["id"], account.did);
        assert!(line.get("signing_key").is_none() && line.get("handle_fault").is_none());
    }
    let (text, status) = server.text(&["resolve", "alice.test"]);
    assert!(
        status == 0 && text.starts_with(&format!("did          {}\nhandle       alice.test\n", account.did)),
        "{text}"
    );

    // Lines of standard input; what cannot be resolved says why.
    let unknown = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
    let input = format!("alice.test\nnobody.test\n{unknown}\nno handle\ndid:key:z\na.local\n");
    let (lines, status) = server.json(&["resolve"], &input);
    let words: Vec<_> = lines.iter().map(|line| line["error"].as_str().unwrap_or("none")).collect();
    let expected =
        ["none", "not_found", "not_found", "invalid_syntax", "unsupported_method", "reserved_handle"];
    assert_eq!((&words[..], status), (&expected[..], 1));
    assert!(lines[1..].iter().all(|line| line["reason"].is_string() && line["query"].is_string()));
}

#[test]
fn a_handle_counts_in_both_directions() {
    let server = Server::start();
    let account = server.account("alice.test");
    // Another name that leads there, which the DID does not claim.
    server.serve("mallory.test/.well-known/atproto-did", 200, account.did.as_str());
    let (lines, status) = server.json(&["resolve", "mallory.test"], "");
    assert_eq!((&lines[0]["error"], status), (&json!("handle_mismatch"), 1));
    // The name that it claims leads elsewhere, and then nowhere.
    for (http, body, fault) in [
        (200, "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", "elsewhere"),
        (404, "", "not_found"),
        (200, "no DID", "malformed"),
    ] {
        server.serve("alice.test/.well-known/atproto-did", http, body);
        let (lines, status) = server.json(&["resolve", &account.did], "");
        let line = &lines[0];
        assert_eq!(
            (&line["handle"], &line["handle_state"], &line["handle_fault"], status),
            (&json!("handle.invalid"), &json!("invalid"), &json!(fault), 0)
        );
        assert_eq!(line["handle_claimed"], "alice.test");
    }
    // A document of somebody else.
    let document = json!({"id": "did:web:example.com"}).to_string();
    server.serve(&format!("127.0.0.1/{}", account.did), 200, document);
    let (lines, status) = server.json(&["resolve", &account.did], "");
    assert_eq!((&lines[0]["error"], status), (&json!("id_mismatch"), 1));
    // A document that is none, one that is too large, a host that cannot answer now.
    for (http, body, word, expected) in [
        (200, "[]".to_owned(), "malformed", 1),
        (200, " ".repeat(600_000), "too_large", 1),
        (503, String::new(), "unreachable", 3),
    ] {
        server.serve(&format!("127.0.0.1/{}", account.did), http, body);
        let (lines, status) = server.json(&["resolve", &account.did], "");
        assert_eq!((&lines[0]["error"], status), (&json!(word), expected));
        assert_eq!(lines[0]["retry_after"].is_u64(), expected == 3);
    }
}

#[test]
fn nobody_answers_at_a_closed_port() {
    let plc = format!("http://127.0.0.1:{}", closed_port());
    let did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
    let closed = ["--plc", &plc, "--development-port", "1"];
    for command in [&["resolve", did][..], &["plc", "log", did], &["plc", "verify", did]] {
        let (lines, status) = run_json(&[command, &closed].concat(), b"");
        assert_eq!((&lines[0]["error"], status), (&json!("unreachable"), 3), "{command:?}");
        assert!(lines[0]["retry_after"].is_u64() && lines[0]["reason"].is_string());
    }
    // Outside development this machine is not asked.
    for command in [&["resolve", did][..], &["plc", "log", did]] {
        let (lines, status) = run_json(&[command, &["--plc", &plc]].concat(), b"");
        assert_eq!((&lines[0]["error"], status), (&json!("refused"), 1), "{command:?}");
    }
    // A negative verdict outweighs that a host was not reached.
    assert_eq!(run(&[&["resolve", did, "no handle"][..], &closed].concat(), b"").1, 1);
}

#[test]
fn logs_are_listed_and_verified() {
    let server = Server::start();
    let mut account = server.account("alice.test");
    account.push(&account.signed("second", &["--handle", "bob.test"]));
    let genesis = account.log[0].cid.to_string();
    let recovery = account.signed("first", &["--prev", &genesis, "--pds", "https://b.example.com"]);
    account.push(&recovery);
    account.log[1].nullified = true;
    server.put(&account);

    let (lines, status) = server.json(&["plc", "log", &account.did], "");
    assert_eq!((lines.len(), status), (2, 0));
    assert_eq!((&lines[0]["cid"], &lines[0]["nullified"]), (&json!(genesis), &json!(false)));
    assert!(lines[0]["createdAt"].is_string());
    assert_eq!(lines[1]["undoes"], json!([account.log[1].cid.to_string()]));
    let (audit, status) = server.json(&["plc", "log", &account.did, "--audit"], "");
    assert_eq!((audit.len(), status), (3, 0));
    assert_eq!(audit[1]["nullified"], true);
    assert_eq!(audit[1]["changes"], json!(["alias removed: at://alice.test", "alias added: at://bob.test"]));
    // What is listed is a log again.
    let again: Vec<_> = audit.iter().map(Json::to_string).collect();
    assert_eq!(run(&["plc", "verify", "-"], again.join("\n").as_bytes()).1, 0);
    let (text, _) = server.text(&["plc", "log", &account.did, "--audit"]);
    assert!(text.contains("nullified\n") && text.contains("  alias added: at://bob.test\n"), "{text}");

    let (lines, status) = server.json(&["plc", "verify", &account.did], "");
    let line = &lines[0];
    assert_eq!(
        (&line["verdict"], &line["operations"], &line["did"], status),
        (&json!("valid"), &json!(3), &json!(account.did), 0)
    );
    // The directory shows what it should not have taken.
    account.log[1].nullified = false;
    server.put(&account);
    let (lines, status) = server.json(&["plc", "verify", &account.did], "");
    assert_eq!((&lines[0]["verdict"], &lines[0]["index"], status), (&json!("invalid"), &json!(1), 1));
    let (lines, status) = server.json(&["plc", "log", &account.did], "");
    assert_eq!((lines[1]["fault"].is_string(), status), (true, 1));
    let (lines, status) = server.json(&["plc", "update", &account.did, "--tombstone"], "");
    assert_eq!((&lines[0]["error"], status), (&json!("invalid_log"), 1));
    assert_eq!(server.json(&["plc", "log", "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"], "").1, 1);
    assert_eq!(server.json(&["plc", "log", "did:web:example.com"], "").0[0]["error"], "invalid_did");
}

#[test]
fn operations_are_submitted() {
    let server = Server::start();
    // Its genesis first, whose DID need not be said.
    let account = Account::new(&["--handle", "alice.test"]);
    let genesis = serde_json::to_string(&account.log[0].operation).unwrap();
    let (lines, status) = server.json(&["plc", "submit", "-"], &genesis);
    assert_eq!(
        (&lines[0]["verdict"], &lines[0]["did"], status),
        (&json!("accepted"), &json!(account.did), 0)
    );
    assert_eq!(lines[0]["cid"], account.log[0].cid.to_string());
    let (lines, status) = server.json(&["plc", "submit", "-"], &genesis);
    assert_eq!(
        (&lines[0]["error"], &lines[0]["status"], status),
        (&json!("rejected"), &json!(400), 1),
        "it is there already"
    );
    server.put(&account);

    // An update from the directory's state, through all three commands.
    let (unsigned, status) = server.text(&["plc", "update", &account.did, "--handle", "bob.test"]);
    assert_eq!(status, 0);
    let key = account.folder.path("first");
    let (signed, _) = run(&["plc", "sign", "--key-file", &key], unsigned.as_bytes());
    assert_eq!(server.json(&["plc", "submit", "-"], &signed).1, 2, "whose it is does not stand in it");
    let file = account.folder.write("signed.json", signed.as_bytes());
    let (lines, status) = server.json(&["plc", "submit", &account.did, &file], "");
    assert_eq!((&lines[0]["verdict"], status), (&json!("accepted"), 0), "{lines:?}");
    assert_eq!(server.log(&account.did).len(), 2);

    // By a key without authority: refused here, and without the check by the directory.
    server.put(&account);
    let other = account.folder.path("other");
    let (foreign, _) = run(&["plc", "sign", "--key-file", &other], unsigned.as_bytes());
    let (lines, status) = server.json(&["plc", "submit", &account.did, "-"], &foreign);
    assert_eq!((&lines[0]["verdict"], status), (&json!("refused"), 1));
    let (lines, status) = server.json(&["plc", "submit", &account.did, "-", "--no-check"], &foreign);
    assert_eq!((&lines[0]["error"], status), (&json!("rejected"), 1));
    assert!(lines[0]["reason"].as_str().unwrap().contains("signature"), "{lines:?}");
    assert_eq!(server.log(&account.did).len(), 1);
    // Another account's genesis.
    let unknown = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
    assert_eq!(server.json(&["plc", "submit", unknown, "-"], &genesis).0[0]["verdict"], "refused");
    assert!(signed.contains(&did_key(0)));
}
