use super::{Code, CodegenError, closure, layout, lower};
use crate::schema::Catalog;
use crate::syntax::Nsid;
use std::env;
use std::path::PathBuf;

/// What to generate, and how.
#[derive(Debug, Clone)]
pub struct Config {
    paths: Vec<PathBuf>,
    catalog: Catalog,
    pub(super) roots: Vec<String>,
    /// Beginnings of NSIDs, and the paths of their modules, the longest first.
    external: Vec<(String, String)>,
    /// Beginnings of NSIDs, and the features of their modules.
    pub(super) features: Vec<(String, String)>,
    pub(super) runtime: String,
    pub(super) descriptions: bool,
    pub(super) link: Option<String>,
    /// Beginnings of what is read leniently: `nsid#name.property`.
    pub(super) lenient: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl Config {
    /// Nothing yet: name [`lexicons`](Self::lexicons) and a [`root`](Self::root).
    pub fn new() -> Self {
        Self {
            paths: Vec::new(),
            catalog: Catalog::new(),
            roots: Vec::new(),
            external: Vec::new(),
            features: Vec::new(),
            runtime: "::atproto_lexicon".into(),
            descriptions: false,
            link: None,
            lenient: Vec::new(),
        }
    }

    /// Adds a file, or all files of a folder whose names end in `.json`, at any depth.
    #[must_use]
    pub fn lexicons(mut self, path: impl Into<PathBuf>) -> Self {
        self.paths.push(path.into());
        self
    }

    /// Uses these documents, besides those of [`lexicons`](Self::lexicons).
    #[must_use]
    pub fn catalog(mut self, catalog: Catalog) -> Self {
        self.catalog = catalog;
        self
    }

    /// Generates a document (`com.example.note`), a definition (`com.example.defs#view`) or all documents below a name
    /// (`com.example`), and all that these refer to.
    #[must_use]
    pub fn root(mut self, root: impl Into<String>) -> Self {
        self.roots.push(root.into());
        self
    }

    /// [`root`](Self::root) for several.
    #[must_use]
    pub fn roots<T: Into<String>>(mut self, roots: impl IntoIterator<Item = T>) -> Self {
        self.roots.extend(roots.into_iter().map(Into::into));
        self
    }

    /// Takes the types of all documents below a name from this module, which this generator has made elsewhere; their documents
    /// need not be there.
    #[must_use]
    pub fn extern_path(mut self, prefix: impl Into<String>, path: impl Into<String>) -> Self {
        self.external.push((prefix.into(), path.into()));
        // Of two that fit, the longer says more.
        self.external.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self
    }

    /// Puts the module of a name behind a feature of the crate.
    #[must_use]
    pub fn feature(mut self, prefix: impl Into<String>, feature: impl Into<String>) -> Self {
        self.features.push((prefix.into(), feature.into()));
        self
    }

    /// The path of this crate in the generated code; `::atproto_lexicon` unless said otherwise.
    #[must_use]
    pub fn runtime(mut self, path: impl Into<String>) -> Self {
        self.runtime = path.into();
        self
    }

    /// Whether the documents' descriptions become part of the docs: no, unless said otherwise, since they are their authors'.
    #[must_use]
    pub fn descriptions(mut self, yes: bool) -> Self {
        self.descriptions = yes;
        self
    }

    /// A link for the docs of each document, in which `{path}` stands for its NSID with slashes, `{nsid}` for the NSID.
    #[must_use]
    pub fn link(mut self, template: impl Into<String>) -> Self {
        self.link = Some(template.into());
        self
    }

    /// Makes the items of an array [`Lenient`](crate::typed::Lenient), or a property that is no array: one bad value is kept as
    /// it was found, and does not fail what it is in. The place is `nsid#name.property`, or `nsid.output.property` of an
    /// endpoint; with less than the whole, all places below.
    #[must_use]
    pub fn lenient(mut self, place: impl Into<String>) -> Self {
        self.lenient.push(place.into());
        self
    }

    /// The module of a document that is generated elsewhere.
    pub(super) fn external(&self, nsid: &Nsid) -> Option<(&str, &str)> {
        let fits = |prefix: &str| is_below(nsid.as_str(), prefix);
        let found = self.external.iter().find(|(prefix, _)| fits(prefix))?;
        Some((&found.0, &found.1))
    }

    /// Generates.
    ///
    /// # Errors
    /// [`CodegenError`] where a document is bad or something cannot be generated; nothing is written in any case.
    pub fn generate(&self) -> Result<Code, CodegenError> {
        let mut catalog = self.catalog.clone();
        for path in &self.paths {
            catalog.read_path(path)?;
        }
        let included = closure::closure(self, &catalog)?;
        closure::are_finite(&catalog, &included)?;
        closure::are_not_endless_arrays(&catalog, &included)?;
        let modules = lower::lower(self, &catalog, &included);
        Ok(layout::layout(self, &modules))
    }

    /// Generates within a build script to `$OUT_DIR/lexicons.rs`, and tells cargo which folders to watch.
    ///
    /// # Errors
    /// As [`generate`](Self::generate); and where the file cannot be written, or this is no build script.
    pub fn build(&self) -> Result<(), CodegenError> {
        let folder = env::var_os("OUT_DIR").ok_or(CodegenError::OutDir)?;
        for path in &self.paths {
            // What cargo reads; a build script has no other way to speak.
            println!("cargo::rerun-if-changed={}", path.display());
        }
        self.generate()?.write_file(&PathBuf::from(folder).join("lexicons.rs"))
    }
}

/// Whether a dotted name is this one or lies below it.
pub(super) fn is_below(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '#', '[']))
}
