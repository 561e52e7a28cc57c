//! The generated types do what the documents say.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may panic")]

use atproto_lexicon::data::cbor;
use atproto_lexicon::typed::{Endpoint, Lenient, Validate as _};
use custom_lexicon::lexicons::com::example::list_notes::{ListNotes, ListNotesOutput};
use custom_lexicon::lexicons::com::example::note::{Note, NoteAttachment, NoteColour};

#[test]
fn notes_survive() {
    let json = r#"{"$type":"com.example.note","text":"hi","createdAt":"2026-01-02T03:04:05Z","attachment":{"$type":"com.example.note#sound","url":"x"},"colour":"mauve","mood":"good"}"#;
    let note: Note = serde_json::from_str(json).unwrap();
    assert!(
        matches!(&note.attachment, Some(NoteAttachment::Unknown(it)) if it.type_name() == "com.example.note#sound")
    );
    assert_eq!(note.colour_or_default(), NoteColour::from("mauve"));
    let again: Note = cbor::from_slice(&cbor::to_vec(&note).unwrap()).unwrap();
    let expected: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_value(&again).unwrap(), expected);
    let long = Note::new("x".repeat(301), "2026-01-02T03:04:05Z".parse().unwrap());
    assert_eq!(long.validate().unwrap_err().to_string(), "/text: more than 300 graphemes");
}

#[test]
fn a_bad_note_does_not_lose_the_list() {
    let json = r#"{"notes":[{"$type":"com.example.note","text":"hi","createdAt":"2026-01-02T03:04:05Z"},{"text":5}]}"#;
    let output: ListNotesOutput = serde_json::from_str(json).unwrap();
    assert!(matches!(&*output.notes, [Lenient::Good(_), Lenient::Bad(_)]));
    assert_eq!(serde_json::to_string(&output).unwrap(), json);
    assert_eq!(ListNotes::NSID, "com.example.listNotes");
}
