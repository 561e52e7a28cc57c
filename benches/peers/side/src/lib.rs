//! What programs that do the same with different libraries have in common: `PROGRAM WORKLOAD FOLDER` does a workload of
//! `benches/peers/repositories` once, and prints how long it took, in seconds, what came of it, and how much memory there was at most.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Instant;

/// The folder that `make-repositories` filled.
pub struct Inputs(PathBuf);

/// A write of a record.
pub enum Write<C> {
    Create(String, C),
    Update(String, C),
    Delete(String),
}

impl Inputs {
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).expect("an input")
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).expect("text")
    }

    /// The file that `read` or `read-shuffled` is to read, and whose it is: the DID, and the key as a did:key.
    pub fn repository(&self, workload: &str) -> (Vec<u8>, String, String) {
        let (did, key) = self.account();
        let name = if workload == "read" { "ordered.car" } else { "shuffled.car" };
        (self.bytes(name), did, key)
    }

    /// The account's DID, and its key as a did:key.
    pub fn account(&self) -> (String, String) {
        let text = self.text("account");
        let (did, key) = text.trim().split_once(' ').expect("a DID and a key");
        (did.to_owned(), key.to_owned())
    }

    /// Paths and CIDs, in the order of the paths.
    pub fn pairs<C: FromStr>(&self) -> Vec<(String, C)> {
        let pair = |line: &str| line.split_once(' ').map(|(path, cid)| (path.to_owned(), parse(cid)));
        self.text("pairs").lines().filter_map(pair).collect()
    }

    /// Writes of different paths.
    pub fn writes<C: FromStr>(&self) -> Vec<Write<C>> {
        let write = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
            ["create", path, cid] => Write::Create(path.to_owned(), parse(cid)),
            ["update", path, cid] => Write::Update(path.to_owned(), parse(cid)),
            ["delete", path] => Write::Delete(path.to_owned()),
            _ => panic!("a write"),
        };
        self.text("writes").lines().map(write).collect()
    }

    /// Bodies of `#commit` events.
    pub fn events(&self) -> Vec<Vec<u8>> {
        (0..).map_while(|number| std::fs::read(self.0.join(format!("event-{number}"))).ok()).collect()
    }
}

fn parse<C: FromStr>(cid: &str) -> C {
    cid.parse().ok().expect("a CID")
}

/// The records of a repository as one number: of their CIDs in the order of the paths, and how long those are.
#[derive(Default)]
pub struct Listed {
    count: u64,
    sum: u64,
}

impl Listed {
    /// A record: its path, and its CID in binary form.
    pub fn add(&mut self, path: &str, cid: &[u8]) {
        let start = cid.last_chunk::<32>().and_then(|digest| digest.first_chunk()).expect("a CID");
        self.count += 1;
        self.sum = self.sum.wrapping_mul(31).wrapping_add(u64::from_be_bytes(*start) ^ path.len() as u64);
    }

    pub fn result(&self) -> String {
        format!("{}:{:x}", self.count, self.sum)
    }
}

/// Puts the hostile catalogue to a reader, which panics at what it refuses: how many files get the verdict that they must.
pub fn judge(inputs: &Inputs, read: impl Fn(Vec<u8>, &str, &str) -> String) -> Done {
    std::panic::set_hook(Box::new(|_| ()));
    timed(|| {
        let (mut right, mut all) = (0, 0);
        for line in inputs.text("hostile").lines() {
            let [file, did, key, verdict] = line.split(' ').collect::<Vec<_>>()[..] else { continue };
            let bytes = inputs.bytes(file);
            let read = || read(bytes, did, key);
            let is_accepted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).is_ok();
            all += 1;
            right += usize::from(is_accepted == (verdict == "valid"));
        }
        format!("{right}/{all}")
    })
}

/// Seconds, and what came of it.
pub type Done = (f64, String);

/// Does a piece of work, and says how long it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed().as_secs_f64(), done)
}

/// The most memory that the process had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

/// The main function of a program: `None` is a workload that its library has nothing for.
pub fn main(run: impl FnOnce(&str, &Inputs) -> Option<Done>) {
    let [workload, folder] = [1, 2].map(|number| std::env::args().nth(number).expect("WORKLOAD FOLDER"));
    match run(&workload, &Inputs(folder.into())) {
        Some((seconds, result)) => println!("{seconds} {result} {}", peak()),
        None => println!("nothing"),
    }
}
