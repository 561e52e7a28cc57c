use crate::input::each_item;
use crate::output::{Failure, Outcome, Output};
use atproto_lexicon::syntax::{Datetime, Tid, TidSource};
use clap::Subcommand;
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make identifiers of the present time, in ascending order.
    New {
        /// How many.
        #[arg(long, short = 'n', default_value_t = 1)]
        count: u32,
        /// Clock identifier, 0 to 1023; by default at random.
        #[arg(long, value_parser = clap::value_parser!(u16).range(0..1024))]
        clock: Option<u16>,
    },
    /// Show the time and the clock identifier.
    Inspect {
        /// The identifiers.
        tids: Vec<String>,
    },
}

impl Command {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        match self {
            Self::New { count, clock } => {
                let clock = clock.map_or_else(random_clock, Ok)?;
                let source = TidSource::new(clock);
                for _ in 0..count {
                    let tid = source.next(now_micros());
                    let tid = tid.ok_or(Failure::Usage("the clock is beyond what a TID can say".into()))?;
                    output.line(tid, &describe(tid))?;
                }
                Ok(Outcome::Done)
            }
            Self::Inspect { tids } => each_item(&tids, |text| match Tid::from_bytes(text) {
                Ok(tid) => {
                    let json = describe(tid);
                    let time =
                        json.get("time").and_then(|time| time.as_str()).unwrap_or("beyond the calendar");
                    output.line(format!("{tid}  {time}  clock {}", tid.clock()), &json)?;
                    Ok(Outcome::Done)
                }
                Err(error) => {
                    let text = String::from_utf8_lossy(text);
                    let json = json!({"value": text, "valid": false, "reason": error.to_string()});
                    output.line(format!("invalid  {text}: {error}"), &json)?;
                    Ok(Outcome::Negative)
                }
            }),
        }
    }
}

/// The system's time, in microseconds since 1970.
pub(crate) fn now_micros() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    u64::try_from(now).unwrap_or(u64::MAX)
}

/// A clock identifier for this process.
pub(crate) fn random_clock() -> Result<u16, Failure> {
    let random = getrandom::u32().map_err(|error| Failure::File(error.to_string()))?;
    Ok(random as u16)
}

fn describe(tid: Tid) -> serde_json::Value {
    let time = i64::try_from(tid.micros()).ok().and_then(Datetime::from_unix_micros);
    json!({
        "tid": tid.to_string(),
        "micros": tid.micros(),
        "time": time.map(|time| time.as_str().to_owned()),
        "clock": tid.clock(),
    })
}
