//! DNS, over UDP and TCP, and over HTTPS from the same server.

use super::{at_most, run};
use atproto_identity::adapters::{Addresses, HickoryDns};
use atproto_identity::dns::{Dns, DnsError};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{Header, HeaderCounts, Metadata, ResponseCode};
use hickory_server::proto::rr::rdata::{A, CNAME, SOA, TXT};
use hickory_server::proto::rr::{Name, RData, Record};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, MessageResponseBuilder, ZoneType};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};

const DID: &str = "did=did:plc:ewvi7nxzyoun6zhxrhs64oiz";

/// A zone, with names at which the server fails.
struct Zone {
    catalog: Catalog,
    over_tcp: Arc<AtomicUsize>,
}

impl RequestHandler for Zone {
    fn handle_request<'a, 'b, 'c, R: ResponseHandler + 'c, T: Time + 'c>(
        &'a self,
        request: &'b Request,
        mut response: R,
    ) -> Pin<Box<dyn Future<Output = ResponseInfo> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
    {
        Box::pin(async move {
            if request.protocol() == hickory_server::net::xfer::Protocol::Tcp {
                self.over_tcp.fetch_add(1, Ordering::SeqCst);
            }
            let name = request.request_info().unwrap().query.name().to_string();
            let code = match name.as_str() {
                "_atproto.silent.example.com." => {
                    let metadata = Metadata::response_from_request(&request.metadata);
                    return Header { metadata, counts: HeaderCounts::default() }.into();
                }
                "_atproto.fails.example.com." | "fails.example.com." => ResponseCode::ServFail,
                "_atproto.refuses.example.com." => ResponseCode::Refused,
                _ => return self.catalog.handle_request::<R, T>(request, response).await,
            };
            let failed =
                MessageResponseBuilder::from_message_request(request).error_msg(&request.metadata, code);
            response.send_response(failed).await.unwrap()
        })
    }
}

fn zone() -> Catalog {
    let name = |text: &str| Name::from_ascii(text).unwrap();
    let mut zone: InMemoryZoneHandler<TokioRuntimeProvider> =
        InMemoryZoneHandler::empty(name("example.com."), ZoneType::Primary, AxfrPolicy::Deny);
    let soa = SOA::new(name("ns.example.com."), name("admin.example.com."), 1, 60, 60, 60, 60);
    zone.upsert_mut(Record::from_rdata(name("example.com."), 60, RData::SOA(soa)), 0);
    let mut text = |host: &str, strings: &[&str]| {
        let strings = strings.iter().map(|string| (*string).to_owned()).collect();
        let record = RData::TXT(TXT::new(strings));
        zone.upsert_mut(Record::from_rdata(name(&format!("_atproto.{host}.example.com.")), 60, record), 0);
    };
    text("one", &[DID]);
    text("strings", &["did=did:plc:", "ewvi7nxz", "", "youn6zhxrhs64oiz"]);
    text("two", &["v=spf1 -all"]);
    text("two", &[DID]);
    text("conflict", &["did=did:web:a.example.com"]);
    text("conflict", &[DID]);
    for number in 0..60 {
        text("long", &[&number.to_string(), &"x".repeat(250)]);
    }
    for (host, data) in [
        ("address", RData::A(A(Ipv4Addr::new(127, 0, 0, 9)))),
        ("_atproto.address", RData::A(A(Ipv4Addr::LOCALHOST))),
        ("_atproto.alias", RData::CNAME(CNAME(name("_atproto.one.example.com.")))),
    ] {
        zone.upsert_mut(Record::from_rdata(name(&format!("{host}.example.com.")), 60, data), 0);
    }
    let mut catalog = Catalog::new();
    catalog.upsert(name("example.com.").into(), vec![Arc::new(zone)]);
    catalog
}

/// A running server.
struct Running {
    address: SocketAddr,
    over_tcp: Arc<AtomicUsize>,
    server: Server<Zone>,
}

impl Running {
    async fn new() -> Self {
        // One port for both, which somebody else may have of the one.
        let (udp, tcp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let (address, over_tcp) = (tcp.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let mut server = Server::new(Zone { catalog: zone(), over_tcp: over_tcp.clone() });
        server.register_socket(udp);
        server.register_listener(tcp, Duration::from_secs(5), 100);
        Self { address, over_tcp, server }
    }

    /// Asks it, and has a domain of its own that is not to be put after names.
    fn dns(&self) -> HickoryDns {
        let [udp, tcp] = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = self.address.port();
            connection
        });
        let servers = vec![NameServerConfig::new(self.address.ip(), true, vec![udp, tcp])];
        let domain = Name::from_ascii("example.com.").unwrap();
        let config = ResolverConfig::from_parts(Some(domain.clone()), vec![domain], servers);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        builder.options_mut().timeout = Duration::from_millis(300);
        builder.options_mut().attempts = 1;
        HickoryDns::new(builder.build().unwrap())
    }

    async fn stop(mut self) {
        at_most(2000, self.server.shutdown_gracefully()).await.unwrap();
    }
}

/// Holds what `dns` says to what the server of [`zone`] has.
async fn check(dns: &impl Dns) {
    let txt = async |host: &str| -> Result<Vec<String>, DnsError> {
        let texts = at_most(2000, dns.txt(&format!("_atproto.{host}.example.com"))).await?;
        let mut texts: Vec<_> = texts.into_iter().map(|text| String::from_utf8(text).unwrap()).collect();
        texts.sort();
        Ok(texts)
    };
    for host in ["one", "strings", "alias", "ONE"] {
        assert_eq!(txt(host).await, Ok(vec![DID.to_owned()]), "{host}");
    }
    assert_eq!(txt("two").await, Ok(vec![DID.to_owned(), "v=spf1 -all".to_owned()]));
    assert_eq!(txt("conflict").await, Ok(vec![DID.to_owned(), "did=did:web:a.example.com".to_owned()]));
    // No such name; a name without texts.
    for host in ["none", "address"] {
        assert_eq!(txt(host).await, Ok(Vec::new()), "{host}");
    }
    for host in ["fails", "refuses"] {
        assert_eq!(txt(host).await, Err(DnsError::Failed), "{host}");
    }
    let long = txt("long").await.unwrap();
    assert!(long.len() == 60 && long.iter().all(|text| text.len() > 250), "{long:?}");
}

#[test]
fn texts_are_those_of_the_server() {
    run(async {
        let server = Running::new().await;
        let dns = server.dns();
        check(&dns).await;
        // What is too long for UDP.
        assert!(server.over_tcp.load(Ordering::SeqCst) > 0);
        // No domain is put after a name.
        assert_ne!(at_most(2000, dns.txt("_atproto.one")).await, Ok(vec![DID.as_bytes().to_vec()]));
        assert_eq!(dns.txt("_atproto..com").await, Err(DnsError::Malformed));
        assert_eq!(dns.txt(&format!("{}.com", "a".repeat(64))).await, Err(DnsError::Malformed));
        server.stop().await;
    });
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    run(async {
        let server = Running::new().await;
        assert_eq!(
            at_most(2500, server.dns().txt("_atproto.silent.example.com")).await,
            Err(DnsError::TimedOut)
        );
        server.stop().await;
    });
}

#[test]
fn addresses_are_those_of_the_server() {
    run(async {
        let server = Running::new().await;
        let dns = server.dns();
        let resolve = |host: &str| at_most(2000, dns.resolve(host));
        assert_eq!(resolve("address.example.com").await.unwrap(), [IpAddr::from([127, 0, 0, 9])]);
        assert!(resolve("none.example.com").await.unwrap().is_empty());
        assert!(resolve("fails.example.com").await.is_err());
        assert!(!matches!(resolve("address").await, Ok(found) if !found.is_empty()));
        server.stop().await;
    });
}

#[cfg(feature = "reqwest")]
mod over_https {
    use super::*;
    use crate::adapters::client::head;
    use crate::adapters::net;
    use atproto_identity::adapters::{ReqwestClient, TokioClock};
    use atproto_identity::dns::DnsOverHttps;
    use atproto_identity::{Config, Directory, ResolveError};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    /// The answers of a server by HTTP.
    async fn wrap(dns: SocketAddr) -> net::Server {
        net::Server::new(move |mut stream| async move {
            while let Some(head) = head(&mut stream).await {
                assert!(head.to_ascii_lowercase().contains("accept: application/dns-message\r\n"), "{head}");
                let query = head.strip_prefix("GET /dns-query?dns=").unwrap().split(' ').next().unwrap();
                let query = data_encoding::BASE64URL_NOPAD.decode(query.as_bytes()).unwrap();
                let mut tcp = TcpStream::connect(dns).await.unwrap();
                tcp.write_u16(query.len().try_into().unwrap()).await.unwrap();
                tcp.write_all(&query).await.unwrap();
                let mut answer = vec![0; tcp.read_u16().await.unwrap().into()];
                tcp.read_exact(&mut answer).await.unwrap();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
                stream.write_all(head.as_bytes()).await.unwrap();
                stream.write_all(&answer).await.unwrap();
            }
        })
        .await
    }

    #[test]
    fn texts_are_those_of_the_server() {
        run(async {
            let server = Running::new().await;
            let over = wrap(server.address).await;
            let client = ReqwestClient::with_addresses(net::policy(), net::Names::default()).unwrap();
            let url = format!("http://{}/dns-query", over.address);
            let dns = DnsOverHttps::new(client, &url, &net::policy()).unwrap();
            check(&dns).await;
            assert_eq!(at_most(2500, dns.txt("_atproto.silent.example.com")).await, Err(DnsError::TimedOut));
            server.stop().await;
        });
    }

    #[test]
    fn the_public_directory_goes_to_other_threads() {
        fn check(_: impl Send) {}
        match atproto_identity::adapters::public_directory() {
            Ok(directory) => check(directory.resolve(&"a.example.com".parse().unwrap())),
            // Not every machine has name servers.
            Err(error) => assert_eq!(error.to_string(), "DNS cannot be set up"),
        }
    }

    #[test]
    fn a_directory_asks_it() {
        run(async {
            let server = Running::new().await;
            let dns = server.dns();
            // What DNS does not know is asked of a host that nobody may connect to.
            let client = ReqwestClient::with_addresses(net::policy(), dns.clone()).unwrap();
            let directory = Directory::new(client, dns, TokioClock::new())
                .with_config(Config { policy: net::policy(), ..Config::default() });
            let find = async |handle: &str| {
                at_most(3000, directory.resolve_handle_unchecked(&handle.parse().unwrap())).await
            };
            assert_eq!(find("strings.example.com").await.unwrap().as_str(), &DID[4..]);
            let error = find("conflict.example.com").await.unwrap_err();
            assert!(matches!(&error, ResolveError::HandleConflict(dids) if dids.len() == 2), "{error:?}");
            let error = find("address.example.com").await.unwrap_err();
            assert!(matches!(error, ResolveError::Refused(_)), "{error:?}");
            let error = find("fails.example.com").await.unwrap_err();
            assert!(matches!(error, ResolveError::Unreachable { .. }), "{error:?}");
            server.stop().await;
        });
    }
}
