//! Scopes and the algebra that says which of them cover which.
//!
//! A scope is `service.part….OPERATION`. Source: <https://www.zoho.com/crm/developer/docs/api/v8/scopes.html>.

mod bundle;

use std::fmt;
use std::str::FromStr;

pub use bundle::{Bundle, bundle, bundles};

/// One permission, such as `ZohoCRM.modules.contacts.READ`.
///
/// It is shown as it was written; compared in any case, as Zoho's own pages write them in every case.
#[derive(Clone, Debug)]
pub struct Scope {
    text: String,
}

impl Scope {
    /// Returns the scope as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Says whether whoever has this scope may do what the other one allows.
    ///
    /// The service and all parts named here match the other's; a part missing here, or the operation ALL, matches
    /// anything; WRITE is CREATE, UPDATE and DELETE.
    pub fn covers(&self, needed: &Scope) -> bool {
        covers(std::slice::from_ref(self), needed)
    }

    /// Says whether it names a service and a part of it, as every scope that Zoho documents does.
    pub fn is_complete(&self) -> bool {
        self.text.contains('.')
    }

    /// Returns what stands before the operation, part by part, and the operations.
    fn split(&self) -> (Vec<&str>, Operations) {
        let mut parts: Vec<&str> = self.text.split('.').collect();
        match parts.last().and_then(|word| Operations::named(word)) {
            Some(operations) if parts.len() > 1 => {
                parts.pop();
                (parts, operations)
            }
            _ => (parts, Operations::UNNAMED),
        }
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/');
        if text.is_empty() || !text.chars().all(fits) || text.split('.').any(str::is_empty) {
            return Err(InvalidScope::NotAScope(crate::error::clean(text, 100)));
        }
        Ok(Self {
            text: text.to_owned(),
        })
    }
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

impl Eq for Scope {}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A list of scopes in the order they were given, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Parses scopes separated by commas, white space or both.
    ///
    /// # Errors
    ///
    /// With the first word that is no scope.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        words(text).map(str::parse).collect()
    }

    /// Parses scopes and bundles, which begin with `@`.
    ///
    /// # Errors
    ///
    /// With the first word that is neither.
    pub fn parse_with_bundles(text: &str) -> Result<Self, InvalidScope> {
        let mut scopes = Self::default();
        for word in words(text) {
            match word.strip_prefix('@') {
                Some(name) => {
                    let bundle = bundle(name).ok_or_else(|| InvalidScope::no_bundle(name))?;
                    scopes.extend(bundle.scopes());
                }
                None => scopes.extend([word.parse()?]),
            }
        }
        Ok(scopes)
    }

    /// Parses what a server sent and passes over what is no scope.
    pub(crate) fn parse_leniently(text: &str) -> Self {
        words(text).flat_map(str::parse).collect()
    }

    /// Returns these scopes and what they lack of the required ones: what a new grant token has to be made with.
    pub fn with(&self, required: &Scopes) -> Scopes {
        let mut all = self.clone();
        all.extend(self.missing(required));
        all
    }

    /// Returns the required scopes that these do not cover.
    ///
    /// Operations held apart count together, since Zoho answers ALL for some services as READ, CREATE, UPDATE, DELETE.
    pub fn missing(&self, required: &Scopes) -> Scopes {
        required
            .iter()
            .filter(|needed| !covers(&self.0, needed))
            .cloned()
            .collect()
    }

    /// Returns what both open: the scopes of each that the other covers.
    pub fn common(&self, other: &Scopes) -> Scopes {
        let mut both = Scopes::default();
        for (from, by) in [(other, self), (self, other)] {
            for scope in from.iter().filter(|scope| covers(&by.0, scope)) {
                if !covers(&both.0, scope) {
                    both.extend([scope.clone()]);
                }
            }
        }
        both
    }

    /// Says whether none of the required scopes is missing.
    pub fn covers(&self, required: &Scopes) -> bool {
        required.iter().all(|needed| covers(&self.0, needed))
    }

    /// Returns the scopes one by one.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// Returns how many scopes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Says whether there is no scope at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the scopes as the API console wants them pasted: separated by commas alone.
    pub fn to_console_string(&self) -> String {
        let texts: Vec<&str> = self.iter().map(Scope::as_str).collect();
        texts.join(",")
    }
}

impl Extend<Scope> for Scopes {
    fn extend<I: IntoIterator<Item = Scope>>(&mut self, scopes: I) {
        for scope in scopes {
            if !self.0.contains(&scope) {
                self.0.push(scope);
            }
        }
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut list = Self::default();
        list.extend(scopes);
        list
    }
}

impl FromStr for Scopes {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        Self::parse(text)
    }
}

impl fmt::Display for Scopes {
    /// Writes the scopes separated by spaces, as token replies hold them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<&str> = self.iter().map(Scope::as_str).collect();
        f.write_str(&texts.join(" "))
    }
}

impl IntoIterator for Scopes {
    type Item = Scope;
    type IntoIter = std::vec::IntoIter<Scope>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A text that is no scope and no bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidScope {
    /// The text is not made of parts with dots between them.
    #[error("{0:?} is no scope: one looks like ZohoCRM.modules.contacts.READ")]
    NotAScope(String),
    /// There is no bundle of this name.
    #[error("there is no bundle @{name}: use one of {}", bundle::names())]
    NoBundle {
        /// The name that was asked for.
        name: String,
    },
}

impl InvalidScope {
    fn no_bundle(name: &str) -> Self {
        Self::NoBundle {
            name: crate::error::clean(name, 100),
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|word| !word.is_empty())
}

fn covers(granted: &[Scope], needed: &Scope) -> bool {
    let (needed_parts, needed_operations) = needed.split();
    let mut held = Operations::NONE;
    for scope in granted {
        let (parts, operations) = scope.split();
        if is_prefix(&parts, &needed_parts) {
            held = held.with(operations);
        }
    }
    held.contain(needed_operations)
}

fn is_prefix(short: &[&str], long: &[&str]) -> bool {
    short.len() <= long.len()
        && short
            .iter()
            .zip(long)
            .all(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// A set of operations, one bit each.
#[derive(Clone, Copy)]
struct Operations(u8);

impl Operations {
    const NONE: Self = Self(0);
    const CREATE: Self = Self(1);
    const READ: Self = Self(2);
    const UPDATE: Self = Self(4);
    const DELETE: Self = Self(8);
    const CUSTOM: Self = Self(16);
    /// What a scope allows that names no operation, such as `openid`.
    const UNNAMED: Self = Self(32);
    const WRITE: Self = Self(1 | 4 | 8);
    const FOUR: u8 = 1 | 2 | 4 | 8;
    const ALL: Self = Self(63);

    fn named(word: &str) -> Option<Self> {
        const NAMES: [(&str, Operations); 7] = [
            ("ALL", Operations::ALL),
            ("CREATE", Operations::CREATE),
            ("READ", Operations::READ),
            ("UPDATE", Operations::UPDATE),
            ("DELETE", Operations::DELETE),
            ("WRITE", Operations::WRITE),
            ("CUSTOM", Operations::CUSTOM),
        ];
        NAMES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(word))
            .map(|&(_, operations)| operations)
    }

    /// Unites two sets; the four operations together are ALL.
    fn with(self, other: Self) -> Self {
        let bits = self.0 | other.0;
        if bits & Self::FOUR == Self::FOUR {
            Self::ALL
        } else {
            Self(bits)
        }
    }

    fn contain(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

#[cfg(test)]
mod tests;
