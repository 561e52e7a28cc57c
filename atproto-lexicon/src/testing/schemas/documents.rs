//! Catalogs with everything that the language has, and with names that no one should use.

use super::choices::Choices;
use super::names::{AUTHORITIES, DEFINITIONS, DESCRIPTIONS, FORMATS, NAMES, PROPERTIES, VALUES};
use serde_json::{Map, Value, json};

/// What a definition is, so that references lead to what they may.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Object,
    Data,
    Other,
}

struct Generator {
    rng: Choices,
    defs: Vec<(String, Kind)>,
    /// The document that is being made.
    nsid: String,
}

/// Documents of a catalog, up to `most` of them, and one more that has the definitions `d0`, `d1`, …: each an object with a
/// property `v` that is one of the others. Returns how many these are, too.
pub fn catalog(rng: Choices, most: usize) -> (Vec<Value>, usize) {
    let mut generator = Generator { rng, defs: Vec::new(), nsid: String::new() };
    let mut plan: Vec<(String, Vec<(String, &'static str)>)> = Vec::new();
    let count = 2 + generator.rng.below(most.saturating_sub(1).max(1));
    for _ in 0..count {
        let nsid = format!("{}.{}", generator.rng.pick(&AUTHORITIES), generator.rng.pick(&NAMES));
        // One document may be the beginning of another's name.
        let nsid = match plan.last() {
            Some((last, _)) if generator.rng.chance(25) => format!("{last}.{}", generator.rng.pick(&NAMES)),
            _ => nsid,
        };
        if plan.iter().any(|(other, _)| other.eq_ignore_ascii_case(&nsid)) {
            continue;
        }
        let defs = generator.plan();
        for (name, kind) in &defs {
            let reference = if name == "main" { nsid.clone() } else { format!("{nsid}#{name}") };
            let kind = match *kind {
                "record" | "object" => Kind::Object,
                "string" | "integer" | "boolean" | "bytes" | "cid-link" | "blob" | "array" => Kind::Data,
                _ => Kind::Other,
            };
            generator.defs.push((reference, kind));
        }
        plan.push((nsid, defs));
    }
    let mut documents: Vec<Value> =
        plan.into_iter().map(|(nsid, defs)| generator.document(nsid, &defs)).collect();
    let data: Vec<_> = generator.defs.iter().filter(|(_, kind)| *kind != Kind::Other).collect();
    let wrap = |(at, (to, _)): (usize, &&(String, Kind))| {
        let v = json!({"type": "ref", "ref": to});
        (format!("d{at}"), json!({"type": "object", "required": ["v"], "properties": {"v": v}}))
    };
    let defs: Map<String, Value> = data.iter().enumerate().map(wrap).collect();
    let count = defs.len();
    if count > 0 {
        documents.push(json!({"lexicon": 1, "id": "test.all.defs", "defs": defs}));
    }
    (documents, count)
}

impl Generator {
    fn plan(&mut self) -> Vec<(String, &'static str)> {
        let data = [
            "object", "object", "object", "string", "integer", "boolean", "bytes", "cid-link", "blob",
            "array", "array", "token",
        ];
        let mut defs = Vec::new();
        if self.rng.chance(80) {
            let main = [
                "record",
                "record",
                "object",
                "object",
                "query",
                "query",
                "procedure",
                "procedure",
                "subscription",
                "permission-set",
                "token",
                "string",
                "array",
            ];
            defs.push(("main".to_owned(), *self.rng.pick(&main.each_ref())));
        }
        for name in self.rng.some(&DEFINITIONS, 6) {
            if !defs.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                defs.push((name.to_owned(), *self.rng.pick(&data.each_ref())));
            }
        }
        if defs.is_empty() {
            defs.push(("only".into(), "object"));
        }
        defs
    }

    fn document(&mut self, nsid: String, defs: &[(String, &'static str)]) -> Value {
        self.nsid.clone_from(&nsid);
        let defs: Map<String, Value> =
            defs.iter().map(|(name, kind)| (name.clone(), self.definition(kind))).collect();
        json!({"lexicon": 1, "id": nsid, "defs": defs})
    }

    fn definition(&mut self, kind: &str) -> Value {
        let mut def = match kind {
            "record" => {
                let key = self.rng.pick(&["tid", "nsid", "any", "literal:self", "literal:a:b~c"]);
                json!({"type": "record", "key": key, "record": self.object(2)})
            }
            "query" | "procedure" => self.endpoint(kind),
            "subscription" => {
                let mut def =
                    json!({"type": kind, "message": {"schema": self.union()}, "errors": self.errors()});
                self.parameters(&mut def);
                def
            }
            "permission-set" => json!({"type": kind, "permissions": [
                {"type": "permission", "resource": "repo", "collection": [self.rng.pick(&VALUES)]},
                {"type": "permission", "resource": "rpc", "lxm": self.values(), "aud": "\"*\""},
            ]}),
            "token" => json!({"type": "token"}),
            kind => self.of_type(kind, 2),
        };
        self.describe(&mut def);
        def
    }

    fn describe(&mut self, def: &mut Value) {
        if self.rng.chance(15) {
            def["description"] = self.rng.pick(&DESCRIPTIONS).into();
        }
    }

    fn endpoint(&mut self, kind: &str) -> Value {
        let mut def = json!({"type": kind, "errors": self.errors()});
        self.parameters(&mut def);
        for part in ["input", "output"] {
            if self.rng.chance(70) && (part == "output" || kind == "procedure") {
                let encoding = self.rng.pick(&[
                    "application/json",
                    "application/json",
                    "application/json",
                    "*/*",
                    "\"q\"",
                ]);
                def[part] = json!({"encoding": encoding});
                if self.rng.chance(85) {
                    def[part]["schema"] = match self.rng.below(3) {
                        0 => self.union(),
                        1 => self.reference(),
                        _ => self.object(2),
                    };
                }
            }
        }
        def
    }

    fn errors(&mut self) -> Value {
        let names = ["Self", "Other", "NotFound", "not-found", "\"q\"", "a`b", "Ok", "Err", "\\"];
        self.rng.some(&names, 3).into_iter().map(|name| json!({"name": name})).collect()
    }

    fn parameters(&mut self, def: &mut Value) {
        if self.rng.chance(50) {
            let mut properties = Map::new();
            for name in self.rng.some(&PROPERTIES, 4) {
                let kind = self.rng.pick(&["string", "integer", "boolean"]);
                let plain = self.of_type(kind, 0);
                let array = self.rng.chance(30);
                properties.insert(
                    name.into(),
                    if array { json!({"type": "array", "items": plain}) } else { plain },
                );
            }
            let required = self.required(&properties);
            def["parameters"] = json!({"type": "params", "properties": properties, "required": required});
        }
    }

    fn required(&mut self, properties: &Map<String, Value>) -> Vec<String> {
        // What leads on is rarely required, so that most types have values.
        let percent = |schema: &Value| match schema["type"].as_str() {
            Some("ref" | "union") => 5,
            _ => 35,
        };
        let is_required =
            |(name, schema): (&String, &Value)| self.rng.chance(percent(schema)).then(|| name.clone());
        properties.iter().filter_map(is_required).collect()
    }

    fn object(&mut self, depth: usize) -> Value {
        let most = if self.rng.chance(5) { PROPERTIES.len() } else { 6 };
        let mut properties = Map::new();
        for name in self.rng.some(&PROPERTIES, most) {
            let mut schema = self.schema(depth);
            self.describe(&mut schema);
            properties.insert(name.into(), schema);
        }
        let required = self.required(&properties);
        let names: Vec<&str> = properties.keys().map(String::as_str).collect();
        let nullable = if self.rng.chance(50) { self.rng.some(&names, 3) } else { Vec::new() };
        json!({"type": "object", "required": required, "nullable": nullable, "properties": properties})
    }

    fn schema(&mut self, depth: usize) -> Value {
        let kinds = [
            "string", "string", "string", "integer", "boolean", "bytes", "cid-link", "blob", "unknown",
            "array", "object", "ref", "ref", "union",
        ];
        let kind = self.rng.pick(&kinds);
        let kind = if depth == 0 && ["array", "object"].contains(&kind) { "string" } else { kind };
        self.of_type(kind, depth.saturating_sub(1))
    }

    fn reference(&mut self) -> Value {
        let targets: Vec<&str> = self
            .defs
            .iter()
            .filter(|(_, kind)| *kind != Kind::Other)
            .map(|(name, _)| name.as_str())
            .collect();
        if targets.is_empty() {
            return json!({"type": "object", "properties": {}});
        }
        let to = self.rng.pick(&targets).to_owned();
        json!({"type": "ref", "ref": self.local(&to)})
    }

    /// Sometimes the short form.
    fn local(&mut self, to: &str) -> String {
        match to.strip_prefix(&self.nsid) {
            Some("") if self.rng.chance(50) => "#main".into(),
            Some(rest) if rest.starts_with('#') && self.rng.chance(50) => rest.into(),
            _ => to.into(),
        }
    }

    fn union(&mut self) -> Value {
        let targets: Vec<String> = self
            .defs
            .iter()
            .filter(|(_, kind)| *kind == Kind::Object)
            .map(|(name, _)| name.clone())
            .collect();
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        let mut refs: Vec<String> = self.rng.some(&targets, 5).into_iter().map(|to| self.local(to)).collect();
        if let Some(first) = refs.first().cloned().filter(|_| self.rng.chance(10)) {
            refs.push(first);
        }
        let closed = !refs.is_empty() && self.rng.chance(40);
        json!({"type": "union", "refs": refs, "closed": closed})
    }

    fn values(&mut self) -> Vec<&'static str> {
        let mut values = self.rng.some(&VALUES, 6);
        if values.is_empty() {
            values.push("only");
        }
        values
    }

    fn set(
        &mut self,
        schema: &mut Value,
        percent: usize,
        name: &str,
        value: impl FnOnce(&mut Self) -> Value,
    ) {
        if self.rng.chance(percent) {
            schema[name] = value(self);
        }
    }

    fn lengths(&mut self, schema: &mut Value, percent: usize, min: &str, max: &str) {
        self.set(schema, percent, min, |this| this.rng.below(3).into());
        // Now and then less than the least.
        self.set(schema, percent, max, |this| (1 + this.rng.below(40)).into());
    }

    fn of_type(&mut self, kind: &str, depth: usize) -> Value {
        let mut schema = json!({"type": kind});
        match kind {
            "boolean" => match self.rng.below(4) {
                0 => schema["default"] = self.rng.chance(50).into(),
                1 => schema["const"] = self.rng.chance(50).into(),
                _ => {}
            },
            "integer" => {
                let numbers = [0, 1, -1, 5, 12345, -70000, i64::MAX, i64::MIN];
                let number = |this: &mut Self| *this.rng.pick(&numbers.each_ref());
                self.set(&mut schema, 25, "minimum", |this| (this.rng.below(9) as i64 - 4).into());
                self.set(&mut schema, 25, "maximum", |this| (this.rng.below(9) as i64 - 1).into());
                self.set(&mut schema, 15, "enum", |this| {
                    (0..this.rng.below(4)).map(|_| number(this)).collect()
                });
                match self.rng.below(5) {
                    0 => schema["default"] = number(self).into(),
                    1 => schema["const"] = number(self).into(),
                    _ => {}
                }
            }
            "string" => self.string(&mut schema),
            "bytes" => self.lengths(&mut schema, 30, "minLength", "maxLength"),
            "blob" => {
                self.set(&mut schema, 30, "accept", |this| {
                    this.rng.some(&["*/*", "image/*", "image/png", "\"q\"", "`[x]"], 2).into()
                });
                self.set(&mut schema, 30, "maxSize", |this| this.rng.below(2_000_000).into());
            }
            "array" => {
                schema["items"] = self.schema(depth);
                self.lengths(&mut schema, 20, "minLength", "maxLength");
            }
            "object" => return self.object(depth),
            "ref" => return self.reference(),
            "union" => return self.union(),
            _ => {}
        }
        schema
    }

    fn string(&mut self, schema: &mut Value) {
        self.set(schema, 30, "format", |this| this.rng.pick(&FORMATS).into());
        self.lengths(schema, 15, "minLength", "maxLength");
        self.lengths(schema, 10, "minGraphemes", "maxGraphemes");
        self.set(schema, 20, "knownValues", |this| this.values().into());
        self.set(
            schema,
            15,
            "enum",
            |this| if this.rng.chance(90) { this.values().into() } else { json!([]) },
        );
        let mut values =
            [&VALUES[..], &["did:web:a.example", "a.example", "de", "2026-01-02T03:04:05Z"]].concat();
        values.extend(
            ["enum", "knownValues"]
                .iter()
                .filter_map(|name| schema.get(name)?.get(0)?.as_str().map(|_| "self")),
        );
        match self.rng.below(6) {
            0 => schema["default"] = self.rng.pick(&values).into(),
            1 => schema["const"] = self.rng.pick(&values).into(),
            _ => {}
        }
    }
}
