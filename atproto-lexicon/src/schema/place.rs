use std::fmt::Write as _;

/// How one gets to a place in a document.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

impl<'a> Place<'a> {
    /// The document itself.
    pub(crate) fn root() -> Self {
        Self { parent: None, step: Step::Index(0) }
    }

    pub(crate) fn name(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Name(name) }
    }

    pub(crate) fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }

    /// The JSON pointer to it.
    pub(crate) fn pointer(&self) -> String {
        let Some(parent) = self.parent else {
            return String::new();
        };
        let mut pointer = parent.pointer();
        pointer.push('/');
        match self.step {
            Step::Name(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
            // Writing to a text does not fail.
            Step::Index(index) => write!(pointer, "{index}").unwrap_or_default(),
        }
        pointer
    }
}
