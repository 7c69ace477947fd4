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
    /// Parses scopes separated by commas, white space or both. Fails on the first that is none.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        words(text).map(str::parse).collect()
    }

    /// Parses scopes and bundles, which begin with `@`. Fails on the first that is neither.
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scopes(text: &str) -> Scopes {
        Scopes::parse(text).unwrap()
    }

    fn covers(granted: &str, needed: &str) -> bool {
        scopes(granted).covers(&scopes(needed))
    }

    #[test]
    fn a_missing_part_or_all_matches_anything() {
        assert!(covers(
            "ZohoCRM.modules.ALL",
            "ZohoCRM.modules.contacts.READ"
        ));
        assert!(covers(
            "ZohoCRM.modules.READ",
            "ZohoCRM.modules.contacts.READ"
        ));
        assert!(covers(
            "zohocrm.MODULES.Contacts.all",
            "ZohoCRM.modules.contacts.CUSTOM"
        ));
        assert!(!covers(
            "ZohoCRM.modules.contacts.READ",
            "ZohoCRM.modules.READ"
        ));
        assert!(!covers(
            "ZohoCRM.modules.READ",
            "ZohoCRM.modules.contacts.CREATE"
        ));
        assert!(!covers("ZohoCRM.modules.ALL", "ZohoBooks.modules.READ"));
        assert!(!covers(
            "ZohoCRM.modules.ALL",
            "ZohoCRM.settings.fields.READ"
        ));
    }

    #[test]
    fn write_is_create_update_and_delete() {
        assert!(covers(
            "ZohoCRM.modules.WRITE",
            "ZohoCRM.modules.leads.UPDATE"
        ));
        assert!(!covers(
            "ZohoCRM.modules.WRITE",
            "ZohoCRM.modules.leads.READ"
        ));
        assert!(covers("a.b.CREATE a.b.UPDATE a.DELETE", "a.b.WRITE"));
    }

    #[test]
    fn all_answered_as_four_operations_is_still_all() {
        let expanded =
            "Site24x7.admin.READ Site24x7.admin.CREATE Site24x7.admin.UPDATE Site24x7.admin.DELETE";
        assert!(covers(expanded, "Site24x7.Admin.All"));
    }

    #[test]
    fn scopes_without_operation_cover_themselves() {
        assert!(covers("openid email", "email"));
        assert!(!covers("openid", "email"));
    }

    #[test]
    fn lists_are_read_with_any_separator() {
        let list = scopes("ZohoCRM.modules.ALL, ZohoCRM.users.READ  zohocrm.users.read,,openid\n");
        assert_eq!(
            list.to_console_string(),
            "ZohoCRM.modules.ALL,ZohoCRM.users.READ,openid"
        );
        assert_eq!(
            list.to_string(),
            "ZohoCRM.modules.ALL ZohoCRM.users.READ openid"
        );
        assert!(scopes(" , ").is_empty());
        assert!(Scopes::parse("ZohoCRM..READ").is_err());
        assert!(Scopes::parse("ZohoCRM.{modules}").is_err());
    }

    #[test]
    fn what_is_missing_keeps_its_order_and_writing() {
        let granted = scopes("ZohoCRM.modules.contacts.ALL");
        let required =
            scopes("ZohoCRM.Modules.Leads.READ ZohoCRM.modules.contacts.READ ZohoCRM.org.READ");
        assert_eq!(
            granted.missing(&required).to_console_string(),
            "ZohoCRM.Modules.Leads.READ,ZohoCRM.org.READ"
        );
    }

    #[test]
    fn bundles_stand_for_their_scopes() {
        let list =
            Scopes::parse_with_bundles("@contacts-export, ZohoCRM.org.READ @customers-import")
                .unwrap();
        assert_eq!(
            list.to_console_string(),
            "ZohoCRM.modules.contacts.READ,ZohoCRM.org.READ,ZohoCRM.modules.contacts.CREATE,\
             ZohoCRM.modules.contacts.UPDATE,ZohoSearch.securesearch.READ"
        );
        let error = Scopes::parse_with_bundles("@nothing")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("there is no bundle @nothing: use one of @contacts-export, "),
            "{error}"
        );
        for known in bundles() {
            assert_eq!(
                Scopes::parse(&known.scopes().to_string()).unwrap(),
                known.scopes()
            );
            assert_eq!(bundle(known.name), Some(known));
        }
    }

    fn any_scope() -> impl Strategy<Value = Scope> {
        // Few words, so that scopes meet often.
        "[aA]?[ab](\\.[ab]){0,2}(\\.(ALL|READ|CREATE|UPDATE|delete|WRITE|CUSTOM))?"
            .prop_map(|text| text.parse().unwrap())
    }

    fn any_scopes() -> impl Strategy<Value = Scopes> {
        prop::collection::vec(any_scope(), 0..5).prop_map(|list| list.into_iter().collect())
    }

    #[test]
    fn what_is_there_stays_when_more_is_asked_for() {
        let all = scopes("ZohoCRM.modules.ALL")
            .with(&scopes("ZohoCRM.modules.contacts.READ,ZohoCRM.org.READ"));
        assert_eq!(
            all.to_console_string(),
            "ZohoCRM.modules.ALL,ZohoCRM.org.READ"
        );
    }

    proptest! {
        #[test]
        fn covering_is_reflexive(list in any_scopes()) {
            prop_assert!(list.covers(&list));
            prop_assert!(list.missing(&list).is_empty());
        }

        #[test]
        fn covering_is_transitive(a in any_scope(), b in any_scope(), c in any_scope()) {
            prop_assert!(!(a.covers(&b) && b.covers(&c)) || a.covers(&c));
        }

        #[test]
        fn covering_is_transitive_for_lists(a in any_scopes(), b in any_scopes(), c in any_scopes()) {
            prop_assert!(!(a.covers(&b) && b.covers(&c)) || a.covers(&c));
        }

        #[test]
        fn more_scopes_never_cover_less(a in any_scopes(), more in any_scopes(), needed in any_scopes()) {
            let both: Scopes = a.iter().chain(more.iter()).cloned().collect();
            prop_assert!(!a.covers(&needed) || both.covers(&needed));
        }

        #[test]
        fn what_is_missing_is_all_that_is_lacking(a in any_scopes(), needed in any_scopes()) {
            let missing = a.missing(&needed);
            let filled: Scopes = a.iter().chain(missing.iter()).cloned().collect();
            prop_assert!(filled.covers(&needed));
            prop_assert_eq!(missing.is_empty(), a.covers(&needed));
        }

        #[test]
        fn parsing_never_panics_and_round_trips(text in "(.{0,60}|([a-zA-Z.]{1,12}[, ]){0,5})") {
            if let Ok(list) = Scopes::parse(&text) {
                prop_assert_eq!(Scopes::parse(&list.to_console_string()), Ok(list.clone()));
                prop_assert_eq!(Scopes::parse(&list.to_string()), Ok(list));
            }
            let _ = Scopes::parse_with_bundles(&text);
        }
    }
}
