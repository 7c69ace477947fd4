//! Zoho's finance products, which share their resources: `/books/v3/…`, `/invoice/v3/…`, `/inventory/v1/…`.
//!
//! Source: <https://www.zoho.com/books/api/v3/oauth/> and the page of that name of each product.

/// Returns the scopes for a path below the product's version.
pub(super) fn needed(service: &str, operation: &str, segments: &[&str]) -> Option<Vec<String>> {
    let (service, resources) = match service {
        "books" => ("ZohoBooks", BOOKS),
        "invoice" => ("ZohoInvoice", INVOICE),
        "inventory" => ("ZohoInventory", INVENTORY),
        _ => return None,
    };
    let resource = segments.first()?;
    let (_, part) = resources.iter().find(|(path, _)| path == resource)?;
    Some(vec![format!("{service}.{part}.{operation}")])
}

/// First segment of a path, and the part of the scope that it needs.
type Resources = &'static [(&'static str, &'static str)];

const BOOKS: Resources = &[
    ("contacts", "contacts"),
    ("estimates", "estimates"),
    ("salesorders", "salesorders"),
    ("invoices", "invoices"),
    ("creditnotes", "creditnotes"),
    ("customerpayments", "customerpayments"),
    ("expenses", "expenses"),
    ("purchaseorders", "purchaseorders"),
    ("bills", "bills"),
    ("vendorcredits", "debitnotes"),
    ("vendorpayments", "vendorpayments"),
    ("bankaccounts", "banking"),
    ("banktransactions", "banking"),
    ("chartofaccounts", "accountants"),
    ("journals", "accountants"),
    ("projects", "projects"),
    ("items", "settings"),
    ("organizations", "settings"),
    ("users", "settings"),
];

const INVOICE: Resources = &[
    ("contacts", "contacts"),
    ("estimates", "estimates"),
    ("invoices", "invoices"),
    ("creditnotes", "creditnotes"),
    ("customerpayments", "customerpayments"),
    ("expenses", "expenses"),
    ("projects", "projects"),
    ("items", "settings"),
    ("organizations", "settings"),
    ("users", "settings"),
];

const INVENTORY: Resources = &[
    ("contacts", "contacts"),
    ("items", "items"),
    ("compositeitems", "compositeitems"),
    ("salesorders", "salesorders"),
    ("packages", "packages"),
    ("shipmentorders", "shipmentorders"),
    ("invoices", "invoices"),
    ("customerpayments", "customerpayments"),
    ("purchaseorders", "purchaseorders"),
    ("purchasereceives", "purchasereceives"),
    ("bills", "bills"),
    ("creditnotes", "creditnotes"),
    ("organizations", "settings"),
    ("users", "settings"),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_guide_lists_them_all() {
        let page =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/clients/proxied-callers.md");
        let page = std::fs::read_to_string(page).unwrap();
        for (service, resources) in [
            ("books", BOOKS),
            ("invoice", INVOICE),
            ("inventory", INVENTORY),
        ] {
            let names = resources.iter().map(|(path, _)| format!("`{path}`"));
            let names = names.collect::<Vec<_>>().join(", ");
            let row = format!("| `/{service}/vN/…` | {names}, and what is below them |");
            assert!(page.contains(&row), "{row}");
        }
    }
}
