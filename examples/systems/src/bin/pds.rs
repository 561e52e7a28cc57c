//! Keeps a directory and a host of accounts running, in one file.

use clap::Parser;
use network::{Network, Ports, Storage};
use std::path::PathBuf;
use std::process::ExitCode;
use systems::{Done, run};

/// A directory of did:plc and a host of accounts, for development, on loopback. Everything is kept in one file.
#[derive(Parser)]
struct Arguments {
    /// Where everything is kept.
    #[arg(long, value_name = "FILE", default_value = "network.redb")]
    data: PathBuf,
    /// Where the host listens. Accounts name it: it is to be the same each time.
    #[arg(long, default_value_t = 2583)]
    port: u16,
    /// Where the directory listens.
    #[arg(long, default_value_t = 2582)]
    directory_port: u16,
}

fn main() -> ExitCode {
    run(serve)
}

async fn serve(arguments: Arguments) -> Done {
    let ports = Ports { directory: arguments.directory_port, host: arguments.port };
    let network = Network::start_at(Storage::file(arguments.data)?, ports).await?;
    println!("host {}, directory {}", network.host(0).url(), network.directory_url());
    std::future::pending::<()>().await;
    Ok(())
}
