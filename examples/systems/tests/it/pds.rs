use crate::world::Running;
use std::process::Command;

const PDS: &str = env!("CARGO_BIN_EXE_pds");

#[test]
fn it_goes_on_after_it_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("network.redb");
    let start = |port: &str, directory: &str| {
        let mut command = Command::new(PDS);
        command.args(["--data", file.to_str().unwrap(), "--port", port, "--directory-port", directory]);
        let mut running = Running::start(command);
        let line = running.line();
        (running, line)
    };
    let (running, line) = start("0", "0");
    let ports: Vec<_> = line
        .split("localhost:")
        .skip(1)
        .map(|rest| rest.trim_end().trim_end_matches(", directory http://"))
        .collect();
    // While it has the file, nobody else does.
    let other = Command::new(PDS).args(["--data", file.to_str().unwrap(), "--port", "0"]).output().unwrap();
    assert!(!other.status.success());
    assert_eq!(String::from_utf8(other.stderr).unwrap(), "database is open elsewhere\n");
    drop(running);
    let (_running, again) = start(ports[0], ports[1]);
    assert_eq!(again, line);
}
