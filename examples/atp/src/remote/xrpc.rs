use super::session::SessionArguments;
use super::{Stop, client, policy, print_value, run, service, to_json};
use crate::input::read_file;
use crate::network::with_sources;
use crate::output::{Failure, Outcome, Output};
use atproto_lexicon::data::{Object, Value};
use atproto_lexicon::syntax::Nsid;
use atproto_xrpc::adapters::{ReqwestClient, TokioClock};
use atproto_xrpc::auth::Auth;
use atproto_xrpc::headers::ServiceRef;
use atproto_xrpc::stream::{StreamEvent, Subscription, Untyped, WebSockets};
use atproto_xrpc::{Call, Client};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;
use tokio::runtime::Runtime;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Call a query, and print its answer.
    Query(CallArguments),
    /// Call a procedure, and print its answer.
    Procedure {
        #[command(flatten)]
        call: CallArguments,
        /// The input: a file, or standard input for `-`.
        #[arg(long, value_name = "FILE")]
        input: Option<PathBuf>,
        /// The input's media type.
        #[arg(long = "type", value_name = "MEDIA", default_value = "application/json")]
        media_type: String,
    },
    /// Follow a subscription, and print its messages until it is interrupted.
    Subscribe(Subscribe),
}

#[derive(Args)]
pub(crate) struct Subscribe {
    /// A URL or the name of a host.
    host: String,
    /// The endpoint.
    nsid: Nsid,
    /// Parameters.
    #[arg(value_name = "KEY=VALUE")]
    parameters: Vec<String>,
    /// End after so many messages.
    #[arg(long, value_name = "N", default_value_t = u64::MAX, hide_default_value = true)]
    limit: u64,
    /// Allow this machine, by http.
    #[arg(long)]
    development: bool,
}

#[derive(Args)]
pub(crate) struct CallArguments {
    /// A URL or the name of a host; `session` is the host of who has logged in, and calls it as them.
    host: String,
    /// The endpoint.
    nsid: Nsid,
    /// Parameters.
    #[arg(value_name = "KEY=VALUE")]
    parameters: Vec<String>,
    /// The service that the account's host passes the call on to.
    #[arg(long, value_name = "DID#SERVICE")]
    proxy: Option<String>,
    /// Where an answer goes that is not JSON.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    session: SessionArguments,
}

/// The longest answer that is not JSON.
const MAX_ANSWER: usize = 1 << 30;

impl Command {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        run(output, |runtime, output| match self {
            Self::Query(arguments) => {
                let call = arguments.with_parameters(Call::query(arguments.nsid.clone()))?;
                arguments.run(call, runtime, output)
            }
            Self::Procedure { call: arguments, input, media_type } => {
                let mut call = arguments.with_parameters(Call::procedure(arguments.nsid.clone()))?;
                if let Some(input) = input {
                    call = call.with_body(&media_type, read_file(&input)?)?;
                }
                arguments.run(call, runtime, output)
            }
            Self::Subscribe(subscribe) => Ok(runtime.block_on(subscribe.run(output))?),
        })
    }
}

impl Subscribe {
    async fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
        let mut parameters = Object::new();
        for (name, value) in key_values(&self.parameters)? {
            // A parameter that is given again is a list.
            let value = match parameters.remove(name) {
                None => Value::from(value),
                Some(Value::Array(mut values)) => {
                    values.push(value.into());
                    Value::Array(values)
                }
                Some(first) => Value::Array(vec![first, value.into()]),
            };
            parameters.insert(name.into(), value);
        }
        let host = service(&self.host)?.to_string();
        let protocol = Untyped::new(&host, self.nsid, parameters).map_err(|error| usage(&error))?;
        let seed = getrandom::u64().map_err(|error| Failure::File(error.to_string()))?;
        let sockets = WebSockets::new(policy(self.development));
        let mut stream = Subscription::new(protocol, sockets, TokioClock::new(), seed);
        let mut left = self.limit;
        while left > 0 {
            match stream.next().await.map_err(|error| Failure::File(with_sources(&error)))? {
                StreamEvent::Message { message, .. } => {
                    left = left.saturating_sub(1);
                    let json = to_json(&Value::Object(message.body))?;
                    output.line(format!("{} {json}", message.t), &json!({"t": message.t, "body": json}))?;
                    output.finish()?;
                }
                StreamEvent::OutdatedCursor { .. } => output.note("some messages were missed"),
                StreamEvent::Lost { reason, retry_in } => {
                    output.note(format!("{reason}; again in {} ms", retry_in.as_millis()));
                }
                _ => {}
            }
        }
        Ok(Outcome::Done)
    }
}

fn key_values(parameters: &[String]) -> Result<Vec<(&str, &str)>, Failure> {
    parameters
        .iter()
        .map(|text| text.split_once('=').ok_or_else(|| Failure::Usage(format!("{text}: no KEY=VALUE"))))
        .collect()
}

impl CallArguments {
    fn with_parameters(&self, mut call: Call) -> Result<Call, Stop> {
        for (name, value) in key_values(&self.parameters)? {
            call = call.with_param(name, value);
        }
        Ok(call)
    }

    fn run(&self, call: Call, runtime: &Runtime, output: &mut Output) -> Result<Outcome, Stop> {
        if self.host == "session" {
            return self.with(self.session.open(runtime)?, &call, runtime, output);
        }
        let guard = runtime.enter();
        let client = client(service(&self.host)?, self.session.development)?;
        drop(guard);
        self.with(client, &call, runtime, output)
    }

    fn with<A: Auth>(
        &self,
        mut client: Client<ReqwestClient, TokioClock, A>,
        call: &Call,
        runtime: &Runtime,
        output: &mut Output,
    ) -> Result<Outcome, Stop> {
        if let Some(proxy) = &self.proxy {
            let proxy: ServiceRef =
                proxy.parse().map_err(|error| Stop::usage(format!("{proxy}: {error}")))?;
            client = client.with_proxy(&proxy);
        }
        match &self.output {
            None => {
                if let Some(value) = runtime.block_on(client.call(call))?.output {
                    print_value(output, &value)?;
                }
            }
            Some(path) => {
                let answer = runtime.block_on(async {
                    let answer = client.download_call(call).await?.output;
                    answer
                        .read_all(MAX_ANSWER)
                        .await
                        .map_err(|error| Stop::from(atproto_xrpc::Error::<String>::Http(error)))
                })?;
                std::fs::write(path, &answer).map_err(Failure::file(path.display()))?;
                let json = json!({"file": path.display().to_string(), "size": answer.len()});
                output.line(format!("{}: {} bytes", path.display(), answer.len()), &json)?;
            }
        }
        Ok(Outcome::Done)
    }
}
