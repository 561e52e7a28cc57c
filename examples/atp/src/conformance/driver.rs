//! Another implementation, in a process of its own.

use super::Implementation;
use crate::output::Failure;
use serde_json::{Value as Json, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The greatest length of an answer in bytes.
const MAX_ANSWER: u64 = 64 << 20;
/// After so many questions that it has not survived, a program is not of much use.
const MAX_CRASHES: u32 = 100;

/// A program that is started again where a request has ended it: a hostile input may.
pub(super) struct Driver<'a> {
    command: &'a [String],
    running: Option<Running>,
    asked: u64,
    /// One after the other.
    crashes: u32,
}

struct Running {
    child: Child,
    requests: SyncSender<String>,
    answers: Receiver<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl<'a> Driver<'a> {
    pub(super) fn start(command: &'a [String]) -> Result<Self, Failure> {
        let running = Some(start(command)?);
        Ok(Self { command, running, asked: 0, crashes: 0 })
    }
}

fn start(command: &[String]) -> Result<Running, Failure> {
    let [program, arguments @ ..] = command else {
        return Err(Failure::Usage("there is no program to ask".into()));
    };
    let started = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = started.map_err(Failure::file(program))?;
    let (Some(mut input), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Failure::File(format!("{program}: has no standard input and output")));
    };
    // Written beside what waits for the answer: a program that does not read takes no longer than one that does not answer.
    let (requests, to_send) = sync_channel::<String>(1);
    std::thread::spawn(move || {
        for request in to_send {
            if writeln!(input, "{request}").and_then(|()| input.flush()).is_err() {
                break;
            }
        }
    });
    let (send, receive) = sync_channel(1);
    std::thread::spawn(move || {
        let mut answers = BufReader::new(answers);
        let mut line = String::new();
        while answers.by_ref().take(MAX_ANSWER).read_line(&mut line).is_ok_and(|read| read > 0) {
            if send.send(std::mem::take(&mut line)).is_err() {
                break;
            }
        }
    });
    Ok(Running { child, requests, answers: receive })
}

impl Running {
    /// The answer to a request; what is wrong where there is none.
    fn ask(&mut self, id: u64, request: &Json) -> Result<Json, &'static str> {
        let mut request = request.clone();
        request["id"] = id.into();
        self.requests.try_send(request.to_string()).map_err(|_| "it has ended, or does not read")?;
        let start = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(start.elapsed());
            let line = self.answers.recv_timeout(left).map_err(|_| "no answer")?;
            let answer: Json = serde_json::from_str(&line).map_err(|_| "the answer is not JSON")?;
            match answer["id"].as_u64() {
                Some(other) if other == id => return Ok(answer),
                // One too many to an earlier question.
                Some(other) if other < id && other > 0 => {}
                _ => return Err("the answer is to no question"),
            }
        }
    }
}

impl Implementation for Driver<'_> {
    fn answer(&mut self, request: &Json) -> Result<Json, Failure> {
        let running = match &mut self.running {
            Some(running) => running,
            None => self.running.insert(start(self.command)?),
        };
        self.asked = self.asked.saturating_add(1);
        let answer = running.ask(self.asked, request);
        match answer {
            Ok(answer) => {
                self.crashes = 0;
                Ok(answer)
            }
            Err(reason) => {
                self.running = None;
                self.crashes = self.crashes.saturating_add(1);
                if self.crashes > MAX_CRASHES {
                    let program = self.command.join(" ");
                    return Err(Failure::File(format!(
                        "{program}: {reason}, {MAX_CRASHES} times one after the other"
                    )));
                }
                Ok(json!({"verdict": "crashed", "reason": reason}))
            }
        }
    }
}
