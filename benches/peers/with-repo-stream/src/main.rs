//! The workloads of `benches/peers/repositories`, with repo-stream, which reads and checks no signatures.

use repo_stream::DriverBuilder;
use side::{Done, Inputs, Listed, timed};

fn main() {
    side::main(run);
}

fn run(workload: &str, inputs: &Inputs) -> Option<Done> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    Some(match workload {
        "read" | "read-shuffled" => {
            let (bytes, did, _) = inputs.repository(workload);
            timed(|| runtime.block_on(read(bytes, &did)))
        }
        "hostile" => side::judge(inputs, |bytes, did, _| runtime.block_on(read(bytes, did))),
        _ => return None,
    })
}

async fn read(bytes: Vec<u8>, did: &str) -> String {
    let reader = DriverBuilder::new().with_mem_limit_mb(1000);
    let Ok(mut car) = reader.load_car(&bytes[..]).await else { panic!("a CAR") };
    assert_eq!(car.commit.did, did);
    let mut listed = Listed::default();
    while let Some(record) = car.next_strict().expect("a repository") {
        listed.add(&record.key, &record.cid.to_bytes());
    }
    listed.result()
}
