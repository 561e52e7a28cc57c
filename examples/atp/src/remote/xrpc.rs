use super::session::SessionArguments;
use super::{Stop, client, print_value, run, service};
use crate::input::read_file;
use crate::output::{Failure, Outcome, Output};
use atproto_lexicon::syntax::Nsid;
use atproto_xrpc::adapters::{ReqwestClient, TokioClock};
use atproto_xrpc::auth::Auth;
use atproto_xrpc::headers::ServiceRef;
use atproto_xrpc::{Call, Client};
use clap::{Args, Subcommand};
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
        })
    }
}

impl CallArguments {
    fn with_parameters(&self, mut call: Call) -> Result<Call, Stop> {
        for parameter in &self.parameters {
            let (name, value) =
                parameter.split_once('=').ok_or_else(|| Stop::usage(format!("{parameter}: no KEY=VALUE")))?;
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
                let json = serde_json::json!({"file": path.display().to_string(), "size": answer.len()});
                output.line(format!("{}: {} bytes", path.display(), answer.len()), &json)?;
            }
        }
        Ok(Outcome::Done)
    }
}
