//! Makes a note, checks it, and shows it as JSON and as the block that a repository would hold.

use atproto_lexicon::data::{Cid, cbor};
use atproto_lexicon::typed::{Record as _, Validate as _};
use atproto_xrpc::api::com::atproto::repo::strong_ref::StrongRef;
use custom_lexicon::lexicons::com::example::note::{Link, Note};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut note = Note::new("What is in a name?".into(), "2026-01-02T03:04:05Z".parse()?);
    note.subject = Some(StrongRef::new(
        "at://did:web:example.com/com.example.play/1".parse()?,
        "bafyreid27zk7lbis4zw5fz4podbvbs4fc5ivwji3dmrwa6zggnj4bnd57u".parse()?,
    ));
    note.attachment = Some(Link::new("https://example.com/play".parse()?).into());
    note.validate()?;

    println!("{}", serde_json::to_string_pretty(&note)?);
    println!("{} in the colour {}", Note::NSID, note.colour_or_default());
    let block = cbor::to_vec(&note)?;
    println!("{} bytes, {}", block.len(), Cid::of_dag_cbor(&block));

    note.text = "x".repeat(3001);
    if let Err(failures) = note.validate() {
        println!("too long: {failures}");
    }
    Ok(())
}
