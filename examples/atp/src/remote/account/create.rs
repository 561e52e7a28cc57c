use super::{PasswordArguments, login};
use crate::output::{Outcome, Output};
use crate::remote::session::{LoggedIn, SessionArguments, SessionFile};
use crate::remote::{Open, Stop, client, service};
use atproto_crypto::PublicKey;
use atproto_lexicon::syntax::{Did, Handle};
use atproto_xrpc::ServiceUrl;
use atproto_xrpc::api::com::atproto::server::{CreateAccount, DescribeServer, GetServiceAuth};
use atproto_xrpc::auth::{Fixed, Login, Secret};
use clap::Args;
use std::path::PathBuf;
use tokio::runtime::Runtime;

#[derive(Args)]
pub(crate) struct Create {
    /// The URL or the name of the host.
    host: String,
    /// The handle.
    #[arg(long)]
    handle: Handle,
    #[command(flatten)]
    terms: Terms,
    /// A key of one's own that may sign the operations of the new DID before the host's, as did:key.
    #[arg(long, value_name = "did:key", conflicts_with = "did")]
    recovery_key: Option<PublicKey>,
    /// An account that is on another host, and has logged in there: it is created deactivated, for a move.
    #[arg(long, requires = "new_session")]
    did: Option<Did>,
    /// Where the session on the new host is kept, beside the one on the host before.
    #[arg(long, value_name = "FILE", requires = "did")]
    new_session: Option<PathBuf>,
    #[command(flatten)]
    session: SessionArguments,
}

/// What a host may want of a new account.
#[derive(Args)]
pub(crate) struct Terms {
    /// The e-mail address, which most hosts want.
    #[arg(long)]
    email: Option<String>,
    /// The code of an invitation.
    #[arg(long, value_name = "CODE")]
    invite_code: Option<String>,
    #[command(flatten)]
    pub(crate) password: PasswordArguments,
}

impl Create {
    pub(super) fn run(self, runtime: &Runtime, output: &mut Output) -> Result<Outcome, Stop> {
        let host = service(&self.host)?;
        let logged_in = match (&self.did, self.new_session) {
            (Some(did), Some(path)) => {
                let old = self.session.open(runtime)?;
                if old.auth().did() != *did {
                    return Err(Stop::usage(format!("{} has logged in, not {did}", old.auth().did())));
                }
                let file = SessionFile::new(path, self.session.development)?;
                let password = self.terms.password.read()?;
                let new = NewAccount { host, handle: self.handle, terms: &self.terms, password: &password };
                new.create_elsewhere(&old, &file, self.session.development, runtime)?
            }
            _ => {
                let file = self.session.file()?;
                let password = self.terms.password.read()?;
                let new = NewAccount { host, handle: self.handle, terms: &self.terms, password: &password };
                new.create(self.recovery_key, &file, self.session.development, runtime)?
            }
        };
        login::print(&logged_in, output)
    }
}

/// An account that is to be on a host.
pub(crate) struct NewAccount<'a> {
    pub(crate) host: ServiceUrl,
    pub(crate) handle: Handle,
    pub(crate) terms: &'a Terms,
    pub(crate) password: &'a str,
}

impl NewAccount<'_> {
    /// With a DID of its own.
    fn create(
        self,
        recovery_key: Option<PublicKey>,
        file: &SessionFile,
        development: bool,
        runtime: &Runtime,
    ) -> Result<LoggedIn, Stop> {
        let mut create = self.to_request();
        create.recovery_key = recovery_key.map(|key| key.to_did_key());
        let created = runtime.block_on(self.open(development, runtime)?.send(&create))?.output;
        self.log_in(&created.did, file, runtime)
    }

    /// With the DID that it has on its present host, which vouches for it: deactivated. Where it is there already, it is logged in to.
    pub(crate) fn create_elsewhere(
        self,
        old: &LoggedIn,
        file: &SessionFile,
        development: bool,
        runtime: &Runtime,
    ) -> Result<LoggedIn, Stop> {
        let did = old.auth().did();
        let open = self.open(development, runtime)?;
        let mut create = self.to_request();
        create.did = Some(did.clone());
        let created = runtime.block_on(async {
            let host = open.send(&DescribeServer).await?.output;
            // A token for another service is not given to this one, whatever it says that it is.
            if host.did.as_str() != web_did(&self.host) {
                let reason = format!(
                    "{} says that it is {}, which is not the did:web of its name",
                    self.host, host.did
                );
                return Err(Stop::wrong("other_host", reason));
            }
            let mut vouch = GetServiceAuth::new(host.did.to_string());
            vouch.lxm = Some(crate::transfer::nsid("com.atproto.server.createAccount")?);
            let token: Secret = old.send(&vouch).await?.output.token.into();
            let token =
                Fixed::bearer(&token).ok_or_else(|| Stop::wrong("malformed", "a token that is none"))?;
            Ok(open.with_auth(token).send(&create).await?.output)
        });
        match created {
            Ok(created) if created.did == did => self.log_in(&did, file, runtime),
            Ok(created) => Err(Stop::wrong("other_account", format!("the host has created {}", created.did))),
            // A command that was ended may have created it.
            Err(refusal @ Stop::Error(_)) => self.log_in(&did, file, runtime).map_err(|_| refusal),
            Err(stop) => Err(stop),
        }
    }

    fn to_request(&self) -> CreateAccount {
        let mut create = CreateAccount::new(self.handle.clone());
        create.email.clone_from(&self.terms.email);
        create.invite_code.clone_from(&self.terms.invite_code);
        create.password = Some(self.password.to_owned());
        create
    }

    fn open(&self, development: bool, runtime: &Runtime) -> Result<Open, Stop> {
        let _guard = runtime.enter();
        Ok(client(self.host.clone(), development)?)
    }

    fn log_in(&self, did: &Did, file: &SessionFile, runtime: &Runtime) -> Result<LoggedIn, Stop> {
        file.log_in(&Login::new(did.as_str(), self.password), self.host.clone(), runtime)
    }
}

/// The did:web of a host, with its port.
fn web_did(host: &ServiceUrl) -> String {
    let url = host.to_string().to_ascii_lowercase();
    let name = url.split_once("://").map_or(url.as_str(), |(_, name)| name);
    format!("did:web:{}", name.replace(':', "%3A"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_did() {
        for (url, did) in [
            ("https://PDS.example.com/", "did:web:pds.example.com"),
            ("http://localhost:2583", "did:web:localhost%3A2583"),
        ] {
            assert_eq!(web_did(&url.parse().unwrap()), did);
        }
    }
}
