//! Hosts of Zoho's products that do not answer at the API domain.
//!
//! Books, Invoice, Inventory, Billing, Expense, Bookings, Creator and WorkDrive answer at the API domain itself
//! (<https://www.zoho.com/books/api/v3/introduction/>,
//! <https://www.zoho.com/workdrive/developer/docs/api/v1/getting-started-multi-dc-support.html>): they need no name here.

use zoho_oauth::DataCenter;

/// A product, and in which data centers it answers at `https://HOST.` and the accounts server's domain.
struct Product {
    name: &'static str,
    host: &'static str,
    centers: &'static [&'static str],
}

/// The data centers that most products document.
const USUAL: &[&str] = &["us", "eu", "in", "au", "jp", "cn", "ca", "sa"];

/// As the products' own pages name them; a data center that a page does not name is not used.
static PRODUCTS: [Product; 11] = [
    // https://www.zoho.com/analytics/api/v2/api-specification.html
    product("analytics", "analyticsapi", USUAL),
    // https://www.zoho.com/assist/api/multidc.html
    product(
        "assist",
        "assist",
        &["us", "eu", "in", "au", "jp", "cn", "ca", "sa", "uk"],
    ),
    // https://zoho.com/campaigns/help/developers/data-centers.html
    product(
        "campaigns",
        "campaigns",
        &["us", "eu", "in", "au", "jp", "cn"],
    ),
    // https://www.zoho.com/commerce/api/multiple-data-centers.html
    product("commerce", "commerce", &["us", "eu", "in", "au", "jp"]),
    // https://www.zoho.com/contracts/api/understanding-the-basics/data-centers-vs-base-uri-structure.html
    product(
        "contracts",
        "contracts",
        &["us", "eu", "in", "au", "jp", "ca", "sa"],
    ),
    // https://desk.zoho.com/DeskAPIDocument
    product("desk", "desk", USUAL),
    // https://www.zoho.com/lens/resources/api/getting-started/multi-dc.html
    product("lens", "lens", USUAL),
    // https://www.zoho.com/mail/help/api/getting-started-with-api.html
    product("mail", "mail", &["us", "eu", "in", "au", "jp", "cn", "ca"]),
    // https://www.zoho.com/meeting/api-integration/multi-dc.html
    product("meeting", "meeting", USUAL),
    // https://projects.zoho.com/api-docs and https://www.zoho.com/projects/developers/zohoprojectsapi.html
    product(
        "projects",
        "projectsapi",
        &["us", "eu", "in", "au", "jp", "cn"],
    ),
    // https://www.zoho.com/sign/api/api-endpoint.html
    product("sign", "sign", &["us", "eu", "in", "au", "jp", "ca", "sa"]),
];

const fn product(
    name: &'static str,
    host: &'static str,
    centers: &'static [&'static str],
) -> Product {
    Product {
        name,
        host,
        centers,
    }
}

/// Returns the origin of a product in a data center; None if no page of Zoho's names one.
pub(super) fn origin(name: &str, center: &DataCenter) -> Option<String> {
    if name == UPLOAD {
        return upload(center);
    }
    let product = PRODUCTS.iter().find(|product| product.name == name)?;
    if !product.centers.contains(&center.code) {
        return None;
    }
    let domain = center.accounts_domain.strip_prefix("https://accounts.")?;
    Some(format!("https://{}.{domain}", product.host))
}

/// Where files for bulk writes and attachments of the CRM are sent.
const UPLOAD: &str = "upload";

/// The file upload URLs of Zoho's SDKs (<https://github.com/zoho/zohocrm-python-sdk-8.0>), which know eight data centers.
fn upload(center: &DataCenter) -> Option<String> {
    match center.code {
        "ca" => Some("https://upload.zohocloud.ca".to_owned()),
        "sa" => Some("https://files.zoho.sa".to_owned()),
        "us" | "eu" | "in" | "au" | "jp" | "cn" => {
            let domain = center.api_domain.strip_prefix("https://www.")?;
            Some(format!("https://content.{domain}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn at(name: &str, code: &str) -> Option<String> {
        origin(name, DataCenter::find(code).unwrap())
    }

    #[test]
    fn products_answer_where_the_account_lives() {
        assert_eq!(at("desk", "eu").unwrap(), "https://desk.zoho.eu");
        assert_eq!(
            at("projects", "au").unwrap(),
            "https://projectsapi.zoho.com.au"
        );
        assert_eq!(
            at("analytics", "ca").unwrap(),
            "https://analyticsapi.zohocloud.ca"
        );
        assert_eq!(at("upload", "us").unwrap(), "https://content.zohoapis.com");
        assert_eq!(
            at("upload", "cn").unwrap(),
            "https://content.zohoapis.com.cn"
        );
        assert_eq!(at("upload", "sa").unwrap(), "https://files.zoho.sa");
    }

    #[test]
    fn what_no_page_names_is_not_guessed() {
        assert_eq!(at("upload", "uk"), None);
        assert_eq!(at("desk", "ae"), None);
        assert_eq!(at("Desk", "eu"), None);
        assert_eq!(at("accounts", "eu"), None);
        assert_eq!(at("", "eu"), None);
    }

    #[test]
    fn every_product_is_listed_once_and_for_data_centers_that_there_are() {
        for (place, product) in PRODUCTS.iter().enumerate() {
            assert!(
                PRODUCTS[..place]
                    .iter()
                    .all(|other| other.name < product.name)
            );
            assert!(
                product
                    .centers
                    .iter()
                    .all(|code| DataCenter::find(code).is_some())
            );
        }
    }

    #[test]
    fn the_guide_lists_them_all() {
        let page =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/clients/proxied-callers.md");
        let page = std::fs::read_to_string(page).unwrap();
        let names = PRODUCTS.iter().map(|product| product.name).chain([UPLOAD]);
        let rows: Vec<String> = names
            .map(|name| {
                let centers = ["us", "eu", "in", "au", "jp", "cn", "ca", "sa", "uk", "ae"];
                let centers = centers.into_iter().filter(|code| at(name, code).is_some());
                let centers = centers.collect::<Vec<_>>().join(", ");
                format!("| `{name}` | `{}` | {centers} |", at(name, "eu").unwrap())
            })
            .collect();
        let written: Vec<&str> = page
            .lines()
            .filter(|line| line.contains("` | `https://"))
            .collect();
        assert_eq!(written, rows);
    }
}
