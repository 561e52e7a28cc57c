//! Endpoints and subscriptions.

use super::document::{Linter, Within};
use super::names::{is_json, is_media_type, is_upper_camel, repetitions};
use super::rule::Rule;
use crate::schema::{Body, EndpointError, EndpointType, ObjectType, Place, SubscriptionType};

impl<'a> Linter<'a> {
    pub(super) fn endpoint(&mut self, endpoint: &'a EndpointType, is_procedure: bool, place: &Place<'_>) {
        self.parameters(endpoint.parameters.as_ref(), place);
        if let Some(input) = &endpoint.input {
            self.body(input, &place.name("input"));
        }
        match &endpoint.output {
            Some(output) => self.body(output, &place.name("output")),
            None => {
                let kind = if is_procedure { "procedure" } else { "query" };
                self.find(
                    Rule::MissingOutput,
                    place,
                    format_args!("the {kind} does not say what it returns"),
                );
            }
        }
        self.errors(&endpoint.errors, place);
    }

    pub(super) fn subscription(&mut self, subscription: &'a SubscriptionType, place: &Place<'_>) {
        self.parameters(subscription.parameters.as_ref(), place);
        self.union(&subscription.message, &place.name("message").name("schema"));
        self.errors(&subscription.errors, place);
    }

    fn parameters(&mut self, parameters: Option<&'a ObjectType>, place: &Place<'_>) {
        if let Some(parameters) = parameters {
            self.object(parameters, Within::Params, &place.name("parameters"));
        }
    }

    fn body(&mut self, body: &'a Body, place: &Place<'_>) {
        let encoding = &body.encoding;
        if !is_media_type(encoding) {
            self.find(
                Rule::BadMediaType,
                &place.name("encoding"),
                format_args!("{encoding:?} is no media type"),
            );
        }
        match &body.schema {
            Some(schema) => {
                let place = place.name("schema");
                if !is_json(encoding) {
                    self.find(
                        Rule::SchemaWithoutJson,
                        &place,
                        format_args!("a schema says nothing of {encoding:?}"),
                    );
                }
                self.ty(&schema.ty, Within::Data, &place);
            }
            None if is_json(encoding) => {
                self.find(Rule::MissingSchema, place, format_args!("nothing says what the JSON is"));
            }
            None => {}
        }
    }

    fn errors(&mut self, errors: &'a [EndpointError], place: &Place<'_>) {
        let place = place.name("errors");
        for index in repetitions(errors.iter().map(|error| &error.name)) {
            self.find(Rule::RepeatedError, &place.index(index), format_args!("the error is there already"));
        }
        for (index, EndpointError { name, .. }) in errors.iter().enumerate() {
            if !is_upper_camel(name) {
                let message = format_args!("{name:?} is not in upper camel case");
                self.find(Rule::ErrorNameCase, &place.index(index).name("name"), message);
            }
        }
    }
}
