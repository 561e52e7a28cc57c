use super::{at_most, run};
use atproto_identity::adapters::{Addresses, SystemAddresses, TokioClock};
use atproto_identity::clock::Clock;
use std::time::Duration;

#[test]
fn the_clock_goes_on_and_waits() {
    run(async {
        let clock = TokioClock::default();
        let start = clock.now();
        at_most(1000, clock.sleep(Duration::from_millis(50))).await;
        assert!(clock.now() - start >= Duration::from_millis(50));
    });
}

#[test]
fn the_system_knows_this_machine() {
    run(async {
        let found = SystemAddresses.resolve("localhost").await.unwrap();
        assert!(!found.is_empty() && found.iter().all(std::net::IpAddr::is_loopback), "{found:?}");
    });
}
