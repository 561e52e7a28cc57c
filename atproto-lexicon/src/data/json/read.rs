use super::{JsonError, JsonReason as Reason, number, string};
use crate::data::builder::Builder;
use crate::data::value::{ReservedField, check_object, check_object_lenient, object_from_json};
use crate::data::{LimitError, Limits, Value};

/// Reads exactly one value, with white space around it.
pub(super) fn whole(bytes: &[u8], limits: &Limits, lenient: bool) -> Result<Value, JsonError> {
    if bytes.len() > limits.bytes {
        return Err(JsonError { reason: Reason::Limit(LimitError::Bytes), offset: limits.bytes });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| JsonError { reason: Reason::Utf8, offset: error.valid_up_to() })?;
    let mut reader = Reader { text, at: 0, limits, lenient, builder: Builder::default(), open: Vec::new() };
    let read = reader.value().and_then(|()| match reader.peek() {
        None => Ok(()),
        Some(_) => Err(Reason::Trailing),
    });
    let offset = reader.at;
    read.map_err(|reason| JsonError { reason, offset })?;
    Ok(reader.builder.finish())
}

struct Reader<'a, 'l> {
    text: &'a str,
    /// Offset of what comes next; after an error, of what is wrong.
    at: usize,
    limits: &'l Limits,
    /// Whether spare bits of base64 pass, and blobs that are linked as what they are not.
    lenient: bool,
    builder: Builder,
    open: Vec<Frame>,
}

/// An array or object which is not complete.
struct Frame {
    object: bool,
    items: usize,
}

impl Reader<'_, '_> {
    fn value(&mut self) -> Result<(), Reason> {
        loop {
            let opened = self.item()?;
            // Close what is complete, up to a container that goes on with another item.
            let mut first = opened;
            loop {
                let Some(frame) = self.open.last_mut() else {
                    return Ok(());
                };
                let object = frame.object;
                let end = if object { b'}' } else { b']' };
                match self.peek().ok_or(Reason::End)? {
                    byte if byte == end => {
                        self.step();
                        self.close()?;
                        first = false;
                        continue;
                    }
                    _ if first => {}
                    b',' => self.step(),
                    _ => return Err(Reason::Character),
                }
                self.count()?;
                if object {
                    self.key()?;
                }
                break;
            }
        }
    }

    /// Reads one item; true where it is the beginning of an array or object.
    fn item(&mut self) -> Result<bool, Reason> {
        let object = match self.peek().ok_or(Reason::End)? {
            b'{' => true,
            b'[' => false,
            b'"' => {
                let text = self.string()?;
                self.builder.push(Value::String(text));
                return Ok(false);
            }
            b'-' | b'0'..=b'9' => {
                let (number, length) = number::parse(self.rest())?;
                self.skip(length);
                self.builder.push(Value::Integer(number));
                return Ok(false);
            }
            _ => {
                self.literal()?;
                return Ok(false);
            }
        };
        // A link or bytes are no level of their own; whether an object is that is known at its end.
        let max_depth = self.limits.max_depth().saturating_add(usize::from(object));
        if self.open.len() >= max_depth {
            return Err(Reason::Limit(LimitError::Depth));
        }
        self.step();
        if object {
            self.builder.open_object(0);
        } else {
            self.builder.open_array(0);
        }
        self.open.push(Frame { object, items: 0 });
        Ok(true)
    }

    fn literal(&mut self) -> Result<(), Reason> {
        let literals =
            [("null", Value::Null), ("true", Value::Boolean(true)), ("false", Value::Boolean(false))];
        for (text, value) in literals {
            if self.rest().starts_with(text.as_bytes()) {
                self.skip(text.len());
                self.builder.push(value);
                return Ok(());
            }
        }
        Err(Reason::Character)
    }

    fn count(&mut self) -> Result<(), Reason> {
        if let Some(frame) = self.open.last_mut() {
            frame.items = frame.items.saturating_add(1);
            if frame.items > self.limits.items {
                return Err(Reason::Limit(LimitError::Items));
            }
        }
        Ok(())
    }

    fn key(&mut self) -> Result<(), Reason> {
        let quote = self.peek().ok_or(Reason::End)?;
        if quote != b'"' {
            return Err(Reason::Character);
        }
        let start = self.at;
        let key = self.string()?;
        if key.len() > self.limits.key {
            self.at = start;
            return Err(Reason::Limit(LimitError::Key));
        }
        self.builder.key(key);
        match self.peek() {
            Some(b':') => self.step(),
            Some(_) => return Err(Reason::Character),
            None => return Err(Reason::End),
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, Reason> {
        match string::parse(self.text, self.at) {
            Ok((text, end)) => {
                self.at = end;
                Ok(text)
            }
            Err((reason, at)) => {
                self.at = at;
                Err(reason)
            }
        }
    }

    fn close(&mut self) -> Result<(), Reason> {
        self.open.pop();
        let value = match self.builder.close().map_err(|_| Reason::DuplicateKey)? {
            Value::Object(object) => object_from_json(object, self.lenient).map_err(|field| match field {
                ReservedField::Link => Reason::Link,
                ReservedField::Bytes => Reason::Bytes,
            })?,
            other => other,
        };
        if let Value::Object(object) = &value {
            if self.open.len() >= self.limits.max_depth() {
                return Err(Reason::Limit(LimitError::Depth));
            }
            let checked = if self.lenient { check_object_lenient(object) } else { check_object(object) };
            checked.map_err(Reason::Model)?;
        }
        self.builder.push(value);
        Ok(())
    }

    /// The next byte that is not white space; moves to it.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.step(),
                byte => return byte.copied(),
            }
        }
    }

    fn rest(&self) -> &[u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, length: usize) {
        self.at = self.at.saturating_add(length);
    }

    fn step(&mut self) {
        self.skip(1);
    }
}
