use super::{Open, Stop, client};
use crate::output::Failure;
use atproto_xrpc::adapters::{ReqwestClient, TokioClock};
use atproto_xrpc::auth::{FileStore, PasswordSession};
use atproto_xrpc::{Client, Error};
use clap::Args;
use std::env;
use std::fs;
use std::path::PathBuf;
use tokio::runtime::Runtime;

pub(super) type LoggedIn =
    Client<ReqwestClient, TokioClock, PasswordSession<ReqwestClient, TokioClock, FileStore>>;

#[derive(Args)]
pub(crate) struct SessionArguments {
    /// Where the session is kept; $ATP_SESSION, or else ~/.local/state/atp/session.json.
    #[arg(long, value_name = "FILE")]
    session: Option<PathBuf>,
    /// Allow this machine, by http.
    #[arg(long)]
    pub(super) development: bool,
}

impl SessionArguments {
    pub(super) fn store(&self) -> Result<FileStore, Failure> {
        let path = match &self.session {
            Some(path) => path.clone(),
            None => default_path()
                .ok_or_else(|| Failure::Usage("no home: name a file with --session".to_owned()))?,
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Failure::file(folder.display()))?;
        }
        Ok(FileStore::new(path))
    }

    /// The client of whoever has logged in.
    pub(super) fn open(&self, runtime: &Runtime) -> Result<LoggedIn, Stop> {
        let _guard = runtime.enter();
        // The session says which service it is of.
        let nowhere = super::service("localhost")?;
        let open: Open = client(nowhere, self.development)?;
        match runtime
            .block_on(open.resume(self.store()?))
            .map_err(|error| Stop::from(Error::<String>::Auth(error)))?
        {
            Ok(client) => Ok(client),
            Err(_) => Err(Stop::usage("nobody has logged in: `atp account login`")),
        }
    }
}

fn default_path() -> Option<PathBuf> {
    if let Some(path) = env::var_os("ATP_SESSION") {
        return Some(path.into());
    }
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(env::home_dir()?.join(".local/state")))?;
    Some(state.join("atp/session.json"))
}
