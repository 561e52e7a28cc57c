use crate::data::bytes::{BYTES, to_base64};
use crate::data::cid::LINK;
use crate::data::value::has_no_json_form;
use crate::data::{Object, Value};
use std::fmt::Write as _;

/// An object holds a field named `$link` or `$bytes`: JSON would take it for a link or for bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("an object with a $link or $bytes field has no JSON form")]
pub struct NoJsonForm;

/// Writes a value without white space, the keys of each object in the order of DAG-CBOR: shorter ones first.
///
/// # Errors
/// [`NoJsonForm`] where an object literally holds a `$link` or `$bytes` field.
pub fn to_string(value: &Value) -> Result<String, NoJsonForm> {
    let mut out = String::new();
    write(value, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut String) -> Result<(), NoJsonForm> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
        // Writing to a string does not fail.
        Value::Integer(number) => write!(out, "{number}").unwrap_or_default(),
        Value::String(text) => write_string(text, out),
        Value::Bytes(bytes) => write_single(BYTES, &to_base64(bytes), out),
        Value::Link(link) => write_single(LINK, &link.to_string(), out),
        Value::Array(items) => {
            let mut before = '[';
            for item in items {
                out.push(before);
                write(item, out)?;
                before = ',';
            }
            out.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Value::Object(object) => write_object(object, out)?,
    }
    Ok(())
}

fn write_object(object: &Object, out: &mut String) -> Result<(), NoJsonForm> {
    if has_no_json_form(object) {
        return Err(NoJsonForm);
    }
    let mut before = '{';
    for (key, value) in object {
        out.push(before);
        write_string(key, out);
        out.push(':');
        write(value, out)?;
        before = ',';
    }
    out.push_str(if object.is_empty() { "{}" } else { "}" });
    Ok(())
}

fn write_single(name: &str, text: &str, out: &mut String) {
    write!(out, "{{\"{name}\":\"{text}\"}}").unwrap_or_default();
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        let (plain, tail) = rest.split_at_checked(at).unwrap_or_default();
        out.push_str(plain);
        let (special, tail) = tail.split_at_checked(1).unwrap_or_default();
        match special {
            "\n" => out.push_str("\\n"),
            "\r" => out.push_str("\\r"),
            "\t" => out.push_str("\\t"),
            "\"" | "\\" => {
                out.push('\\');
                out.push_str(special);
            }
            control => {
                for byte in control.bytes() {
                    write!(out, "\\u{byte:04x}").unwrap_or_default();
                }
            }
        }
        rest = tail;
    }
    out.push_str(rest);
    out.push('"');
}
