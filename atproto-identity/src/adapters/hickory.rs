//! DNS by `hickory-resolver`.

use super::{Addresses, Resolving, SetupError};
use crate::dns::{Dns, DnsError};
use hickory_resolver::TokioResolver;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use std::io;

/// DNS over UDP and TCP. Names are asked for as they are: no domain of the system is put after them.
#[derive(Clone)]
pub struct HickoryDns {
    resolver: TokioResolver,
}

impl HickoryDns {
    /// Asks the name servers that the system is configured with. It remembers no answers: that is for those who know for how long
    /// they may be believed.
    ///
    /// # Errors
    /// [`SetupError`] where there is no configuration.
    pub fn from_system() -> Result<Self, SetupError> {
        let build = || {
            let mut builder = TokioResolver::builder_tokio()?;
            builder.options_mut().cache_size = 0;
            builder.build()
        };
        let failed = |error: NetError| SetupError::new("DNS", error);
        build().map(Self::new).map_err(failed)
    }

    /// Asks as `resolver` is configured to.
    pub fn new(resolver: TokioResolver) -> Self {
        Self { resolver }
    }
}

impl std::fmt::Debug for HickoryDns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HickoryDns").finish_non_exhaustive()
    }
}

impl Dns for HickoryDns {
    async fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, DnsError> {
        let name = full_name(name).ok_or(DnsError::Malformed)?;
        match self.resolver.lookup(name, RecordType::TXT).await {
            Ok(lookup) => {
                let texts = lookup.answers().iter().filter_map(|record| match &record.data {
                    RData::TXT(text) => Some(text.txt_data.concat()),
                    _ => None,
                });
                Ok(texts.collect())
            }
            Err(error) if error.is_no_records_found() => Ok(Vec::new()),
            Err(NetError::Timeout) => Err(DnsError::TimedOut),
            Err(NetError::Proto(_)) => Err(DnsError::Malformed),
            Err(_) => Err(DnsError::Failed),
        }
    }
}

impl Addresses for HickoryDns {
    fn resolve(&self, host: &str) -> Resolving {
        let (resolver, name) = (self.resolver.clone(), full_name(host));
        Box::pin(async move {
            let name = name.ok_or(io::ErrorKind::InvalidInput)?;
            match resolver.lookup_ip(name).await {
                Ok(found) => Ok(found.iter().collect()),
                Err(error) if error.is_no_records_found() => Ok(Vec::new()),
                Err(NetError::Timeout) => Err(io::ErrorKind::TimedOut.into()),
                Err(error) => Err(io::Error::other(error)),
            }
        })
    }
}

fn full_name(name: &str) -> Option<Name> {
    let mut name = Name::from_ascii(name).ok()?;
    name.set_fqdn(true);
    Some(name)
}
