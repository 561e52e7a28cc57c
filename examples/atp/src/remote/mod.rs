//! Services on the network: calls, and what an account does with a session.

pub(crate) mod account;
pub(crate) mod blob;
pub(crate) mod lexicon;
pub(crate) mod record;
pub(crate) mod session;
pub(crate) mod xrpc;

use crate::output::{Failure, Outcome, Output, printable_lines};
use atproto_identity::FetchPolicy;
use atproto_identity::fetch_policy::DevelopmentPolicy;
use atproto_lexicon::data::{Value, json};
use atproto_lexicon::http::HttpError;
use atproto_xrpc::adapters::{ReqwestClient, TokioClock, client_with};
use atproto_xrpc::{Client, Error, RequestError, ServiceUrl};
use serde_json::{Map, Value as Json, json as object};
use tokio::runtime::{Builder, Runtime};

pub(crate) type Open = Client<ReqwestClient, TokioClock>;

/// What a command on the network ends with before it is done.
#[derive(Debug)]
pub(crate) enum Stop {
    Failure(Failure),
    /// A service says no, or nothing.
    Error(Box<Error>),
    /// There is something to print.
    Print {
        text: String,
        json: Json,
        outcome: Outcome,
    },
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl<E: AsRef<str>> From<Error<E>> for Stop {
    fn from(error: Error<E>) -> Self {
        Self::Error(Box::new(error.untyped()))
    }
}

impl From<RequestError> for Stop {
    fn from(error: RequestError) -> Self {
        Self::Failure(Failure::Usage(error.to_string()))
    }
}

impl From<HttpError> for Stop {
    fn from(error: HttpError) -> Self {
        Self::from(Error::<String>::Http(error))
    }
}

impl Stop {
    pub(crate) fn usage(text: impl ToString) -> Self {
        Self::Failure(Failure::Usage(text.to_string()))
    }

    /// With the word that a script calls it by.
    pub(crate) fn because(outcome: Outcome, word: &str, reason: impl ToString) -> Self {
        let reason = reason.to_string();
        let json = object!({"error": word, "reason": reason});
        Self::Print { text: reason, json, outcome }
    }

    /// It is not as it should be.
    pub(crate) fn wrong(word: &str, reason: impl ToString) -> Self {
        Self::because(Outcome::Negative, word, reason)
    }

    /// The same, and which endpoint it came of.
    pub(crate) fn of(self, nsid: &str) -> Self {
        match self.into_print() {
            Err(failure) => failure.into(),
            Ok((text, mut json, outcome)) => {
                let reason = format!("{nsid}: {text}");
                json.insert("reason".into(), reason.as_str().into());
                Self::Print { text: reason, json: json.into(), outcome }
            }
        }
    }

    /// As what is printed, where it is not the command that is wrong.
    pub(crate) fn into_print(self) -> Result<(String, Map<String, Json>, Outcome), Failure> {
        let error = match self {
            Self::Failure(failure) => return Err(failure),
            Self::Print { text, json, outcome } => {
                let json = match json {
                    Json::Object(fields) => fields,
                    _ => Map::new(),
                };
                return Ok((text, json, outcome));
            }
            Self::Error(error) => *error,
        };
        let outcome = match &error {
            Error::Request(_) => return Err(Failure::Usage(error.to_string())),
            Error::Refused(refused) if !refused.head.status.is_server_error() => Outcome::Negative,
            Error::Malformed(_) | Error::Auth(_) => Outcome::Negative,
            _ => Outcome::Unreached,
        };
        let mut json = Map::new();
        json.insert("error".into(), error.name().unwrap_or(word(&error)).into());
        json.insert("reason".into(), error.to_string().into());
        if let Some(head) = error.head() {
            json.insert("status".into(), head.status.as_u16().into());
        }
        Ok((error.to_string(), json, outcome))
    }

    /// Says why.
    fn print(self, output: &mut Output) -> Result<Outcome, Failure> {
        let (text, json, outcome) = self.into_print()?;
        output.line(printable_lines(&text), &json.into())?;
        Ok(outcome)
    }
}

/// What a script calls an error that has no name of its own.
fn word(error: &Error) -> &'static str {
    match error {
        Error::Http(_) => "unreachable",
        Error::Refused(_) => "refused",
        Error::Malformed(_) => "malformed",
        Error::Auth(_) => "session",
        _ => "failed",
    }
}

/// Runs a command on the network.
pub(crate) fn run(
    output: &mut Output,
    command: impl FnOnce(&Runtime, &mut Output) -> Result<Outcome, Stop>,
) -> Result<Outcome, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::file("network"))?;
    command(&runtime, output).or_else(|stop| stop.print(output))
}

fn policy(development: bool) -> FetchPolicy {
    if development { DevelopmentPolicy::default().into() } else { FetchPolicy::default() }
}

pub(crate) fn client(service: ServiceUrl, development: bool) -> Result<Open, Failure> {
    client_with(policy(development), service).map_err(|error| Failure::File(error.to_string()))
}

/// A URL, or the name of a host that speaks `https`.
pub(crate) fn service(text: &str) -> Result<ServiceUrl, Failure> {
    let url = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    ServiceUrl::parse(&url).map_err(|error| Failure::Usage(format!("{text}: {error}")))
}

/// Prints what a service answers.
fn print_value(output: &mut Output, value: &Value) -> Result<(), Failure> {
    let json = to_json(value)?;
    output.line(format!("{json:#}"), &json)
}

pub(crate) fn to_json(value: &Value) -> Result<Json, Failure> {
    let text = json::to_string(value).map_err(|error| Failure::File(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| Failure::File(error.to_string()))
}

/// Prints where a record stands now.
fn print_place(output: &mut Output, uri: &str, cid: &str) -> Result<(), Failure> {
    output.line(format!("{uri}  {cid}"), &object!({"uri": uri, "cid": cid}))
}
