//! The modules that are simulated, their fields and their demo records.

use serde_json::{Map, Value, json};

/// A module of the CRM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Module {
    Contacts,
    Products,
    SalesOrders,
}

/// A field as far as it is simulated.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) api_name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) data_type: &'static str,
    pub(crate) json_type: &'static str,
    pub(crate) mandatory: bool,
    pub(crate) read_only: bool,
}

const fn field(
    api_name: &'static str,
    label: &'static str,
    data_type: &'static str,
    json_type: &'static str,
) -> Field {
    Field {
        api_name,
        label,
        data_type,
        json_type,
        mandatory: false,
        read_only: false,
    }
}

const fn mandatory(field: Field) -> Field {
    Field {
        mandatory: true,
        ..field
    }
}

const fn read_only(field: Field) -> Field {
    Field {
        read_only: true,
        ..field
    }
}

const CONTACT_FIELDS: &[Field] = &[
    field("First_Name", "First Name", "text", "string"),
    mandatory(field("Last_Name", "Last Name", "text", "string")),
    read_only(field("Full_Name", "Full Name", "text", "string")),
    field("Email", "Email", "email", "string"),
    field("Phone", "Phone", "phone", "string"),
    field("Mailing_City", "Mailing City", "text", "string"),
    field("Description", "Description", "textarea", "string"),
];

const PRODUCT_FIELDS: &[Field] = &[
    mandatory(field("Product_Name", "Product Name", "text", "string")),
    field("Product_Code", "Product Code", "text", "string"),
    field("Unit_Price", "Unit Price", "currency", "double"),
    field("Qty_in_Stock", "Quantity in Stock", "double", "double"),
    field("Product_Active", "Product Active", "boolean", "boolean"),
    field("Description", "Description", "textarea", "string"),
];

const SALES_ORDER_FIELDS: &[Field] = &[
    mandatory(field("Subject", "Subject", "text", "string")),
    field("Status", "Status", "picklist", "string"),
    field("Contact_Name", "Contact Name", "lookup", "jsonobject"),
    field("Ordered_Items", "Ordered Items", "subform", "jsonarray"),
    field("Shipping_City", "Shipping City", "text", "string"),
    field("Billing_City", "Billing City", "text", "string"),
    field("Description", "Description", "textarea", "string"),
];

/// What every module has.
const COMMON_FIELDS: &[Field] = &[
    read_only(field("Owner", "Owner", "ownerlookup", "jsonobject")),
    read_only(field(
        "Created_By",
        "Created By",
        "ownerlookup",
        "jsonobject",
    )),
    read_only(field(
        "Modified_By",
        "Modified By",
        "ownerlookup",
        "jsonobject",
    )),
    read_only(field("Created_Time", "Created Time", "datetime", "string")),
    read_only(field(
        "Modified_Time",
        "Modified Time",
        "datetime",
        "string",
    )),
];

const CONTACT_NAMES: [(&str, &str, &str); 8] = [
    ("Anna", "Müller", "Berlin"),
    ("Jean", "Dupont", "Lyon"),
    ("Priya", "Sharma", "Chennai"),
    ("Kenji", "Satō", "Osaka"),
    ("María", "Núñez", "Sevilla"),
    ("Liam", "O'Brien", "Cork"),
    ("Zoë", "de Vries", "Utrecht"),
    ("Łukasz", "Wójcik", "Kraków"),
];

const PRODUCT_NAMES: [&str; 5] = [
    "Desk lamp",
    "Office chair",
    "Café table",
    "Bookshelf",
    "Filing cabinet",
];

impl Module {
    pub(crate) const ALL: [Self; 3] = [Self::Contacts, Self::Products, Self::SalesOrders];

    /// Returns the module with this API name; `None` when it is not simulated.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|module| module.api_name().eq_ignore_ascii_case(name))
    }

    pub(crate) fn api_name(self) -> &'static str {
        match self {
            Self::Contacts => "Contacts",
            Self::Products => "Products",
            Self::SalesOrders => "Sales_Orders",
        }
    }

    /// Returns its name in scopes (<https://www.zoho.com/crm/developer/docs/api/v8/scopes.html>).
    pub(crate) fn scope_name(self) -> &'static str {
        match self {
            Self::SalesOrders => "salesorders",
            other => other.api_name(),
        }
    }

    pub(crate) fn singular(self) -> &'static str {
        match self {
            Self::Contacts => "Contact",
            Self::Products => "Product",
            Self::SalesOrders => "Sales Order",
        }
    }

    /// How many demo records there are at the start.
    pub(crate) fn demo_count(self) -> usize {
        match self {
            Self::Contacts => CONTACT_NAMES.len(),
            Self::Products => PRODUCT_NAMES.len(),
            Self::SalesOrders => 0,
        }
    }

    pub(crate) fn fields(self) -> impl Iterator<Item = &'static Field> {
        let own = match self {
            Self::Contacts => CONTACT_FIELDS,
            Self::Products => PRODUCT_FIELDS,
            Self::SalesOrders => SALES_ORDER_FIELDS,
        };
        own.iter().chain(COMMON_FIELDS)
    }

    /// Returns the fields of a demo record; number 0 is the one that a list shows first.
    pub(crate) fn demo_record(self, number: usize) -> Map<String, Value> {
        let record = match self {
            Self::Contacts => demo_contact(number),
            Self::Products => demo_product(number),
            Self::SalesOrders => demo_sales_order(number),
        };
        match record {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}

fn demo_contact(number: usize) -> Value {
    let (first, last, city) = CONTACT_NAMES[number % CONTACT_NAMES.len()];
    let last = numbered(last, number / CONTACT_NAMES.len());
    json!({
        "First_Name": first, "Last_Name": last, "Full_Name": format!("{first} {last}"), "Mailing_City": city,
        "Email": format!("contact{number}@example.com"), "Phone": format!("+49 30 5550{number:04}"),
    })
}

fn demo_product(number: usize) -> Value {
    let name = numbered(
        PRODUCT_NAMES[number % PRODUCT_NAMES.len()],
        number / PRODUCT_NAMES.len(),
    );
    json!({
        "Product_Name": name, "Product_Code": format!("P-{number:05}"), "Product_Active": true,
        "Unit_Price": 10.5 + f64::from(u32::try_from(number % 1000).unwrap_or_default()), "Qty_in_Stock": 100,
    })
}

fn demo_sales_order(number: usize) -> Value {
    json!({"Subject": format!("Order {}", number + 1), "Status": "Created"})
}

fn numbered(name: &str, round: usize) -> String {
    if round == 0 {
        name.to_owned()
    } else {
        format!("{name} {}", round + 1)
    }
}
