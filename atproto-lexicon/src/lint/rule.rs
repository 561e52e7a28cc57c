use super::report::rules;

rules! {
    /// A rule on documents. Names are stable.
    Rule {
        /// A reference leads to a definition that is not there.
        MissingReference "missing-reference" Error,
        /// A reference leads to a definition that cannot stand there: a `ref` to what is no data, such as a token, or a union's member
        /// that is neither object nor record.
        MisplacedReference "misplaced-reference" Error,
        /// A union has a member twice.
        RepeatedMember "repeated-member" Warning,
        /// A definition that no value can be of, since each would have to hold another one without end.
        EndlessValue "endless-value" Error,
        /// Arrays whose items are only such arrays again.
        EndlessArray "endless-array" Error,
        /// Constraints that exclude each other, such as a minimum above the maximum.
        ContradictoryConstraints "contradictory-constraints" Error,
        /// A `default` or `const` that the other constraints refuse.
        BadConstant "bad-constant" Error,
        /// A value of `enum` or `knownValues` that the other constraints refuse.
        BadValue "bad-value" Error,
        /// An `enum` without values.
        EmptyEnum "empty-enum" Error,
        /// A length that no text of the format has.
        ImpossibleFormat "impossible-format" Error,
        /// A `format` and limits of length: the format limits it already.
        FormatAndLength "format-and-length" Note,
        /// A value or name stands in a list twice.
        RepeatedValue "repeated-value" Warning,
        /// `nullable` names a property that is not defined.
        UndefinedNullable "undefined-nullable" Error,
        /// A media type in `accept` or `encoding` that is none, such as `image` or `image/p*`.
        BadMediaType "bad-media-type" Error,
        /// A field that the language does not know here, such as a misspelt one. It has no effect.
        UnrecognisedField "unrecognised-field" Warning,
        /// A text in a record without format, `enum`, `const` or greatest length, or bytes without greatest length.
        Unbounded "unbounded" Warning,
        /// A greatest number of graphemes without one of bytes: a grapheme can be of any length.
        GraphemesWithoutBytes "graphemes-without-bytes" Warning,
        /// Fewer than ten bytes for each grapheme that is allowed.
        FewBytes "few-bytes" Warning,
        /// A blob in a record without `maxSize` or `accept`.
        UnboundedBlob "unbounded-blob" Note,
        /// A record, endpoint, token or permission set without description.
        Undescribed "undescribed" Note,
        /// A name which is not in lower camel case, of ASCII letters and digits.
        NameCase "name-case" Warning,
        /// A property whose name begins with `$`, which are the protocol's.
        ReservedName "reserved-name" Error,
        /// An error's name which is not in upper camel case, of ASCII letters and digits.
        ErrorNameCase "error-name-case" Note,
        /// Names of a document's definitions, or of an object's properties, that differ only in case.
        NamesDifferInCase "names-differ-in-case" Warning,
        /// NSIDs that differ only in case.
        NsidsDifferInCase "nsids-differ-in-case" Error,
        /// An NSID that is also the beginning of others.
        NsidIsGroup "nsid-is-group" Note,
        /// A document of shared definitions (`….defs`) with the definition `main`.
        DefsMain "defs-main" Note,
        /// A closed union: nothing can ever be added.
        ClosedUnion "closed-union" Warning,
        /// An `enum` of texts in data: nothing can ever be added, as it can to `knownValues`.
        ClosedEnum "closed-enum" Warning,
        /// `unknown` in a record.
        UnknownInRecord "unknown-in-record" Warning,
        /// A handle in a record, which can pass to another account; a DID cannot.
        HandleInRecord "handle-in-record" Warning,
        /// A value that begins with `#`: a token is named in full.
        LocalToken "local-token" Warning,
        /// Records with any key.
        AnyKey "any-key" Note,
        /// An endpoint without output.
        MissingOutput "missing-output" Note,
        /// A body of JSON without schema.
        MissingSchema "missing-schema" Note,
        /// A schema for a body that is not of JSON.
        SchemaWithoutJson "schema-without-json" Warning,
        /// An endpoint has an error twice.
        RepeatedError "repeated-error" Warning,
        /// A permission set without permissions, or with an empty list in one of them.
        EmptyPermission "empty-permission" Warning,
        /// A permission of a resource, or with a field or value, that is not known: it is ignored as a whole.
        UnknownPermission "unknown-permission" Warning,
        /// A permission for everything: `*` in `collection` or `lxm`.
        WildcardPermission "wildcard-permission" Error,
        /// A permission to call with both `inheritAud` and `aud`, with neither, or for a fixed service.
        PermissionAudience "permission-audience" Error,
        /// A permission for what is no NSID.
        PermissionNsid "permission-nsid" Error,
        /// A permission for what is neither in the set's group nor below it.
        PermissionOutside "permission-outside" Error,
        /// A permission to write what is no record, or to call what is no endpoint.
        PermissionKind "permission-kind" Error,
        /// There is so much to find that the rest is left out.
        TooMany "too-many" Error,
    }
}
