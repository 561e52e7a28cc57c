//! Requests, responses and permission sets.

use super::docs;
use super::lower::Lower;
use super::model::{Docs, Endpoint, Item, Part, StructKind};
use crate::schema::{
    Audience, Body, EndpointError, EndpointType, ObjectType, Permission, PermissionSet, StringType,
    SubscriptionType, Type,
};
use crate::syntax::Nsid;

pub(super) fn query(lower: &mut Lower<'_>, query: &EndpointType, name: &str, docs: Docs) {
    endpoint(lower, query, name, docs, "Query");
}

pub(super) fn procedure(lower: &mut Lower<'_>, procedure: &EndpointType, name: &str, docs: Docs) {
    endpoint(lower, procedure, name, docs, "Procedure");
}

/// A request's body, as far as its schema says what it is.
enum Input<'a> {
    Nothing,
    Raw,
    Object(&'a ObjectType),
    Type(&'a Type),
    Any,
}

fn is_json(body: &Body) -> bool {
    body.encoding == "application/json"
}

impl<'a> Input<'a> {
    fn of(body: Option<&'a Body>) -> Self {
        match body {
            None => Self::Nothing,
            Some(body) => match body.schema.as_ref().map(|schema| &schema.ty) {
                _ if !is_json(body) => Self::Raw,
                None => Self::Any,
                Some(Type::Object(object)) => Self::Object(object),
                Some(ty) => Self::Type(ty),
            },
        }
    }
}

fn endpoint(lower: &mut Lower<'_>, endpoint: &EndpointType, name: &str, docs: Docs, method: &'static str) {
    let input = Input::of(endpoint.input.as_ref());
    let parameters = endpoint.parameters.as_ref().filter(|parameters| !parameters.properties.is_empty());
    let place = |part: &str| format!("{}.{part}", lower.at);
    let (params_place, input_place, output_place) = (place("parameters"), place("input"), place("output"));
    let nothing = match input {
        Input::Raw => Part::Nothing("RawBody"),
        _ => Part::Nothing("NoBody"),
    };
    let (params, input) = match (parameters, input) {
        (None, Input::Object(object)) => {
            lower.structure(object, name, StructKind::Object, &input_place, docs);
            (Part::Nothing("NoBody"), Part::Whole)
        }
        (Some(parameters), Input::Nothing | Input::Raw) => {
            lower.structure(parameters, name, StructKind::Params, &params_place, docs);
            (Part::Whole, nothing)
        }
        (None, Input::Nothing | Input::Raw) => {
            lower.items.push(Item::Request { docs, name: name.into(), params: None, input: None });
            (Part::Nothing("NoBody"), nothing)
        }
        (parameters, input) => {
            let params = parameters.map(|parameters| {
                let params = lower.types.give(&[format!("{name}Params")]);
                let docs = docs::paragraph(&format!("Query parameters of `{}`.", lower.at));
                lower.structure(parameters, &params, StructKind::Params, &params_place, docs);
                params
            });
            let hint = format!("{name}Input");
            let input = match input {
                Input::Object(object) => {
                    let input = lower.types.give(&[hint]);
                    let docs = docs::paragraph(&format!("Body of `{}`.", lower.at));
                    lower.structure(object, &input, StructKind::Object, &input_place, docs);
                    input
                }
                Input::Type(ty) => lower.ty(ty, &hint, &input_place, Vec::new()),
                _ => "typed::Value".into(),
            };
            let request =
                Item::Request { docs, name: name.into(), params: params.clone(), input: Some(input.clone()) };
            lower.items.push(request);
            let params = params.map_or(Part::Nothing("NoBody"), |ty| Part::Field { name: "params", ty });
            (params, Part::Field { name: "input", ty: input })
        }
    };
    let output = output(lower, endpoint.output.as_ref(), name, &output_place);
    let error = errors(lower, &endpoint.errors, name);
    let is_paged = is_paged(endpoint) && matches!(params, Part::Whole);
    lower.items.push(Item::Endpoint(Endpoint {
        request: name.into(),
        nsid: lower.document.id.clone(),
        method,
        is_paged,
        input_encoding: endpoint.input.as_ref().map(|body| body.encoding.clone()),
        output_encoding: endpoint.output.as_ref().map(|body| body.encoding.clone()),
        params,
        input,
        output,
        error,
    }));
}

/// Whether a query goes on where its answer says, by `cursor` (<https://atproto.com/specs/xrpc#cursors-and-pagination>).
fn is_paged(endpoint: &EndpointType) -> bool {
    let has_cursor = |object: &ObjectType| {
        let plain = StringType::default();
        let is_plain = object.properties.get("cursor").is_some_and(|schema| match &schema.ty {
            Type::String(text) => *text == plain,
            _ => false,
        });
        is_plain && !object.is_required("cursor")
    };
    let Input::Object(output) = Input::of(endpoint.output.as_ref()) else { return false };
    endpoint.parameters.as_ref().is_some_and(has_cursor) && has_cursor(output)
}

/// The type of a response's body.
fn output(lower: &mut Lower<'_>, body: Option<&Body>, name: &str, place: &str) -> String {
    let hint = format!("{name}Output");
    let docs = docs::paragraph(&format!("Output of `{}`.", lower.at));
    match Input::of(body) {
        Input::Nothing => "typed::NoBody".into(),
        Input::Raw => "typed::RawBody".into(),
        Input::Any => "typed::Value".into(),
        Input::Object(object) => {
            let output = lower.types.give(&[hint]);
            lower.structure(object, &output, StructKind::Object, place, docs);
            output
        }
        Input::Type(ty @ Type::Ref(_)) => {
            let output = lower.types.give(std::slice::from_ref(&hint));
            let ty = lower.ty(ty, &hint, place, Vec::new());
            lower.items.push(Item::Alias { docs, name: output.clone(), ty });
            output
        }
        Input::Type(ty) => lower.ty(ty, &hint, place, docs),
    }
}

fn errors(lower: &mut Lower<'_>, errors: &[EndpointError], name: &str) -> String {
    if errors.is_empty() {
        return "typed::AnyError".into();
    }
    let error = lower.types.give(&[format!("{name}Error")]);
    let names: Vec<String> = errors.iter().map(|error| error.name.clone()).collect();
    let docs = docs::paragraph(&format!("Errors of `{}`.", lower.at));
    lower.values(&names, false, error.clone(), docs);
    error
}

pub(super) fn subscription(lower: &mut Lower<'_>, subscription: &SubscriptionType, name: &str, docs: Docs) {
    let parameters = subscription.parameters.as_ref().filter(|parameters| !parameters.properties.is_empty());
    let params = match parameters {
        Some(parameters) => {
            let place = format!("{}.parameters", lower.at);
            lower.structure(parameters, name, StructKind::Params, &place, docs);
            Part::Whole
        }
        None => {
            lower.items.push(Item::Request { docs, name: name.into(), params: None, input: None });
            Part::Nothing("NoBody")
        }
    };
    let message = lower.types.give(&[format!("{name}Message")]);
    let docs = docs::paragraph(&format!("Message of `{}`.", lower.at));
    lower.union(&subscription.message, message.clone(), docs);
    let error = errors(lower, &subscription.errors, name);
    lower.items.push(Item::Endpoint(Endpoint {
        request: name.into(),
        nsid: lower.document.id.clone(),
        method: "Subscription",
        is_paged: false,
        input_encoding: None,
        output_encoding: Some("application/cbor".into()),
        params,
        input: Part::Nothing("NoBody"),
        output: message,
        error,
    }));
}

pub(super) fn permission_set(set: &PermissionSet, nsid: &Nsid, name: String, docs: Docs) -> Item {
    let list = |texts: &[String]| {
        let texts: Vec<_> = texts.iter().map(|text| format!("{text:?}")).collect();
        texts.join(", ")
    };
    let mut value = vec!["typed::PermissionSet {".to_owned(), format!("    nsid: {:?},", nsid.as_str())];
    value.push("    permissions: &[".into());
    for permission in &set.permissions {
        match permission {
            Permission::Repo { collection, action } => {
                let action: Vec<_> = action.iter().map(|action| action.name().to_owned()).collect();
                value.push("        typed::Permission::Repo {".into());
                value.push(format!("            collection: &[{}],", list(collection)));
                value.push(format!("            action: &[{}],", list(&action)));
            }
            Permission::Rpc { lxm, aud: Audience::Inherited } => {
                value.push("        typed::Permission::Rpc {".into());
                value.push(format!("            lxm: &[{}],", list(lxm)));
                value.push("            aud: None,".into());
            }
            Permission::Rpc { lxm, aud: Audience::Named(aud) } => {
                value.push("        typed::Permission::Rpc {".into());
                value.push(format!("            lxm: &[{}],", list(lxm)));
                value.push(format!("            aud: Some({aud:?}),"));
            }
            // Who may be called nobody has said; what is not known may take something away.
            Permission::Rpc { aud: Audience::Absent, .. } | Permission::Unknown { .. } => continue,
        }
        value.push("        },".into());
    }
    value.extend(["    ],".to_owned(), "}".into()]);
    Item::Constant { docs, name, ty: "typed::PermissionSet", value }
}
