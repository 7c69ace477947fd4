//! Lists of scopes for common jobs, by name.

use super::{Scope, Scopes};

/// A named list of scopes for a common job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bundle {
    /// The name, without the `@` it is called by.
    pub name: &'static str,
    /// What the scopes are for.
    pub purpose: &'static str,
    list: &'static [&'static str],
}

impl Bundle {
    /// Returns the scopes of the bundle.
    pub fn scopes(&self) -> Scopes {
        self.list
            .iter()
            .map(|text| Scope {
                text: (*text).to_owned(),
            })
            .collect()
    }
}

/// Returns all bundles.
pub fn bundles() -> &'static [Bundle] {
    &BUNDLES
}

/// Finds a bundle by its name, with or without the `@`; None if there is no such bundle.
pub fn bundle(name: &str) -> Option<&'static Bundle> {
    let name = name.strip_prefix('@').unwrap_or(name);
    BUNDLES
        .iter()
        .find(|bundle| bundle.name.eq_ignore_ascii_case(name))
}

/// Lists the names, to be shown to whoever missed them.
pub(super) fn names() -> String {
    let names: Vec<String> = BUNDLES
        .iter()
        .map(|bundle| format!("@{}", bundle.name))
        .collect();
    names.join(", ")
}

static BUNDLES: [Bundle; 5] = [
    Bundle {
        name: "contacts-export",
        purpose: "read all contacts",
        list: &["ZohoCRM.modules.contacts.READ"],
    },
    Bundle {
        name: "products-export",
        purpose: "read all products",
        list: &["ZohoCRM.modules.products.READ"],
    },
    Bundle {
        name: "products-import",
        purpose: "search, create and update products",
        list: &[
            "ZohoCRM.modules.products.READ",
            "ZohoCRM.modules.products.CREATE",
            "ZohoCRM.modules.products.UPDATE",
            SEARCH,
        ],
    },
    Bundle {
        name: "customers-import",
        purpose: "search, create and update contacts",
        list: &[
            "ZohoCRM.modules.contacts.READ",
            "ZohoCRM.modules.contacts.CREATE",
            "ZohoCRM.modules.contacts.UPDATE",
            SEARCH,
        ],
    },
    Bundle {
        name: "commerce-sync",
        purpose: "bring customers, products and orders of a shop",
        list: &[
            "ZohoCRM.modules.contacts.READ",
            "ZohoCRM.modules.contacts.CREATE",
            "ZohoCRM.modules.contacts.UPDATE",
            "ZohoCRM.modules.products.READ",
            "ZohoCRM.modules.products.CREATE",
            "ZohoCRM.modules.products.UPDATE",
            "ZohoCRM.modules.salesorders.READ",
            "ZohoCRM.modules.salesorders.CREATE",
            "ZohoCRM.modules.salesorders.UPDATE",
            SEARCH,
        ],
    },
];

/// The CRM's search calls ask for this one beside the module's READ.
const SEARCH: &str = "ZohoSearch.securesearch.READ";
